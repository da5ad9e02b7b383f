mock_provider "aws" {
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:amaas-alarms" }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      key_id = "11111111-2222-3333-4444-555555555555"
      arn    = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    }
  }

  mock_resource "aws_ce_anomaly_monitor" {
    defaults = { arn = "arn:aws:ce::123456789012:anomalymonitor/1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name = "amaas"

  functions = {
    sentiment = { function_name = "amaas-sentiment", alias = "live", log_group = "/aws/lambda/amaas-sentiment" }
  }
}

run "one_function" {
  assert {
    condition     = output.alarm_names == tolist(["amaas/sentiment/cold-starts", "amaas/sentiment/errors", "amaas/sentiment/p99", "amaas/sentiment/throttles"])
    error_message = "A function must have its four alarms, and nothing else that was not asked for."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.this["sentiment/errors"].threshold == 0.01,
      aws_cloudwatch_metric_alarm.this["sentiment/throttles"].threshold == 1,
      aws_cloudwatch_metric_alarm.this["sentiment/p99"].threshold == 1000,
      aws_cloudwatch_metric_alarm.this["sentiment/p99"].extended_statistic == "p99",
      aws_cloudwatch_metric_alarm.this["sentiment/cold-starts"].threshold == 0.2,
      { for query in aws_cloudwatch_metric_alarm.this["sentiment/errors"].metric_query : query.id => query.expression == null ? one(query.metric).metric_name : query.expression } == { rate = "SUM([errors, failures]) / calls", errors = "Errors", calls = "Invocations", failures = "Failures" },
    ])
    error_message = "Alarms must have the thresholds of the README and read the metrics that their names say."
  }

  assert {
    condition = alltrue(flatten([
      aws_cloudwatch_metric_alarm.this["sentiment/throttles"].dimensions == tomap({ FunctionName = "amaas-sentiment", Resource = "amaas-sentiment:live" }),
      aws_cloudwatch_metric_alarm.this["sentiment/p99"].dimensions == tomap({ FunctionName = "amaas-sentiment", Resource = "amaas-sentiment:live" }),
      [for query in aws_cloudwatch_metric_alarm.this["sentiment/errors"].metric_query : one(query.metric).dimensions == (query.id == "failures" ? tomap({ Function = "amaas-sentiment" }) : tomap({ FunctionName = "amaas-sentiment", Resource = "amaas-sentiment:live" })) if query.expression == null],
    ]))
    error_message = "Alarms must look at the alias."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_log_metric_filter.cold_starts["sentiment"].log_group_name == "/aws/lambda/amaas-sentiment",
      strcontains(aws_cloudwatch_log_metric_filter.cold_starts["sentiment"].pattern, "Init Duration"),
      one(aws_cloudwatch_log_metric_filter.cold_starts["sentiment"].metric_transformation).namespace == "amaas/amaas",
      contains([for query in aws_cloudwatch_metric_alarm.this["sentiment/cold-starts"].metric_query : try("${one(query.metric).namespace} ${one(query.metric).metric_name}", "")], "amaas/amaas ${one(aws_cloudwatch_log_metric_filter.cold_starts["sentiment"].metric_transformation).name}"),
    ])
    error_message = "The alarm must read the metric that the filter makes of the function's log."
  }

  assert {
    condition = alltrue([for alarm in [
      aws_cloudwatch_metric_alarm.this["sentiment/errors"],
      aws_cloudwatch_metric_alarm.this["sentiment/throttles"],
      aws_cloudwatch_metric_alarm.this["sentiment/p99"],
      aws_cloudwatch_metric_alarm.this["sentiment/cold-starts"],
      ] : alltrue([
        alarm.alarm_actions == toset([output.topic_arn]),
        alarm.ok_actions == toset([output.topic_arn]),
        alarm.treat_missing_data == "notBreaching",
        strcontains(alarm.alarm_description, "Look "),
        length(alarm.alarm_description) <= 1024,
    ])])
    error_message = "Each alarm must notify the topic, ignore missing data, and say where to look."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) + length(aws_budgets_budget.this) + length(aws_ce_anomaly_monitor.this) + length(aws_ce_anomaly_subscription.this) == 0
    error_message = "By default there must be no mail subscription, budget or monitor."
  }
}

