mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/amaas-sentiment" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment"
      version = "7"
    }
  }

  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment:live" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-central-1.on.aws/" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/amaas-sentiment" }
  }

  mock_data "aws_partition" {
    defaults = { dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name    = "amaas"
  package = "tests/package.zip"

  model = {
    name               = "sentiment"
    environment        = { AMAAS_MODEL = "sentiment" }
    statements         = [{ Sid = "ReadModel", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::models/models/sentiment/*"] }]
    cors_origins       = []
    log_retention_days = 30
    log_kms_key_arn    = null
    roles              = { path = "/", permissions_boundary = null }
    tags               = {}
  }
}

run "function_from_the_package" {
  variables {
    architecture         = "arm64"
    memory_mb            = 512
    timeout_s            = 60
    ephemeral_storage_mb = 1024
    reserved_concurrency = 10
  }

  assert {
    condition = alltrue([
      aws_lambda_function.this.function_name == "amaas-sentiment",
      aws_lambda_function.this.runtime == "provided.al2023",
      aws_lambda_function.this.handler == "bootstrap",
      aws_lambda_function.this.architectures == tolist(["arm64"]),
      aws_lambda_function.this.memory_size == 512,
      aws_lambda_function.this.timeout == 60,
      one(aws_lambda_function.this.ephemeral_storage).size == 1024,
      aws_lambda_function.this.reserved_concurrent_executions == 10,
    ])
    error_message = "The function must have the configured settings."
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("tests/package.zip")
    error_message = "The hash of the zip must decide about a new version."
  }

  assert {
    condition = alltrue([
      aws_lambda_function.this.publish,
      aws_lambda_alias.live.name == "live",
      aws_lambda_alias.live.function_version == "7",
      output.version == "7",
    ])
    error_message = "A version must be published, and the alias live must point to it."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_log_group.this.name == "/aws/lambda/amaas-sentiment",
      aws_cloudwatch_log_group.this.retention_in_days == 30,
      aws_cloudwatch_log_group.this.kms_key_id == null,
    ])
    error_message = "The log group must be the function's own, with a retention."
  }
}

run "no_concurrency_of_its_own" {
  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "Null must reserve nothing."
  }
}

run "concurrency_zero_stops_it" {
  variables {
    reserved_concurrency = 0
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 0
    error_message = "0 must stop the function, not lift the limit."
  }
}

run "environment" {
  variables {
    model = merge(var.model, { environment = { AMAAS_MODEL = "sentiment", AMAAS_LOG = "debug" } })
  }

  assert {
    condition = one(aws_lambda_function.this.environment).variables == tomap({
      AMAAS_MODEL               = "sentiment"
      AMAAS_LOG                 = "debug"
      AMAAS_EXECUTION_PROVIDERS = "cpu"
      AMAAS_RESPONSE_MODE       = "buffered"
      AMAAS_MAX_RUN_SECONDS     = "30"
    })
    error_message = "The environment must be the model's and the function's own, and nothing else."
  }
}

run "pages_of_others" {
  variables {
    model = merge(var.model, { cors_origins = ["https://a.example.com", "http://localhost:3000"] })
    url   = { authorization = "NONE" }
  }

  assert {
    condition = alltrue([
      one(aws_lambda_function.this.environment).variables["AMAAS_CORS_ORIGINS"] == "https://a.example.com,http://localhost:3000",
      length(aws_lambda_function_url.this[0].cors) == 0,
    ])
    error_message = "A public URL must leave the answer to the function, or browsers would get each header twice."
  }
}

run "pages_of_others_where_iam_is_asked" {
  variables {
    model = merge(var.model, { cors_origins = ["https://a.example.com", "http://localhost:3000"] })
  }

  assert {
    condition = alltrue([
      one(aws_lambda_function_url.this[0].cors).allow_origins == toset(["https://a.example.com", "http://localhost:3000"]),
      one(aws_lambda_function_url.this[0].cors).allow_methods == toset(["GET", "POST"]),
      length(setsubtract(["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "content-type"], one(aws_lambda_function_url.this[0].cors).allow_headers)) == 0,
      length(setsubtract(["x-request-id", "retry-after", "ratelimit-reset"], one(aws_lambda_function_url.this[0].cors).expose_headers)) == 0,
      one(aws_lambda_function_url.this[0].cors).max_age == 7200,
      one(aws_lambda_function_url.this[0].cors).allow_credentials == null,
      !contains(keys(one(aws_lambda_function.this.environment).variables), "AMAAS_CORS_ORIGINS"),
    ])
    error_message = "A preflight is not signed, so the URL itself must answer it, and it alone."
  }
}

run "pages_of_others_without_a_url" {
  variables {
    model = merge(var.model, { cors_origins = ["*"] })
    url   = { mode = "OFF" }
  }

  assert {
    condition     = one(aws_lambda_function.this.environment).variables["AMAAS_CORS_ORIGINS"] == "*"
    error_message = "Without a URL the function must answer."
  }
}

run "no_cors_without_origins" {
  assert {
    condition = alltrue([
      length(aws_lambda_function_url.this[0].cors) == 0,
      !contains(keys(one(aws_lambda_function.this.environment).variables), "AMAAS_CORS_ORIGINS"),
    ])
    error_message = "No page may call unless its origin is named."
  }
}

run "pages_of_more_origins_than_a_url_has" {
  command = plan

  variables {
    model = merge(var.model, { cors_origins = [for number in range(101) : "https://app${number}.example.com"] })
  }

  expect_failures = [var.url]
}

run "tenants_of_iam" {
  variables {
    iam = "tenant"
  }

  assert {
    condition     = one(aws_lambda_function.this.environment).variables["AMAAS_IAM"] == "tenant"
    error_message = "The function must read tenants from IAM."
  }

  assert {
    condition     = length(aws_lambda_permission.public_url) == 0 && length(aws_cloudformation_stack.public_invoke) == 0
    error_message = "With iam = tenant the module must grant no invocation."
  }
}

run "tenants_of_iam_behind_an_http_api" {
  variables {
    iam = "tenant"
    url = { mode = "OFF", authorization = "NONE" }
  }

  assert {
    condition     = one(aws_lambda_function.this.environment).variables["AMAAS_IAM"] == "tenant"
    error_message = "Without a URL, an HTTP API may ask for IAM."
  }
}

run "role_of_least_privilege" {
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "Lambda"
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = ["sts:AssumeRole"]
      }]
    }
    error_message = "Only Lambda may take the role."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy) == {
      Version = "2012-10-17"
      Statement = [
        var.model.statements[0],
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/amaas-sentiment:*"]
        },
      ]
    }
    error_message = "The role's policy must be the model's statements and the right to write the function's own log."
  }
}

run "tracing_off" {
  assert {
    condition     = one(aws_lambda_function.this.tracing_config).mode == "PassThrough" && !strcontains(aws_iam_role_policy.this.policy, "xray:")
    error_message = "Without tracing the role must not reach X-Ray."
  }
}

run "tracing_on" {
  variables {
    tracing = "Active"
  }

  assert {
    condition     = one(aws_lambda_function.this.tracing_config).mode == "Active"
    error_message = "Tracing must be on."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement if statement.Sid == "SendTraces"] == [{
      Sid      = "SendTraces"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"]
    }]
    error_message = "With tracing the role must be able to send traces, and nothing else of X-Ray."
  }
}

run "url_asks_for_iam_by_default" {
  assert {
    condition = alltrue([
      aws_lambda_function_url.this[0].authorization_type == "AWS_IAM",
      aws_lambda_function_url.this[0].invoke_mode == "BUFFERED",
      aws_lambda_function_url.this[0].qualifier == "live",
      output.endpoint == "https://abc.lambda-url.eu-central-1.on.aws/",
    ])
    error_message = "The default is a buffered URL on the alias that asks for SigV4."
  }

  assert {
    condition     = length(aws_lambda_permission.public_url) == 0 && length(aws_cloudformation_stack.public_invoke) == 0
    error_message = "AWS_IAM must make no public permission."
  }
}

run "url_public" {
  variables {
    url = { authorization = "NONE" }
  }

  assert {
    condition = alltrue([
      aws_lambda_function_url.this[0].authorization_type == "NONE",
      aws_lambda_permission.public_url[0].action == "lambda:InvokeFunctionUrl",
      aws_lambda_permission.public_url[0].principal == "*",
      aws_lambda_permission.public_url[0].qualifier == "live",
      aws_lambda_permission.public_url[0].function_url_auth_type == "NONE",
    ])
    error_message = "A public URL must allow all callers to use the URL of the alias."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.public_invoke[0].template_body).Resources == {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment:live"
          InvokedViaFunctionUrl = true
          Principal             = "*"
        }
      }
    }
    error_message = "A public URL must also grant lambda:InvokeFunction, for calls through the URL only."
  }
}

run "url_streams" {
  variables {
    url = { mode = "RESPONSE_STREAM" }
  }

  assert {
    condition     = aws_lambda_function_url.this[0].invoke_mode == "RESPONSE_STREAM"
    error_message = "The URL must stream."
  }

  assert {
    condition     = one(aws_lambda_function.this.environment).variables["AMAAS_RESPONSE_MODE"] == "stream"
    error_message = "The function must answer the way the URL expects."
  }
}

run "url_off" {
  variables {
    url = { mode = "OFF", authorization = "NONE" }
  }

  assert {
    condition = alltrue([
      length(aws_lambda_function_url.this) == 0,
      length(aws_lambda_permission.public_url) == 0,
      length(aws_cloudformation_stack.public_invoke) == 0,
      output.endpoint == null,
      one(aws_lambda_function.this.environment).variables["AMAAS_RESPONSE_MODE"] == "buffered",
    ])
    error_message = "OFF must make no URL and no public permission."
  }
}

run "logs_may_have_a_key" {
  variables {
    model = merge(var.model, { log_retention_days = 7, log_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/99999999-2222-3333-4444-555555555555" })
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 7 && aws_cloudwatch_log_group.this.kms_key_id == var.model.log_kms_key_arn
    error_message = "The log group must have the retention and the key that were asked for."
  }
}

run "refuses_bad_names" {
  command = plan

  variables {
    name = "AMAAS"
  }

  expect_failures = [var.name]
}

run "refuses_numbers_out_of_range" {
  command = plan

  variables {
    memory_mb            = 64
    timeout_s            = 901
    ephemeral_storage_mb = 256
    reserved_concurrency = -1
  }

  expect_failures = [var.memory_mb, var.timeout_s, var.ephemeral_storage_mb, var.reserved_concurrency]
}

run "refuses_unknown_words" {
  command = plan

  variables {
    architecture = "amd64"
    tracing      = "On"
  }

  expect_failures = [var.architecture, var.tracing]
}

run "refuses_an_unknown_url_mode" {
  command = plan

  variables {
    url = { mode = "STREAM" }
  }

  expect_failures = [var.url]
}

run "refuses_an_unknown_url_authorization" {
  command = plan

  variables {
    url = { authorization = "PUBLIC" }
  }

  expect_failures = [var.url]
}

run "refuses_tenants_of_iam_with_a_public_url" {
  command = plan

  variables {
    iam = "tenant"
    url = { authorization = "NONE" }
  }

  expect_failures = [var.iam]
}

run "refuses_an_unknown_word_for_iam" {
  command = plan

  variables {
    iam = "trust"
  }

  expect_failures = [var.iam]
}

run "refuses_names_of_the_module" {
  command = plan

  variables {
    model = merge(var.model, { environment = { AMAAS_RESPONSE_MODE = "stream" } })
  }

  expect_failures = [var.model]
}

run "refuses_names_of_lambda" {
  command = plan

  variables {
    model = merge(var.model, { environment = { AWS_SECRET_ACCESS_KEY = "…" } })
  }

  expect_failures = [var.model]
}
