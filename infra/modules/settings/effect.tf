locals {
  only_lambda = ["alarms", "architecture", "ephemeral_storage_mb", "memory_mb", "timeout_s", "tracing", "url"]

  without_effect = { for model in local.services : model => [
    for name, value in try(var.given.models[model], {}) : name if contains(local.only_lambda, name) && value != null
  ] if anytrue([for name, value in try(var.given.models[model], {}) : contains(local.only_lambda, name) && value != null]) }
}
