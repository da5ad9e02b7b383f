mock_provider "aws" {
  source = "./tests/mocks"

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
    error_message = "Each model must have its URL, and none with mode OFF."
  }

  assert {
    condition     = output.bucket == "amaas-123456789012-eu-central-1" && output.store == "s3://amaas-123456789012-eu-central-1"
    error_message = "All models must share one registry."
  }

  assert {
    condition     = output.kms_key_arn == "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    error_message = "The output must have the registry's key."
  }
}

run "env_has_addresses_and_no_secret" {
  assert {
    condition = output.env == {
      sentiment = {
        AMAAS_ENDPOINT = "https://abc.lambda-url.eu-central-1.on.aws/"
        AMAAS_KMS_KEY  = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
        AMAAS_LEDGER   = "dynamodb:amaas-ledger"
        AMAAS_MODEL    = "sentiment"
        AMAAS_SIGV4    = "lambda:eu-central-1"
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

  assert {
    condition = alltrue([
      output.registry.bucket == output.bucket,
      output.registry.kms_key_arn == output.kms_key_arn,
      output.registry.sealing_key_arn == output.sealing_key_arn,
      output.ledger.table == output.ledger_table,
    ])
    error_message = "What another stack takes must be in the outputs registry and ledger."
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

run "refuses_a_model_without_settings" {
  command = plan

  variables {
    models = { sentiment = null, tensor = { package = "modules/function/tests/package.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_models_that_are_no_map" {
  command = plan

  variables {
    models = "sentiment"
  }

  expect_failures = [var.models]
}

run "a_registry_and_a_ledger_of_another_stack" {
  command = plan

  variables {
    name = "amaas-b"

    registry = {
      existing = {
        bucket          = "models-of-a"
        kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
        sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555"
      }
    }

    ledger = { existing = { table = "amaas-a-ledger" } }
  }

  assert {
    condition     = length(module.registry) == 0 && length(module.ledger) == 0
    error_message = "The resources of another stack must not be created again."
  }

  assert {
    condition = alltrue([
      output.store == "s3://models-of-a",
      output.env["tensor"].AMAAS_STORE == "s3://models-of-a",
      output.env["tensor"].AMAAS_KMS_KEY == "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555",
      output.env["tensor"].AMAAS_LEDGER == "dynamodb:amaas-a-ledger",
      output.registry == var.registry.existing,
      output.ledger.table == "amaas-a-ledger" && output.ledger.kms_key_arn == null,
    ])
    error_message = "Functions, callers and a third stack must get the other stack's registry and ledger."
  }
}

run "keys_and_roles_of_an_enterprise" {
  command = plan

  variables {
    network = { zone_ids = ["euc1-az1", "euc1-az3"] }
    logs    = { kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/cccccccc-2222-3333-4444-555555555555" }
    roles   = { path = "/amaas/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" }

    registry = {
      kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
      sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555"
    }
  }

  assert {
    condition     = output.kms_key_arn == var.registry.kms_key_arn && output.sealing_key_arn == var.registry.sealing_key_arn && output.log_key_arn == var.logs.kms_key_arn
    error_message = "The stack must use the given keys."
  }
}

run "refuses_a_bad_prefix" {
  command = plan

  variables {
    name = "1-amaas"
  }

  expect_failures = [var.name]
}

run "everything_at_once" {
  command = plan

  variables {
    logs    = { own_key = true }
    network = {}

    models = {
      sentiment = {
        package                 = "modules/function/tests/package.zip"
        version                 = "3"
        provisioned_concurrency = { min = 1, max = 4 }
        dead_letters            = {}
        tracing                 = "Active"
        throttle                = { rate = 5, burst = 10 }
      }
      next = {
        package        = "modules/function/tests/package.zip"
        stable_version = "4"
        canary         = { weight = 0.1 }
      }
      match = {
        image               = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/match@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        execution_providers = ["cuda", "cpu"]
        gpu                 = { capacity = { max = 2 } }
      }
    }

    api           = { shared = { default = "sentiment", embeddings = "match" } }
    observability = { emails = ["ops@example.com"], budget = { monthly_usd = 100 }, cost_anomaly = { impact_usd = 20 } }
  }

  assert {
    condition     = output.function_names == { next = "amaas-next", sentiment = "amaas-sentiment" }
    error_message = "A model with a GPU must not be a function."
  }

  assert {
    condition     = module.gpu["match"].service == "amaas-match" && length(aws_security_group.api) == 1 && length(aws_vpc_security_group_egress_rule.api) == 1
    error_message = "A model with a GPU must be a service that the API reaches."
  }

  assert {
    condition = alltrue([
      module.api[0].routes["ANY /v1/models/match/{proxy+}"] == "match",
      module.api[0].routes["ANY /v2/models/next"] == "next",
      module.api[0].routes["POST /v1/embeddings"] == "match",
      module.api[0].routes["ANY /v1/usage"] == "sentiment",
    ])
    error_message = "Each model must have its routes, and the shared ones the model that was named."
  }

  assert {
    condition     = output.dashboard == "amaas"
    error_message = "There must be a dashboard."
  }
}

run "networks_of_others" {
  command = plan

  variables {
    network = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] } }
    oidc    = { issuer = "https://login.example.com", audience = "amaas", tenant_claim = "org_id" }
  }

  assert {
    condition     = length(module.network) == 0
    error_message = "A VPC that is there must be taken as it is."
  }
}

run "no_url_behind_an_api" {
  command = plan

  variables {
    api = { shared = { default = "sentiment" } }
    models = {
      sentiment = { package = "modules/function/tests/package.zip" }
      tensor    = { package = "modules/function/tests/package.zip", url = { mode = "RESPONSE_STREAM" } }
    }
  }

  assert {
    condition     = module.function["sentiment"].endpoint == null
    error_message = "Behind an API there must be no Function URL."
  }
}

run "warns_of_settings_without_effect" {
  command = plan

  variables {
    models = {
      sentiment = { package = "modules/function/tests/package.zip", throttle = { rate = 5, burst = 10 } }
    }
  }

  expect_failures = [check.settings_without_effect]
}

run "warns_of_a_throttle_that_a_stream_has_not" {
  command = plan

  variables {
    api = {}
    models = {
      sentiment = { package = "modules/function/tests/package.zip", throttle = { rate = 5, burst = 10 } }
      stream    = { package = "modules/function/tests/package.zip", throttle = { rate = 5, burst = 10 }, url = { mode = "RESPONSE_STREAM" } }
    }
  }

  expect_failures = [check.settings_without_effect]
}

run "warns_of_alarms_without_observability" {
  command = plan

  variables {
    models = { sentiment = { package = "modules/function/tests/package.zip", alarms = { p99_ms = 500 } } }
  }

  expect_failures = [check.settings_without_effect]
}

run "warns_of_zones_beside_a_network_that_is_there" {
  command = plan

  variables {
    network = { zone_ids = ["euc1-az1", "euc1-az2"], existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] } }
  }

  expect_failures = [check.settings_without_effect]
}

run "warns_of_origins_that_the_api_does_not_ask_for" {
  command = plan

  variables {
    api    = { authorization = "AWS_IAM" }
    models = { sentiment = { package = "modules/function/tests/package.zip", cors_origins = ["https://app.example.com"] } }
  }

  expect_failures = [check.settings_without_effect]
}

run "warns_of_a_number_of_zones_beside_their_names" {
  command = plan

  variables {
    network = { zones = 3, zone_ids = ["euc1-az1", "euc1-az2"] }
  }

  expect_failures = [check.settings_without_effect]
}

run "warns_of_a_tag_that_nothing_looks_at" {
  command = plan

  variables {
    observability = { cost_tag = { key = "application", value = "amaas" } }
  }

  expect_failures = [check.settings_without_effect]
}

run "warns_of_a_function_that_outlives_its_callers" {
  command = plan

  variables {
    api    = {}
    models = { sentiment = { package = "modules/function/tests/package.zip", timeout_s = 60 } }
  }

  expect_failures = [check.timeouts]
}

run "warns_of_a_public_url_without_a_ceiling" {
  command = plan

  variables {
    models = { sentiment = { package = "modules/function/tests/package.zip", url = { authorization = "NONE" } } }
  }

  expect_failures = [check.public_urls]
}

# A check that fails unexpectedly fails the run.
run "no_warning_of_what_is_meant" {
  command = plan

  variables {
    api           = {}
    observability = { cost_tag = { key = "application", value = "amaas" }, budget = { monthly_usd = 10 } }

    models = {
      sentiment = { package = "modules/function/tests/package.zip", throttle = { rate = 5, burst = 10 }, alarms = { p99_ms = 500 }, url = { authorization = "NONE" } }
      long      = { package = "modules/function/tests/package.zip", timeout_s = 900, url = { mode = "BUFFERED" } }
      public    = { package = "modules/function/tests/package.zip", reserved_concurrency = 5, url = { mode = "BUFFERED", authorization = "NONE" } }
    }
  }
}

# The HTTP API has a public name of its own.
run "refuses_an_edge_beside_an_api" {
  command = plan

  variables {
    api    = {}
    models = { sentiment = { package = "modules/function/tests/package.zip", url = { mode = "BUFFERED" } } }
    edges  = { sentiment = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" } }
  }

  expect_failures = [var.edges]
}

run "an_edge_before_a_function_url" {
  variables {
    edges = {
      sentiment = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" }
    }
  }

  assert {
    condition = alltrue([
      aws_lambda_permission.edge["sentiment"].action == "lambda:InvokeFunctionUrl",
      aws_lambda_permission.edge["sentiment"].principal == "cloudfront.amazonaws.com",
      aws_lambda_permission.edge["sentiment"].source_arn == "arn:aws:cloudfront::123456789012:distribution/E1",
      aws_lambda_permission.edge["sentiment"].function_url_auth_type == "AWS_IAM",
      aws_lambda_permission.edge["sentiment"].function_name == "amaas-sentiment",
      aws_lambda_permission.edge["sentiment"].qualifier == "live",
    ])
    error_message = "The distribution, and no other, must be let through to the URL of the alias."
  }

  assert {
    condition = alltrue([
      for properties in [jsondecode(aws_cloudformation_stack.edge_invoke["sentiment"].template_body).Resources.Permission.Properties] : alltrue([
        properties.Action == "lambda:InvokeFunction",
        properties.FunctionName == output.alias_arns["sentiment"],
        properties.InvokedViaFunctionUrl,
        properties.Principal == "cloudfront.amazonaws.com",
        properties.SourceArn == "arn:aws:cloudfront::123456789012:distribution/E1",
      ])
    ])
    error_message = "The second grant must be for calls through the URL only."
  }

  assert {
    condition = alltrue([
      output.env["sentiment"].AMAAS_ENDPOINT == "https://models.example.com",
      output.env["sentiment"].AMAAS_CONTENT_SHA256 == "on",
      !contains(keys(output.env["sentiment"]), "AMAAS_SIGV4"),
      output.endpoints["sentiment"] == "https://abc.lambda-url.eu-central-1.on.aws/",
      !contains(keys(output.env["tensor"]), "AMAAS_CONTENT_SHA256"),
      contains(keys(output.policies.operator), "edge"),
    ])
    error_message = "env must have the edge, which signs in place of callers, and the output endpoints the URL."
  }
}

run "no_edge_unless_asked" {
  assert {
    condition     = length(aws_lambda_permission.edge) == 0 && !contains(keys(output.policies.operator), "edge")
    error_message = "CloudFront must have no grant, and operators no rights there."
  }
}

run "refuses_an_edge_that_is_walked_around" {
  command = plan

  variables {
    models = { sentiment = { package = "modules/function/tests/package.zip", reserved_concurrency = 5, url = { authorization = "NONE" } } }
    edges  = { sentiment = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" } }
  }

  expect_failures = [var.edges]
}

run "refuses_an_edge_before_no_url" {
  command = plan

  variables {
    edges = { tensor = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" } }
  }

  expect_failures = [var.edges]
}

run "refuses_one_tenant_for_all_behind_an_edge" {
  command = plan

  variables {
    models = { sentiment = { package = "modules/function/tests/package.zip", iam = "tenant" } }
    edges  = { sentiment = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" } }
  }

  expect_failures = [var.edges]
}

run "refuses_what_is_no_distribution" {
  command = plan

  variables {
    edges = { sentiment = { distribution_arn = "E1", endpoint = "https://models.example.com" } }
  }

  expect_failures = [var.edges]
}

run "refuses_an_edge_of_a_model_that_is_not_there" {
  command = plan

  variables {
    edges = { sentment = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" } }
  }

  expect_failures = [var.edges]
}

run "refuses_one_edge_before_two_models" {
  command = plan

  variables {
    models = {
      a = { package = "modules/function/tests/package.zip" }
      b = { package = "modules/function/tests/package.zip" }
    }
    edges = {
      a = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" }
      b = { distribution_arn = "arn:aws:cloudfront::123456789012:distribution/E1", endpoint = "https://models.example.com" }
    }
  }

  expect_failures = [var.edges]
}

# A check or a refusal that cannot be decided before the apply fails the run.
run "takes_what_another_resource_of_the_apply_makes" {
  command = plan

  module {
    source = "./tests/stacks"
  }

  assert {
    condition     = module.team.function_names == { sentiment = "team-a-sentiment" }
    error_message = "The second stack must have its function."
  }
}
