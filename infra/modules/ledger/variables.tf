variable "name" {
  description = "Prefix of every name in this module. The table is `{name}-ledger`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the table, and so a destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "point_in_time_recovery" {
  description = "Whether the table can be restored to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for the table. Users of the table need `kms:Decrypt` on it. Null is the key that AWS owns."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, not of an alias: write \"arn:aws:kms:REGION:ACCOUNT:key/ID\", or leave it out."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
