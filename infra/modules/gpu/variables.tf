variable "name" {
  description = "Prefix of every name this module makes. The service is called `{name}-{model}`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }

  validation {
    condition     = !can(regex("^(aws|ecs|fargate|internal$|internal-)", var.name))
    error_message = "name must not begin with \"aws\", \"ecs\" or \"fargate\", which ECS keeps for capacity providers of its own, nor with \"internal-\" once the model stands behind it, as no load balancer's name does: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "model" {
  description = "Name of the model in the registry. The role may read `models/{model}/*`, so no character here may widen that pattern."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", var.model))
    error_message = "${var.model}: model must be 1 to 40 lower-case letters, digits, hyphens or underscores, as in `amaas publish`: write \"sentiment\", not ${jsonencode(var.model)}."
  }

  validation {
    condition     = !can(regex("[-_]$", var.model))
    error_message = "${var.model}: model must not end with a hyphen or an underscore where it is a service, because no load balancer's name does: publish it under another name than ${jsonencode(var.model)}."
  }
}

variable "model_version" {
  description = "Version or alias of the model to serve. An alias can be moved in the registry without an apply."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", var.model_version))
    error_message = "${var.model}: model_version must be a version or an alias of the registry: write \"live\" or \"3\", not ${jsonencode(var.model_version)}."
  }
}

variable "publishers" {
  description = "Public keys of those who may publish models, as `amaas signer` shows them. A model that none of them signed is not served."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.publishers) > 0 && alltrue([for key in var.publishers : can(regex("^[A-Za-z0-9+/]{43}=$", key))])
    error_message = "${var.model}: publishers must be one or more Ed25519 public keys in base64, 44 characters each: write what `amaas signer` prints."
  }
}

variable "sealing" {
  description = "Which calls are taken: `required` sealed ones only, as the SDK makes them; `optional` plain ones too, for other clients; `off` plain ones only."
  type        = string
  default     = "required"
  nullable    = false

  validation {
    condition     = contains(["required", "optional", "off"], var.sealing)
    error_message = "${var.model}: sealing must be \"required\", \"optional\" or \"off\", not ${jsonencode(var.sealing)}."
  }

  validation {
    condition     = var.sealing == "required" || var.certificate_arn != null
    error_message = "${var.model}: sealing must be \"required\" without a certificate, because the load balancer then speaks plain HTTP: write certificate_arn, or leave sealing out."
  }
}

variable "replay" {
  description = "What happens to a sealed call that comes a second time: refuse (recorded calls cannot be sent again at the tenant's cost) or allow."
  type        = string
  default     = "refuse"
  nullable    = false

  validation {
    condition     = contains(["refuse", "allow"], var.replay)
    error_message = "${var.model}: replay must be \"refuse\" or \"allow\", not ${jsonencode(var.replay)}."
  }
}

variable "least_serial" {
  description = "Least serial of a model's manifest, as `amaas publish` prints it: older versions are refused, whatever an alias says. Null refuses none."
  type        = number
  default     = null

  validation {
    condition     = var.least_serial == null || try(var.least_serial >= 0 && floor(var.least_serial) == var.least_serial, false)
    error_message = "${var.model}: least_serial must be a whole number, 0 or more: write the serial that `amaas publish` printed."
  }
}

variable "registry" {
  description = "The model registry, as the registry module's outputs give it."
  type = object({
    store       = string
    bucket_arn  = string
    kms_key_arn = string
    # The key that unwraps what seals calls and models.
    sealing_key_arn = string
  })
  nullable = false
}

variable "ledger" {
  description = "Outputs `table`, `table_arn` and `kms_key_arn` of the ledger module: where tenants, API keys, limits, prices and usage are, and answers for repeats of a call."
  type = object({
    table       = string
    table_arn   = string
    kms_key_arn = optional(string)
  })
  nullable = false
}

variable "cors_origins" {
  description = "The origins whose pages a browser lets call the model itself, or \"*\" for all. Empty lets none. An HTTP API in front answers with its own `cors` in the place of this."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : origin == "*" || can(regex("^[a-z][a-z0-9+.-]*://[^/?#@*,A-Z[:space:]]+$", origin))])
    error_message = "${var.model}: cors_origins must be \"*\" or scheme and host without a path, in lower case: write \"https://app.example.com\", not ${jsonencode(var.cors_origins)}."
  }

  validation {
    condition     = !contains(var.cors_origins, "*") || length(var.cors_origins) == 1
    error_message = "${var.model}: cors_origins must have \"*\" alone, since it lets all: write [\"*\"], or leave it out."
  }
}

