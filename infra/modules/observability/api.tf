# Alarms of the HTTP API.
resource "aws_cloudwatch_metric_alarm" "api_errors" {
  count = var.api == null ? 0 : 1

  alarm_name          = "${var.name}/api-errors"
  alarm_description   = "More than 1 % of the API's requests were answered 5xx for ten minutes. Look in the access log for integrationError: a function that fails, that the API may not invoke, or that takes longer than the API waits."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.01
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  metric_query {
    id          = "rate"
    expression  = "errors / calls"
    label       = "5xx by requests"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "5xx", calls = "Count" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApiGateway"
        metric_name = metric_query.value
        dimensions  = { ApiId = var.api.id, Stage = var.api.stage }
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "api_latency" {
  count = var.api == null ? 0 : 1

  alarm_name          = "${var.name}/api-p99"
  alarm_description   = "One request in a hundred took longer than ${var.api.p99_ms} ms for fifteen minutes. Look for the slow route in the access log: latencyMs has the whole time and integrationLatencyMs the model's share of it."
  namespace           = "AWS/ApiGateway"
  metric_name         = "Latency"
  dimensions          = { ApiId = var.api.id, Stage = var.api.stage }
  extended_statistic  = "p99"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.api.p99_ms
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  evaluate_low_sample_count_percentiles = "ignore"
}
