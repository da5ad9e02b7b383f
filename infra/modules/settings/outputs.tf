output "typed" {
  description = "True: each value that was written has the type of its setting. It depends on nothing but `given`, so its message comes beside Terraform's own."
  value       = true

  precondition {
    condition     = length(local.mistyped) == 0
    error_message = "${join("; ", local.mistyped)}. The README of infra has all settings."
  }
}

output "models" {
  description = "The settings of each model, complete."
  value       = var.models

  precondition {
    condition     = length(local.unknown) == 0
    error_message = "There are no such settings, and Terraform would drop them without a word: ${join("; ", [for setting in local.unknown : "${setting.name}${setting.suggestion == "" ? "" : ", write ${setting.suggestion}"}"])}. The README of infra has all of them."
  }

  precondition {
    condition     = length(local.without_effect) == 0
    error_message = "models with gpu must not have settings of Lambda's, which would have no effect: take ${join("; ", [for model, settings in local.without_effect : "${join(", ", settings)} out of ${model}"])}. What gpu has instead is gpu.memory_mb, gpu.cpu and gpu.instance_type."
  }

  precondition {
    condition     = length(local.shared_names) == 0
    error_message = "models must not make one name twice: ${join("; ", [for name, owners in local.shared_names : "the ${name} would be made by ${join(" and by ", owners)}"])}. Publish one of them under another name."
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
