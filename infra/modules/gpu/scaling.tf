# Tasks come with what waits and go with what does not. Each alarm moves the service's number of tasks by one step, and Terraform never
# does: so a fixed number, `min` the same as `max`, is kept by the same steps.
#
#   wake    fewer than the least there may be; or none, and calls find none: the load
#           balancer answers 503; who repeats for as long as a start takes is answered    → the least, or one
#   more    more rows wait at each than may                                             → one more
#   fewer   nearly none wait                                                            → one less, not the last
#   sleep   nobody called for a while                                                   → the least there may be
locals {
  by_balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  by_service  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
}

# What the tasks say waits, out of their own log: the metric that they make of it themselves is by model, and a stack beside this one may have
# a model of the same name, whose idle tasks would be averaged in. Without a default value, since nothing said is no task, and not no queue.
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
  least = max(1, var.capacity.min)
  told  = one(aws_cloudwatch_log_metric_filter.depth.metric_transformation)

  # The step, and the expression, over metrics below, that is 1 where it is due for so many minutes in a row. `missing` is what an
  # expression without data means: metrics of a load balancer and of tasks have none where nothing happened.
  steps = {
    wake = {
      # A second one is not started while the first is: an instance, an image and a model take their time.
      type       = "ChangeInCapacity", by = 1, cooldown = var.capacity.min > 0 ? 60 : 600, minutes = 1, missing = "notBreaching"
      expression = var.capacity.min > 0 ? "IF(desired < ${var.capacity.min}, 1, 0)" : "IF(refused > 0, 1, 0)"
    }
    more = {
      type       = "ChangeInCapacity", by = 1, cooldown = 300, minutes = 1, missing = "notBreaching"
      expression = "IF(depth > ${var.scaling.queue_depth}, 1, 0)"
    }
    fewer = {
      type       = "ChangeInCapacity", by = -1, cooldown = 300, minutes = 10, missing = "notBreaching"
      expression = "IF(desired > ${local.least} AND depth < ${var.scaling.queue_depth / 4}, 1, 0)"
    }
    sleep = {
      # Calls that found no task count: whoever is waited for must not be sent away again.
      type       = "ExactCapacity", by = var.capacity.min, cooldown = 60, minutes = var.scaling.idle_minutes, missing = "breaching"
      expression = "IF(SUM([requests, refused]) >= 1, 0, 1)"
    }
  }

  metrics = {
    desired  = { namespace = "ECS/ContainerInsights", name = "DesiredTaskCount", stat = "Maximum", dimensions = local.by_service }
    refused  = { namespace = "AWS/ApplicationELB", name = "HTTPCode_ELB_503_Count", stat = "Sum", dimensions = local.by_balancer }
    requests = { namespace = "AWS/ApplicationELB", name = "RequestCount", stat = "Sum", dimensions = local.by_balancer }
    depth    = { namespace = local.told.namespace, name = local.told.name, stat = "Average", dimensions = null }
  }
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.steps

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
  for_each = local.steps

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
