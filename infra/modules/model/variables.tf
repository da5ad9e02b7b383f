variable "name" {
  description = "Name of the model in the registry. The role may read `models/{name}/*`, so the name must not widen that pattern."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", var.name))
    error_message = "${var.name}: model must be 1 to 40 lower-case letters, digits, hyphens or underscores, as in `amaas publish`: write \"sentiment\", not ${jsonencode(var.name)}."
  }
}

variable "model_version" {
  description = "Version or alias of the model. An alias can be moved in the registry without an apply."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", var.model_version))
    error_message = "${var.name}: model_version must be a version or an alias of the registry: write \"live\" or \"3\", not ${jsonencode(var.model_version)}."
  }
}

variable "publishers" {
  description = "Public keys of the publishers, printed by `amaas signer`. A model without a signature of one of them is not served."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.publishers) > 0 && alltrue([for key in var.publishers : can(regex("^[A-Za-z0-9+/]{43}=$", key))])
    error_message = "${var.name}: publishers must be one or more Ed25519 public keys in base64, 44 characters each: write the output of `amaas signer`."
  }
}

variable "sealing" {
  description = "Which calls are accepted. `required`: sealed calls only, as the SDK sends them. `optional`: plain calls too, for other clients. `off`: plain calls only."
  type        = string
  default     = "required"
  nullable    = false

  validation {
    condition     = contains(["required", "optional", "off"], var.sealing)
    error_message = "${var.name}: sealing must be \"required\", \"optional\" or \"off\", not ${jsonencode(var.sealing)}."
  }
}

variable "replay" {
  description = "What happens to a sealed call that was sent before: refuse (recorded calls cannot be replayed at the tenant's cost) or allow."
  type        = string
  default     = "refuse"
  nullable    = false

  validation {
    condition     = contains(["refuse", "allow"], var.replay)
    error_message = "${var.name}: replay must be \"refuse\" or \"allow\", not ${jsonencode(var.replay)}."
  }
}

variable "least_serial" {
  description = "Lowest serial of a manifest that is accepted, from `amaas publish`. Older versions are refused even if an alias names them. Null refuses none."
  type        = number
  default     = null

  validation {
    condition     = var.least_serial == null || try(var.least_serial >= 0 && floor(var.least_serial) == var.least_serial, false)
    error_message = "${var.name}: least_serial must be a whole number, 0 or more: write the serial from `amaas publish`."
  }
}

variable "registry" {
  description = "Outputs `store`, `bucket_arn`, `kms_key_arn` and `sealing_key_arn` of the registry module."
  type = object({
    store           = string
    bucket_arn      = string
    kms_key_arn     = string
    sealing_key_arn = string
  })
  nullable = false
}

variable "ledger" {
  description = "Outputs `table`, `table_arn` and `kms_key_arn` of the ledger module."
  type = object({
    table       = string
    table_arn   = string
    kms_key_arn = optional(string)
  })
  nullable = false
}

variable "cors_origins" {
  description = "Origins whose pages may call the model from a browser, or \"*\" for all. Empty allows none. An HTTP API in front answers with its own `cors` instead."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : origin == "*" || can(regex("^[a-z][a-z0-9+.-]*://[^/?#@*,A-Z[:space:]]+$", origin))])
    error_message = "${var.name}: cors_origins must be \"*\" or scheme and host without a path, in lower case: write \"https://app.example.com\", not ${jsonencode(var.cors_origins)}."
  }

  validation {
    condition     = !contains(var.cors_origins, "*") || length(var.cors_origins) == 1
    error_message = "${var.name}: cors_origins must not have other entries beside \"*\", which allows all: write [\"*\"], or leave it out."
  }
}

