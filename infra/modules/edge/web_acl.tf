resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192:known-bad-inputs, which has the rule for Log4j, is among the defaults of managed_rules
  name        = var.name
  description = "In front of the amaas models behind ${var.origin.domain_name}"
  scope       = "CLOUDFRONT"
  tags        = var.tags

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 0

    # Clients retry 429 later; they do not retry 403.
    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "IP"
        limit                 = var.rate_limit
        evaluation_window_sec = 300
      }
    }

    visibility_config {
      metric_name                = "${var.name}-rate"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = false
    }
  }

  dynamic "rule" {
    for_each = var.managed_rules

    content {
      name     = rule.value
      priority = rule.key + 1

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = local.managed_rules[rule.value]

          dynamic "rule_action_override" {
            for_each = rule.value == "common" ? toset(concat(["SizeRestrictions_BODY"], var.counted_rules)) : toset([])

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        metric_name                = "${var.name}-${rule.value}"
        cloudwatch_metrics_enabled = true
        sampled_requests_enabled   = false
      }
    }
  }

  # Samples of requests have all headers, with the caller's key, and cannot be redacted.
  visibility_config {
    metric_name                = var.name
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = false
  }

  lifecycle {
    precondition {
      condition     = data.aws_region.current.id == "us-east-1"
      error_message = "The web ACL of CloudFront must be in us-east-1, and this provider is for ${data.aws_region.current.id}: write providers = { aws = aws.us_east_1 } at the module, with a provider of that alias for us-east-1."
    }
  }
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.this.arn]

  # Headers that may have keys, tokens or the secret of the origin.
  dynamic "redacted_fields" {
    for_each = ["amaas-edge", "authorization", "cookie", "x-api-key"]

    content {
      single_header {
        name = redacted_fields.value
      }
    }
  }

  dynamic "logging_filter" {
    for_each = var.log_allowed ? [] : ["DROP"]

    content {
      default_behavior = logging_filter.value

      filter {
        behavior    = "KEEP"
        requirement = "MEETS_ANY"

        dynamic "condition" {
          for_each = ["BLOCK", "COUNT"]

          content {
            action_condition {
              action = condition.value
            }
          }
        }
      }
    }
  }
}

# WAF writes to log groups with this prefix only.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:the retention is a setting, and usually less than a year
  #checkov:skip=CKV_AWS_158:the key is a setting; without it CloudWatch encrypts with its own
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

data "aws_region" "current" {}

locals {
  managed_rules = {
    common           = "AWSManagedRulesCommonRuleSet"
    known-bad-inputs = "AWSManagedRulesKnownBadInputsRuleSet"
    ip-reputation    = "AWSManagedRulesAmazonIpReputationList"
    anonymous-ip     = "AWSManagedRulesAnonymousIpList"
  }
}
