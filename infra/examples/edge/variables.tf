variable "region" {
  description = "AWS region of the model."
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

variable "offline" {
  description = "Whether to skip the checks that only real AWS can answer. Set it with AWS_ENDPOINT_URL at a local emulator such as moto."
  type        = bool
  default     = false
}
