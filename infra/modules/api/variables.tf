variable "name" {
  description = "Name of the API and prefix of every name this module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "functions" {
  description = <<-TEXT
    The models that are Lambda functions, by name.
    - function_name, alias: what the API invokes
    - alias_arn: ARN of the alias, compared with the two names
    - invoke_arn: `invoke_arn` of the alias, for the integration
  TEXT
  type = map(object({
    function_name = string
    alias         = string
    alias_arn     = string
    invoke_arn    = string
  }))
  nullable = false

  validation {
    condition     = alltrue([for model in keys(var.functions) : can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])
    error_message = "functions must have names of models as keys, 1 to 40 lower-case letters, digits, hyphens or underscores: write \"sentiment\", not ${jsonencode([for model in keys(var.functions) : model if !can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])}."
  }

  validation {
    condition     = alltrue([for function in var.functions : endswith(function.alias_arn, ":function:${function.function_name}:${function.alias}")])
    error_message = "functions must have the alias_arn of their own function_name and alias: write all four values from one function."
  }
}

variable "services" {
  description = <<-TEXT
    The models that are services behind a load balancer of a VPC, by name.
    - listener_arn: ARN of the load balancer's listener
    - server_name: name in the listener's certificate; null is plain HTTP inside the VPC
  TEXT
  type = map(object({
    listener_arn = string
    server_name  = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for model in keys(var.services) : can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])
    error_message = "services must have names of models as keys, 1 to 40 lower-case letters, digits, hyphens or underscores: write \"sentiment\", not ${jsonencode([for model in keys(var.services) : model if !can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])}."
  }

  validation {
    condition     = length(var.functions) + length(var.services) > 0
    error_message = "functions and services are both empty, so the API would have no route: write at least one model in either."
  }

  validation {
    condition     = length(setintersection(keys(var.functions), keys(var.services))) == 0
    error_message = "services must not name a model that is in functions as well: take ${join(", ", setintersection(keys(var.functions), keys(var.services)))} out of one of them."
  }
}

variable "vpc_link" {
  description = "VPC link to services: subnets of their VPC, and security groups that their load balancers allow. Required with `services`."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = length(var.services) == 0 || try(length(var.vpc_link.subnet_ids) > 0 && length(var.vpc_link.security_group_ids) > 0, false)
    error_message = "vpc_link must be set with services, or the API does not reach them: write vpc_link = { subnet_ids = […], security_group_ids = […] } with at least one of each."
  }
}

variable "shared" {
  description = <<-TEXT
    Which model answers the routes that have no model in their path. Null leaves the routes out.
    - default: keys, usage, the list of models, the server's health and the OpenAPI document; null is the only model, if there is one
    - embeddings: POST /v1/embeddings
    - rerank: POST /v1/rerank and POST /v2/rerank
    - completions: POST /v1/completions
  TEXT
  type = object({
    default     = optional(string)
    embeddings  = optional(string)
    rerank      = optional(string)
    completions = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for model in values(var.shared) : model == null || contains(concat(keys(var.functions), keys(var.services)), coalesce(model, "-"))])
    error_message = "shared must name models of this API, which are ${join(", ", sort(concat(keys(var.functions), keys(var.services))))}: write one of them, not ${join(", ", [for model in values(var.shared) : model if model != null && !contains(concat(keys(var.functions), keys(var.services)), coalesce(model, "-"))])}."
  }
}

variable "authorization" {
  description = "How the API authorizes callers. NONE: the function checks the key inside the sealed call. AWS_IAM: SigV4. JWT: a token of `jwt` in the outer `Authorization` header, in addition to the function's own check."
  type        = string
  default     = "NONE"
  nullable    = false

  validation {
    condition     = contains(["NONE", "AWS_IAM", "JWT"], var.authorization)
    error_message = "authorization must be \"NONE\", \"AWS_IAM\" or \"JWT\", not ${jsonencode(var.authorization)}."
  }
}

variable "jwt" {
  description = "Issuer of tokens with `authorization = \"JWT\"`: `issuer`, the tokens' `iss`, and `audience`, one of which must be in `aud`."
  type = object({
    issuer   = string
    audience = list(string)
  })
  default = null

  validation {
    condition     = (var.authorization == "JWT") == (var.jwt != null)
    error_message = "jwt must be set with authorization = \"JWT\" and only then: write jwt = { issuer = \"https://login.example.com\", audience = [\"amaas\"] }, or leave one of the two out."
  }

  validation {
    condition     = var.jwt == null || try(length(var.jwt.audience) > 0 && can(regex("^https://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$", var.jwt.issuer)), false)
    error_message = "jwt must have an https issuer without user, query or fragment, and an audience, or every token of the issuer would be accepted: write jwt = { issuer = \"https://login.example.com\", audience = [\"amaas\"] }."
  }
}

