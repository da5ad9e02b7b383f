# Warnings in a plan: settings without effect, and settings that are rarely intended. Settings that cannot work are refused by validations.

locals {
  # Functions that only the API reaches.
  only_behind_api = [for model, settings in local.functions : model if local.behind_api[model] && coalesce(settings.url.mode, "OFF") == "OFF"]

  api_timeout_ms = try(module.settings.api.timeout_ms, 0)

  # A second of tolerance: the API's default timeout is a second shorter than a function's default timeout of 30 s.
  slower_than_api = [for model in local.only_behind_api : model if local.functions[model].timeout_s * 1000 > local.api_timeout_ms + 1000]

  public_without_limit = [
    for model, settings in local.functions : model
    if settings.url.authorization == "NONE" && settings.reserved_concurrency == null && coalesce(settings.url.mode, module.settings.api == null ? "BUFFERED" : "OFF") != "OFF"
  ]

  throttles_without_api        = [for model, settings in local.models : model if settings.throttle != null && !local.behind_api[model]]
  alarms_without_observability = [for model, settings in var.models : model if try(settings.alarms, null) != null && module.settings.observability == null]

  # The API answers preflights by its own `cors`. With authorization it refuses them, because they have no credentials.
  unused_cors_origins = module.settings.api == null ? [] : [
    for model, settings in local.models : model
    if length(settings.cors_origins) > 0 && (settings.gpu != null || contains(local.only_behind_api, model)) && (module.settings.api.cors != null || module.settings.api.authorization != "NONE")
  ]

  # Without `try`, whose result is unknown until the whole object is known.
  written_network  = var.network == null ? tomap({}) : tomap({ for name, value in var.network : name => value != null if name != "existing" })
  existing_network = module.settings.network == null ? false : module.settings.network.existing != null
  named_zones      = lookup(local.written_network, "zone_ids", false) || lookup(local.written_network, "zone_names", false)

  unused_zone_settings = [for name in ["exclude_zone_ids", "zones"] : name if local.named_zones && lookup(local.written_network, name, false)]

  # Settings of a new VPC.
  unused_network_settings = [
    for name in ["cidr", "endpoints", "exclude_zone_ids", "flow_logs", "zone_ids", "zone_names", "zones"] : name
    if local.existing_network && lookup(local.written_network, name, false)
  ]
}

check "settings_without_effect" {
  assert {
    condition     = length(local.throttles_without_api) == 0
    error_message = "throttle has no effect without api, or for a model that streams at its own URL: write api = {}, or take throttle out, for ${join(", ", local.throttles_without_api)}. Use reserved_concurrency to limit a function itself."
  }

  assert {
    condition     = length(local.alarms_without_observability) == 0
    error_message = "alarms have no effect without observability: write observability = { emails = [\"you@example.com\"] }, or take alarms out, for ${join(", ", local.alarms_without_observability)}."
  }

  assert {
    condition     = length(local.unused_cors_origins) == 0
    error_message = "cors_origins has no effect behind an API with cors or with authorization, which refuses preflights: write the origins as api.cors.origins, and take cors_origins out, for ${join(", ", local.unused_cors_origins)}."
  }

  assert {
    condition     = length(local.unused_zone_settings) == 0
    error_message = "network has settings without effect beside zone_ids or zone_names, which name the zones: take ${join(" and ", local.unused_zone_settings)} out."
  }

  assert {
    condition     = length(local.unused_network_settings) == 0
    error_message = "network.existing has its own zones, endpoints and flow logs: take ${join(", ", local.unused_network_settings)} out of network."
  }

  assert {
    condition     = try(module.settings.observability.cost_tag, null) == null || try(module.settings.observability.budget, null) != null || try(module.settings.observability.cost_anomaly, null) != null
    error_message = "observability.cost_tag has no effect without budget or cost_anomaly: write budget = { monthly_usd = 100 }, or take cost_tag out."
  }
}

check "timeouts" {
  assert {
    condition     = length(local.slower_than_api) == 0
    error_message = "timeout_s must not be longer than the API waits (${local.api_timeout_ms / 1000} s), or callers get 503 while the function runs on and costs money: write timeout_s = ${floor(local.api_timeout_ms / 1000)} or less for ${join(", ", local.slower_than_api)}, or give a slower model its own URL, url = { mode = \"BUFFERED\" }."
  }
}

check "public_urls" {
  assert {
    condition     = length(local.public_without_limit) == 0
    error_message = "url.authorization = \"NONE\" lets anyone start the function, which costs money even if it refuses the call: write reserved_concurrency = 10, which limits the bill, for ${join(", ", local.public_without_limit)}."
  }
}
