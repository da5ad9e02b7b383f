variable "region" {
  description = "AWS region, one that has the instance type."
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

variable "gpu_image" {
  description = "URI by digest of the image of `amaas package match --image` on a base with CUDA, in ECR of this region."
  type        = string
}

variable "instance_type" {
  description = "Type of the GPU instances."
  type        = string
  default     = "g5.xlarge"
}

variable "spot" {
  description = "Whether AWS may take the instances back with two minutes' notice, for less."
  type        = bool
  default     = false
}
