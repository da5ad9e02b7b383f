mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  package    = "../../modules/function/tests/package.zip"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
}

run "staging" {
  command = plan

  variables {
    environment  = "staging"
    account_id   = "111122223333"
    protected    = false
    budget_usd   = 20
    alarm_emails = ["staging@example.com"]
  }

  assert {
    condition     = module.amaas.function_names == { sentiment = "amaas-staging-sentiment" }
    error_message = "Names must have the environment."
  }
}

run "production" {
  command = plan

  variables {
    environment   = "production"
    account_id    = "444455556666"
    model_version = "1"
    warm          = { min = 2, max = 20 }
    budget_usd    = 500
    alarm_emails  = ["oncall@example.com"]
  }

  assert {
    condition     = module.amaas.function_names == { sentiment = "amaas-production-sentiment" }
    error_message = "Names must have the environment."
  }
}

run "refuses_a_long_name" {
  command = plan

  variables {
    environment  = "a-name-that-is-too-long"
    account_id   = "111122223333"
    budget_usd   = 20
    alarm_emails = ["staging@example.com"]
  }

  expect_failures = [var.environment]
}
