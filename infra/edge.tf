# Grants by which each distribution in `edges`, and no other distribution, can call its Function URL. They are here and not in the function
# module to avoid a dependency cycle: the edge module needs the URL, and other modules read the function module as a whole.

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

# By CloudFormation for the reason in modules/function/url.tf. With the condition CloudFront cannot be used for the Invoke API,
# whose events a caller could forge.
resource "aws_cloudformation_stack" "edge_invoke" {
  #checkov:skip=CKV_AWS_124:one grant, which Terraform waits for; no other system needs a notification
  for_each = var.edges

  name = "${replace(module.function[each.key].function_name, "_", "-")}-${substr(sha256(module.function[each.key].function_name), 0, 6)}-edge-invoke" # stack names have no underscores
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
