locals {
  function_name = "${var.name}-${var.model.name}"
}

# The program is built outside Terraform and identified by its digest. Equal bytes change nothing.
resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:`tracing` is a setting; each trace costs money
  #checkov:skip=CKV_AWS_116:`dead_letters` is a setting; it uses a destination of the alias, which has the reason of a failure
  #checkov:skip=CKV_AWS_173:the environment has names and public keys, never a secret, and Lambda encrypts it with its own key
  #checkov:skip=CKV_AWS_115:`reserved_concurrency` is a setting, which takes from the account's pool
  #checkov:skip=CKV_AWS_117:`vpc` is a setting; a function starts faster without one
  #checkov:skip=CKV_AWS_272:`code_signing_config_arn` is a setting; a zip is identified by its digest, and models are signed
  function_name = local.function_name
  description   = "amaas model ${var.model.name}"
  role          = aws_iam_role.this.arn

  package_type     = var.image == null ? "Zip" : "Image"
  filename         = var.package
  source_code_hash = var.package == null ? null : filebase64sha256(var.package)
  runtime          = var.image == null ? "provided.al2023" : null
  handler          = var.image == null ? "bootstrap" : null
  image_uri        = var.image
  architectures    = [var.architecture]
  publish          = true

  code_signing_config_arn = var.code_signing_config_arn

  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)

  ephemeral_storage {
    size = var.ephemeral_storage_mb
  }

  environment {
    # A run may take as long as an invocation, minus half a second. `environment` can lower this.
    variables = merge(
      { AMAAS_MAX_RUN_SECONDS = tostring(var.timeout_s) },
      var.model.environment,
      {
        AMAAS_EXECUTION_PROVIDERS = "cpu"
        AMAAS_RESPONSE_MODE       = var.url.mode == "RESPONSE_STREAM" ? "stream" : "buffered"
      },
      length(var.model.cors_origins) == 0 || local.cors_by_url ? {} : { AMAAS_CORS_ORIGINS = join(",", var.model.cors_origins) },
      var.iam == "ignore" ? {} : { AMAAS_IAM = var.iam },
    )
  }

  tracing_config {
    mode = var.tracing
  }

  dynamic "snap_start" {
    for_each = var.snap_start ? ["PublishedVersions"] : []

    content {
      apply_on = snap_start.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # A version with a snapshot is published after its init phase, which may take as long as a request: up to 15 minutes, and at least 130 seconds.
  timeouts {
    create = var.snap_start ? "20m" : null
    update = var.snap_start ? "20m" : null
  }

  tags = var.model.tags

  # The first request needs its rights and its log group. Otherwise Lambda would create a log group without retention.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:`log_kms_key_arn` is a setting; no log has a payload
  #checkov:skip=CKV_AWS_338:`log_retention_days` is a setting
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.model.log_retention_days
  kms_key_id        = var.model.log_kms_key_arn
  tags              = var.model.tags
}

# A warning and not an error: AWS may announce SnapStart for zips of OS-only runtimes.
check "snap_start_of_an_image" {
  assert {
    condition     = !var.snap_start || var.image != null
    error_message = "${var.model.name}: snap_start needs an image. AWS announced SnapStart for container images and not for zips of OS-only runtimes like `package`, and may refuse it. Push the image of `amaas package ${var.model.name} --image` and write image = its URI by digest, or leave snap_start out."
  }
}
