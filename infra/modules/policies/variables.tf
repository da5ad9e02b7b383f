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
  description = "The model registry: `bucket_arn`, `kms_key_arn` and `sealing_key_arn` of the registry module, and `force_destroy`, with which operators may delete models."
  type = object({
    bucket_arn      = string
    kms_key_arn     = string
    sealing_key_arn = string
    force_destroy   = optional(bool, false)
  })
  nullable = false
}

variable "ledger" {
  description = "The ledger: `table_arn` and, if the table has a key of yours, `kms_key_arn` of the ledger module."
  type = object({
    table_arn   = string
    kms_key_arn = optional(string)
  })
  nullable = false
}

variable "roles" {
  description = "Settings of every IAM role of the stack: `path` and `permissions_boundary`. Operators may create roles with these only."
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
  description = "Parts of the stack that operators need rights for: whether it creates a registry, a ledger, a network and GPU services, has functions or services in a VPC, and an edge; the Route 53 zones of its names; and the ECR repositories of its functions' images."
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
