locals {
  provisioned = var.provisioned_concurrency
  scales      = try(local.provisioned.max > local.provisioned.min, false)
}

# Provisioned concurrency of the version that callers reach. Environments of the next version are ready before the alias moves to it.
resource "aws_lambda_provisioned_concurrency_config" "this" {
  count = local.provisioned != null && !local.scales ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = local.stable_version
  provisioned_concurrent_executions = local.provisioned.min

  lifecycle {
    create_before_destroy = true
  }
}

# The same, if Application Auto Scaling sets the number. Terraform still owns the configuration, so that a destroy removes the environments.
resource "aws_lambda_provisioned_concurrency_config" "scaled" {
  count = local.scales ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = local.stable_version
  provisioned_concurrent_executions = local.provisioned.min

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [provisioned_concurrent_executions]
  }
}

resource "aws_appautoscaling_target" "this" {
  count = local.scales ? 1 : 0

  service_namespace  = "lambda"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  resource_id        = "function:${aws_lambda_provisioned_concurrency_config.scaled[0].function_name}:${aws_lambda_provisioned_concurrency_config.scaled[0].qualifier}"
  min_capacity       = local.provisioned.min
  max_capacity       = local.provisioned.max
  tags               = var.model.tags
}

resource "aws_appautoscaling_policy" "this" {
  count = local.scales ? 1 : 0

  name               = "${local.function_name}-provisioned"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = local.provisioned.target_utilization

    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}
