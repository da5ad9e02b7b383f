# Forwards requests and caches nothing, because answers belong to one caller.
resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:the origin's access log has each request, and WAF's log what was blocked
  #checkov:skip=CKV_AWS_305:an API has no root object
  #checkov:skip=CKV_AWS_310:there is one API, and nothing to fail over to
  #checkov:skip=CKV_AWS_374:`allowed_countries` is a setting
  #checkov:skip=CKV2_AWS_32:the default is AWS's SecurityHeadersPolicy; `response_headers_policy_id` is a setting
  #checkov:skip=CKV2_AWS_42:the certificate is a setting of `domain`
  #checkov:skip=CKV2_AWS_47:known-bad-inputs, which has the rule for Log4j, is among the defaults of managed_rules
  enabled         = true
  comment         = var.name
  aliases         = local.names
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = var.price_class
  web_acl_id      = aws_wafv2_web_acl.this.arn
  tags            = var.tags

  origin {
    origin_id                = "api"
    domain_name              = var.origin.domain_name
    origin_path              = var.origin.path
    origin_access_control_id = one(aws_cloudfront_origin_access_control.this[*].id)

    custom_origin_config {
      http_port                = 80 # required, and not used
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 60 # the maximum without a quota increase
      origin_keepalive_timeout = 60
    }

    # Whether there is a secret is not sensitive.
    dynamic "custom_header" {
      for_each = nonsensitive(var.origin_secret == null) ? [] : ["amaas-edge"]

      content {
        name  = custom_header.value
        value = var.origin_secret
      }
    }
  }

  default_cache_behavior {
    target_origin_id           = "api"
    viewer_protocol_policy     = "https-only" # a redirect comes after the key was sent in plain text
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false # ciphertext does not compress
    cache_policy_id            = local.caching_disabled
    origin_request_policy_id   = local.all_viewer_except_host
    response_headers_policy_id = var.response_headers_policy_id

    dynamic "function_association" {
      for_each = aws_cloudfront_function.credential[*].arn

      content {
        event_type   = "viewer-request"
        function_arn = function_association.value
      }
    }
  }

  viewer_certificate {
    acm_certificate_arn            = try(var.domain.certificate_arn, null)
    cloudfront_default_certificate = var.domain == null
    minimum_protocol_version       = var.domain == null ? "TLSv1" : "TLSv1.2_2021" # AWS fixes it for its own certificate
    ssl_support_method             = var.domain == null ? null : "sni-only"
  }

  restrictions {
    geo_restriction {
      restriction_type = length(var.allowed_countries) == 0 ? "none" : "whitelist"
      locations        = var.allowed_countries
    }
  }
}

resource "aws_route53_record" "this" {
  for_each = try(var.domain.zone_id, null) == null ? {} : {
    for pair in setproduct(local.names, ["A", "AAAA"]) : join(" ", pair) => { name = pair[0], type = pair[1] }
  }

  zone_id = var.domain.zone_id
  name    = each.value.name
  type    = each.value.type

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}

locals {
  names = try(var.domain.names, [])

  # Managed policies have these ids in every account: "Use managed cache policies" and "Use managed origin request policies" in the
  # CloudFront developer guide. The origin policy drops Host, because the API answers for its own host name only.
  caching_disabled       = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_viewer_except_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
}
