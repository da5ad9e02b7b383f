mock_provider "aws" {
  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      id            = "abc123"
      api_endpoint  = "https://abc123.execute-api.eu-central-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:abc123"
    }
  }

  mock_resource "aws_apigatewayv2_authorizer" {
    defaults = { id = "auth1" }
  }

  mock_resource "aws_apigatewayv2_vpc_link" {
    defaults = { id = "link1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/amaas-api" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name = "amaas"

  functions = {
    sentiment = {
      function_name = "amaas-sentiment"
      alias         = "live"
      alias_arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment:live"
      invoke_arn    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment:live/invocations"
    }
    embed_1 = {
      function_name = "amaas-embed_1"
      alias         = "live"
      alias_arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-embed_1:live"
      invoke_arn    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:amaas-embed_1:live/invocations"
    }
  }
}

run "two_models_without_a_default" {
  assert {
    condition = alltrue([
      output.routes == tomap({
        "ANY /v1/models/sentiment"          = "sentiment"
        "ANY /v1/models/sentiment/{proxy+}" = "sentiment"
        "ANY /v2/models/sentiment"          = "sentiment"
        "ANY /v2/models/sentiment/{proxy+}" = "sentiment"
        "ANY /v1/models/embed_1"            = "embed_1"
        "ANY /v1/models/embed_1/{proxy+}"   = "embed_1"
        "ANY /v2/models/embed_1"            = "embed_1"
        "ANY /v2/models/embed_1/{proxy+}"   = "embed_1"
      }),
      toset(keys(aws_apigatewayv2_route.this)) == toset(keys(output.routes)),
      alltrue([for key, route in aws_apigatewayv2_route.this : route.route_key == key && route.authorization_type == "NONE" && route.authorizer_id == null]),
      alltrue([for key, model in output.routes : aws_apigatewayv2_route.this[key].target == "integrations/${aws_apigatewayv2_integration.function[model].id}"]),
    ])
    error_message = "Each model must have its four routes to its own integration, and there must be no other."
  }

  assert {
    condition = alltrue([for model, function in var.functions : alltrue([
      aws_apigatewayv2_integration.function[model].integration_type == "AWS_PROXY",
      aws_apigatewayv2_integration.function[model].integration_uri == function.invoke_arn,
      aws_apigatewayv2_integration.function[model].payload_format_version == "2.0",
      aws_apigatewayv2_integration.function[model].timeout_milliseconds == 29000,
    ])])
    error_message = "The integration must invoke the alias with payload format 2.0, which the function reads."
  }

  assert {
    condition = toset([for permission in aws_lambda_permission.this : [permission.function_name, permission.qualifier, permission.source_arn] if permission.function_name == "amaas-sentiment"]) == toset([
      ["amaas-sentiment", "live", "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/*/v1/models/sentiment"],
      ["amaas-sentiment", "live", "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/*/v1/models/sentiment/*"],
      ["amaas-sentiment", "live", "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/*/v2/models/sentiment"],
      ["amaas-sentiment", "live", "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/*/v2/models/sentiment/*"],
    ])
    error_message = "A model's own routes alone may invoke its alias."
  }

  assert {
    condition = alltrue([
      length(aws_lambda_permission.this) == 8,
      alltrue([for permission in aws_lambda_permission.this : permission.principal == "apigateway.amazonaws.com" && permission.action == "lambda:InvokeFunction"]),
      alltrue([for permission in aws_lambda_permission.this : can(regex("^[A-Za-z0-9_-]{1,100}$", permission.statement_id))]),
      length(distinct([for permission in aws_lambda_permission.this : permission.statement_id])) == 8,
    ])
    error_message = "Grants must be API Gateway's alone and have names that Lambda takes."
  }

  assert {
    condition = alltrue([
      aws_apigatewayv2_stage.this.name == "$default",
      aws_apigatewayv2_stage.this.auto_deploy,
      one(aws_apigatewayv2_stage.this.default_route_settings).throttling_rate_limit == 50,
      one(aws_apigatewayv2_stage.this.default_route_settings).throttling_burst_limit == 100,
      length(aws_apigatewayv2_stage.this.route_settings) == 0,
      length(aws_apigatewayv2_api.this.cors_configuration) == 0,
      !aws_apigatewayv2_api.this.disable_execute_api_endpoint,
      length(aws_apigatewayv2_authorizer.jwt) + length(aws_apigatewayv2_vpc_link.this) + length(aws_apigatewayv2_domain_name.this) == 0,
      output.endpoint == "https://abc123.execute-api.eu-central-1.amazonaws.com",
      output.stage == "$default",
    ])
    error_message = "Without options there must be one throttled stage and nothing else."
  }

  assert {
    condition = alltrue([
      one(aws_apigatewayv2_stage.this.access_log_settings).destination_arn == aws_cloudwatch_log_group.this.arn,
      aws_cloudwatch_log_group.this.retention_in_days == 30,
      toset(values(jsondecode(one(aws_apigatewayv2_stage.this.access_log_settings).format))) == toset([
        "$context.requestId", "$context.requestTimeEpoch", "$context.routeKey", "$context.status", "$context.responseLength",
        "$context.responseLatency", "$context.integrationStatus", "$context.integrationLatency", "$context.integration.requestId",
        "$context.error.message", "$context.integrationErrorMessage", "$context.authorizer.error",
      ]),
    ])
    error_message = "The access log must have no address, path, query, header or body."
  }
}

run "one_model_is_the_default" {
  variables {
    functions = {
      m = {
        function_name = "amaas-m"
        alias         = "live"
        alias_arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-m:live"
        invoke_arn    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:amaas-m:live/invocations"
      }
    }
    log_caller_address = true
    log_retention_days = 7
    log_kms_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/99999999-2222-3333-4444-555555555555"
  }

  assert {
    condition = toset(keys(output.routes)) == toset([
      "ANY /v1/models/m", "ANY /v1/models/m/{proxy+}", "ANY /v2/models/m", "ANY /v2/models/m/{proxy+}",
      "ANY /openapi.json", "ANY /.well-known/ohttp-gateway", "ANY /v1/keys", "ANY /v1/keys/{proxy+}", "ANY /v1/models",
      "ANY /v1/usage", "ANY /v2", "ANY /v2/health/{proxy+}", "ANY /v2/repository/{proxy+}",
    ]) && alltrue([for model in values(output.routes) : model == "m"]) && length(aws_lambda_permission.this) == 13
    error_message = "The one model there is must answer the routes without a model, and be allowed to."
  }

  assert {
    condition = alltrue([
      jsondecode(one(aws_apigatewayv2_stage.this.access_log_settings).format).callerAddress == "$context.identity.sourceIp",
      aws_cloudwatch_log_group.this.retention_in_days == 7,
      aws_cloudwatch_log_group.this.kms_key_id == var.log_kms_key_arn,
    ])
    error_message = "The log must have the configured fields."
  }
}

run "tokens_where_somebody_can_have_one" {
  variables {
    authorization = "JWT"
    jwt           = { issuer = "https://login.example.com", audience = ["amaas"] }
    shared        = { default = "sentiment", embeddings = "embed_1", rerank = "embed_1", completions = "sentiment" }
    cors          = { origins = ["https://app.example.com"] }
    throttle      = { rate = 20, burst = 40 }
    throttles     = { embed_1 = { rate = 5, burst = 10 } }
  }

  assert {
    condition = alltrue([
      one(aws_apigatewayv2_authorizer.jwt).authorizer_type == "JWT",
      one(one(aws_apigatewayv2_authorizer.jwt).jwt_configuration).issuer == "https://login.example.com",
      one(one(aws_apigatewayv2_authorizer.jwt).jwt_configuration).audience == toset(["amaas"]),
      alltrue([for key, route in aws_apigatewayv2_route.this : route.authorization_type == "JWT" && route.authorizer_id == "auth1" if startswith(key, "ANY ") || startswith(key, "POST ")]),
      alltrue([for key, route in aws_apigatewayv2_route.this : route.authorization_type == "NONE" && route.authorizer_id == null if startswith(key, "GET ") || startswith(key, "OPTIONS ")]),
    ])
    error_message = "What takes any method or a POST must ask for a token, and only that."
  }

  assert {
    condition = toset([for key in keys(aws_apigatewayv2_route.this) : key if startswith(key, "GET ")]) == toset([
      "GET /v1/models/sentiment/keys", "GET /v1/models/sentiment/keys/manifest",
      "GET /v1/models/embed_1/keys", "GET /v1/models/embed_1/keys/manifest",
      "GET /.well-known/ohttp-gateway", "GET /v1/keys", "GET /v1/keys/manifest", "GET /v2/health/live", "GET /v2/health/ready",
    ])
    error_message = "Only keys and health must be available without a token."
  }

  assert {
    condition = alltrue([
      output.routes["POST /v1/embeddings"] == "embed_1",
      output.routes["POST /v1/rerank"] == "embed_1",
      output.routes["POST /v2/rerank"] == "embed_1",
      output.routes["POST /v1/completions"] == "sentiment",
      output.routes["ANY /v1/usage"] == "sentiment",
      output.routes["OPTIONS /v1/models/embed_1/{proxy+}"] == "embed_1",
      output.routes["OPTIONS /v1/embeddings"] == "embed_1",
      length(aws_apigatewayv2_route.this) == 8 + 9 + 4 + 9 + 21,
      length(aws_lambda_permission.this) == 21,
    ])
    error_message = "Shared routes must go to the models that were named, preflights to no token, and grants must not double."
  }

  assert {
    condition = alltrue([
      one(aws_apigatewayv2_api.this.cors_configuration).allow_origins == toset(["https://app.example.com"]),
      one(aws_apigatewayv2_api.this.cors_configuration).allow_methods == toset(["GET", "POST"]),
      length(setsubtract(["authorization", "x-amz-date", "content-type"], one(aws_apigatewayv2_api.this.cors_configuration).allow_headers)) == 0,
      length(setsubtract(["x-request-id", "ratelimit-reset"], one(aws_apigatewayv2_api.this.cors_configuration).expose_headers)) == 0,
      one(aws_apigatewayv2_api.this.cors_configuration).max_age == 7200,
      !one(aws_apigatewayv2_api.this.cors_configuration).allow_credentials,
      one(aws_apigatewayv2_stage.this.default_route_settings).throttling_rate_limit == 20,
      toset([for settings in aws_apigatewayv2_stage.this.route_settings : settings.route_key]) == toset([for key, model in output.routes : key if model == "embed_1"]),
      alltrue([for settings in aws_apigatewayv2_stage.this.route_settings : settings.throttling_rate_limit == 5 && settings.throttling_burst_limit == 10]),
    ])
    error_message = "Origins and throttles must be those that were asked for, a model's at every route of it."
  }
}

run "iam_everywhere" {
  variables {
    authorization = "AWS_IAM"
    shared        = { default = "sentiment" }
  }

  assert {
    condition     = length(aws_apigatewayv2_route.this) == 17 && alltrue([for route in aws_apigatewayv2_route.this : route.authorization_type == "AWS_IAM"])
    error_message = "A route without IAM would have callers without a name."
  }
}

run "services_and_a_domain" {
  variables {
    functions = {}
    services = {
      large = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/amaas-large/1/2", server_name = "large.internal.example.com" }
      plain = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/amaas-plain/1/2" }
    }
    vpc_link   = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    timeout_ms = 30000
    domain     = { name = "models.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1", zone_id = "Z1" }
  }

  assert {
    condition = alltrue([for model, service in var.services : alltrue([
      aws_apigatewayv2_integration.service[model].integration_type == "HTTP_PROXY",
      aws_apigatewayv2_integration.service[model].integration_method == "ANY",
      aws_apigatewayv2_integration.service[model].integration_uri == service.listener_arn,
      aws_apigatewayv2_integration.service[model].connection_type == "VPC_LINK",
      aws_apigatewayv2_integration.service[model].connection_id == "link1",
      aws_apigatewayv2_integration.service[model].timeout_milliseconds == 30000,
      one(aws_apigatewayv2_integration.service[model].tls_config[*].server_name_to_verify) == service.server_name,
      aws_apigatewayv2_route.this["ANY /v1/models/${model}/{proxy+}"].target == "integrations/${aws_apigatewayv2_integration.service[model].id}",
    ])]) && length(aws_lambda_permission.this) == 0
    error_message = "The API must reach services through the VPC link, with their certificate's name if they have one."
  }

  assert {
    condition = alltrue([
      one(one(aws_apigatewayv2_domain_name.this).domain_name_configuration).security_policy == "TLS_1_2",
      one(one(aws_apigatewayv2_domain_name.this).domain_name_configuration).certificate_arn == var.domain.certificate_arn,
      one(aws_apigatewayv2_api_mapping.this).stage == "$default",
      aws_apigatewayv2_api.this.disable_execute_api_endpoint,
      toset(keys(aws_route53_record.this)) == toset(["A", "AAAA"]),
      output.endpoint == "https://models.example.com",
    ])
    error_message = "With a domain the API must answer at that name only."
  }
}

run "a_domain_kept_elsewhere" {
  variables {
    domain               = { name = "models.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
    execute_api_endpoint = true
  }

  assert {
    condition     = length(aws_route53_record.this) == 0 && !aws_apigatewayv2_api.this.disable_execute_api_endpoint
    error_message = "Without a zone there must be no record, and the API's own name must stay if it was configured."
  }
}

run "refuses_models_that_are_not_there" {
  command = plan

  variables {
    shared    = { default = "sentimental" }
    throttles = { tensor = { rate = 1, burst = 1 } }
  }

  expect_failures = [var.shared, var.throttles]
}

run "refuses_what_does_not_fit_together" {
  command = plan

  variables {
    services             = { sentiment = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/1/2" } }
    authorization        = "JWT"
    execute_api_endpoint = false
    cors                 = { origins = ["*"], credentials = true }
  }

  expect_failures = [var.services, var.jwt, var.execute_api_endpoint, var.cors]
}

run "refuses_services_without_a_way_to_them" {
  command = plan

  variables {
    services = { large = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/1/2" } }
  }

  expect_failures = [var.vpc_link]
}

run "refuses_a_token_for_anybody" {
  command = plan

  variables {
    authorization = "JWT"
    jwt           = { issuer = "https://login.example.com", audience = [] }
  }

  expect_failures = [var.jwt]
}

run "refuses_the_wrong_alias" {
  command = plan

  variables {
    functions = {
      sentiment = {
        function_name = "amaas-sentiment"
        alias         = "live"
        alias_arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-tensor:live"
        invoke_arn    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment:live/invocations"
      }
    }
  }

  expect_failures = [var.functions]
}

run "refuses_values_out_of_range" {
  command = plan

  variables {
    name               = "Amaas"
    functions          = {}
    timeout_ms         = 60000
    throttle           = { rate = 0 }
    log_retention_days = 0
    log_kms_key_arn    = "alias/logs"
    domain             = { name = "https://models.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
  }

  expect_failures = [var.name, var.services, var.timeout_ms, var.throttle, var.log_retention_days, var.log_kms_key_arn, var.domain]
}

run "refuses_a_certificate_and_a_key_of_another_region" {
  command = plan

  variables {
    domain = {
      name            = "models.example.com"
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    }
    log_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/99999999-2222-3333-4444-555555555555"
  }

  expect_failures = [var.domain, var.log_kms_key_arn]
}

run "warns_of_more_routes_than_an_api_has" {
  command = plan

  variables {
    functions = { for index in range(76) : "m${index}" => {
      function_name = "amaas-m${index}"
      alias         = "live"
      alias_arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-m${index}:live"
      invoke_arn    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:amaas-m${index}:live/invocations"
    } }
  }

  expect_failures = [check.quotas]
}

run "as_many_routes_as_an_api_has" {
  command = plan

  variables {
    functions = { for index in range(71) : "m${index}" => {
      function_name = "amaas-m${index}"
      alias         = "live"
      alias_arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-m${index}:live"
      invoke_arn    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:amaas-m${index}:live/invocations"
    } }
    shared = { default = "m0", embeddings = "m1", rerank = "m1", completions = "m2" }
  }

  assert {
    condition     = length(output.routes) == 297
    error_message = "A model has four routes, and thirteen are shared."
  }
}

run "as_many_routes_as_an_api_has_with_tokens_and_pages" {
  command = plan

  variables {
    functions = { for index in range(26) : "m${index}" => {
      function_name = "amaas-m${index}"
      alias         = "live"
      alias_arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-m${index}:live"
      invoke_arn    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:amaas-m${index}:live/invocations"
    } }
    shared        = { default = "m0", embeddings = "m1", rerank = "m1", completions = "m2" }
    authorization = "JWT"
    jwt           = { issuer = "https://login.example.com", audience = ["amaas"] }
    cors          = { origins = ["https://app.example.com"] }
  }

  assert {
    condition     = length(output.routes) == 291
    error_message = "A model has ten routes with tokens and pages, and 31 are shared."
  }
}
