variable "name" {
  description = "Prefix of every name in this module."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "cidr" {
  description = "Private address range of the VPC, /16 to /24. Each subnet gets a quarter. A function needs few addresses, a task or an endpoint one."
  type        = string
  default     = "10.64.0.0/20"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false) && can(regex("/(1[6-9]|2[0-4])$", var.cidr))
    error_message = "cidr must be an IPv4 network with a prefix of 16 to 24 bits, so that its subnets fit, and no host bits set: write \"10.64.0.0/20\", not ${jsonencode(var.cidr)}."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.cidr))
    error_message = "cidr must be of private addresses (RFC 1918): write a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, not ${jsonencode(var.cidr)}."
  }
}

variable "zones" {
  description = "Number of availability zones, 2 to 4, taken from the region's in order."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = contains([2, 3, 4], var.zones)
    error_message = "zones must be 2, 3 or 4, because one zone may fail and four subnets fit: write 2, not ${var.zones}."
  }
}

variable "zone_names" {
  description = "Names of availability zones instead of `zones`, if some zones lack a service such as GPUs. Null is the first zones of the region."
  type        = list(string)
  default     = null

  validation {
    condition     = var.zone_names == null || try(length(var.zone_names) >= 2 && length(var.zone_names) <= 4 && length(distinct(var.zone_names)) == length(var.zone_names) && alltrue([for name in var.zone_names : startswith(name, data.aws_region.current.id) && !can(regex("-az[0-9]+$", name))]), false)
    error_message = "zone_names must be two to four different zones of ${data.aws_region.current.id}, by name: write [\"${data.aws_region.current.id}a\", \"${data.aws_region.current.id}b\"], not ${jsonencode(var.zone_names)}, or leave it out and set zones. Ids, such as \"euc1-az1\", are zone_ids."
  }
}

variable "zone_ids" {
  description = "Ids of availability zones instead of `zones` or `zone_names`, such as \"use1-az4\". A name is another zone in another account, an id is not. Null uses names."
  type        = list(string)
  default     = null

  validation {
    condition     = var.zone_ids == null || try(length(var.zone_ids) >= 2 && length(var.zone_ids) <= 4 && length(distinct(var.zone_ids)) == length(var.zone_ids) && alltrue([for id in var.zone_ids : can(regex("^[a-z0-9]+-az[0-9]+$", id))]), false)
    error_message = "zone_ids must be two to four different ids: write [\"use1-az1\", \"use1-az2\"], from `aws ec2 describe-availability-zones`, or leave it out and set zones, not ${jsonencode(var.zone_ids)}."
  }

  validation {
    condition     = var.zone_ids == null || var.zone_names == null
    error_message = "zone_ids and zone_names must not both be set: write one of them."
  }
}

variable "exclude_zone_ids" {
  description = "Ids of zones that are not among the first `zones`. By default these are zones without VPC links of HTTP APIs; use1-az3 has no Lambda either. They do not apply to `zone_names` and `zone_ids`."
  type        = list(string)
  # The README has the source of each. Ids are unique among regions.
  default  = ["cac1-az4", "euw3-az2", "use1-az3"]
  nullable = false

  validation {
    condition     = alltrue([for id in var.exclude_zone_ids : can(regex("^[a-z0-9]+-az[0-9]+$", id))])
    error_message = "exclude_zone_ids must be ids, because a name is another zone in another account: write [\"use1-az3\"], from `aws ec2 describe-availability-zones`, not ${jsonencode(var.exclude_zone_ids)}."
  }
}

variable "endpoints" {
  description = "Interface endpoints beside kms, which functions need. Services need ecr.api, ecr.dkr, ecs, ecs-agent, ecs-telemetry and logs. Add others that your functions call. Lambda delivers logs without an endpoint."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = length(setsubtract(var.endpoints, [
      "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "execute-api", "kms", "lambda", "logs", "monitoring", "secretsmanager",
      "ssm", "sts", "xray",
    ])) == 0
    error_message = "endpoints must be of ecr.api, ecr.dkr, ecs, ecs-agent, ecs-telemetry, execute-api, kms, lambda, logs, monitoring, secretsmanager, ssm, sts and xray: take ${join(", ", setsubtract(var.endpoints, ["ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "execute-api", "kms", "lambda", "logs", "monitoring", "secretsmanager", "ssm", "sts", "xray"]))} out. S3 and DynamoDB always have endpoints."
  }
}

variable "bucket_arns" {
  description = "ARNs of the only buckets that the S3 endpoint allows, such as the registry's. Empty allows all buckets of this account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.bucket_arns : can(regex("^arn:[^:]+:s3:::[a-z0-9][a-z0-9.-]+$", arn))])
    error_message = "bucket_arns must be ARNs of buckets without a key: write \"arn:aws:s3:::BUCKET\", not ${jsonencode(var.bucket_arns)}."
  }
}

variable "flow_logs" {
  description = "Log of refused connections: `retention_days`, and `kms_key_arn`, whose policy must allow the CloudWatch Logs service. Null disables the log."
  type = object({
    retention_days = optional(number, 30)
    kms_key_arn    = optional(string)
  })
  default = {}

  validation {
    condition     = var.flow_logs == null || contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], try(var.flow_logs.retention_days, 0))
    error_message = "flow_logs.retention_days must be one of CloudWatch's periods, and not 0 (forever): write 7, 14, 30, 90, 365 or another of them."
  }

  validation {
    condition     = try(var.flow_logs.kms_key_arn, null) == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/", var.flow_logs.kms_key_arn))
    error_message = "flow_logs.kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\"."
  }
}

variable "roles" {
  description = "Settings of every IAM role: `path`, such as \"/amaas/\", and `permissions_boundary`, the ARN of a policy. Another path creates new roles."
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

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
