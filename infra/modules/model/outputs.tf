output "name" {
  description = "Name of the model."
  value       = var.name
}

output "environment" {
  description = "Environment variables of the model's program."
  value       = local.environment
}

output "statements" {
  description = "IAM statements for the role of the model's program: it reads this model and the accounts, and writes usage."
  value       = local.statements
}

output "sealing" {
  description = "Whether calls must be sealed: required, optional or off."
  value       = var.sealing
}

output "cors_origins" {
  description = "Origins whose pages may call the model from a browser."
  value       = var.cors_origins
}

output "log_retention_days" {
  description = "Days until CloudWatch deletes events of the logs."
  value       = var.log_retention_days
}

output "log_kms_key_arn" {
  description = "ARN of the KMS key for the logs, or null."
  value       = var.log_kms_key_arn
}

output "roles" {
  description = "Path and permissions boundary of every IAM role."
  value       = var.roles
}

output "tags" {
  description = "Tags of every resource of the model."
  value       = var.tags
}
