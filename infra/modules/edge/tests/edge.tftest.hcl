mock_provider "aws" {
  mock_resource "aws_cloudfront_distribution" {
    defaults = {
      id             = "E1"
      arn            = "arn:aws:cloudfront::123456789012:distribution/E1"
      domain_name    = "d1.cloudfront.net"
      hosted_zone_id = "Z2FDTNDATAQYW2"
    }
  }

  mock_resource "aws_cloudfront_origin_access_control" {
    defaults = { id = "E2OAC" }
  }

  mock_resource "aws_cloudfront_function" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:function/amaas-credential" }
  }

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/amaas/1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-amaas" }
  }

  mock_data "aws_region" {
    defaults = { id = "us-east-1" }
  }
}

variables {
  name   = "amaas"
  origin = { domain_name = "abc123.execute-api.eu-central-1.amazonaws.com" }
}

run "a_way_and_no_cache" {
  assert {
    condition = alltrue([
      one(aws_cloudfront_distribution.this.origin).domain_name == var.origin.domain_name,
      one(one(aws_cloudfront_distribution.this.origin).custom_origin_config).origin_protocol_policy == "https-only",
      one(one(aws_cloudfront_distribution.this.origin).custom_origin_config).origin_ssl_protocols == toset(["TLSv1.2"]),
      length(one(aws_cloudfront_distribution.this.origin).custom_header) == 0,
      one(aws_cloudfront_distribution.this.default_cache_behavior).viewer_protocol_policy == "https-only",
      contains(one(aws_cloudfront_distribution.this.default_cache_behavior).allowed_methods, "POST"),
      one(aws_cloudfront_distribution.this.default_cache_behavior).cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
      one(aws_cloudfront_distribution.this.default_cache_behavior).origin_request_policy_id == "b689b0a8-53d0-40ab-baf2-68738e2966ac",
      one(aws_cloudfront_distribution.this.default_cache_behavior).response_headers_policy_id == "67f7725c-6f97-4210-82d7-5512b31e9d03",
      !one(aws_cloudfront_distribution.this.default_cache_behavior).compress,
      aws_cloudfront_distribution.this.http_version == "http2and3",
      aws_cloudfront_distribution.this.enabled,
      aws_cloudfront_distribution.this.web_acl_id == output.web_acl_arn,
      one(one(aws_cloudfront_distribution.this.restrictions).geo_restriction).restriction_type == "none",
      one(aws_cloudfront_distribution.this.viewer_certificate).cloudfront_default_certificate,
      length(aws_cloudfront_origin_access_control.this) == 0,
      one(aws_cloudfront_distribution.this.origin).origin_access_control_id == null,
      length(one(aws_cloudfront_distribution.this.default_cache_behavior).function_association) == 0,
      length(aws_route53_record.this) == 0,
      output.endpoint == "https://d1.cloudfront.net",
    ])
    error_message = "Requests must go by HTTPS to the origin, through WAF, with their headers, and nothing may be kept."
  }
}

run "what_is_blocked" {
  assert {
    condition = alltrue([
      aws_wafv2_web_acl.this.scope == "CLOUDFRONT",
      { for rule in aws_wafv2_web_acl.this.rule : rule.name => rule.priority } == { rate = 0, ip-reputation = 1, known-bad-inputs = 2, common = 3 },
      { for rule in aws_wafv2_web_acl.this.rule : rule.name => one(one(rule.statement).managed_rule_group_statement).name if rule.name != "rate" } == {
        ip-reputation    = "AWSManagedRulesAmazonIpReputationList"
        known-bad-inputs = "AWSManagedRulesKnownBadInputsRuleSet"
        common           = "AWSManagedRulesCommonRuleSet"
      },
      { for rule in aws_wafv2_web_acl.this.rule : rule.name => join(" ", one(one(rule.statement).managed_rule_group_statement).rule_action_override[*].name) if rule.name != "rate" } == {
        ip-reputation    = ""
        known-bad-inputs = ""
        common           = "SizeRestrictions_BODY"
      },
      [for rule in aws_wafv2_web_acl.this.rule : one(one(rule.statement).rate_based_statement).limit if rule.name == "rate"][0] == 2000,
      [for rule in aws_wafv2_web_acl.this.rule : one(one(one(rule.action).block).custom_response).response_code if rule.name == "rate"][0] == 429,
    ])
    error_message = "The rate and AWS's three groups must block, and the size of a body must not."
  }

  assert {
    condition = alltrue([
      !one(aws_wafv2_web_acl.this.visibility_config).sampled_requests_enabled,
      alltrue([for rule in aws_wafv2_web_acl.this.rule : !one(rule.visibility_config).sampled_requests_enabled]),
      toset([for field in aws_wafv2_web_acl_logging_configuration.this.redacted_fields : one(field.single_header).name]) == toset(["amaas-edge", "authorization", "cookie", "x-api-key"]),
      one(aws_wafv2_web_acl_logging_configuration.this.logging_filter).default_behavior == "DROP",
      toset([for condition in one(one(aws_wafv2_web_acl_logging_configuration.this.logging_filter).filter).condition : one(condition.action_condition).action]) == toset(["BLOCK", "COUNT"]),
      aws_wafv2_web_acl_logging_configuration.this.log_destination_configs == toset([aws_cloudwatch_log_group.this.arn]),
      aws_cloudwatch_log_group.this.name == "aws-waf-logs-amaas",
      aws_cloudwatch_log_group.this.retention_in_days == 30,
    ])
    error_message = "Logs and samples must have no key or token, and no allowed requests."
  }
}

