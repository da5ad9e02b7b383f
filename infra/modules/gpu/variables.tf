variable "name" {
  description = "Prefix of every name in this module. The service is `{name}-{model}`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }

  validation {
    condition     = !can(regex("^(aws|ecs|fargate|internal$|internal-)", var.name))
    error_message = "name must not begin with \"aws\", \"ecs\" or \"fargate\", which ECS reserves for its own capacity providers, nor with \"internal-\", which load balancer names do not allow: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "model" {
  description = "The model, as the outputs of the module `model` describe it: write module.model."
  type = object({
    name               = string
    environment        = map(string)
    statements         = any
    sealing            = string
    cors_origins       = list(string)
    log_retention_days = number
    log_kms_key_arn    = string
    tags               = map(string)
    roles = object({
      path                 = string
      permissions_boundary = string
    })
  })
  nullable = false

  validation {
    condition     = !can(regex("[-_]$", var.model.name))
    error_message = "${var.model.name}: model must not end with a hyphen or an underscore with a GPU, because load balancer names do not allow it: publish it under another name than ${jsonencode(var.model.name)}."
  }

  validation {
    condition     = length(setintersection(keys(var.model.environment), ["AMAAS_HOST", "PORT", "AMAAS_EMF", "AMAAS_JOURNAL", "AWS_REGION", "NVIDIA_DRIVER_CAPABILITIES"])) == 0
    error_message = "${var.model.name}: environment must not set the variables of this module (AMAAS_HOST, PORT, AMAAS_EMF, AMAAS_JOURNAL, AWS_REGION, NVIDIA_DRIVER_CAPABILITIES): take them out."
  }
}

variable "image" {
  description = "Container image of `amaas package MODEL --image` on a base with CUDA, by digest. The subnets must reach its registry."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "${var.model.name}: image must have a digest, because Terraform does not see a moved tag: write \"HOST/REPOSITORY@sha256:…\", not ${jsonencode(var.image)}. `amaas package --image` prints the digest."
  }
}

variable "execution_providers" {
  description = "Execution providers of ONNX Runtime, in order: cuda or tensorrt, and cpu at the end as a fallback. Without cpu a task without a GPU fails with an error."
  type        = list(string)
  default     = ["cuda"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.execution_providers, ["cuda", "tensorrt", "cpu"])) == 0 && try(contains(["cuda", "tensorrt"], var.execution_providers[0]), false)
    error_message = "${var.model.name}: execution_providers must begin with \"cuda\" or \"tensorrt\" and may end with \"cpu\": write [\"cuda\"], not ${jsonencode(var.execution_providers)}. For a CPU a function is cheaper."
  }
}

variable "instance_type" {
  description = "Type of the instances, of a family with NVIDIA GPUs and x86_64 processors."
  type        = string
  default     = "g5.xlarge"
  nullable    = false

  validation {
    condition     = can(regex("^(g|gr|p)[0-9]+[a-z0-9-]*[.][a-z0-9-]+$", var.instance_type))
    error_message = "${var.model.name}: instance_type must be of a family with NVIDIA GPUs, such as g5, g6e, g7e or p5: write \"g5.xlarge\", not ${jsonencode(var.instance_type)}."
  }

  # CUDA 13 does not support Maxwell, Pascal, Volta and older GPUs, by its release notes. g4ad has AMD GPUs, g5g has ARM processors.
  validation {
    condition     = !can(regex("^(g2|g3|g3s|g4ad|g5g|p2|p3|p3dn)[.]", var.instance_type))
    error_message = "${var.model.name}: instance_type must not be of g2, g3, p2 or p3, whose GPUs CUDA 13 does not support, nor of g4ad (AMD) or g5g (ARM): write \"g5.xlarge\", not ${jsonencode(var.instance_type)}."
  }
}

variable "gpus" {
  description = "GPUs of a task. An instance must have as many."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains(range(1, 17), var.gpus)
    error_message = "${var.model.name}: gpus must be a whole number from 1 to 16: write 1."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU. Null is 3072, three of a g5.xlarge's four vCPUs."
  type        = number
  default     = null

  validation {
    condition     = var.cpu == null || try(var.cpu >= 128 && floor(var.cpu) == var.cpu, false)
    error_message = "${var.model.name}: cpu must be a whole number of CPU units, 128 or more: write 3072 for three vCPUs."
  }
}

