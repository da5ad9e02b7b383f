output "publisher" {
  description = "Policy of publishers, in JSON: reads and writes the registry, wraps for models, deletes nothing."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.publish })
}

output "administrator" {
  description = "Policy of administrators of tenants, API keys, prices and usage, who also delete models, in JSON."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.administer })
}

output "operator" {
  description = "Policies of operators, who run Terraform, in JSON: data, roles, functions, front, and if the stack has them network, gpu and edge. Each fits into a managed policy."
  value       = { for name, statements in local.operate : name => jsonencode({ Version = "2012-10-17", Statement = statements }) if !contains(concat([for part in ["gpu", "edge"] : part if !var.parts[part]], var.parts.network || var.parts.vpc ? [] : ["network"]), name) }
}
