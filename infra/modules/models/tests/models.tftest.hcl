# `given` and `models` are one value to a caller: the root module gives both what it was given.

variables {
  name = "amaas"
}

run "defaults_are_filled_in" {
  variables {
    given  = { sentiment = { package = "../function/tests/package.zip", canary = { weight = 0.1 } } }
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
    given  = {}
    models = {}
  }
}

run "every_depth_may_be_set" {
  variables {
    given = {
      sentiment = {
        package                 = "../function/tests/package.zip"
        environment             = { AMAAS_LOG = "info" }
        canary                  = { weight = 0.1, rollback = { minutes = 3 } }
        provisioned_concurrency = null
      }
    }
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
    given  = { sentiment = { package = "../function/tests/package.zip", memory = 2048 } }
    models = { sentiment = { package = "../function/tests/package.zip", memory = 2048 } }
  }

  assert {
    condition     = local.unknown == [{ model = "sentiment", path = "memory", meant = "memory_mb" }]
    error_message = "The message must name the model, the setting, and what was meant: ${jsonencode(local.unknown)}"
  }

  expect_failures = [output.models]
}

run "refuses_deep_settings_that_there_are_not" {
  command = plan

  variables {
    given = {
      a = { package = "../function/tests/package.zip", url = { auth = "NONE" } }
      b = { package = "../function/tests/package.zip", canary = { weight = 0.1, rollback = { minuts = 3 } } }
    }
    models = {
      a = { package = "../function/tests/package.zip", url = { auth = "NONE" } }
      b = { package = "../function/tests/package.zip", canary = { weight = 0.1, rollback = { minuts = 3 } } }
    }
  }

  assert {
    condition     = [for setting in local.unknown : "${setting.model} ${setting.path}"] == ["a url.auth", "b canary.rollback.minuts"]
    error_message = "Settings must be looked at at any depth: ${jsonencode(local.unknown)}"
  }

  expect_failures = [output.models]
}

run "refuses_settings_without_effect" {
  command = plan

  variables {
    given  = { match = { image = "host/match@sha256:0", gpu = {}, memory_mb = 2048, tracing = null } }
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
    given = {
      a          = { package = "../function/tests/package.zip", stable_version = "1", canary = { weight = 0.1 } }
      a-rollback = { package = "../function/tests/package.zip" }
    }
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
    given = {
      a          = { package = "../function/tests/package.zip" }
      a-rollback = { package = "../function/tests/package.zip" }
      a_rollback = { package = "../function/tests/package.zip" }
      a-canary   = { package = "../function/tests/package.zip" }
    }
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
    given = {
      m      = { image = "host/m@sha256:0", gpu = {} }
      m-task = { package = "../function/tests/package.zip" }
      m-host = { package = "../function/tests/package.zip" }
    }
    models = {
      m      = { image = "host/m@sha256:0", gpu = {} }
      m-task = { package = "../function/tests/package.zip" }
      m-host = { package = "../function/tests/package.zip" }
    }
  }

  assert {
    condition     = keys(local.shared_names) == ["role amaas-m-host", "role amaas-m-task"]
    error_message = "Lambda's and the GPU's names must be told apart: ${jsonencode(local.shared_names)}"
  }

  expect_failures = [output.models]
}

run "refuses_one_load_balancer_for_two" {
  command = plan

  variables {
    given  = { a-b = { image = "host/m@sha256:0", gpu = {} }, a_b = { image = "host/m@sha256:0", gpu = {} } }
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
    given  = { "Senti/ment" = { package = "../function/tests/package.zip" } }
    models = { "Senti/ment" = { package = "../function/tests/package.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_names_that_the_stack_has" {
  command = plan

  variables {
    given  = { ledger = { package = "../function/tests/package.zip" } }
    models = { ledger = { package = "../function/tests/package.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_a_missing_package" {
  command = plan

  variables {
    given  = { sentiment = { package = "absent.zip" } }
    models = { sentiment = { package = "absent.zip" } }
  }

  expect_failures = [var.models]
}

run "refuses_a_package_and_an_image" {
  command = plan

  variables {
    given  = { sentiment = { package = "../function/tests/package.zip", image = "x" } }
    models = { sentiment = { package = "../function/tests/package.zip", image = "x" } }
  }

  expect_failures = [var.models]
}

run "refuses_tenants_of_iam_with_a_public_url" {
  command = plan

  variables {
    given  = { sentiment = { package = "../function/tests/package.zip", iam = "tenant", url = { authorization = "NONE" } } }
    models = { sentiment = { package = "../function/tests/package.zip", iam = "tenant", url = { authorization = "NONE" } } }
  }

  expect_failures = [var.models]
}

run "refuses_a_gpu_on_lambda" {
  command = plan

  variables {
    given  = { match = { package = "../function/tests/package.zip", execution_providers = ["cuda"] } }
    models = { match = { package = "../function/tests/package.zip", execution_providers = ["cuda"] } }
  }

  expect_failures = [var.models]
}

run "refuses_a_zip_on_a_gpu" {
  command = plan

  variables {
    given  = { match = { package = "../function/tests/package.zip", gpu = {} } }
    models = { match = { package = "../function/tests/package.zip", gpu = {} } }
  }

  expect_failures = [var.models]
}

run "refuses_on_a_gpu_what_only_lambda_has" {
  command = plan

  variables {
    given  = { match = { image = "host/match@sha256:0", gpu = {}, stable_version = "1", canary = { weight = 0.5 } } }
    models = { match = { image = "host/match@sha256:0", gpu = {}, stable_version = "1", canary = { weight = 0.5 } } }
  }

  expect_failures = [var.models]
}

run "refuses_a_snapshot_on_a_gpu" {
  command = plan

  variables {
    given  = { match = { image = "host/match@sha256:0", gpu = {}, snap_start = true } }
    models = { match = { image = "host/match@sha256:0", gpu = {}, snap_start = true } }
  }

  expect_failures = [var.models]
}
