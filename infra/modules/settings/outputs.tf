output "typed" {
  description = "True if each value has the type of its setting. It depends on `given` only, so its message comes beside Terraform's own."
  value       = true

  precondition {
    condition     = length(local.mistyped) == 0
    error_message = "${join("; ", local.mistyped)}. docs/settings.md of infra has all settings."
  }
}

output "models" {
  description = "The settings of each model, complete."
  value       = var.models

  precondition {
    condition     = length(local.unknown) == 0
    error_message = "These settings do not exist, and Terraform would silently drop them: ${join("; ", [for setting in local.unknown : "${setting.name}${setting.suggestion == "" ? "" : ", write ${setting.suggestion}"}"])}. docs/settings.md of infra has all of them."
  }

  precondition {
    condition     = length(local.without_effect) == 0
    error_message = "models with gpu must not have settings of Lambda, which would have no effect: take ${join("; ", [for model, settings in local.without_effect : "${join(", ", settings)} out of ${model}"])}. Use gpu.memory_mb, gpu.cpu and gpu.instance_type instead."
  }

  precondition {
    condition     = length(local.shared_names) == 0
    error_message = "models must have resources of different names: ${join("; ", [for name, owners in local.shared_names : "the ${name} would belong to ${join(" and to ", owners)}"])}. Publish one of them under another name."
  }
}

output "registry" {
  description = "`registry` with its defaults."
  value       = var.registry
}

output "ledger" {
  description = "`ledger` with its defaults."
  value       = var.ledger
}

output "roles" {
  description = "`roles` with its defaults."
  value       = var.roles
}

output "oidc" {
  description = "`oidc` with its defaults."
  value       = var.oidc
}

output "logs" {
  description = "`logs` with its defaults."
  value       = var.logs
}

output "network" {
  description = "`network` with its defaults."
  value       = var.network
}

output "api" {
  description = "`api` with its defaults."
  value       = var.api
}

output "observability" {
  description = "`observability` with its defaults."
  value       = var.observability
}
