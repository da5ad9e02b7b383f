# Alarms of the models that are services behind a load balancer.
locals {
  target = { for model, service in var.services : model => {
    LoadBalancer = service.load_balancer
    TargetGroup  = service.target_group
  } }
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  for_each = var.services

  alarm_name          = "${var.name}/${each.key}/unhealthy"
  alarm_description   = "A task of the model ${each.key} has failed its health check for five minutes. Look at the events of the service ${each.value.service} in the cluster ${each.value.cluster}, and for a model that does not load in the log group ${each.value.log_group}."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = local.target[each.key]
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags
}

# Without the load balancer's own 503: with it a service that rests answers the call that wakes it.
resource "aws_cloudwatch_metric_alarm" "service_errors" {
  for_each = var.services

  alarm_name          = "${var.name}/${each.key}/errors"
  alarm_description   = "More than 1 % of the calls of the model ${each.key} were answered 5xx for ten minutes. Look in the log group ${each.value.log_group}; where nothing is there, at tasks of ${each.value.service} that end or do not answer in time (502, 504)."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.01
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  metric_query {
    id          = "rate"
    expression  = "(FILL(target, 0) + FILL(gateway, 0) + FILL(late, 0)) / calls"
    label       = "5xx by calls"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      calls   = { metric = "RequestCount", dimensions = local.target[each.key] }
      target  = { metric = "HTTPCode_Target_5XX_Count", dimensions = local.target[each.key] }
      gateway = { metric = "HTTPCode_ELB_502_Count", dimensions = { LoadBalancer = each.value.load_balancer } }
      late    = { metric = "HTTPCode_ELB_504_Count", dimensions = { LoadBalancer = each.value.load_balancer } }
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "service_duration" {
  for_each = var.services

  alarm_name          = "${var.name}/${each.key}/p99"
  alarm_description   = "One call in a hundred of the model ${each.key} took longer than ${each.value.p99_ms} ms for fifteen minutes. Look at QueueDepth: where calls wait, let ${each.value.service} have more tasks."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = local.target[each.key]
  extended_statistic  = "p99"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.p99_ms / 1000 # the load balancer counts seconds
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  evaluate_low_sample_count_percentiles = "ignore"
}