variable "memory_mb" {
  description = "Memory of a task in MiB. Null is 12288, three quarters of a g5.xlarge's."
  type        = number
  default     = null

  validation {
    condition     = var.memory_mb == null || try(var.memory_mb >= 512 && floor(var.memory_mb) == var.memory_mb, false)
    error_message = "${var.model.name}: memory_mb must be a whole number, 512 or more: write 12288 for 12 GiB."
  }
}

variable "root_volume_gb" {
  description = "Size of an instance's disk in GiB. It has the image, which is several GiB with CUDA's libraries, and usage that is not in the ledger yet."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.root_volume_gb >= 30 && floor(var.root_volume_gb) == var.root_volume_gb
    error_message = "${var.model.name}: root_volume_gb must be a whole number, 30 or more, the size of the AMI: write 60."
  }
}

variable "capacity" {
  description = "Bounds of the number of tasks: `min`, 0 to scale to zero, and `max`. Above 1, a deployment uses one instance more. `spot` uses spot instances, which AWS may take back with two minutes' notice."
  type = object({
    min  = optional(number, 0)
    max  = optional(number, 1)
    spot = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.capacity.min >= 0 && var.capacity.max >= 1 && var.capacity.min <= var.capacity.max && floor(var.capacity.min) == var.capacity.min && floor(var.capacity.max) == var.capacity.max
    error_message = "${var.model.name}: capacity must have whole numbers, min 0 or more and max 1 or more and not less than min: write { min = 0, max = 2 }."
  }
}

variable "scaling" {
  description = "When the service scales: out if each task has more than `queue_depth` rows in its queue, on the average of a minute; to `min` after `idle_minutes` without a call."
  type = object({
    queue_depth  = optional(number, 8)
    idle_minutes = optional(number, 15)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.queue_depth > 0 && var.scaling.idle_minutes >= 5 && var.scaling.idle_minutes <= 720 && floor(var.scaling.idle_minutes) == var.scaling.idle_minutes
    error_message = "${var.model.name}: scaling must have a queue_depth above 0 and idle_minutes that are a whole number from 5 to 720: write { queue_depth = 8, idle_minutes = 15 }."
  }
}

variable "network" {
  description = <<-TEXT
    The VPC of tasks and their load balancer.
    - vpc_id, subnet_ids: private subnets in two zones or more, such as outputs of the network module
    - security_group_ids: must allow instances and tasks to reach ECS, ECR, S3, DynamoDB, KMS and Logs
    - client_security_group_ids, client_cidrs: callers that may reach the load balancer
  TEXT
  type = object({
    vpc_id                    = string
    subnet_ids                = list(string)
    security_group_ids        = list(string)
    client_security_group_ids = optional(list(string), [])
    client_cidrs              = optional(list(string), [])
  })
  nullable = false

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "${var.model.name}: subnet_ids of the network must be two or more, in two zones, the minimum of a load balancer: write [\"subnet-…\", \"subnet-…\"]."
  }

  validation {
    condition     = length(var.network.security_group_ids) > 0
    error_message = "${var.model.name}: security_group_ids of the network must not be empty, or tasks reach nothing: write [\"sg-…\"]."
  }

  validation {
    condition     = alltrue([for cidr in var.network.client_cidrs : can(cidrnetmask(cidr)) && cidr != "0.0.0.0/0"])
    error_message = "${var.model.name}: client_cidrs must be IPv4 networks, and not 0.0.0.0/0: write [\"10.0.0.0/8\"], not ${jsonencode(var.network.client_cidrs)}."
  }
}

variable "certificate_arn" {
  description = "ARN of an ACM certificate for the load balancer. Null is plain HTTP inside the VPC, where calls must be sealed."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z0-9-]+:acm:${data.aws_region.current.id}:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "${var.model.name}: certificate_arn must be the ARN of an ACM certificate in ${data.aws_region.current.id}, the region of the load balancer: write \"arn:aws:acm:${data.aws_region.current.id}:ACCOUNT:certificate/ID\", or leave it out."
  }

  validation {
    condition     = var.model.sealing == "required" || var.certificate_arn != null
    error_message = "${var.model.name}: sealing must be \"required\" without a certificate, because the load balancer then speaks plain HTTP: write certificate_arn, or leave sealing out."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses its deletion, and so a destroy."
  type        = bool
  default     = false
  nullable    = false
}

variable "access_log_bucket" {
  description = "Name of a bucket for the load balancer's access logs, whose policy allows ELB to write. Null writes none."
  type        = string
  default     = null
}