variable "oidc" {
  description = <<-TEXT
    Whose bearer tokens are taken beside API keys. Null takes none.
    - issuer: an https URL, to the letter what tokens have as `iss`
    - audience: who tokens have to be for, as their `aud` has it
    - tenant_claim: the claim that names the tenant, such as "org_id", or a JSON pointer such as "/realm/tenant"
    - algorithms: what tokens may be signed with; null takes RS256, ES256 and EdDSA
    - jwks: URL of the issuer's keys; null takes what its discovery document names
  TEXT
  type = object({
    issuer       = string
    audience     = string
    tenant_claim = string
    algorithms   = optional(list(string))
    jwks         = optional(string)
  })
  default = null

  validation {
    condition     = var.oidc == null || can(regex("^https://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$", var.oidc.issuer))
    error_message = "${var.model}: oidc.issuer must be an https URL without user, query or fragment, as tokens have it in `iss`: write \"https://login.example.com\", not ${jsonencode(try(var.oidc.issuer, null))}."
  }

  validation {
    condition     = var.oidc == null || try(length(var.oidc.audience) > 0, false)
    error_message = "${var.model}: oidc.audience must not be empty, or every token of the issuer would be taken: write who tokens are for, as their `aud` has it."
  }

  validation {
    condition     = var.oidc == null || can(regex("^([^/].*|(/([^/~]|~[01])*)+)$", var.oidc.tenant_claim))
    error_message = "${var.model}: oidc.tenant_claim must be the name of a claim or a JSON pointer: write \"org_id\" or \"/realm/tenant\", not ${jsonencode(try(var.oidc.tenant_claim, null))}."
  }

  validation {
    condition = try(var.oidc.algorithms, null) == null || try(length(var.oidc.algorithms) > 0 && length(setsubtract(var.oidc.algorithms, [
      "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ])) == 0, false)
    error_message = "${var.model}: oidc.algorithms must be a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA, each with a public key: write [\"RS256\"], or leave it out."
  }

  validation {
    condition     = try(var.oidc.jwks, null) == null || can(regex("^https://[^/?#@[:space:]]+([/?][^#[:space:]]*)?$", var.oidc.jwks))
    error_message = "${var.model}: oidc.jwks must be an https URL without user or fragment: write \"https://login.example.com/keys\", or leave it out, not ${jsonencode(try(var.oidc.jwks, null))}."
  }
}

variable "image" {
  description = "The container image, by digest, that `amaas package MODEL --image` makes on a base with CUDA. What pulls it must reach its registry from the subnets."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "${var.model}: image must be named by digest, because a tag can be moved without Terraform seeing it: write \"HOST/REPOSITORY@sha256:…\", not ${jsonencode(var.image)}. `amaas package --image` prints the digest."
  }
}

variable "execution_providers" {
  description = "What runs the network, the first that can: cuda or tensorrt, and behind them cpu to fall back to. Without cpu a task that finds no GPU fails, and says so."
  type        = list(string)
  default     = ["cuda"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.execution_providers, ["cuda", "tensorrt", "cpu"])) == 0 && try(contains(["cuda", "tensorrt"], var.execution_providers[0]), false)
    error_message = "${var.model}: execution_providers must begin with \"cuda\" or \"tensorrt\" and may go on with \"cpu\": write [\"cuda\"], not ${jsonencode(var.execution_providers)}. What needs no GPU is cheaper as a function."
  }
}

variable "instance_type" {
  description = "Type of the instances, of a family with NVIDIA GPUs and x86_64 processors."
  type        = string
  default     = "g5.xlarge"
  nullable    = false

  validation {
    condition     = can(regex("^(g|gr|p)[0-9]+[a-z0-9-]*[.][a-z0-9-]+$", var.instance_type))
    error_message = "${var.model}: instance_type must be of a family with NVIDIA GPUs, such as g5, g6e, g7e or p5: write \"g5.xlarge\", not ${jsonencode(var.instance_type)}."
  }

  # Of CUDA 13's release notes: no Maxwell, Pascal or Volta any more, and so nothing older either. g4ad is AMD's, g5g has ARM processors.
  validation {
    condition     = !can(regex("^(g2|g3|g3s|g4ad|g5g|p2|p3|p3dn)[.]", var.instance_type))
    error_message = "${var.model}: instance_type must not be of g2, g3, p2 or p3, whose GPUs CUDA 13 does not know any more, nor of g4ad (AMD) or g5g (ARM): write \"g5.xlarge\", not ${jsonencode(var.instance_type)}."
  }
}

variable "gpus" {
  description = "GPUs of a task, of which an instance must have as many."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains(range(1, 17), var.gpus)
    error_message = "${var.model}: gpus must be a whole number from 1 to 16: write 1."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU. Null takes 3072, which leaves one of a g5.xlarge's four to the instance."
  type        = number
  default     = null

  validation {
    condition     = var.cpu == null || try(var.cpu >= 128 && floor(var.cpu) == var.cpu, false)
    error_message = "${var.model}: cpu must be a whole number of CPU units, 128 or more: write 3072 for three vCPUs."
  }
}

variable "memory_mb" {
  description = "Memory of a task in MiB. Null takes 12288, which leaves a quarter of a g5.xlarge's to the instance."
  type        = number
  default     = null

  validation {
    condition     = var.memory_mb == null || try(var.memory_mb >= 512 && floor(var.memory_mb) == var.memory_mb, false)
    error_message = "${var.model}: memory_mb must be a whole number, 512 or more: write 12288 for 12 GiB."
  }
}

variable "root_volume_gb" {
  description = "Size of an instance's disk in GiB. It holds the image, which with CUDA's libraries is some GiB, and what is on its way to the ledger."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.root_volume_gb >= 30 && floor(var.root_volume_gb) == var.root_volume_gb
    error_message = "${var.model}: root_volume_gb must be a whole number, 30 or more, which is what the system's image takes: write 60."
  }
}

