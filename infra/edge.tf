# What lets the distributions of `edges` through to the Function URLs behind them, and nobody else of CloudFront. It is here and not in the
# function module, since the edge needs the URL, and what whole modules are read for must not need the edge in turn.

# As with a public URL, Lambda asks for two grants since October 2025. https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
resource "aws_lambda_permission" "edge" {
  for_each = var.edges

  statement_id           = "Edge"
  function_name          = module.function[each.key].function_name
  qualifier              = module.function[each.key].alias
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "cloudfront.amazonaws.com"
  source_arn             = each.value.distribution_arn
  function_url_auth_type = "AWS_IAM"
}

# By CloudFormation for the reason that modules/function/url.tf has. With the condition CloudFront cannot be pointed to the Invoke API, whose
# events a caller could make up.
resource "aws_cloudformation_stack" "edge_invoke" {
  #checkov:skip=CKV_AWS_124:one grant, which Terraform waits for; nobody else has to hear of it
  for_each = var.edges

  name = "${replace(module.function[each.key].function_name, "_", "-")}-${substr(sha256(module.function[each.key].function_name), 0, 6)}-edge-invoke" # no underscores here
  tags = merge(var.tags, { "amaas:model" = each.key })

  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "lambda:InvokeFunction for CloudFront through the Function URL of ${module.function[each.key].function_name}"
    Resources = {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = module.function[each.key].alias_arn
          InvokedViaFunctionUrl = true
          Principal             = "cloudfront.amazonaws.com"
          SourceArn             = each.value.distribution_arn
        }
      }
    }
  })

  # Lambda can lose one of two grants that are written at once.
  depends_on = [aws_lambda_permission.edge]
}
