variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "package" {
  description = "Path of the zip made by `amaas package sentiment`."
  type        = string
}

variable "publishers" {
  description = "Public keys of those who may publish, as `amaas signer` prints them."
  type        = list(string)
}

variable "architecture" {
  description = "Instruction set that the package was built for: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}

variable "stable_version" {
  description = "The function's version that callers reach, as the output `versions` has it; null follows each apply."
  type        = string
  default     = null
}

variable "canary_weight" {
  description = "Share of the calls for the version of this apply, with `stable_version` set; null tries nothing."
  type        = number
  default     = null
}

variable "warm" {
  description = "Environments that stand ready: min, max and target_utilization; null starts none. Not while a canary is out, and not out of the 10 that a new account has."
  type = object({
    min                = number
    max                = optional(number)
    target_utilization = optional(number, 0.7)
  })
  default = null
}

variable "domain" {
  description = "A domain of your own for the API: name, certificate_arn and zone_id; null leaves the API's own."
  type = object({
    name            = string
    certificate_arn = string
    zone_id         = optional(string)
  })
  default = null
}

variable "oidc" {
  description = "Whose bearer tokens are taken beside API keys: issuer, audience and tenant_claim. Null takes none."
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
  description = "The ledger's table: deletion_protection and point_in_time_recovery, both true where not set."
  type = object({
    deletion_protection    = optional(bool, true)
    point_in_time_recovery = optional(bool, true)
  })
  default = {}
}

variable "alarm_emails" {
  description = "Who hears of alarms, the budget and unusual costs. Each has to confirm a message of SNS."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.alarm_emails) > 0
    error_message = "alarm_emails must have an address that alarms are sent to: write [\"you@example.com\"]."
  }
}

variable "budget" {
  description = "What the stack may cost a month before somebody is told; null makes no budget."
  type        = object({ monthly_usd = number })
  default     = { monthly_usd = 100 }
}

variable "cost_anomaly" {
  description = "Cost Anomaly Detection mails the addresses from this impact on; null makes no monitor. Only the management account of an organization, or an account outside one, can make a monitor of a tag."
  type        = object({ impact_usd = number })
  default     = null
}

variable "reserved_concurrency" {
  description = "Most calls at once of sentiment-2026, and so the ceiling of its bill; null sets none. A new account has 10 of which none can be reserved."
  type        = number
  default     = null
}

variable "offline" {
  description = "Whether to skip the checks that only real AWS can answer. Set it with AWS_ENDPOINT_URL at a local emulator such as moto."
  type        = bool
  default     = false
}
