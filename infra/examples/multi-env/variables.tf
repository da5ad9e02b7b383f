variable "environment" {
  description = "Name of the environment; every name begins with amaas-{environment}."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,11}$", var.environment))
    error_message = "environment must be 1 to 12 lower-case letters, digits or hyphens: write \"staging\" or \"production\", not ${jsonencode(var.environment)}."
  }
}

variable "account_id" {
  description = "Account that the environment lives in. Credentials of another are refused before anything of the stack is read or written."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "publishers" {
  description = "Public keys of those who may publish, as `amaas signer` prints them: one a environment, so that nothing gets into production that was signed for staging alone."
  type        = list(string)
}

variable "package" {
  description = "Path of the zip made by `amaas package sentiment`: the same file in all environments, by its digest."
  type        = string
}

variable "architecture" {
  description = "Instruction set that the package was built for: x86_64 or arm64."
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
  description = "Share of the calls for the version of this apply, with `stable_version` set; null tries nothing."
  type        = number
  default     = null
}

variable "warm" {
  description = "Environments that stand ready; null starts none."
  type = object({
    min = number
    max = optional(number)
  })
  default = null
}

variable "protected" {
  description = "Whether tenants, keys, usage and models are kept from a destroy, and can be brought back."
  type        = bool
  default     = true
}

variable "budget_usd" {
  description = "What the environment may cost a month before somebody is told."
  type        = number
}

variable "alarm_emails" {
  description = "Who hears of alarms and the budget."
  type        = list(string)
}
