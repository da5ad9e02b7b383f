resource "aws_apigatewayv2_api" "this" {
  name                         = var.name
  description                  = "amaas models: ${join(", ", local.models)}"
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = !local.execute_api_endpoint
  tags                         = var.tags

  dynamic "cors_configuration" {
    for_each = var.cors[*]

    content {
      allow_origins     = cors_configuration.value.origins
      allow_methods     = coalesce(cors_configuration.value.methods, local.cors.methods)
      allow_headers     = coalesce(cors_configuration.value.headers, local.cors.headers)
      expose_headers    = coalesce(cors_configuration.value.expose_headers, local.cors.expose_headers)
      allow_credentials = cors_configuration.value.credentials
      max_age           = coalesce(cors_configuration.value.max_age_s, local.cors.max_age_s)
    }
  }
}

locals {
  # The same values as in a function's own answers.
  cors = jsondecode(file("${path.module}/../function/cors.json"))
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default" # the only stage that is not part of the path
  auto_deploy = true
  tags        = var.tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this.arn
    format          = jsonencode(local.log_format)
  }

  default_route_settings {
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }

  dynamic "route_settings" {
    for_each = { for key, model in local.routes : key => var.throttles[model] if contains(keys(var.throttles), model) }

    content {
      route_key              = route_settings.key
      throttling_rate_limit  = route_settings.value.rate
      throttling_burst_limit = route_settings.value.burst
    }
  }

  # AWS refuses settings of a route that does not exist yet.
  depends_on = [aws_apigatewayv2_route.this]
}

# One resource policy of the account allows log delivery to groups with this prefix. Other groups would each lengthen a policy of limited size.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:the retention is a setting, and usually less than a year
  #checkov:skip=CKV_AWS_158:the key is a setting; without it CloudWatch encrypts with its own
  name              = "/aws/vendedlogs/${var.name}-api"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

locals {
  execute_api_endpoint = var.execute_api_endpoint != null ? var.execute_api_endpoint : var.domain == null

  # No header, query or body, and so no credential. No path beyond the route.
  log_format = merge(
    {
      requestId            = "$context.requestId"
      time                 = "$context.requestTimeEpoch"
      routeKey             = "$context.routeKey"
      status               = "$context.status"
      responseBytes        = "$context.responseLength"
      latencyMs            = "$context.responseLatency"
      integrationStatus    = "$context.integrationStatus"
      integrationLatencyMs = "$context.integrationLatency"
      integrationRequestId = "$context.integration.requestId"
      error                = "$context.error.message"
      integrationError     = "$context.integrationErrorMessage"
      authorizerError      = "$context.authorizer.error"
    },
    { for field in ["callerAddress"] : field => "$context.identity.sourceIp" if var.log_caller_address },
  )
}

data "aws_region" "current" {}
