resource "aws_apigatewayv2_integration" "function" {
  for_each = var.functions

  api_id                 = aws_apigatewayv2_api.this.id
  description            = "Function of the model ${each.key}"
  integration_type       = "AWS_PROXY"
  integration_uri        = each.value.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = var.timeout_ms
}

# Only this API's routes of this model may invoke the alias. With `iam = "tenant"` the function trusts the principal in the event, and every
# principal with this right could forge it. The routes limit methods, so the grant does not.
resource "aws_lambda_permission" "this" {
  for_each = { for key, model in local.asked : key => model if contains(keys(var.functions), model) }

  statement_id  = "${var.name}${replace(split(" ", each.key)[1], "/[^A-Za-z0-9_-]+/", "-")}"
  function_name = var.functions[each.value].function_name
  qualifier     = var.functions[each.value].alias
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*${replace(split(" ", each.key)[1], "{proxy+}", "*")}"
}

resource "aws_apigatewayv2_integration" "service" {
  for_each = var.services

  api_id                 = aws_apigatewayv2_api.this.id
  description            = "Service of the model ${each.key}"
  integration_type       = "HTTP_PROXY"
  integration_method     = "ANY"
  integration_uri        = each.value.listener_arn
  connection_type        = "VPC_LINK"
  connection_id          = one(aws_apigatewayv2_vpc_link.this[*].id)
  payload_format_version = "1.0" # the only version for HTTP_PROXY
  timeout_milliseconds   = var.timeout_ms

  dynamic "tls_config" {
    for_each = each.value.server_name[*]

    content {
      server_name_to_verify = tls_config.value
    }
  }
}

resource "aws_apigatewayv2_vpc_link" "this" {
  count = length(var.services) == 0 ? 0 : 1

  name               = var.name
  subnet_ids         = var.vpc_link.subnet_ids
  security_group_ids = var.vpc_link.security_group_ids
  tags               = var.tags

  # A link cannot be changed. Another zone creates another link, and the integrations move to it first.
  lifecycle {
    create_before_destroy = true
  }
}
