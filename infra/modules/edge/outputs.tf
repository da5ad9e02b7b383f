output "endpoint" {
  description = "URL without a trailing slash: the first name of the domain, if there is one."
  value       = "https://${length(local.names) == 0 ? aws_cloudfront_distribution.this.domain_name : local.names[0]}"
}

output "distribution_arn" {
  description = "ARN of the distribution, for the variable `edges` of the root module."
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
