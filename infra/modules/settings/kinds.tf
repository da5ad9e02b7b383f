# For a value of a wrong type Terraform names neither the model nor the setting ("a number is required"). So the values as written are first compared
# with this list. tests/test_source.py compares the list with the types in variables.tf.
locals {
  kinds = {
    number = [ # such as 30
      "api.cors.max_age_s", "api.log_retention_days", "api.throttle.burst", "api.throttle.rate", "api.timeout_ms",
      "models.alarms.cold_start_rate", "models.alarms.error_rate", "models.alarms.p99_ms", "models.alarms.throttles",
      "models.canary.rollback.error_rate", "models.canary.rollback.min_calls", "models.canary.rollback.minutes",
      "models.canary.rollback.p99_ms", "models.canary.weight", "models.dead_letters.max_age_s", "models.dead_letters.retention_days",
      "models.dead_letters.retries", "models.ephemeral_storage_mb", "models.gpu.capacity.max", "models.gpu.capacity.min", "models.gpu.cpu",
      "models.gpu.gpus", "models.gpu.memory_mb", "models.gpu.scaling.idle_minutes", "models.gpu.scaling.queue_depth", "models.least_serial",
      "models.log_retention_days", "models.memory_mb", "models.provisioned_concurrency.max", "models.provisioned_concurrency.min",
      "models.provisioned_concurrency.target_utilization", "models.reserved_concurrency", "models.throttle.burst", "models.throttle.rate",
      "models.timeout_s", "network.flow_logs.retention_days", "network.zones", "observability.budget.forecast",
      "observability.budget.monthly_usd", "observability.cost_anomaly.impact_usd", "registry.incomplete_upload_days",
      "registry.key_deletion_window_days", "registry.noncurrent_version_days",
    ]
    bool = [ # true or false
      "api.cors.credentials", "ledger.deletion_protection", "ledger.point_in_time_recovery", "logs.own_key",
      "models.canary.rollback.automatic", "models.gpu.capacity.spot", "models.snap_start", "network.flow_logs.enabled", "network.functions",
      "registry.force_destroy",
    ]
    list = [ # such as ["a", "b"]
      "api.cors.expose_headers", "api.cors.headers", "api.cors.methods", "api.cors.origins", "api.jwt.audience", "models.cors_origins",
      "models.execution_providers", "models.gpu.client_cidrs", "network.endpoints", "network.exclude_zone_ids",
      "network.existing.security_group_ids", "network.existing.subnet_ids", "network.zone_ids", "network.zone_names",
      "observability.budget.thresholds", "observability.emails", "observability.topic_arns", "oidc.algorithms", "registry.readers",
    ]
    object = [ # settings in braces
      "api.cors", "api.domain", "api.jwt", "api.shared", "api.throttle", "ledger.existing", "models.alarms", "models.canary",
      "models.canary.rollback", "models.dead_letters", "models.environment", "models.gpu", "models.gpu.capacity", "models.gpu.scaling",
      "models.provisioned_concurrency", "models.throttle", "models.url", "network.existing", "network.flow_logs", "observability.budget",
      "observability.cost_anomaly", "observability.cost_tag", "registry.existing",
    ]
  }

  # Value by path of the setting, at any depth.
  values = flatten([for of, settings in local.written : concat(
    [{ path = of, kind = "", value = settings }],
    flatten([for name in try(keys(settings), []) : concat(
      [{ path = "${of}.${name}", kind = "${split(".", of)[0]}.${name}", value = settings[name] }],
      flatten([for inner in try(keys(settings[name]), []) : concat(
        [{ path = "${of}.${name}.${inner}", kind = "${split(".", of)[0]}.${name}.${inner}", value = settings[name][inner] }],
        [for last in try(keys(settings[name][inner]), []) : {
          path = "${of}.${name}.${inner}.${last}", kind = "${split(".", of)[0]}.${name}.${inner}.${last}", value = settings[name][inner][last]
        }],
      )]),
    )]),
  )])

  mistyped = [for setting in local.values : join("", [
    setting.path, " must be ",
    setting.kind == "" || contains(local.kinds.object, setting.kind) ? "settings in braces" : contains(local.kinds.list, setting.kind) ? "a list" :
    contains(local.kinds.bool, setting.kind) ? "true or false" : "a number",
    ", not ", jsonencode(setting.value),
    ]) if setting.value != null && !(
    setting.kind == "" || contains(local.kinds.object, setting.kind) ? can(keys(setting.value)) :
    contains(local.kinds.list, setting.kind) ? can(tolist(setting.value)) :
    contains(local.kinds.bool, setting.kind) ? can(tobool(setting.value)) :
    contains(local.kinds.number, setting.kind) ? can(tonumber(setting.value)) : true
  )]
}