run "topic_takes_this_account_only" {
  assert {
    condition = alltrue([
      aws_sns_topic.this.kms_master_key_id == module.key[0].arn,
      module.key[0].alias == "alias/amaas-alarms",
    ])
    error_message = "The topic must be encrypted with the module's own key."
  }

  assert {
    condition = { for statement in jsondecode(aws_sns_topic_policy.this.policy).Statement : statement.Principal.Service => jsonencode(statement.Condition) if statement.Effect == "Allow" } == {
      "cloudwatch.amazonaws.com" = jsonencode({ StringEquals = { "aws:SourceAccount" = "123456789012" } })
      "budgets.amazonaws.com"    = jsonencode({ StringEquals = { "aws:SourceAccount" = "123456789012" } })
      "costalerts.amazonaws.com" = jsonencode({ StringEquals = { "aws:SourceAccount" = "123456789012" } })
    }
    error_message = "The three services may publish, for this account."
  }

  assert {
    condition = alltrue([
      { for statement in jsondecode(module.key[0].policy).Statement : statement.Principal.Service => jsonencode(statement.Condition) if can(statement.Principal.Service) } ==
      { for statement in jsondecode(aws_sns_topic_policy.this.policy).Statement : statement.Principal.Service => jsonencode(statement.Condition) if statement.Effect == "Allow" },
      alltrue(flatten([for statement in jsondecode(module.key[0].policy).Statement : [for action in statement.Action : !strcontains(action, "*")]])),
      alltrue([for statement in jsondecode(module.key[0].policy).Statement : try(statement.Principal.AWS, "arn:aws:iam::123456789012:root") == "arn:aws:iam::123456789012:root"]),
      [for statement in jsondecode(module.key[0].policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "UseThroughSns"][0] == "sns.eu-central-1.amazonaws.com",
    ])
    error_message = "Only services that publish may use the key, and the account through SNS."
  }

  assert {
    condition     = contains(jsondecode(aws_sns_topic_policy.this.policy).Statement[*].Effect, "Deny")
    error_message = "Plain HTTP must be refused."
  }
}

run "everything" {
  variables {
    functions = {
      sentiment = {
        function_name     = "amaas-sentiment"
        alias             = "live"
        log_group         = "/aws/lambda/amaas-sentiment"
        dead_letter_queue = "amaas-sentiment-dead"
        alarms            = { error_rate = 0.05, p99_ms = 300, cold_start_rate = 0.5, throttles = 10 }
      }
    }
    services = {
      large = { cluster = "amaas-large", service = "amaas-large", load_balancer = "app/amaas-large/1", target_group = "targetgroup/amaas-large/2", log_group = "/amaas/large", p99_ms = 1500 }
    }
    api          = { id = "abc123", stage = "$default" }
    ledger_table = "amaas-ledger"
    notify       = { emails = ["ops@example.com"], topic_arns = ["arn:aws:sns:eu-central-1:123456789012:pager"] }
    cost_tag     = { key = "application", value = "amaas" }
    budget       = { monthly_usd = 100, emails = ["cfo@example.com"] }
    cost_anomaly = { impact_usd = 20 }
  }

  assert {
    condition = output.alarm_names == tolist([
      "amaas/api-errors", "amaas/api-p99", "amaas/large/errors", "amaas/large/p99", "amaas/large/unhealthy", "amaas/ledger-errors",
      "amaas/ledger-throttles", "amaas/sentiment/cold-starts", "amaas/sentiment/dead-letters", "amaas/sentiment/errors",
      "amaas/sentiment/p99", "amaas/sentiment/throttles",
    ])
    error_message = "Functions, services, the API and the ledger must have their alarms."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.this["sentiment/errors"].threshold == 0.05,
      aws_cloudwatch_metric_alarm.this["sentiment/throttles"].threshold == 10,
      aws_cloudwatch_metric_alarm.this["sentiment/p99"].threshold == 300,
      aws_cloudwatch_metric_alarm.this["sentiment/cold-starts"].threshold == 0.5,
      aws_cloudwatch_metric_alarm.this["sentiment/dead-letters"].dimensions == tomap({ QueueName = "amaas-sentiment-dead" }),
      aws_cloudwatch_metric_alarm.this["large/p99"].threshold == 1.5,
      aws_cloudwatch_metric_alarm.this["large/unhealthy"].dimensions == tomap({ LoadBalancer = "app/amaas-large/1", TargetGroup = "targetgroup/amaas-large/2" }),
      aws_cloudwatch_metric_alarm.this["api-p99"].threshold == 2000,
      aws_cloudwatch_metric_alarm.this["api-p99"].dimensions == tomap({ ApiId = "abc123", Stage = "$default" }),
    ])
    error_message = "Alarms must have the configured thresholds and dimensions."
  }

  assert {
    condition = alltrue([
      !contains([for query in aws_cloudwatch_metric_alarm.this["large/errors"].metric_query : try(one(query.metric).metric_name, "")], "HTTPCode_ELB_503_Count"),
      toset([for query in aws_cloudwatch_metric_alarm.this["ledger-throttles"].metric_query : one(query.metric).dimensions["Operation"] if query.expression == null]) == toset(["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"]),
      alltrue([for query in aws_cloudwatch_metric_alarm.this["ledger-errors"].metric_query : one(query.metric).metric_name == "SystemErrors" if query.expression == null]),
    ])
    error_message = "The 503 of a service at zero tasks must not count, and the ledger's alarms must read each operation."
  }

  assert {
    condition = alltrue([
      keys(aws_sns_topic_subscription.email) == ["ops@example.com"],
      alltrue([for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset([output.topic_arn, "arn:aws:sns:eu-central-1:123456789012:pager"])]),
    ])
    error_message = "Alarms must notify all recipients."
  }

  assert {
    condition = alltrue([
      aws_budgets_budget.this[0].limit_amount == "100.00",
      one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:application$amaas"]),
      toset([for notification in aws_budgets_budget.this[0].notification : "${notification.notification_type} ${notification.threshold}"]) == toset(["ACTUAL 50", "ACTUAL 80", "ACTUAL 100", "FORECASTED 100"]),
      alltrue([for notification in aws_budgets_budget.this[0].notification : notification.subscriber_sns_topic_arns == toset([output.topic_arn]) && notification.subscriber_email_addresses == toset(["cfo@example.com"])]),
      aws_ce_anomaly_monitor.this[0].monitor_type == "CUSTOM",
      jsondecode(aws_ce_anomaly_monitor.this[0].monitor_specification).Tags.Values == ["amaas"],
      one(aws_ce_anomaly_subscription.this[0].subscriber).address == output.topic_arn,
      one(one(aws_ce_anomaly_subscription.this[0].threshold_expression).dimension).values == toset(["20"]),
    ])
    error_message = "Budget and monitor must cover the tag only, and notify the topic."
  }

  assert {
    condition = alltrue([
      length([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget if widget.type == "text"]) == 4,
      length([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget if widget.type == "metric"]) == 4 + 4 + 2 + 3,
      length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x} ${widget.y}"])) == 4 + 13,
      alltrue([for metric in ["ColdStarts-sentiment", "BilledDuration", "QueueDepth", "IntegrationLatency", "SuccessfulRequestLatency"] : strcontains(aws_cloudwatch_dashboard.this.dashboard_body, metric)]),
      alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.region == "eu-central-1" && widget.x + widget.width <= 24 if widget.type == "metric"]),
    ])
    error_message = "The dashboard must have a row for each model, the API and the ledger, and no graph upon another."
  }
}

