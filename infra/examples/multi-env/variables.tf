variable "environment" {
  description = "Name of the environment; the prefix of every name is amaas-{environment}."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,11}$", var.environment))
    error_message = "environment must be 1 to 12 lower-case letters, digits or hyphens: write \"staging\" or \"production\", not ${jsonencode(var.environment)}."
  }
}

variable "account_id" {
  description = "Account of the environment. Credentials of another account are refused before Terraform reads or writes the stack."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "publishers" {
  description = "Public keys of the publishers, printed by `amaas signer`. Each environment has its own, so that production does not serve a model that was signed for staging alone."
  type        = list(string)
}

variable "package" {
  description = "Path of the zip of `amaas package sentiment`: the same file in all environments, by its digest."
  type        = string
}

variable "architecture" {
  description = "Architecture of the package: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}

variable "model_version" {
  description = "Version or alias of the model in the environment's registry."
  type        = string
  default     = "live"
}

variable "stable_version" {
  description = "The function's version that callers reach; null follows each apply."
  type        = string
  default     = null
}

variable "canary_weight" {
  description = "Share of the calls for the version of this apply, with `stable_version` set; null is no canary."
  type        = number
  default     = null
}

variable "warm" {
  description = "Provisioned concurrency; null is none."
  type = object({
    min = number
    max = optional(number)
  })
  default = null
}

variable "protected" {
  description = "Whether a destroy of tenants, keys, usage and models is refused, and they can be restored."
  type        = bool
  default     = true
}

variable "budget_usd" {
  description = "Monthly budget of the environment."
  type        = number
}

variable "alarm_emails" {
  description = "Recipients of alarms and the budget."
  type        = list(string)
}
