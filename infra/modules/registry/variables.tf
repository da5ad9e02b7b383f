variable "name" {
  description = "Prefix of every name this module makes. Lower-case letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "bucket" {
  description = "Name of the bucket. Null makes `{name}-{account id}-{region}`, which is unique without a random suffix."
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits or hyphens, without dots (they break TLS host names): write \"amaas-models-prod\", or leave it out."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key of yours that encrypts the bucket; the README has what its policy needs. Null makes one. Whether it is null has to be known to a plan."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\", or leave it out to have one made, not ${jsonencode(var.kms_key_arn)}."
  }
}

variable "sealing_key_arn" {
  description = "ARN of a KMS key of yours that wraps the keys of sealed calls and models; the README has what its policy needs. Null makes one. Whether it is null has to be known to a plan."
  type        = string
  default     = null

  validation {
    condition     = var.sealing_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/.+$", var.sealing_key_arn))
    error_message = "sealing_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\", or leave it out to have one made, not ${jsonencode(var.sealing_key_arn)}."
  }

  # The right to read an object must not be the right to open what is sealed in it.
  validation {
    condition     = var.sealing_key_arn == null || var.sealing_key_arn != var.kms_key_arn
    error_message = "sealing_key_arn must not be kms_key_arn: who reads the bucket could open what is sealed in it. Write two keys."
  }
}

variable "noncurrent_version_days" {
  description = "Days after which an overwritten or deleted object version is removed for good. Until then it can be brought back."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.noncurrent_version_days >= 1 && floor(var.noncurrent_version_days) == var.noncurrent_version_days
    error_message = "noncurrent_version_days must be a whole number of days, 1 or more: write 30."
  }
}

variable "incomplete_upload_days" {
  description = "Days after which the parts of an unfinished multipart upload are removed."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.incomplete_upload_days >= 1 && floor(var.incomplete_upload_days) == var.incomplete_upload_days
    error_message = "incomplete_upload_days must be a whole number of days, 1 or more: write 7."
  }
}

variable "key_deletion_window_days" {
  description = "Days that KMS waits before it deletes the key after a destroy. Every object is unreadable once the key is gone."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "key_deletion_window_days must be between 7 and 30, the limits of KMS: write 30."
  }
}

variable "force_destroy" {
  description = "Whether a destroy may delete the bucket, and every published model with it. False refuses both, and changes nothing of the bucket and its keys; apply true before a destroy."
  type        = bool
  default     = false
  nullable    = false
}

variable "readers" {
  description = "ARNs of other accounts, or of roles in them, whose functions may read and open every model. Empty keeps the registry within this account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.readers : can(regex("^arn:[a-z0-9-]+:iam::[0-9]{12}:(root|role/[A-Za-z0-9+=,.@_/-]+)$", arn))])
    error_message = "readers must be ARNs of accounts or roles, because a public bucket is refused: write [\"arn:aws:iam::111122223333:role/NAME\"], not ${jsonencode([for arn in var.readers : arn if !can(regex("^arn:[a-z0-9-]+:iam::[0-9]{12}:(root|role/[A-Za-z0-9+=,.@_/-]+)$", arn))])}. To hand one model to somebody, hand over its ONNX file."
  }
}

variable "log_key" {
  description = "Whether to make a KMS key for logs, which the output `log_key_arn` then names."
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
