locals {
  function_name = "${var.name}-${var.model.name}"
}

# What runs is built outside Terraform and named by its digest: an apply never compiles, and equal bytes change nothing.
resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:tracing is the caller's to switch on, `tracing`; it costs by the trace
  #checkov:skip=CKV_AWS_116:what fails goes to a destination of the alias, `dead_letters`, which tells why beside the call
  #checkov:skip=CKV_AWS_173:the environment has names and public keys, never a secret, and Lambda encrypts it with a key of its own
  #checkov:skip=CKV_AWS_115:most requests at once is the caller's to set, `reserved_concurrency`, out of the account's pool
  #checkov:skip=CKV_AWS_117:a VPC is the caller's choice, `vpc`; without one a function starts sooner
  #checkov:skip=CKV_AWS_272:a zip is named by its digest, and models are signed; `code_signing_config_arn` asks for more
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
    # A run may take as long as an invocation, and ends half a second before it; `environment` can say less.
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

  # A version with a snapshot is there when its init phase has run, which may take as long as a request, 15 minutes, or 130 seconds where
  # that is more.
  timeouts {
    create = var.snap_start ? "20m" : null
    update = var.snap_start ? "20m" : null
  }

  tags = var.model.tags

  # The first request must find its rights and its log group; Lambda would make a group of its own, without retention.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:a key is the caller's choice, `log_kms_key_arn`; no log has a payload
  #checkov:skip=CKV_AWS_338:how long logs are kept is the caller's to say, `log_retention_days`
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.model.log_retention_days
  kms_key_id        = var.model.log_kms_key_arn
  tags              = var.model.tags
}

# Lambda itself refuses what is not among its conditions, or takes it and has no snapshot. This one changes with what AWS announces, so it warns.
check "snap_start_of_an_image" {
  assert {
    condition     = !var.snap_start || var.image != null
    error_message = "${var.model.name}: snap_start is meant for an image: AWS has announced SnapStart for container images and not for zips of OS-only runtimes, as `package` is, and may refuse it. Push what `amaas package ${var.model.name} --image` makes and write image = its URI by digest, or leave snap_start out."
  }
}
