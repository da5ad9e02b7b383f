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

variable "url" {
  description = "Function URL: mode BUFFERED, RESPONSE_STREAM or OFF; authorization AWS_IAM, or NONE for a public one."
  type = object({
    mode          = optional(string, "BUFFERED")
    authorization = optional(string, "AWS_IAM")
  })
  default = {}
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

variable "oidc" {
  description = "Identity provider of bearer tokens: issuer, audience and tenant_claim, and if needed algorithms and jwks. Null accepts API keys only."
  type = object({
    issuer       = string
    audience     = string
    tenant_claim = string
    algorithms   = optional(list(string))
    jwks         = optional(string)
  })
  default = null
}

variable "iam" {
  description = "ignore, or tenant: a caller without key or token is the tenant with the name of its AWS principal."
  type        = string
  default     = "ignore"
}

variable "reserved_concurrency" {
  description = "Maximum of concurrent calls, which limits the bill; null sets none. A new account has 10 and can reserve none."
  type        = number
  default     = null
}

variable "offline" {
  description = "Whether to skip the checks that need real AWS. Set it with AWS_ENDPOINT_URL of a local emulator such as moto."
  type        = bool
  default     = false
}
