# A sealed call is always a POST, so a model's routes accept any method, and the model refuses unknown ones. Other paths have no route: the API answers
# them itself, without an invocation.
resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:with NONE the function checks the key inside the sealed call
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${try(aws_apigatewayv2_integration.function[each.value].id, aws_apigatewayv2_integration.service[each.value].id)}"
  authorization_type = contains(keys(local.open), each.key) ? "NONE" : var.authorization
  authorizer_id      = contains(keys(local.open), each.key) ? null : one(aws_apigatewayv2_authorizer.jwt[*].id)

  # A route is deleted after the stage was changed. Otherwise the stage has the throttle of a missing route, and API Gateway refuses to change it.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = var.authorization == "JWT" ? 1 : 0

  api_id           = aws_apigatewayv2_api.this.id
  name             = "${var.name}-jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = var.jwt.audience
  }
}

locals {
  models        = sort(concat(keys(var.functions), keys(var.services)))
  default_model = var.shared.default != null ? var.shared.default : length(local.models) == 1 ? local.models[0] : null

  # Route keys that require `authorization`, with their model.
  asked = merge(
    merge([for model in local.models : {
      "ANY /v1/models/${model}"          = model
      "ANY /v1/models/${model}/{proxy+}" = model
      "ANY /v2/models/${model}"          = model
      "ANY /v2/models/${model}/{proxy+}" = model
    }]...),
    { for path in [
      "/openapi.json",
      "/.well-known/ohttp-gateway",
      "/v1/keys",
      "/v1/keys/{proxy+}",
      "/v1/models",
      "/v1/usage",
      "/v2",
      "/v2/health/{proxy+}",
      "/v2/repository/{proxy+}",
    ] : "ANY ${path}" => local.default_model if local.default_model != null },
    { for path, model in {
      "/v1/embeddings"  = var.shared.embeddings
      "/v1/rerank"      = var.shared.rerank
      "/v2/rerank"      = var.shared.rerank
      "/v1/completions" = var.shared.completions
    } : "POST ${path}" => model if model != null },
  )

  # Callers of these have no token: the SDK fetches keys before it seals a call, and health checks have no credentials.
  public = merge(
    merge([for model in local.models : {
      "GET /v1/models/${model}/keys"          = model
      "GET /v1/models/${model}/keys/manifest" = model
    }]...),
    { for path in [
      "/.well-known/ohttp-gateway",
      "/v1/keys",
      "/v1/keys/manifest",
      "/v2/health/live",
      "/v2/health/ready",
    ] : "GET ${path}" => local.default_model if local.default_model != null },
  )

  # A browser's preflight has no credentials, but a route for any method would require them. The API answers these by `cors`.
  preflight = { for key, model in local.asked : "OPTIONS ${split(" ", key)[1]}" => model }

  open = merge(
    { for key, model in local.public : key => model if var.authorization == "JWT" },
    { for key, model in local.preflight : key => model if var.cors != null && var.authorization != "NONE" },
  )

  routes = merge(local.asked, local.open)
}

# AWS raises these quotas on request, so this is a warning. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
check "quotas" {
  assert {
    condition     = max(length(local.routes), length(local.models)) <= 300
    error_message = "An HTTP API has a quota of 300 routes and 300 integrations, and this one has ${length(local.routes)} routes and ${length(local.models)} integrations: request more routes per API from Service Quotas, or move some models to another stack."
  }
}
