variable "name" {
  description = "Prefix of every name in this module. Lower-case letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "bucket" {
  description = "Name of the bucket. Null is `{name}-{account id}-{region}`, which is unique without a random suffix."
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits or hyphens, without dots (they break TLS host names): write \"amaas-models-prod\", or leave it out."
  }
}

variable "kms_key_arn" {
  description = "ARN of your own KMS key for the bucket; the README has its policy. Null creates one. A plan must know whether it is null."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\", or leave it out to create one, not ${jsonencode(var.kms_key_arn)}."
  }
}

variable "sealing_key_arn" {
  description = "ARN of your own KMS key that wraps the keys of sealed calls and models; the README has its policy. Null creates one. A plan must know whether it is null."
  type        = string
  default     = null

  validation {
    condition     = var.sealing_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/.+$", var.sealing_key_arn))
    error_message = "sealing_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\", or leave it out to create one, not ${jsonencode(var.sealing_key_arn)}."
  }

  # The right to read an object must not include the right to decrypt sealed data in it.
  validation {
    condition     = var.sealing_key_arn == null || var.sealing_key_arn != var.kms_key_arn
    error_message = "sealing_key_arn must not be kms_key_arn, or readers of the bucket could decrypt sealed data: write two keys."
  }
}

variable "noncurrent_version_days" {
  description = "Days after which an overwritten or deleted object version is deleted for good. Until then it can be restored."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.noncurrent_version_days >= 1 && floor(var.noncurrent_version_days) == var.noncurrent_version_days
    error_message = "noncurrent_version_days must be a whole number of days, 1 or more: write 30."
  }
}

variable "incomplete_upload_days" {
  description = "Days after which the parts of an unfinished multipart upload are deleted."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.incomplete_upload_days >= 1 && floor(var.incomplete_upload_days) == var.incomplete_upload_days
    error_message = "incomplete_upload_days must be a whole number of days, 1 or more: write 7."
  }
}

variable "key_deletion_window_days" {
  description = "Days between a destroy and the deletion of the keys. Every object is unreadable once its key is gone."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "key_deletion_window_days must be between 7 and 30, the limits of KMS: write 30."
  }
}

variable "force_destroy" {
  description = "Whether a destroy may delete the bucket, and every published model with it. False refuses the destroy before it changes the bucket and its keys. Apply true before a destroy."
  type        = bool
  default     = false
  nullable    = false
}

variable "readers" {
  description = "ARNs of other accounts, or of roles in them, whose functions may read and decrypt every model. Empty keeps the registry within this account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.readers : can(regex("^arn:[a-z0-9-]+:iam::[0-9]{12}:(root|role/[A-Za-z0-9+=,.@_/-]+)$", arn))])
    error_message = "readers must be ARNs of accounts or roles, because a public bucket is refused: write [\"arn:aws:iam::111122223333:role/NAME\"], not ${jsonencode([for arn in var.readers : arn if !can(regex("^arn:[a-z0-9-]+:iam::[0-9]{12}:(root|role/[A-Za-z0-9+=,.@_/-]+)$", arn))])}. To share one model, share its ONNX file."
  }
}

variable "log_key" {
  description = "Whether to create a KMS key for logs, the output `log_key_arn`."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