variable "throttle" {
  description = "Throttle of each route: requests a second (`rate`) and `burst`. The API answers more with 429."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst >= 1 && floor(var.throttle.burst) == var.throttle.burst
    error_message = "throttle must have a rate above 0 and a burst that is a whole number, 1 or more: write throttle = { rate = 50, burst = 100 }."
  }
}

variable "throttles" {
  description = "Throttle of each route of a model, by the model's name, instead of `throttle`."
  type = map(object({
    rate  = number
    burst = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.throttles), concat(keys(var.functions), keys(var.services)))) == 0
    error_message = "throttles must name models of this API, which are ${join(", ", sort(concat(keys(var.functions), keys(var.services))))}: take ${join(", ", setsubtract(keys(var.throttles), concat(keys(var.functions), keys(var.services))))} out."
  }

  validation {
    condition     = alltrue([for throttle in var.throttles : throttle.rate > 0 && throttle.burst >= 1 && floor(throttle.burst) == throttle.burst])
    error_message = "throttle of a model must have a rate above 0 and a burst that is a whole number, 1 or more: write throttle = { rate = 5, burst = 10 } for ${join(", ", [for model, throttle in var.throttles : model if !(throttle.rate > 0 && throttle.burst >= 1 && floor(throttle.burst) == throttle.burst)])}."
  }
}

variable "timeout_ms" {
  description = "Milliseconds that the API waits for a model, up to 30 seconds."
  type        = number
  default     = 29000
  nullable    = false

  validation {
    condition     = var.timeout_ms >= 50 && var.timeout_ms <= 30000 && floor(var.timeout_ms) == var.timeout_ms
    error_message = "timeout_ms must be a whole number between 50 and 30000, the limits of HTTP APIs: write 29000. A slower model needs a Function URL."
  }
}

variable "domain" {
  description = <<-TEXT
    Your own domain name. Null is API Gateway's name.
    - name: the domain name, such as "models.example.com"
    - certificate_arn: an ACM certificate for it, in the API's region
    - zone_id: an existing Route 53 zone, in which the module creates its A and AAAA records; null creates none. A plan must know its id.
  TEXT
  type = object({
    name            = string
    certificate_arn = string
    zone_id         = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name must be a host name in lower case, without scheme or path: write \"models.example.com\", not ${jsonencode(try(var.domain.name, null))}."
  }

  validation {
    condition     = var.domain == null || can(regex("^arn:[a-z0-9-]+:acm:${data.aws_region.current.id}:[0-9]{12}:certificate/.+$", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be the ARN of an ACM certificate in ${data.aws_region.current.id}, the region of the API: write \"arn:aws:acm:${data.aws_region.current.id}:ACCOUNT:certificate/ID\", not ${jsonencode(try(var.domain.certificate_arn, null))}. A certificate in us-east-1 is for CloudFront."
  }
}

variable "execute_api_endpoint" {
  description = "Whether the API also answers at API Gateway's own name. Null: only without a domain."
  type        = bool
  default     = null

  validation {
    condition     = var.execute_api_endpoint != false || var.domain != null
    error_message = "execute_api_endpoint must not be false without a domain, or no caller reaches the API: set domain, or leave execute_api_endpoint out."
  }
}

variable "cors" {
  description = <<-TEXT
    Pages of other origins that may call the API from a browser. Null allows none.
    - origins: such as "https://app.example.com"; "*" allows every page
    - headers, methods: what pages may send; null is the function module's cors.json, for amaas and AWS signatures
    - expose_headers: headers of an answer that pages may read; null is all of amaas
    - credentials: whether the browser sends cookies, which amaas does not use
    - max_age_s: how long the browser caches the answer; null is two hours
  TEXT
  type = object({
    origins        = list(string)
    headers        = optional(list(string))
    methods        = optional(list(string))
    expose_headers = optional(list(string))
    credentials    = optional(bool, false)
    max_age_s      = optional(number)
  })
  default = null

  validation {
    condition     = !try(var.cors.credentials && contains(var.cors.origins, "*"), false)
    error_message = "cors must not have credentials with the origin \"*\", which browsers refuse: write the origins one by one, or leave credentials out."
  }

  validation {
    condition     = alltrue([for origin in try(var.cors.origins, []) : origin == "*" || can(regex("^https?://[^/?#@[:space:]]+$", origin))])
    error_message = "cors.origins must be \"*\" or scheme and host without a path: write \"https://app.example.com\", not ${jsonencode(try(var.cors.origins, []))}."
  }
}

variable "log_retention_days" {
  description = "Days until CloudWatch deletes events of the access log."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's periods, and not 0 (forever): write 7, 14, 30, 90, 365 or another of them."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of a KMS key for the access log. Its key policy must allow the CloudWatch Logs service. Null is the service's own encryption."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\"."
  }
}

variable "log_caller_address" {
  description = "Whether the access log has callers' IP addresses, which are personal data."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
