# Alarms of the models that are functions. Each looks at the alias that callers reach: what somebody tries with another version
# wakes nobody.
locals {
  alias = { for model, function in var.functions : model => {
    FunctionName = function.function_name
    Resource     = "${function.function_name}:${function.alias}"
  } }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = var.functions

  alarm_name          = "${var.name}/${each.key}/errors"
  alarm_description   = "More than ${each.value.alarms.error_rate * 100} % of the calls of the model ${each.key} crashed, timed out or were answered with status 500 or more for ten minutes. Look for \"failed\", panics, timeouts and memory in the log group ${each.value.log_group}."
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.alarms.error_rate
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  metric_query {
    id          = "rate"
    expression  = "SUM([errors, failures]) / calls"
    label       = "Errors by calls"
    return_data = true
  }

  # What the function answered with status 500 or more, which is no error to Lambda.
  metric_query {
    id = "failures"

    metric {
      namespace   = "amaas"
      metric_name = "Failures"
      dimensions  = { Function = each.value.function_name }
      stat        = "Sum"
      period      = 300
    }
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", calls = "Invocations" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = local.alias[each.key]
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each = var.functions

  alarm_name          = "${var.name}/${each.key}/throttles"
  alarm_description   = "Lambda refused ${each.value.alarms.throttles} or more calls of the model ${each.key} within five minutes. Look at ConcurrentExecutions of ${each.value.function_name}: raise its reserved concurrency or the account's limit, or ask who calls so much."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = local.alias[each.key]
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.alarms.throttles
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "duration" {
  for_each = var.functions

  alarm_name          = "${var.name}/${each.key}/p99"
  alarm_description   = "One call in a hundred of the model ${each.key} took longer than ${each.value.alarms.p99_ms} ms for fifteen minutes. Look at cold starts, at the size of inputs, and at the memory of ${each.value.function_name}, which decides about its CPU."
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = local.alias[each.key]
  extended_statistic  = "p99"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.alarms.p99_ms
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  # With a handful of calls the slowest is the p99.
  evaluate_low_sample_count_percentiles = "ignore"
}

# Lambda reports a cold start in its log and in no metric: in text as "Init Duration", in JSON as "initDurationMs".
resource "aws_cloudwatch_log_metric_filter" "cold_starts" {
  for_each = var.functions

  name           = "${var.name}-${each.key}-cold-starts"
  log_group_name = each.value.log_group
  pattern        = "?\"Init Duration:\" ?initDurationMs"

  metric_transformation {
    namespace = local.namespace
    name      = "ColdStarts-${each.key}" # a filter takes dimensions out of the line only, and the line has no model
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "cold_starts" {
  for_each = var.functions

  alarm_name          = "${var.name}/${each.key}/cold-starts"
  alarm_description   = "More than ${each.value.alarms.cold_start_rate * 100} % of the calls of the model ${each.key} met a cold start for half an hour, with ${local.least_calls} calls or more. Look at how calls come: bursts call for provisioned concurrency, a steady trickle for a warmer."
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.alarms.cold_start_rate
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  metric_query {
    id          = "rate"
    expression  = "IF(calls >= ${local.least_calls}, FILL(starts, 0) / calls, 0)"
    label       = "Cold starts by calls"
    return_data = true
  }

  metric_query {
    id = "starts"

    metric {
      namespace   = local.namespace
      metric_name = aws_cloudwatch_log_metric_filter.cold_starts[each.key].metric_transformation[0].name
      stat        = "Sum"
      period      = 900
    }
  }

  metric_query {
    id = "calls"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      dimensions  = local.alias[each.key]
      stat        = "Sum"
      period      = 900
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = { for model, function in var.functions : model => function if function.dead_letter_queue != null }

  alarm_name          = "${var.name}/${each.key}/dead-letters"
  alarm_description   = "Work for the model ${each.key} was given up and lies in the queue ${each.value.dead_letter_queue}. Read why in the log group ${each.value.log_group}, mend it, and send the messages back to their source before they expire."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.dead_letter_queue }
  statistic           = "Maximum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags
}

locals {
  namespace = "amaas/${var.name}"

  # A model that is called now and then starts cold at each call, which is no fault.
  least_calls = 20
}
