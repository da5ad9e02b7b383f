# `given` has the other variables as written, before their types. The root module passes both.

variables {
  name   = "amaas"
  region = "eu-central-1"
  given  = {}

  # What a model with a GPU needs.
  network = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] } }

  models = { sentiment = { package = "../function/tests/package.zip" }, tensor = { package = "../function/tests/package.zip", url = { mode = "OFF" } } }
}

run "defaults_are_filled_in" {
  variables {
    given  = { models = { sentiment = { package = "../function/tests/package.zip", canary = { weight = 0.1 } } } }
    models = { sentiment = { package = "../function/tests/package.zip", canary = { weight = 0.1 } } }
  }

  assert {
    condition = alltrue([
      output.models["sentiment"].memory_mb == 1024,
      output.models["sentiment"].url.authorization == "AWS_IAM",
      output.models["sentiment"].canary.rollback.minutes == 2,
      output.models["sentiment"].gpu == null,
    ])
    error_message = "What was left out must have its default, at any depth."
  }
}

run "a_stack_may_have_no_model" {
  variables {
    given  = { models = {} }
    models = {}
  }
}

run "every_depth_may_be_set" {
  variables {
    given = { models = {
      sentiment = {
        package                 = "../function/tests/package.zip"
        environment             = { AMAAS_LOG = "info" }
        canary                  = { weight = 0.1, rollback = { minutes = 3 } }
        provisioned_concurrency = null
      }
    } }
    models = {
      sentiment = {
        package                 = "../function/tests/package.zip"
        environment             = { AMAAS_LOG = "info" }
        canary                  = { weight = 0.1, rollback = { minutes = 3 } }
        provisioned_concurrency = null
      }
    }
  }

  assert {
    condition     = length(local.unknown) == 0
    error_message = "Nothing of this is unknown."
  }
}

run "refuses_a_setting_that_there_is_not" {
  command = plan

  variables {
    given  = { models = { sentiment = { package = "../function/tests/package.zip", memory = 2048 } } }
    models = { sentiment = { package = "../function/tests/package.zip", memory = 2048 } }
  }

  assert {
    condition     = local.unknown == [{ name = "models.sentiment.memory", suggestion = "memory_mb" }]
    error_message = "The message must name the model, the setting, and a suggestion: ${jsonencode(local.unknown)}"
  }

  expect_failures = [output.models]
}

run "refuses_deep_settings_that_there_are_not" {
  command = plan

  variables {
    given = { models = {
      a = { package = "../function/tests/package.zip", url = { auth = "NONE" } }
      b = { package = "../function/tests/package.zip", canary = { weight = 0.1, rollback = { minuts = 3 } } }
    } }
    models = {
      a = { package = "../function/tests/package.zip", url = { auth = "NONE" } }
      b = { package = "../function/tests/package.zip", canary = { weight = 0.1, rollback = { minuts = 3 } } }
    }
  }

  assert {
    condition     = local.unknown[*].name == ["models.a.url.auth", "models.b.canary.rollback.minuts"]
    error_message = "Settings must be looked at at any depth: ${jsonencode(local.unknown)}"
  }

  expect_failures = [output.models]
}

run "refuses_settings_without_effect" {
  command = plan

  variables {
    given  = { models = { match = { image = "host/match@sha256:0", gpu = {}, memory_mb = 2048, tracing = null } } }
    models = { match = { image = "host/match@sha256:0", gpu = {}, memory_mb = 2048, tracing = null } }
  }

  assert {
    condition     = local.without_effect == { match = ["memory_mb"] }
    error_message = "What a GPU's model ignores must be named: ${jsonencode(local.without_effect)}"
  }

  expect_failures = [output.models]
}

run "refuses_a_model_named_like_the_rollback_of_another" {
  command = plan

  variables {
    given = { models = {
      a          = { package = "../function/tests/package.zip", stable_version = "1", canary = { weight = 0.1 } }
      a-rollback = { package = "../function/tests/package.zip" }
    } }
    models = {
      a          = { package = "../function/tests/package.zip", stable_version = "1", canary = { weight = 0.1 } }
      a-rollback = { package = "../function/tests/package.zip" }
    }
  }

  assert {
    condition     = local.shared_names == { "role amaas-a-rollback" = ["a-rollback", "a for its canary"] }
    error_message = "Both models must be named: ${jsonencode(local.shared_names)}"
  }

  expect_failures = [output.models]
}

run "the_same_name_is_free_where_nothing_makes_it" {
  variables {
    given = { models = {
      a          = { package = "../function/tests/package.zip" }
      a-rollback = { package = "../function/tests/package.zip" }
      a_rollback = { package = "../function/tests/package.zip" }
      a-canary   = { package = "../function/tests/package.zip" }
    } }
    models = {
      a          = { package = "../function/tests/package.zip" }
      a-rollback = { package = "../function/tests/package.zip" }
      a_rollback = { package = "../function/tests/package.zip" }
      a-canary   = { package = "../function/tests/package.zip" }
    }
  }
}

