locals {
  alias = "live"

  # What callers reach where no canary is out: the version that was named, or the one that this apply publishes.
  stable_version = coalesce(var.stable_version, aws_lambda_function.this.version)

  # Lambda refuses a share for the version that has the rest already: nothing was changed yet, so there is nothing to try.
  canary_is_out = var.canary != null && aws_lambda_function.this.version != local.stable_version
}

# The version that callers reach. A canary is two lines of the configuration and not a deployment of its own: `stable_version` keeps
# the alias where it is, and `canary` gives the version of this apply its share.
resource "aws_lambda_alias" "live" {
  name             = local.alias
  description      = "The version that callers reach"
  function_name    = aws_lambda_function.this.function_name
  function_version = local.stable_version

  dynamic "routing_config" {
    for_each = local.canary_is_out ? [var.canary.weight] : []

    content {
      additional_version_weights = { (aws_lambda_function.this.version) = routing_config.value }
    }
  }

  # Callers come when the version's environments stand ready.
  depends_on = [aws_lambda_provisioned_concurrency_config.this, aws_lambda_provisioned_concurrency_config.scaled]
}
