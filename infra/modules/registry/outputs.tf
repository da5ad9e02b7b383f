output "bucket" {
  description = "Name of the bucket of published models."
  value       = aws_s3_bucket.this.id
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "store" {
  description = "The registry as value of AMAAS_STORE: s3://BUCKET."
  value       = "s3://${aws_s3_bucket.this.id}"
}

output "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket."
  value       = local.kms_key_arn
}

output "kms_alias" {
  description = "Alias of the KMS key, or null with your own key."
  value       = one(module.key[*].alias)
}

output "sealing_key_arn" {
  description = "ARN of the KMS key that wraps the keys of sealed calls and models, for AMAAS_KMS_KEY."
  value       = local.sealing_key_arn
}

output "log_key_arn" {
  description = "ARN of the KMS key for logs, or null without one."
  value       = one(module.log_key[*].arn)
}
