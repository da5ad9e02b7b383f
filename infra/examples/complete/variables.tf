variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "package" {
  description = "Path of the zip of `amaas package sentiment`."
  type        = string
}

variable "publishers" {
  description = "Public keys of the publishers, printed by `amaas signer`."
  type        = list(string)
}

variable "architecture" {
  description = "Architecture of the package: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}

variable "stable_version" {
  description = "The function's version that callers reach, from the output `versions`; null follows each apply."
  type        = string
  default     = null
}

variable "canary_weight" {
  description = "Share of the calls for the version of this apply, with `stable_version` set; null is no canary."
  type        = number
  default     = null
}

variable "warm" {
  description = "Provisioned concurrency: min, max and target_utilization; null is none. Not during a canary, and not in a new account with 10 concurrent executions."
  type = object({
    min                = number
    max                = optional(number)
    target_utilization = optional(number, 0.7)
  })
  default = null
}

variable "domain" {
  description = "Your own domain for the API: name, certificate_arn and zone_id; null is the API's own name."
  type = object({
    name            = string
    certificate_arn = string
    zone_id         = optional(string)
  })
  default = null
}

variable "oidc" {
  description = "Identity provider of bearer tokens: issuer, audience and tenant_claim. Null accepts API keys only."
  type = object({
    issuer       = string
    audience     = string
    tenant_claim = string
    algorithms   = optional(list(string))
    jwks         = optional(string)
  })
  default = null
}

variable "registry" {
  description = "The registry: force_destroy true lets a destroy delete the bucket and every published model, and false refuses it."
  type        = object({ force_destroy = optional(bool, false) })
  default     = {}
}

variable "ledger" {
  description = "The ledger's table: deletion_protection and point_in_time_recovery, both true by default."
  type = object({
    deletion_protection    = optional(bool, true)
    point_in_time_recovery = optional(bool, true)
  })
  default = {}
}

variable "alarm_emails" {
  description = "Recipients of alarms, the budget and cost anomalies. Each must confirm a message of SNS."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.alarm_emails) > 0
    error_message = "alarm_emails must have an address for alarms: write [\"you@example.com\"]."
  }
}

variable "budget" {
  description = "Monthly budget of the stack; null creates none."
  type        = object({ monthly_usd = number })
  default     = { monthly_usd = 100 }
}

variable "cost_anomaly" {
  description = "Cost Anomaly Detection mails the addresses from this impact on; null creates no monitor. Only the management account of an organization, or an account outside one, can create a monitor of a tag."
  type        = object({ impact_usd = number })
  default     = null
}

variable "reserved_concurrency" {
  description = "Maximum of concurrent calls of sentiment-2026, which limits its bill; null sets none. A new account has 10 and can reserve none."
  type        = number
  default     = null
}

variable "offline" {
  description = "Whether to skip the checks that need real AWS. Set it with AWS_ENDPOINT_URL of a local emulator such as moto."
  type        = bool
  default     = false
}