variable "oidc" {
  description = <<-TEXT
    Identity provider whose bearer tokens are accepted beside API keys. Null accepts none.
    - issuer: an https URL, exactly the tokens' `iss`
    - audience: the tokens' `aud`
    - tenant_claim: claim that names the tenant, such as "org_id", or a JSON pointer such as "/realm/tenant"
    - algorithms: accepted signature algorithms; null accepts RS256, ES256 and EdDSA
    - jwks: URL of the issuer's keys; null reads it from the discovery document
  TEXT
  type = object({
    issuer       = string
    audience     = string
    tenant_claim = string
    algorithms   = optional(list(string))
    jwks         = optional(string)
  })
  default = null

  validation {
    condition     = var.oidc == null || can(regex("^https://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$", var.oidc.issuer))
    error_message = "${var.name}: oidc.issuer must be an https URL without user, query or fragment, exactly the tokens' `iss`: write \"https://login.example.com\", not ${jsonencode(try(var.oidc.issuer, null))}."
  }

  validation {
    condition     = var.oidc == null || try(length(var.oidc.audience) > 0, false)
    error_message = "${var.name}: oidc.audience must not be empty, or every token of the issuer would be accepted: write the tokens' `aud`."
  }

  validation {
    condition     = var.oidc == null || can(regex("^([^/].*|(/([^/~]|~[01])*)+)$", var.oidc.tenant_claim))
    error_message = "${var.name}: oidc.tenant_claim must be the name of a claim or a JSON pointer: write \"org_id\" or \"/realm/tenant\", not ${jsonencode(try(var.oidc.tenant_claim, null))}."
  }

  validation {
    condition = try(var.oidc.algorithms, null) == null || try(length(var.oidc.algorithms) > 0 && length(setsubtract(var.oidc.algorithms, [
      "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ])) == 0, false)
    error_message = "${var.name}: oidc.algorithms must be a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA: write [\"RS256\"], or leave it out."
  }

  validation {
    condition     = try(var.oidc.jwks, null) == null || can(regex("^https://[^/?#@[:space:]]+([/?][^#[:space:]]*)?$", var.oidc.jwks))
    error_message = "${var.name}: oidc.jwks must be an https URL without user or fragment: write \"https://login.example.com/keys\", or leave it out, not ${jsonencode(try(var.oidc.jwks, null))}."
  }
}

variable "environment" {
  description = "More environment variables. Readers of the function or task definition can read them: never put a secret here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection(keys(var.environment), [
      "AMAAS_STORE", "AMAAS_MODEL", "AMAAS_MODEL_VERSION", "AMAAS_EXECUTION_PROVIDERS", "AMAAS_KMS_KEY",
      "AMAAS_PUBLISHERS", "AMAAS_SEALING", "AMAAS_REPLAY", "AMAAS_LEAST_SERIAL", "AMAAS_LEDGER", "AMAAS_OIDC_ISSUER",
      "AMAAS_OIDC_AUDIENCE", "AMAAS_OIDC_TENANT_CLAIM", "AMAAS_OIDC_ALGORITHMS", "AMAAS_OIDC_JWKS", "AMAAS_CORS_ORIGINS", "ORT_DISABLE_TELEMETRY",
    ])) == 0
    error_message = "${var.name}: environment must not set the variables of amaas (AMAAS_STORE, AMAAS_MODEL, AMAAS_MODEL_VERSION, AMAAS_EXECUTION_PROVIDERS, AMAAS_KMS_KEY, AMAAS_PUBLISHERS, AMAAS_SEALING, AMAAS_REPLAY, AMAAS_LEAST_SERIAL, AMAAS_LEDGER, AMAAS_OIDC_…, AMAAS_CORS_ORIGINS, ORT_DISABLE_TELEMETRY): write the setting instead, such as `sealing` or `cors_origins`."
  }

  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Defined runtime environment variables"
  validation {
    condition     = alltrue([for key in keys(var.environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]+$", key))])
    error_message = "${var.name}: environment must have names of letters, digits and underscores, two or more, that start with a letter: write \"AMAAS_LOG\"."
  }
}

variable "log_retention_days" {
  description = "Days until CloudWatch deletes a log event."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "${var.name}: log_retention_days must be one of CloudWatch's periods, and not 0 (forever): write 7, 14, 30, 90, 365 or another of them."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of a KMS key for the logs. Its key policy must allow the CloudWatch Logs service. Null is the service's own encryption."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/", var.log_kms_key_arn))
    error_message = "${var.name}: log_kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\"."
  }
}

variable "roles" {
  description = "Settings of every IAM role: `path`, such as \"/amaas/\", and `permissions_boundary`, the ARN of a policy. Another path creates new roles."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.roles.path)) && length(var.roles.path) <= 512
    error_message = "${var.name}: roles.path must begin and end with a slash and have 512 characters at most: write \"/amaas/\", not ${jsonencode(var.roles.path)}."
  }

  validation {
    condition     = var.roles.permissions_boundary == null || can(regex("^arn:[a-z0-9-]+:iam::([0-9]{12}|aws):policy/.+$", var.roles.permissions_boundary))
    error_message = "${var.name}: roles.permissions_boundary must be the ARN of a policy: write \"arn:aws:iam::ACCOUNT:policy/NAME\", not ${jsonencode(var.roles.permissions_boundary)}."
  }
}

variable "tags" {
  description = "Tags of every resource of the model."
  type        = map(string)
  default     = {}
  nullable    = false
}
