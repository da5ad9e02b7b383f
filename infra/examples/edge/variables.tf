variable "region" {
  description = "AWS region of the model."
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

variable "offline" {
  description = "Whether to skip the checks that need real AWS. Set it with AWS_ENDPOINT_URL of a local emulator such as moto."
  type        = bool
  default     = false
}