variable "capacity" {
  description = "How many tasks there are: `min`, 0 to stop while nobody calls, and `max`, above 1 with one instance more while a new version replaces the old; `spot` takes instances that AWS may take back with two minutes' notice."
  type = object({
    min  = optional(number, 0)
    max  = optional(number, 1)
    spot = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.capacity.min >= 0 && var.capacity.max >= 1 && var.capacity.min <= var.capacity.max && floor(var.capacity.min) == var.capacity.min && floor(var.capacity.max) == var.capacity.max
    error_message = "${var.model}: capacity must have whole numbers, min 0 or more and max 1 or more and not less than min: write { min = 0, max = 2 }."
  }
}

variable "scaling" {
  description = "When there are more tasks and fewer: another one starts where more than `queue_depth` rows wait at each, on the average of a minute; after `idle_minutes` without a call there are `min`."
  type = object({
    queue_depth  = optional(number, 8)
    idle_minutes = optional(number, 15)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.queue_depth > 0 && var.scaling.idle_minutes >= 5 && var.scaling.idle_minutes <= 720 && floor(var.scaling.idle_minutes) == var.scaling.idle_minutes
    error_message = "${var.model}: scaling must have a queue_depth above 0 and idle_minutes that are a whole number from 5 to 720: write { queue_depth = 8, idle_minutes = 15 }."
  }
}

variable "network" {
  description = <<-TEXT
    Where tasks and their load balancer are.
    - vpc_id, subnet_ids: private subnets in two zones or more, as the network module gives them
    - security_group_ids: what lets instances and tasks out: to ECS, ECR, S3, DynamoDB, KMS and Logs
    - client_security_group_ids, client_cidrs: who may reach the load balancer, by group or by address
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
    error_message = "${var.model}: subnet_ids of the network must be two or more, in two zones: a load balancer takes no fewer."
  }

  validation {
    condition     = length(var.network.security_group_ids) > 0
    error_message = "${var.model}: security_group_ids of the network must not be empty, or tasks reach nothing: write [\"sg-…\"]."
  }

  validation {
    condition     = alltrue([for cidr in var.network.client_cidrs : can(cidrnetmask(cidr)) && cidr != "0.0.0.0/0"])
    error_message = "${var.model}: client_cidrs must be IPv4 networks, and not everybody: write [\"10.0.0.0/8\"], not ${jsonencode(var.network.client_cidrs)}."
  }
}

variable "certificate_arn" {
  description = "ARN of an ACM certificate for the load balancer. Null speaks plain HTTP inside the VPC, where calls are sealed all the same."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z0-9-]+:acm:${data.aws_region.current.id}:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "${var.model}: certificate_arn must be the ARN of an ACM certificate in ${data.aws_region.current.id}, the region of the load balancer: write \"arn:aws:acm:${data.aws_region.current.id}:ACCOUNT:certificate/ID\", or leave it out."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted, and with it a destroy."
  type        = bool
  default     = false
  nullable    = false
}

