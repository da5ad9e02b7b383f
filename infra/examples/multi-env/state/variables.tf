variable "account_id" {
  description = "Account that the states are of."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}
