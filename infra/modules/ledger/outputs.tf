output "table" {
  description = "Name of the table, for AMAAS_LEDGER=dynamodb:NAME."
  value       = aws_dynamodb_table.this.name
}

output "kms_key_arn" {
  description = "ARN of the key of the table, or null for the key that AWS owns."
  value       = var.kms_key_arn
}

output "table_arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.this.arn
}
