variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "publishers" {
  description = "Public keys of the publishers, printed by `amaas signer`."
  type        = list(string)
}

variable "package" {
  description = "Path of the zip of `amaas package sentiment`."
  type        = string
}

variable "architecture" {
  description = "Architecture of the package: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}
