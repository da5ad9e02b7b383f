# A Function URL that asks for IAM takes what CloudFront signed, and nothing that a caller sends there without going through here.
resource "aws_cloudfront_origin_access_control" "this" {
  count = var.origin.access_control ? 1 : 0

  name                              = var.name
  description                       = "Signs what goes to the Function URL behind ${var.name}"
  origin_access_control_origin_type = "lambda"
  signing_behavior                  = "always" # with "no-override" a caller's own Authorization would take the signature's place
  signing_protocol                  = "sigv4"
}

# The signature takes the place of `Authorization`, so a caller's key or token goes on in the other header where amaas takes it.
resource "aws_cloudfront_function" "credential" {
  count = var.origin.access_control ? 1 : 0

  name    = "${var.name}-credential"
  comment = "Moves bearer keys and tokens from Authorization to x-api-key"
  runtime = "cloudfront-js-2.0"
  code    = file("${path.module}/credential.js")
  publish = true
}
