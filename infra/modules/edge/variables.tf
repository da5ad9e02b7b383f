variable "name" {
  description = "Name of the web ACL and prefix of every name this module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "origin" {
  description = "The origin: `domain_name`, the host name of an HTTP API or a Function URL; `path`, prepended to each request's path; `access_control`: true signs each request for a Function URL with AWS_IAM, so that callers cannot bypass the edge."
  type = object({
    domain_name    = string
    path           = optional(string)
    access_control = optional(bool, false)
  })
  nullable = false

  validation {
    condition     = can(regex("^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)+[A-Za-z]{2,}$", var.origin.domain_name))
    error_message = "origin.domain_name must be a host name without scheme or path: write trimprefix(module.api.endpoint, \"https://\"), not ${jsonencode(var.origin.domain_name)}."
  }

  validation {
    condition     = var.origin.path == null || can(regex("^/.*[^/]$", var.origin.path))
    error_message = "origin.path must begin with a slash and not end with one: write \"/stage\", or leave it out, not ${jsonencode(var.origin.path)}."
  }

  validation {
    condition     = !var.origin.access_control || can(regex("^[a-z0-9]+[.]lambda-url[.][a-z0-9-]+[.]on[.]aws$", var.origin.domain_name))
    error_message = "origin.access_control must be left out unless domain_name is a Function URL's, because callers can bypass CloudFront in front of an HTTP API: write trimsuffix(trimprefix(module.amaas.endpoints[\"MODEL\"], \"https://\"), \"/\"), not ${jsonencode(var.origin.domain_name)}."
  }
}

variable "origin_secret" {
  description = "Secret that CloudFront sends to the origin as the header `amaas-edge`, so that the origin can recognise its requests. It is in the state. Null sends none."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.origin_secret == null || can(regex("^[A-Za-z0-9_-]{32,256}$", var.origin_secret))
    error_message = "origin_secret must be 32 to 256 letters, digits, hyphens or underscores: write the output of `openssl rand -hex 32`, or leave it out."
  }
}

variable "domain" {
  description = <<-TEXT
    Domain names of your own. Null leaves the name that CloudFront gives, at which TLS 1.0 and 1.1 are taken as well.
    - names: such as ["models.example.com"]
    - certificate_arn: an ACM certificate for all of them, in us-east-1
    - zone_id: an existing Route 53 zone, in which the module creates their A and AAAA records; null creates none
  TEXT
  type = object({
    names           = list(string)
    certificate_arn = string
    zone_id         = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null || try(length(var.domain.names) > 0 && alltrue([for name in var.domain.names : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", name))]), false)
    error_message = "domain.names must be one or more host names in lower case, without scheme or path: write [\"models.example.com\"], not ${jsonencode(try(var.domain.names, null))}."
  }

  validation {
    condition     = var.domain == null || can(regex("^arn:[^:]+:acm:us-east-1:", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be of a certificate in us-east-1, the only region that CloudFront supports: write \"arn:aws:acm:us-east-1:ACCOUNT:certificate/ID\", not ${jsonencode(try(var.domain.certificate_arn, null))}."
  }
}

variable "rate_limit" {
  description = "Requests of one address in five minutes; WAF answers more with 429."
  type        = number
  default     = 2000
  nullable    = false

  validation {
    condition     = var.rate_limit >= 10 && var.rate_limit <= 2000000000 && floor(var.rate_limit) == var.rate_limit
    error_message = "rate_limit must be a whole number between 10 and 2000000000, the limits of WAF: write 2000."
  }
}

variable "managed_rules" {
  description = "AWS's managed rule groups, in order of evaluation: common, known-bad-inputs, ip-reputation, anonymous-ip."
  type        = list(string)
  default     = ["ip-reputation", "known-bad-inputs", "common"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.managed_rules, ["common", "known-bad-inputs", "ip-reputation", "anonymous-ip"])) == 0 && length(distinct(var.managed_rules)) == length(var.managed_rules)
    error_message = "managed_rules must be of common, known-bad-inputs, ip-reputation and anonymous-ip, each once: write [\"ip-reputation\", \"known-bad-inputs\", \"common\"], not ${jsonencode(var.managed_rules)}."
  }
}

variable "counted_rules" {
  description = "Rules of the common group that count instead of block, beside SizeRestrictions_BODY, which large inputs match. In plain calls, text with markup matches CrossSiteScripting_BODY."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for rule in var.counted_rules : can(regex("^[A-Za-z0-9]+_[A-Za-z0-9_]+$", rule))])
    error_message = "counted_rules must be AWS's names of rules: write [\"CrossSiteScripting_BODY\"], not ${jsonencode(var.counted_rules)}."
  }
}

variable "allowed_countries" {
  description = "Countries that may call, as ISO 3166 codes of two letters. Empty allows all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for country in var.allowed_countries : can(regex("^[A-Z]{2}$", country))])
    error_message = "allowed_countries must be codes of two capital letters: write [\"DE\", \"FR\"], not ${jsonencode(var.allowed_countries)}."
  }
}

variable "price_class" {
  description = "Locations that answer: PriceClass_100 in North America and Europe, PriceClass_200 in most regions, PriceClass_All everywhere. Other callers reach the nearest location."
  type        = string
  default     = "PriceClass_100"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be \"PriceClass_100\", \"PriceClass_200\" or \"PriceClass_All\", not ${jsonencode(var.price_class)}."
  }
}

variable "response_headers_policy_id" {
  description = "Id of the CloudFront policy for headers of answers. The default is AWS's SecurityHeadersPolicy, which has HSTS. Null adds none."
  type        = string
  default     = "67f7725c-6f97-4210-82d7-5512b31e9d03"
}

variable "log_allowed" {
  description = "Whether WAF's log also has allowed requests. The log has callers' IP addresses, which are personal data."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days until CloudWatch deletes events of WAF's log."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's periods, and not 0 (forever): write 7, 14, 30, 90, 365 or another of them."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of a KMS key for WAF's log, in us-east-1. Its key policy must allow the CloudWatch Logs service. Null is the service's own encryption."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:us-east-1:[0-9]{12}:key/", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a key in us-east-1, not of an alias: write \"arn:aws:kms:us-east-1:ACCOUNT:key/ID\"."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
