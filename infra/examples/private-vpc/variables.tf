variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "publishers" {
  description = "Public keys of those who may publish, as `amaas signer` prints them."
  type        = list(string)
}

variable "package" {
  description = "Path of the zip made by `amaas package sentiment`."
  type        = string
}

variable "architecture" {
  description = "Instruction set that the package was built for: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}