variable "access_log_bucket" {
  description = "Name of a bucket for the load balancer's access logs, whose policy lets ELB write. Null writes none."
  type        = string
  default     = null
}

variable "environment" {
  description = "More environment variables. Everybody who may read the task definition can read them: never put a secret here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection(keys(var.environment), [
      "AMAAS_STORE", "AMAAS_MODEL", "AMAAS_MODEL_VERSION", "AMAAS_EXECUTION_PROVIDERS", "AMAAS_KMS_KEY", "AMAAS_PUBLISHERS",
      "AMAAS_SEALING", "AMAAS_REPLAY", "AMAAS_LEAST_SERIAL", "AMAAS_LEDGER", "AMAAS_OIDC_ISSUER", "AMAAS_OIDC_AUDIENCE", "AMAAS_OIDC_TENANT_CLAIM",
      "AMAAS_OIDC_ALGORITHMS", "AMAAS_OIDC_JWKS", "AMAAS_CORS_ORIGINS", "AMAAS_HOST", "PORT", "AMAAS_EMF", "AMAAS_JOURNAL", "ORT_DISABLE_TELEMETRY",
      "AWS_REGION", "NVIDIA_DRIVER_CAPABILITIES",
    ])) == 0
    error_message = "${var.model}: environment must not set the names this module sets (AMAAS_STORE, AMAAS_MODEL, AMAAS_MODEL_VERSION, AMAAS_EXECUTION_PROVIDERS, AMAAS_KMS_KEY, AMAAS_PUBLISHERS, AMAAS_SEALING, AMAAS_REPLAY, AMAAS_LEAST_SERIAL, AMAAS_LEDGER, AMAAS_OIDC_…, AMAAS_CORS_ORIGINS, AMAAS_HOST, PORT, AMAAS_EMF, AMAAS_JOURNAL, ORT_DISABLE_TELEMETRY, AWS_REGION, NVIDIA_DRIVER_CAPABILITIES): write the setting that each comes from instead, such as `sealing` or `cors_origins`."
  }

  validation {
    condition     = alltrue([for key in keys(var.environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]+$", key))])
    error_message = "${var.model}: environment must have names of letters, digits and underscores, two or more, that start with a letter: write \"AMAAS_LOG\"."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "${var.model}: log_retention_days must be one of the periods CloudWatch offers: write 7, 14, 30, 90, 365 or another of its list. Logs kept for ever (0) are refused."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of a KMS key for the logs. Its key policy must let the CloudWatch Logs service use it. Null leaves the service's own encryption."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/", var.log_kms_key_arn))
    error_message = "${var.model}: log_kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\"."
  }
}

variable "roles" {
  description = "What every IAM role of the module has: `path`, such as \"/amaas/\", and `permissions_boundary`, the ARN of a policy. Another path makes new roles."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.roles.path)) && length(var.roles.path) <= 512
    error_message = "${var.model}: roles.path must begin and end with a slash and have 512 characters at most: write \"/amaas/\", not ${jsonencode(var.roles.path)}."
  }

  validation {
    condition     = var.roles.permissions_boundary == null || can(regex("^arn:[a-z0-9-]+:iam::([0-9]{12}|aws):policy/.+$", var.roles.permissions_boundary))
    error_message = "${var.model}: roles.permissions_boundary must be the ARN of a policy: write \"arn:aws:iam::ACCOUNT:policy/NAME\", not ${jsonencode(var.roles.permissions_boundary)}."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
