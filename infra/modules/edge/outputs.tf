output "endpoint" {
  description = "URL without a slash at its end: the first name of the domain where there is one."
  value       = "https://${length(local.names) == 0 ? aws_cloudfront_distribution.this.domain_name : local.names[0]}"
}

output "distribution_arn" {
  description = "ARN of the distribution: whom a Function URL lets through, as the variable `edges` of the root module takes it."
  value       = aws_cloudfront_distribution.this.arn
}

output "distribution_id" {
  description = "Id of the distribution."
  value       = aws_cloudfront_distribution.this.id
}

output "web_acl_arn" {
  description = "ARN of the web ACL."
  value       = aws_wafv2_web_acl.this.arn
}

output "log_group" {
  description = "Name of WAF's log group, which is in us-east-1."
  value       = aws_cloudwatch_log_group.this.name
}