run "refuses_a_function_named_like_a_role_of_a_gpu" {
  command = plan

  variables {
    given = { models = {
      m          = { image = "host/m@sha256:0", gpu = {} }
      m-task     = { package = "../function/tests/package.zip" }
      m-instance = { package = "../function/tests/package.zip" }
    } }
    models = {
      m          = { image = "host/m@sha256:0", gpu = {} }
      m-task     = { package = "../function/tests/package.zip" }
      m-instance = { package = "../function/tests/package.zip" }
    }
  }

  assert {
    condition     = keys(local.shared_names) == ["role amaas-m-instance", "role amaas-m-task"]
    error_message = "Lambda's and the GPU's names must be distinct: ${jsonencode(local.shared_names)}"
  }

  expect_failures = [output.models]
}

run "refuses_one_load_balancer_for_two" {
  command = plan

  variables {
    given  = { models = { a-b = { image = "host/m@sha256:0", gpu = {} }, a_b = { image = "host/m@sha256:0", gpu = {} } } }
    models = { a-b = { image = "host/m@sha256:0", gpu = {} }, a_b = { image = "host/m@sha256:0", gpu = {} } }
  }

  assert {
    condition     = local.shared_names == { "load balancer amaas-a-b" = ["a-b", "a_b"] }
    error_message = "Both models must be named: ${jsonencode(local.shared_names)}"
  }

  expect_failures = [output.models]
}

