# Application Auto Scaling sets the number of tasks, and Terraform never does. Four alarms each start one step scaling policy. A fixed number
# (`min` equal to `max`) is kept by the same policies.
#
#   scale_from_zero  no task runs, and the load balancer answers calls with 503; or, with a `min` above 0, fewer
#                    tasks are wanted than `min`                                                                → one more
#   scale_out        more rows are queued at each task than `queue_depth`                                       → one more
#   scale_in         few rows are queued                                                                        → one less, not the last
#   scale_to_zero    no call for `idle_minutes`                                                                 → `min`
locals {
  by_balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  by_service  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
}

# QueueDepth from this service's own log. CloudWatch also makes a metric from the same log lines, by model. Another stack may have a model of the
# same name, and its idle tasks would lower that average. There is no default value: no data means no task, not an empty queue.
resource "aws_cloudwatch_log_metric_filter" "depth" {
  name           = "${local.service_name}-queue-depth"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "{ $.QueueDepth >= 0 }"

  metric_transformation {
    namespace = "amaas/${local.service_name}"
    name      = "QueueDepth"
    value     = "$.QueueDepth"
    unit      = "Count"
  }
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.capacity.min
  max_capacity       = var.capacity.max
  tags               = var.model.tags
}

locals {
  min_running = max(1, var.capacity.min)
  queue_depth = one(aws_cloudwatch_log_metric_filter.depth.metric_transformation)

  # Each policy has a metric math expression over the metrics below, which is 1 if the policy must act. The alarm goes off after `minutes` in a
  # row. `missing` says how CloudWatch treats missing data: load balancer and task metrics have no datapoints if nothing happened.
  policies = {
    scale_from_zero = {
      # The cooldown covers the start of an instance, the image pull and the model load, so no second task starts meanwhile.
      type       = "ChangeInCapacity", by = 1, cooldown = var.capacity.min > 0 ? 60 : 600, minutes = 1, missing = "notBreaching"
      expression = var.capacity.min > 0 ? "IF(desired < ${var.capacity.min}, 1, 0)" : "IF(refused > 0, 1, 0)"
    }
    scale_out = {
      type       = "ChangeInCapacity", by = 1, cooldown = 300, minutes = 1, missing = "notBreaching"
      expression = "IF(depth > ${var.scaling.queue_depth}, 1, 0)"
    }
    scale_in = {
      type       = "ChangeInCapacity", by = -1, cooldown = 300, minutes = 10, missing = "notBreaching"
      expression = "IF(desired > ${local.min_running} AND depth < ${var.scaling.queue_depth / 4}, 1, 0)"
    }
    scale_to_zero = {
      # Calls that found no task count too. Otherwise a task could stop right after its start, while its caller still retries.
      type       = "ExactCapacity", by = var.capacity.min, cooldown = 60, minutes = var.scaling.idle_minutes, missing = "breaching"
      expression = "IF(SUM([requests, refused]) >= 1, 0, 1)"
    }
  }

  metrics = {
    desired  = { namespace = "ECS/ContainerInsights", name = "DesiredTaskCount", stat = "Maximum", dimensions = local.by_service }
    refused  = { namespace = "AWS/ApplicationELB", name = "HTTPCode_ELB_503_Count", stat = "Sum", dimensions = local.by_balancer }
    requests = { namespace = "AWS/ApplicationELB", name = "RequestCount", stat = "Sum", dimensions = local.by_balancer }
    depth    = { namespace = local.queue_depth.namespace, name = local.queue_depth.name, stat = "Average", dimensions = null }
  }
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.policies

  name               = "${local.service_name}-${each.key}"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  step_scaling_policy_configuration {
    adjustment_type         = each.value.type
    cooldown                = each.value.cooldown
    metric_aggregation_type = "Maximum"

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = each.value.by
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.policies

  alarm_name          = "${var.name}/${var.model.name}/${each.key}"
  alarm_description   = "Not a fault: moves the number of tasks of ${local.service_name} (${each.key})."
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_appautoscaling_policy.this[each.key].arn]
  tags                = var.model.tags

  metric_query {
    id          = "due"
    label       = each.key
    expression  = each.value.expression
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { for id, metric in local.metrics : id => metric if can(regex("\\b${id}\\b", each.value.expression)) }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = 60
      }
    }
  }
}
