output "publisher" {
  description = "Policy of who publishes models: reads and writes the registry, wraps for models, deletes nothing. JSON."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.publish })
}

output "administrator" {
  description = "Policy of who administers tenants, API keys, prices and usage, and removes models. JSON."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.administer })
}

output "operator" {
  description = "Policies of who runs Terraform, by what they are for: data, roles, functions, front, and where the stack has it network, gpu and edge. Each is JSON that fits into a managed policy."
  value       = { for name, statements in local.operate : name => jsonencode({ Version = "2012-10-17", Statement = statements }) if !contains(concat([for part in ["gpu", "edge"] : part if !var.parts[part]], var.parts.network || var.parts.vpc ? [] : ["network"]), name) }
}
