locals {
  function_name = "${var.name}-${var.model}"

  optional_environment = merge(
    var.least_serial == null ? {} : { AMAAS_LEAST_SERIAL = tostring(var.least_serial) },
    var.iam == "ignore" ? {} : { AMAAS_IAM = var.iam },
    merge([for oidc in var.oidc[*] : {
      for name, value in {
        AMAAS_OIDC_ISSUER       = oidc.issuer
        AMAAS_OIDC_AUDIENCE     = oidc.audience
        AMAAS_OIDC_TENANT_CLAIM = oidc.tenant_claim
        AMAAS_OIDC_ALGORITHMS   = try(join(",", oidc.algorithms), null)
        AMAAS_OIDC_JWKS         = oidc.jwks
      } : name => value if value != null
    }]...),
  )
}

# The package is built outside Terraform and named by its hash: an apply never compiles, and an equal zip changes nothing.
resource "aws_lambda_function" "this" {
  function_name = local.function_name
  description   = "amaas model ${var.model}"
  role          = aws_iam_role.this.arn

  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  publish          = true

  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)

  ephemeral_storage {
    size = var.ephemeral_storage_mb
  }

  environment {
    variables = merge(var.environment, local.optional_environment, {
      AMAAS_STORE               = var.registry.store
      AMAAS_MODEL               = var.model
      AMAAS_MODEL_VERSION       = var.model_version
      AMAAS_EXECUTION_PROVIDERS = "cpu"
      AMAAS_KMS_KEY             = var.registry.sealing_key_arn
      AMAAS_PUBLISHERS          = join(",", var.publishers)
      AMAAS_SEALING             = var.sealing
      AMAAS_LEDGER              = "dynamodb:${var.ledger.table}"
      AMAAS_RESPONSE_MODE       = var.url.mode == "RESPONSE_STREAM" ? "stream" : "buffered"
      ORT_DISABLE_TELEMETRY     = "1"
    })
  }

  tracing_config {
    mode = var.tracing
  }

  tags = var.tags

  # The first request must find its rights and its log group; Lambda would make a group of its own, without retention.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that callers reach"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}
