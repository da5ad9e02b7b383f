output "table" {
  description = "Name of the table, as AMAAS_LEDGER wants it behind `dynamodb:`."
  value       = aws_dynamodb_table.this.name
}

output "table_arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.this.arn
}
