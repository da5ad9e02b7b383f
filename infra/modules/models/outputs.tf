output "models" {
  description = "The settings of each model, complete."
  value       = var.models

  precondition {
    condition     = length(local.unknown) == 0
    error_message = "models must not have settings that there are not, because Terraform would drop them without a word: ${join("; ", [for setting in local.unknown : "${setting.model} has ${setting.path}${setting.meant == "" ? "" : ", write ${setting.meant}"}"])}. The README of infra has all settings of a model."
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
