locals {
  has_url   = var.url.mode != "OFF"
  is_public = local.has_url && var.url.authorization == "NONE"

  # Browsers do not sign preflights. A URL with AWS_IAM refuses unsigned requests before the function sees them, so the URL itself must answer
  # preflights. Otherwise the function does. If both did, Lambda would send each header twice, which browsers refuse.
  cors_by_url = local.has_url && var.url.authorization == "AWS_IAM" && length(var.model.cors_origins) > 0

  # The same values as in the function's own answers; a test of functions/serve compares them.
  cors = jsondecode(file("${path.module}/cors.json"))
}

resource "aws_lambda_function_url" "this" {
  count = local.has_url ? 1 : 0

  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = var.url.authorization
  invoke_mode        = var.url.mode

  dynamic "cors" {
    for_each = local.cors_by_url ? [local.cors] : []

    content {
      allow_origins  = var.model.cors_origins
      allow_methods  = cors.value.methods
      allow_headers  = cors.value.headers
      expose_headers = cors.value.expose_headers
      max_age        = cors.value.max_age_s
    }
  }
}

# A public URL needs two grants since October 2025: lambda:InvokeFunctionUrl, and lambda:InvokeFunction for calls that come
# through the URL. https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
resource "aws_lambda_permission" "public_url" {
  #checkov:skip=CKV_AWS_301:only with url.authorization = "NONE"; the function then checks each caller's key itself
  count = local.is_public ? 1 : 0

  statement_id           = "PublicFunctionUrl"
  function_name          = aws_lambda_function.this.function_name
  qualifier              = aws_lambda_alias.live.name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"

  # The provider adds its own grant to a public URL.
  depends_on = [aws_lambda_function_url.this]
}

# CloudFormation creates the second grant, because aws_lambda_permission has `invoked_via_function_url` only from provider 6.28 on. Without that
# condition any AWS account could call the Invoke API with a forged event.
#
# Lambda can lose grants that are written to one function at the same time. The provider writes its grants one after the other, but CloudFormation
# does not wait for the provider. So the stack depends on these grants, and the output `alias` on the stack, for grants of other modules.
resource "aws_cloudformation_stack" "public_invoke" {
  #checkov:skip=CKV_AWS_124:one grant, which Terraform waits for; no other system needs a notification
  count = local.is_public ? 1 : 0

  name = "${replace(local.function_name, "_", "-")}-${substr(sha256(local.function_name), 0, 6)}-public-invoke" # stack names have no underscores
  tags = var.model.tags

  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "lambda:InvokeFunction for callers of the Function URL of ${local.function_name}"
    Resources = {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = aws_lambda_alias.live.arn
          InvokedViaFunctionUrl = true
          Principal             = "*"
        }
      }
    }
  })

  depends_on = [aws_lambda_permission.public_url]
}
