output "bucket" {
  description = "Name of the bucket, for `bucket` in environments/*.s3.tfbackend."
  value       = aws_s3_bucket.this.id
}
