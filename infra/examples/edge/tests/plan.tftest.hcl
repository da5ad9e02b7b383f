mock_provider "aws" {
  source = "../../tests/mocks"

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/amaas" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-central-1.on.aws/" }
  }
}

mock_provider "aws" {
  alias = "us_east_1"

  mock_resource "aws_cloudfront_distribution" {
    defaults = {
      arn         = "arn:aws:cloudfront::123456789012:distribution/E1"
      domain_name = "d1.cloudfront.net"
    }
  }

  mock_resource "aws_cloudfront_function" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:function/amaas-credential" }
  }

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/amaas/1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-amaas" }
  }

  mock_data "aws_region" {
    defaults = { id = "us-east-1" }
  }
}

variables {
  package    = "../../modules/function/tests/package.zip"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
}

# The stack refers to the edge and the edge to the stack, without a cycle.
run "one_plan_for_both" {
  command = plan
}

run "callers_are_told_of_the_edge" {
  assert {
    condition = alltrue([
      output.env["AMAAS_ENDPOINT"] == "https://d1.cloudfront.net",
      output.env["AMAAS_CONTENT_SHA256"] == "on",
      !contains(keys(output.env), "AMAAS_SIGV4"),
      output.function_url == "https://abc.lambda-url.eu-central-1.on.aws/",
    ])
    error_message = "Callers must go through the edge."
  }
}
