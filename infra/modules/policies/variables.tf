variable "name" {
  description = "Prefix of every name of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "registry" {
  description = "The model registry: `bucket_arn`, `kms_key_arn` and `sealing_key_arn` as the registry module's outputs give them, and `force_destroy`, with which operators may delete models."
  type = object({
    bucket_arn      = string
    kms_key_arn     = string
    sealing_key_arn = string
    force_destroy   = optional(bool, false)
  })
  nullable = false
}

variable "ledger" {
  description = "The ledger: `table_arn` and, where the table has a key of yours, `kms_key_arn` of the ledger module."
  type = object({
    table_arn   = string
    kms_key_arn = optional(string)
  })
  nullable = false
}

variable "roles" {
  description = "What every IAM role of the stack has: `path` and `permissions_boundary`. Operators may make roles with these alone."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.roles.path)) && length(var.roles.path) <= 512
    error_message = "roles.path must begin and end with a slash and have 512 characters at most: write \"/amaas/\", not ${jsonencode(var.roles.path)}."
  }

  validation {
    condition     = var.roles.permissions_boundary == null || can(regex("^arn:[a-z0-9-]+:iam::([0-9]{12}|aws):policy/.+$", var.roles.permissions_boundary))
    error_message = "roles.permissions_boundary must be the ARN of a policy: write \"arn:aws:iam::ACCOUNT:policy/NAME\", not ${jsonencode(var.roles.permissions_boundary)}."
  }
}

variable "parts" {
  description = "Whether the stack makes its registry and its ledger, a network and GPU services, has functions or services in a VPC, and the module edge before it; the Route 53 zones in which it makes names; and the ECR repositories of its functions' images. Operators need no rights to anything else."
  type = object({
    registry = optional(bool, true)
    ledger   = optional(bool, true)
    network  = optional(bool, true)
    gpu      = optional(bool, true)
    edge     = optional(bool, true)
    vpc      = optional(bool, true)

    hosted_zone_ids = optional(list(string), [])
    repository_arns = optional(list(string), [])
  })
  default  = {}
  nullable = false
}
