# Warnings of a plan: what is asked for and does nothing, or is rarely meant. What cannot work is refused where it is written.

locals {
  # Functions that the API alone reaches.
  only_by_api = [for model, settings in local.functions : model if local.by_api[model] && coalesce(settings.url.mode, "OFF") == "OFF"]

  api_timeout_ms = try(var.api.timeout_ms, 0)

  # The API gives up a second before a function's default of 30 s, which nobody has to write.
  outlive_api = [for model in local.only_by_api : model if local.functions[model].timeout_s * 1000 > local.api_timeout_ms + 1000]

  unlimited = [
    for model, settings in local.functions : model
    if settings.url.authorization == "NONE" && settings.reserved_concurrency == null && coalesce(settings.url.mode, var.api == null ? "BUFFERED" : "OFF") != "OFF"
  ]

  throttled_by_nobody = [for model, settings in local.models : model if settings.throttle != null && !local.by_api[model]]
  watched_by_nobody   = [for model, settings in var.models : model if try(settings.alarms, null) != null && var.observability == null]

  # What only a VPC that is made has.
  of_made_network = [
    for name in ["endpoints", "exclude_zone_ids", "zone_ids", "zone_names"] : name
    if try(var.network.existing, null) != null && length(try(coalesce(var.network[name], []), [])) > 0
  ]
}

check "settings_without_effect" {
  assert {
    condition     = length(local.throttled_by_nobody) == 0
    error_message = "throttle has no effect without api, nor for a model that streams at its own URL: write api = {}, or take throttle out, for ${join(", ", local.throttled_by_nobody)}. What limits a function itself is reserved_concurrency."
  }

  assert {
    condition     = length(local.watched_by_nobody) == 0
    error_message = "alarms have no effect without observability, which makes them: write observability = { emails = [\"you@example.com\"] }, or take alarms out, for ${join(", ", local.watched_by_nobody)}."
  }

  assert {
    condition     = length(local.of_made_network) == 0
    error_message = "network.existing has its own zones and endpoints: take ${join(", ", local.of_made_network)} out of network."
  }

  assert {
    condition     = try(var.observability.cost_tag, null) == null || try(var.observability.budget, null) != null || try(var.observability.cost_anomaly, null) != null
    error_message = "observability.cost_tag has no effect without budget or cost_anomaly, which look at it: write budget = { monthly_usd = 100 }, or take cost_tag out."
  }
}

check "timeouts" {
  assert {
    condition     = length(local.outlive_api) == 0
    error_message = "timeout_s must not be longer than the API waits (${local.api_timeout_ms / 1000} s), or callers get 503 while the function runs on and is paid: write timeout_s = ${floor(local.api_timeout_ms / 1000)} or less for ${join(", ", local.outlive_api)}, or give a model that needs longer a URL of its own, url = { mode = \"BUFFERED\" }."
  }
}

check "public_urls" {
  assert {
    condition     = length(local.unlimited) == 0
    error_message = "url.authorization = \"NONE\" lets anyone start a function, which costs before it refuses them: write reserved_concurrency = 10, the most that run at once and so the ceiling of the bill, for ${join(", ", local.unlimited)}."
  }
}