run "refuses_bad_names" {
  command = plan

  variables {
    given  = { models = { "Senti/ment" = { package = "../function/tests/package.zip" } } }
    models = { "Senti/ment" = { package = "../function/tests/package.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_names_that_the_stack_has" {
  command = plan

  variables {
    given  = { models = { ledger = { package = "../function/tests/package.zip" } } }
    models = { ledger = { package = "../function/tests/package.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_a_missing_package" {
  command = plan

  variables {
    given  = { models = { sentiment = { package = "absent.zip" } } }
    models = { sentiment = { package = "absent.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_a_package_and_an_image" {
  command = plan

  variables {
    given  = { models = { sentiment = { package = "../function/tests/package.zip", image = "x" } } }
    models = { sentiment = { package = "../function/tests/package.zip", image = "x" } }
  }

  expect_failures = [var.models]
}

run "refuses_tenants_of_iam_with_a_public_url" {
  command = plan

  variables {
    given  = { models = { sentiment = { package = "../function/tests/package.zip", iam = "tenant", url = { authorization = "NONE" } } } }
    models = { sentiment = { package = "../function/tests/package.zip", iam = "tenant", url = { authorization = "NONE" } } }
  }

  expect_failures = [var.models]
}

run "refuses_a_gpu_on_lambda" {
  command = plan

  variables {
    given  = { models = { match = { package = "../function/tests/package.zip", execution_providers = ["cuda"] } } }
    models = { match = { package = "../function/tests/package.zip", execution_providers = ["cuda"] } }
  }

  expect_failures = [var.models]
}

run "refuses_a_zip_on_a_gpu" {
  command = plan

  variables {
    given  = { models = { match = { package = "../function/tests/package.zip", gpu = {} } } }
    models = { match = { package = "../function/tests/package.zip", gpu = {} } }
  }

  expect_failures = [var.models]
}

run "refuses_on_a_gpu_what_only_lambda_has" {
  command = plan

  variables {
    given  = { models = { match = { image = "host/match@sha256:0", gpu = {}, stable_version = "1", canary = { weight = 0.5 } } } }
    models = { match = { image = "host/match@sha256:0", gpu = {}, stable_version = "1", canary = { weight = 0.5 } } }
  }

  expect_failures = [var.models]
}

run "refuses_a_snapshot_on_a_gpu" {
  command = plan

  variables {
    given  = { models = { match = { image = "host/match@sha256:0", gpu = {}, snap_start = true } } }
    models = { match = { image = "host/match@sha256:0", gpu = {}, snap_start = true } }
  }

  expect_failures = [var.models]
}

run "refuses_settings_beside_an_existing_registry" {
  command = plan

  variables {
    registry = {
      force_destroy = true
      existing = {
        bucket          = "models-of-a"
        kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
        sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555"
      }
    }
  }

  expect_failures = [var.registry]
}

run "refuses_a_ledger_without_its_sealing_key" {
  command = plan

  variables {
    ledger = { existing = { table = "amaas-a-ledger" } }
  }

  expect_failures = [var.ledger]
}

run "refuses_a_key_for_logs_where_there_is_no_registry_to_make_it" {
  command = plan

  variables {
    logs = { own_key = true }
    registry = {
      existing = {
        bucket          = "models-of-a"
        kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
        sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555"
      }
    }
  }

  expect_failures = [var.logs]
}

run "refuses_bad_roles" {
  command = plan

  variables {
    roles = { path = "amaas", permissions_boundary = "boundary" }
  }

  expect_failures = [var.roles]
}

run "refuses_a_gpu_without_a_network" {
  command = plan

  variables {
    network = null
    models  = { match = { image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/match@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", gpu = {} } }
  }

  expect_failures = [var.network]
}

run "refuses_a_model_that_is_not_there" {
  command = plan

  variables {
    api = { shared = { default = "sentimant" } }
  }

  expect_failures = [var.api]
}

run "refuses_a_public_bucket" {
  command = plan

  variables {
    registry = { readers = ["*"] }
  }

  expect_failures = [var.registry]
}

run "refuses_oidc_in_a_network_without_egress" {
  command = plan

  variables {
    network = {}
    oidc    = { issuer = "https://login.example.com", audience = "amaas", tenant_claim = "org_id" }
  }

  expect_failures = [var.network]
}

run "refuses_two_keys_for_logs" {
  command = plan

  variables {
    logs = { own_key = true, kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }

  expect_failures = [var.logs]
}

run "refuses_a_registry_of_another_region" {
  command = plan

  variables {
    registry = { existing = {
      bucket          = "models-123456789012-us-east-1"
      kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
      sealing_key_arn = "arn:aws:kms:us-east-1:123456789012:key/55555555-2222-3333-4444-555555555555"
    } }
  }

  expect_failures = [var.registry]
}

run "refuses_a_ledger_key_of_another_region" {
  command = plan

  variables {
    ledger = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/77777777-2222-3333-4444-555555555555" }
  }

  expect_failures = [var.ledger]
}

# The VPC that is made has endpoints of its own region and no way out.
run "refuses_gpu_images_that_no_endpoint_reaches" {
  command = plan

  variables {
    network = { functions = false }

    models = {
      match = {
        image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/match@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        gpu   = {}
      }
    }
  }

  expect_failures = [var.network]
}

run "refuses_a_network_without_security_groups" {
  command = plan

  variables {
    network = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], security_group_ids = [] } }
  }

  expect_failures = [var.network]
}

run "refuses_a_network_of_one_subnet_for_a_load_balancer" {
  command = plan

  variables {
    network = { functions = false, existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] } }

    models = {
      match = {
        image = "registry.example.com/match@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        gpu   = {}
      }
    }
  }

  expect_failures = [var.network]
}

run "refuses_the_arn_of_a_bucket" {
  command = plan

  variables {
    registry = { existing = {
      bucket          = "arn:aws:s3:::models"
      kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
      sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/55555555-2222-3333-4444-555555555555"
    } }
  }

  expect_failures = [var.registry]
}

run "refuses_settings_of_the_stack_that_there_are_not" {
  command = plan

  variables {
    given = {
      roles         = { permission_boundary = "arn:aws:iam::123456789012:policy/boundary" }
      registry      = { force_destory = true }
      api           = { domain = { name = "models.example.com", certificate_arn = "x", zone = "Z1" } }
      observability = { budget = { monthly_usd = 10, threshold = [50] } }
      network       = null
      logs          = {}
    }
    api           = { domain = { name = "models.example.com", certificate_arn = "x" } }
    observability = { budget = { monthly_usd = 10 } }
  }

  assert {
    condition = local.unknown == [
      { name = "api.domain.zone", suggestion = "zone_id" },
      { name = "observability.budget.threshold", suggestion = "thresholds" },
      { name = "registry.force_destory", suggestion = "force_destroy" },
      { name = "roles.permission_boundary", suggestion = "permissions_boundary" },
    ]
    error_message = "Each must be named, with a suggestion: ${jsonencode(local.unknown)}"
  }

  expect_failures = [output.models]
}

run "refuses_the_alias_of_a_key_for_logs" {
  command = plan

  variables {
    logs = { kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/logs" }
  }

  expect_failures = [var.logs]
}

run "names_each_value_of_another_type" {
  command = plan

  variables {
    given = {
      models = {
        sentiment = { memory_mb = "much", url = "OFF", throttle = { rate = "5/s", burst = 10 }, canary = { weight = 0.1, rollback = { minutes = "two" } } }
        tensor    = { snap_start = "yes", memory_mb = "1024", cors_origins = "*" }
      }
      network  = { zones = "all" }
      registry = { force_destroy = "no", readers = null }
      api      = "on"
      roles    = {}
      oidc     = null
    }
  }

  assert {
    condition = local.mistyped == [
      "api must be settings in braces, not \"on\"",
      "models.sentiment.canary.rollback.minutes must be a number, not \"two\"",
      "models.sentiment.memory_mb must be a number, not \"much\"",
      "models.sentiment.throttle.rate must be a number, not \"5/s\"",
      "models.sentiment.url must be settings in braces, not \"OFF\"",
      "models.tensor.cors_origins must be a list, not \"*\"",
      "models.tensor.snap_start must be true or false, not \"yes\"",
      "network.zones must be a number, not \"all\"",
      "registry.force_destroy must be true or false, not \"no\"",
    ]
    error_message = "Each must be named, with the required type: ${jsonencode(local.mistyped)}"
  }

  expect_failures = [output.typed]
}

run "a_model_without_settings_is_named" {
  command = plan

  variables {
    given = { models = { sentiment = "package.zip" } }
  }

  assert {
    condition     = local.mistyped == ["models.sentiment must be settings in braces, not \"package.zip\""]
    error_message = "The model must be named: ${jsonencode(local.mistyped)}"
  }

  expect_failures = [output.typed]
}
