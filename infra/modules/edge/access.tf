# A Function URL with AWS_IAM accepts requests that CloudFront signed, and refuses callers that bypass it.
resource "aws_cloudfront_origin_access_control" "this" {
  count = var.origin.access_control ? 1 : 0

  name                              = var.name
  description                       = "Signs requests to the Function URL behind ${var.name}"
  origin_access_control_origin_type = "lambda"
  signing_behavior                  = "always" # with "no-override" a caller's own Authorization would replace the signature
  signing_protocol                  = "sigv4"
}

# The signature replaces `Authorization`, so the function moves a caller's key or token to the other header that amaas reads.
resource "aws_cloudfront_function" "credential" {
  count = var.origin.access_control ? 1 : 0

  name    = "${var.name}-credential"
  comment = "Moves bearer keys and tokens from Authorization to x-api-key"
  runtime = "cloudfront-js-2.0"
  code    = file("${path.module}/credential.js")
  publish = true
}
