# What the local AWS of ../../tests cannot do is planned here: provisioned concurrency that scales, a budget with subscribers, a monitor
# of unusual costs, a domain.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  package    = "../../modules/function/tests/package.zip"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]

  alarm_emails = ["ops@example.com"]
}

run "as_it_is" {
  command = plan

  assert {
    condition     = output.function_names == { sentiment = "amaas-sentiment", sentiment-2026 = "amaas-sentiment-2026" }
    error_message = "Both models must be functions."
  }
}

run "in_an_account_with_quotas_raised" {
  command = plan

  variables {
    warm                 = { min = 1, max = 4 }
    reserved_concurrency = 5
    cost_anomaly         = { impact_usd = 20 }
  }
}

run "refuses_alarms_without_an_address" {
  command = plan

  variables {
    alarm_emails = []
  }

  expect_failures = [var.alarm_emails]
}

run "with_a_domain" {
  command = plan

  variables {
    domain = {
      name            = "models.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
      zone_id         = "Z0123456789ABCDEFGHIJ"
    }
  }

  assert {
    condition     = output.endpoint == "https://models.example.com"
    error_message = "env must have the domain."
  }
}

run "with_a_canary" {
  command = plan

  variables {
    stable_version = "1"
    canary_weight  = 0.1
    warm           = null
  }

  assert {
    condition     = module.amaas.dashboard == "amaas"
    error_message = "The rest must stay as it is."
  }
}