run "costs_of_the_whole_account" {
  variables {
    budget       = { monthly_usd = 12.5, thresholds = [90] }
    cost_anomaly = { impact_usd = 5 }
  }

  assert {
    condition = alltrue([
      length(aws_budgets_budget.this[0].cost_filter) == 0,
      aws_budgets_budget.this[0].limit_amount == "12.50",
      length(aws_budgets_budget.this[0].notification) == 2,
      aws_ce_anomaly_monitor.this[0].monitor_type == "DIMENSIONAL",
      aws_ce_anomaly_monitor.this[0].monitor_dimension == "SERVICE",
      aws_ce_anomaly_monitor.this[0].monitor_specification == null,
    ])
    error_message = "Without a tag the whole account must be looked at."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    name         = "Amaas"
    functions    = { sentiment = { function_name = "f", alias = "live", log_group = "g", alarms = { error_rate = 5 } } }
    notify       = { emails = ["ops"] }
    budget       = { monthly_usd = 0 }
    cost_anomaly = { impact_usd = 0 }
  }

  expect_failures = [var.name, var.functions, var.notify, var.budget, var.cost_anomaly]
}

run "refuses_arns_for_suffixes_and_a_name_twice" {
  command = plan

  variables {
    services = {
      sentiment = { cluster = "c", service = "s", load_balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/1", target_group = "targetgroup/a/1", log_group = "g" }
    }
  }

  expect_failures = [var.services]
}

run "the_key_may_be_yours" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
  }

  assert {
    condition     = length(module.key) == 0 && aws_sns_topic.this.kms_master_key_id == var.kms_key_arn
    error_message = "The topic must use the given key, and the module must create none."
  }
}

run "refuses_an_alias_for_the_key" {
  command = plan

  variables {
    kms_key_arn = "alias/mine"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_key_and_topics_of_another_region" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    notify      = { topic_arns = ["arn:aws:sns:us-east-1:123456789012:ops"] }
  }

  expect_failures = [var.kms_key_arn, var.notify]
}
