# Every alarm of the stack is one entry of `local.alarms`, by its name without the prefix. An entry has
#   description  what happened, and where to look
#   metrics      what CloudWatch reads, by id: namespace, name, dimensions and stat
#   period       seconds in a datapoint
#   periods      how many datapoints in a row are above the threshold before the alarm goes off
#   expression   metric math over the ids, by an id of its own, and its `label`; without it there is a single metric
locals {
  alarms = merge(
    merge([for model, alarms in local.function_alarms : { for name, alarm in alarms : "${model}/${name}" => alarm }]...),
    merge([for model, alarms in local.service_alarms : { for name, alarm in alarms : "${model}/${name}" => alarm }]...),
    { for name, alarm in local.api_alarms : "api-${name}" => alarm },
    { for name, alarm in local.ledger_alarms : "ledger-${name}" => alarm },
  )

  single_metric = { for name, alarm in local.alarms : name => one(values(alarm.metrics)) if !can(alarm.expression) }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}/${each.key}"
  alarm_description   = each.value.description
  comparison_operator = try(each.value.comparison_operator, "GreaterThanThreshold")
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  namespace          = try(local.single_metric[each.key].namespace, null)
  metric_name        = try(local.single_metric[each.key].name, null)
  dimensions         = try(local.single_metric[each.key].dimensions, null)
  period             = can(each.value.expression) ? null : each.value.period
  statistic          = try(startswith(local.single_metric[each.key].stat, "p") ? null : local.single_metric[each.key].stat, null)
  extended_statistic = try(startswith(local.single_metric[each.key].stat, "p") ? local.single_metric[each.key].stat : null, null)

  # With few calls the slowest one is the p99.
  evaluate_low_sample_count_percentiles = try(startswith(local.single_metric[each.key].stat, "p") ? "ignore" : null, null)

  dynamic "metric_query" {
    for_each = try(each.value.expression, {})

    content {
      id          = metric_query.key
      expression  = metric_query.value
      label       = each.value.label
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = { for id, metric in each.value.metrics : id => metric if can(each.value.expression) }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = each.value.period
      }
    }
  }
}
