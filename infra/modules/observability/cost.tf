resource "aws_budgets_budget" "this" {
  count = var.budget == null ? 0 : 1

  name         = "${var.name}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = format("%.2f", var.budget.monthly_usd)
  limit_unit   = "USD"
  tags         = var.tags

  dynamic "cost_filter" {
    for_each = var.cost_tag[*]

    content {
      name   = "TagKeyValue"
      values = [format("user:%s$%s", cost_filter.value.key, cost_filter.value.value)]
    }
  }

  dynamic "notification" {
    for_each = concat(
      [for percent in var.budget.thresholds : { type = "ACTUAL", percent = percent }],
      [{ type = "FORECASTED", percent = var.budget.forecast }],
    )

    content {
      notification_type          = notification.value.type
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
      subscriber_sns_topic_arns  = [aws_sns_topic.this.arn]
      subscriber_email_addresses = var.budget.emails
    }
  }

  # Budgets checks the topic's policy when a subscriber is added.
  depends_on = [aws_sns_topic_policy.this]
}

resource "aws_ce_anomaly_monitor" "this" {
  count = var.cost_anomaly == null ? 0 : 1

  name              = "${var.name}-cost"
  monitor_type      = var.cost_tag == null ? "DIMENSIONAL" : "CUSTOM"
  monitor_dimension = var.cost_tag == null ? "SERVICE" : null
  tags              = var.tags

  # Every field as the service returns it. A difference would replace the monitor, which would lose its history.
  monitor_specification = var.cost_tag == null ? null : jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = var.cost_tag.key, MatchOptions = null, Values = [var.cost_tag.value] }
  })
}

resource "aws_ce_anomaly_subscription" "this" {
  count = var.cost_anomaly == null ? 0 : 1

  name             = "${var.name}-cost"
  frequency        = "IMMEDIATE" # the only frequency for a topic
  monitor_arn_list = [aws_ce_anomaly_monitor.this[0].arn]
  tags             = var.tags

  subscriber {
    type    = "SNS"
    address = aws_sns_topic.this.arn
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.cost_anomaly.impact_usd)]
    }
  }

  depends_on = [aws_sns_topic_policy.this]
}