run "a_domain_a_secret_and_countries" {
  variables {
    origin                     = { domain_name = "abc.lambda-url.eu-central-1.on.aws", path = "/a" }
    origin_secret              = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    domain                     = { names = ["models.example.com", "m.example.com"], certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1", zone_id = "Z1" }
    allowed_countries          = ["DE", "FR"]
    managed_rules              = ["common"]
    counted_rules              = ["CrossSiteScripting_BODY"]
    rate_limit                 = 100
    response_headers_policy_id = null
    log_allowed                = true
    log_kms_key_arn            = "arn:aws:kms:us-east-1:123456789012:key/99999999-2222-3333-4444-555555555555"
  }

  assert {
    condition = alltrue([
      one(aws_cloudfront_distribution.this.origin).origin_path == "/a",
      nonsensitive([for header in one(aws_cloudfront_distribution.this.origin).custom_header : "${header.name} ${header.value}"][0]) == "amaas-edge aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      aws_cloudfront_distribution.this.aliases == toset(["models.example.com", "m.example.com"]),
      one(aws_cloudfront_distribution.this.viewer_certificate).minimum_protocol_version == "TLSv1.2_2021",
      one(aws_cloudfront_distribution.this.viewer_certificate).ssl_support_method == "sni-only",
      !one(aws_cloudfront_distribution.this.viewer_certificate).cloudfront_default_certificate,
      toset([for record in aws_route53_record.this : "${record.name} ${record.type}"]) == toset(["models.example.com A", "models.example.com AAAA", "m.example.com A", "m.example.com AAAA"]),
      one(one(aws_cloudfront_distribution.this.restrictions).geo_restriction).restriction_type == "whitelist",
      one(one(aws_cloudfront_distribution.this.restrictions).geo_restriction).locations == toset(["DE", "FR"]),
      output.endpoint == "https://models.example.com",
    ])
    error_message = "The distribution must have the names, the secret and the countries that were asked for."
  }

  assert {
    condition = alltrue([
      [for rule in aws_wafv2_web_acl.this.rule : toset(one(one(rule.statement).managed_rule_group_statement).rule_action_override[*].name) if rule.name == "common"][0] == toset(["SizeRestrictions_BODY", "CrossSiteScripting_BODY"]),
      [for rule in aws_wafv2_web_acl.this.rule : one(one(rule.statement).rate_based_statement).limit if rule.name == "rate"][0] == 100,
      length(aws_wafv2_web_acl.this.rule) == 2,
      length(aws_wafv2_web_acl_logging_configuration.this.logging_filter) == 0,
      aws_cloudwatch_log_group.this.kms_key_id == var.log_kms_key_arn,
    ])
    error_message = "WAF must have the rules and the log that were asked for."
  }
}

run "signed_for_a_function_url" {
  variables {
    origin = { domain_name = "abc.lambda-url.eu-central-1.on.aws", access_control = true }
  }

  assert {
    condition = alltrue([
      aws_cloudfront_origin_access_control.this[0].origin_access_control_origin_type == "lambda",
      aws_cloudfront_origin_access_control.this[0].signing_behavior == "always",
      aws_cloudfront_origin_access_control.this[0].signing_protocol == "sigv4",
      one(aws_cloudfront_distribution.this.origin).origin_access_control_id == "E2OAC",
      output.distribution_arn == "arn:aws:cloudfront::123456789012:distribution/E1",
    ])
    error_message = "CloudFront must sign each request, even if a caller sent Authorization."
  }

  assert {
    condition = alltrue([
      one(one(aws_cloudfront_distribution.this.default_cache_behavior).function_association).event_type == "viewer-request",
      one(one(aws_cloudfront_distribution.this.default_cache_behavior).function_association).function_arn == aws_cloudfront_function.credential[0].arn,
      aws_cloudfront_function.credential[0].code == file("credential.js"),
      aws_cloudfront_function.credential[0].publish,
    ])
    error_message = "A key must get out of the way of the signature."
  }
}

run "refuses_to_sign_for_an_api" {
  command = plan

  variables {
    origin = { domain_name = "abc123.execute-api.eu-central-1.amazonaws.com", access_control = true }
  }

  expect_failures = [var.origin]
}

run "refuses_another_region" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }

  expect_failures = [aws_wafv2_web_acl.this]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name              = "Amaas"
    origin            = { domain_name = "https://abc.example.com" }
    origin_secret     = "short"
    domain            = { names = ["models.example.com"], certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
    rate_limit        = 5
    managed_rules     = ["bot-control"]
    counted_rules     = ["SizeRestrictions"]
    allowed_countries = ["Germany"]
    price_class       = "100"
    log_kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/99999999-2222-3333-4444-555555555555"
  }

  expect_failures = [
    var.name, var.origin, var.origin_secret, var.domain, var.rate_limit, var.managed_rules, var.counted_rules, var.allowed_countries,
    var.price_class, var.log_kms_key_arn,
  ]
}
