mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = {
      id  = "amaas-123456789012-eu-central-1"
      arn = "arn:aws:s3:::amaas-123456789012-eu-central-1"
    }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/amaas" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-central-1.on.aws/" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
}

variables {
  # RFC 8032, section 7.1, test 1.
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]

  models = {
    sentiment = {
      package = "modules/function/tests/package.zip"
    }
    tensor = {
      package   = "modules/function/tests/package.zip"
      memory_mb = 3072
      url       = { mode = "OFF" }
    }
  }
}

run "one_function_a_model" {
  assert {
    condition     = output.function_names == { sentiment = "amaas-sentiment", tensor = "amaas-tensor" }
    error_message = "Each model must have its own function."
  }

  assert {
    condition     = output.endpoints == { sentiment = "https://abc.lambda-url.eu-central-1.on.aws/", tensor = null }
    error_message = "Each model must have its URL, and none where the mode is OFF."
  }

  assert {
    condition     = output.bucket == "amaas-123456789012-eu-central-1" && output.store == "s3://amaas-123456789012-eu-central-1"
    error_message = "All models must share one registry."
  }

  assert {
    condition     = output.kms_key_arn == "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    error_message = "The registry's key must be told."
  }
}

run "env_tells_where_and_no_secret" {
  assert {
    condition = output.env == {
      sentiment = {
        AMAAS_ENDPOINT = "https://abc.lambda-url.eu-central-1.on.aws/"
        AMAAS_KMS_KEY  = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
        AMAAS_LEDGER   = "dynamodb:amaas-ledger"
        AMAAS_MODEL    = "sentiment"
        AMAAS_STORE    = "s3://amaas-123456789012-eu-central-1"
        AWS_REGION     = "eu-central-1"
      }
      tensor = {
        AMAAS_KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
        AMAAS_LEDGER  = "dynamodb:amaas-ledger"
        AMAAS_MODEL   = "tensor"
        AMAAS_STORE   = "s3://amaas-123456789012-eu-central-1"
        AWS_REGION    = "eu-central-1"
      }
    }
    error_message = "env must hold exactly these names."
  }
}

run "one_ledger_for_all" {
  assert {
    condition     = output.ledger_table == "amaas-ledger"
    error_message = "All models must share one ledger."
  }
}

run "two_stacks_of_one_account" {
  variables {
    name = "amaas-dev"
  }

  assert {
    condition     = output.function_names["sentiment"] == "amaas-dev-sentiment"
    error_message = "name must prefix every function."
  }
}

run "registry_without_models" {
  variables {
    models = {}
  }

  assert {
    condition     = output.endpoints == {} && output.bucket != null
    error_message = "A registry must be possible before its first model."
  }
}

run "refuses_bad_model_names" {
  command = plan

  variables {
    models = { "Senti/ment" = { package = "modules/function/tests/package.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_a_missing_package" {
  command = plan

  variables {
    models = { sentiment = { package = "absent.zip" } }
  }

  # The module checks its own input as well.
  expect_failures = [var.models]
}

run "refuses_a_bad_prefix" {
  command = plan

  variables {
    name = "1-amaas"
  }

  expect_failures = [var.name]
}

run "refuses_tenants_of_iam_where_nobody_signs" {
  command = plan

  variables {
    models = { sentiment = { package = "modules/function/tests/package.zip", iam = "tenant", url = { authorization = "NONE" } } }
  }

  # The module checks its own input as well.
  expect_failures = [var.models]
}
