variable "alias" {
  description = "Alias of the key, without `alias/`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,250}$", var.alias)) && !startswith(var.alias, "aws/")
    error_message = "alias must be 1 to 250 letters, digits, slashes, hyphens or underscores, without `alias/`, and must not begin with \"aws/\", which AWS reserves: write \"amaas-registry\", not ${jsonencode(var.alias)}."
  }
}

variable "description" {
  description = "What the key encrypts."
  type        = string
  nullable    = false
}

variable "statements" {
  description = "Statements of the key policy that let principals use the key. The module adds the one that lets the account administer it."
  type        = any
  nullable    = false
}

variable "deletion_window_days" {
  description = "Days between a destroy and the deletion of the key. Data is unreadable once the key is gone."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be between 7 and 30, the limits of KMS: write 30."
  }
}

variable "tags" {
  description = "Tags of the key."
  type        = map(string)
  default     = {}
  nullable    = false
}
