locals {
  alias = "live"

  # The version of callers without a canary: the named one, or the one that this apply publishes.
  stable_version = coalesce(var.stable_version, aws_lambda_function.this.version)

  # Lambda refuses to route a share to the alias's own version. Without a new version there is no canary.
  has_canary = var.canary != null && aws_lambda_function.this.version != local.stable_version
}

# The version that callers reach. A canary is two lines of configuration: `stable_version` keeps the alias at its version, and `canary` routes a share
# of the calls to the version of this apply.
resource "aws_lambda_alias" "live" {
  name             = local.alias
  description      = "The version that callers reach"
  function_name    = aws_lambda_function.this.function_name
  function_version = local.stable_version

  dynamic "routing_config" {
    for_each = local.has_canary ? [var.canary.weight] : []

    content {
      additional_version_weights = { (aws_lambda_function.this.version) = routing_config.value }
    }
  }

  # Callers reach the version when its provisioned environments are ready.
  depends_on = [aws_lambda_provisioned_concurrency_config.this, aws_lambda_provisioned_concurrency_config.scaled]
}
