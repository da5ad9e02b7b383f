mock_provider "aws" {
  source = "../../tests/mocks"

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
    defaults = { arn = "arn:aws:iam::123456789012:role/amaas-sentiment" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-central-1.on.aws/" }
  }
}

variables {
  package    = "../../modules/function/tests/package.zip"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
}

# Without a warning too: a check that fails, fails the run.
run "as_it_is" {
  assert {
    condition     = output.function_name == "amaas-sentiment" && keys(output.env) == ["AMAAS_ENDPOINT", "AMAAS_KMS_KEY", "AMAAS_LEDGER", "AMAAS_MODEL", "AMAAS_SIGV4", "AMAAS_STORE", "AWS_REGION"]
    error_message = "There must be one function, whose callers sign."
  }
}

run "public_with_a_ceiling" {
  variables {
    url                  = { authorization = "NONE" }
    reserved_concurrency = 10
  }

  assert {
    condition     = !contains(keys(output.env), "AMAAS_SIGV4")
    error_message = "Callers of a public URL must not sign."
  }
}

run "callers_who_are_tenants_by_their_signature" {
  variables {
    iam      = "tenant"
    registry = { force_destroy = true }
    ledger   = { deletion_protection = false }
  }

  assert {
    condition     = contains(keys(output.env), "AMAAS_SIGV4")
    error_message = "env must say that callers sign."
  }
}
