variable "name" {
  description = "Prefix of every name in this module. The function is `{name}-{model}`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "model" {
  description = "The model, as the outputs of the module `model` describe it: write module.model."
  type = object({
    name               = string
    environment        = map(string)
    statements         = any
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
    condition     = length(setintersection(keys(var.model.environment), ["AMAAS_RESPONSE_MODE", "AMAAS_IAM"])) == 0
    error_message = "${var.model.name}: environment must not set AMAAS_RESPONSE_MODE or AMAAS_IAM: write the settings `url.mode` or `iam` instead."
  }

  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Defined runtime environment variables"
  validation {
    condition = length(setintersection(keys(var.model.environment), [
      "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
      "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
      "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
      "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    ])) == 0
    error_message = "${var.model.name}: environment must not set variables that Lambda reserves (such as AWS_REGION, AWS_ACCESS_KEY_ID and _HANDLER): remove them."
  }
}

variable "iam" {
  description = "Whether AWS IAM identifies tenants. `ignore`: callers have an API key or a bearer token. `tenant`: a caller without either is the tenant whose name is the ARN of its user or role. Grant `lambda:InvokeFunction` only with the condition `lambda:InvokedViaFunctionUrl` then: see the README."
  type        = string
  default     = "ignore"
  nullable    = false

  validation {
    condition     = contains(["ignore", "tenant"], var.iam)
    error_message = "${var.model.name}: iam must be \"ignore\" or \"tenant\", not ${jsonencode(var.iam)}."
  }

  validation {
    condition     = var.iam != "tenant" || var.url.mode == "OFF" || var.url.authorization == "AWS_IAM"
    error_message = "${var.model.name}: iam must not be \"tenant\" with a public URL, because its callers do not sign: write url = { authorization = \"AWS_IAM\" }, or url = { mode = \"OFF\" } behind an HTTP API with AWS_IAM, or leave iam out."
  }
}

variable "package" {
  description = "Path of the zip of `amaas package MODEL`, with `bootstrap` and `lib/libonnxruntime.so`, up to 50 MB. Null with `image`."
  type        = string
  default     = null

  validation {
    condition     = (var.package == null) != (var.image == null)
    error_message = "${var.model.name}: either package or image must be set: run `amaas package ${var.model.name}` and write the printed path as package, or push the image of `amaas package ${var.model.name} --image` and write its URI as image."
  }

  validation {
    condition     = var.package == null || try(endswith(var.package, ".zip") && fileexists(var.package), false)
    error_message = "${var.model.name}: package must be the path of an existing .zip: run `amaas package ${var.model.name}` and write the printed path, not ${jsonencode(var.package)}."
  }

  # `amaas package --arch arm64` names its zips like this. Terraform cannot see the architecture inside, and a wrong one fails at the first call.
  validation {
    condition     = var.package == null || try(endswith(var.package, "-arm64.zip") == (var.architecture == "arm64") || !can(regex("/amaas-[a-z0-9]+(-arm64)?[.]zip$", "/${var.package}")), true)
    error_message = "${var.model.name}: package and architecture must match: ${jsonencode(var.package)} does not have the name of a zip for ${var.architecture}. Run `amaas package ${var.model.name} --arch ${var.architecture}`, or set architecture to the one of the zip."
  }
}

variable "image" {
  description = "URI by digest of an image of `amaas package MODEL --image`, in ECR of this region. Null with `package`."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^[0-9]{12}[.]dkr[.]ecr[.]${data.aws_region.current.id}[.]amazonaws[.]com([.]cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "${var.model.name}: image must be in ECR of ${data.aws_region.current.id}, the only registry that Lambda reads, and have a digest, because Terraform does not see a moved tag: push it there and write \"ACCOUNT.dkr.ecr.${data.aws_region.current.id}.amazonaws.com/REPOSITORY@sha256:…\", not ${jsonencode(var.image)}. `amaas package --image` prints the digest."
  }
}

variable "code_signing_config_arn" {
  description = "ARN of a code signing configuration for the zip. Null requires no signature."
  type        = string
  default     = null

  validation {
    condition     = var.code_signing_config_arn == null || var.image == null
    error_message = "${var.model.name}: code_signing_config_arn must not be set with image, because Lambda checks signatures of zips only: leave it out."
  }

  validation {
    condition     = var.code_signing_config_arn == null || can(regex("^arn:[a-z0-9-]+:lambda:${data.aws_region.current.id}:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "${var.model.name}: code_signing_config_arn must be the ARN of a code signing configuration in ${data.aws_region.current.id}, the region of the stack: write \"arn:aws:lambda:${data.aws_region.current.id}:ACCOUNT:code-signing-config:csc-ID\", not ${jsonencode(var.code_signing_config_arn)}."
  }
}

variable "architecture" {
  description = "Architecture of the package: x86_64 or arm64."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "${var.model.name}: architecture must be the one of the package: write \"x86_64\" or \"arm64\", not ${jsonencode(var.architecture)}."
  }
}

variable "memory_mb" {
  description = "Memory in MiB. CPU grows with it: 1769 MiB is one vCPU."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "${var.model.name}: memory_mb must be a whole number between 128 and 10240, the limits of Lambda: write 1024 for 1 GiB."
  }
}

variable "timeout_s" {
  description = "Seconds after which Lambda stops a request."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900 && floor(var.timeout_s) == var.timeout_s
    error_message = "${var.model.name}: timeout_s must be a whole number of seconds between 1 and 900, the limits of Lambda: write 30."
  }
}

variable "ephemeral_storage_mb" {
  description = "Size of /tmp in MiB. 512 is free."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.ephemeral_storage_mb >= 512 && var.ephemeral_storage_mb <= 10240 && floor(var.ephemeral_storage_mb) == var.ephemeral_storage_mb
    error_message = "${var.model.name}: ephemeral_storage_mb must be a whole number between 512 and 10240, the limits of Lambda: write 512."
  }
}

variable "reserved_concurrency" {
  description = "Maximum of concurrent requests of this function, taken from the account's pool. It limits the bill. Null sets none; 0 stops the function."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 0 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "${var.model.name}: reserved_concurrency must be a whole number, 0 or more: write 10, or leave it out for no limit."
  }
}

variable "provisioned_concurrency" {
  description = <<-TEXT
    Environments that Lambda initialises in advance, so that calls have no cold start. They cost money without calls. Null is none.
    - min: minimum of environments
    - max: maximum, up to which Application Auto Scaling scales out; null is min
    - target_utilization: share of busy environments that it keeps
  TEXT
  type = object({
    min                = number
    max                = optional(number)
    target_utilization = optional(number, 0.7)
  })
  default = null

  validation {
    condition     = var.provisioned_concurrency == null || try(var.provisioned_concurrency.min >= 1 && floor(var.provisioned_concurrency.min) == var.provisioned_concurrency.min, false)
    error_message = "${var.model.name}: provisioned_concurrency.min must be a whole number, 1 or more: write { min = 1 }, or leave provisioned_concurrency out."
  }

  validation {
    condition     = try(var.provisioned_concurrency.max, null) == null || try(var.provisioned_concurrency.max >= var.provisioned_concurrency.min && floor(var.provisioned_concurrency.max) == var.provisioned_concurrency.max, false)
    error_message = "${var.model.name}: provisioned_concurrency.max must be a whole number, min or more: write { min = 1, max = 10 }, or leave max out."
  }

  validation {
    condition     = var.provisioned_concurrency == null || try(var.provisioned_concurrency.target_utilization >= 0.1 && var.provisioned_concurrency.target_utilization <= 0.9, false)
    error_message = "${var.model.name}: provisioned_concurrency.target_utilization must be between 0.1 and 0.9, the limits of Application Auto Scaling: write 0.7."
  }

  validation {
    condition     = var.provisioned_concurrency == null || var.stable_version != "$LATEST"
    error_message = "${var.model.name}: provisioned_concurrency must not be set for $LATEST, which Lambda does not support: leave stable_version out to follow the version of each apply, or name a published version."
  }

  validation {
    condition     = var.provisioned_concurrency == null || var.canary == null
    error_message = "${var.model.name}: provisioned_concurrency must not be set with canary, whose version would have none and be slower: leave one of them out. Set provisioned_concurrency again when the canary is the stable version."
  }

  # Lambda adds up all versions. During an apply the old version has up to `max`, and the new one already has `min`.
  validation {
    condition     = try(coalesce(var.provisioned_concurrency.max, var.provisioned_concurrency.min) + var.provisioned_concurrency.min <= var.reserved_concurrency, true)
    error_message = "${var.model.name}: reserved_concurrency must be at least the provisioned concurrency of two versions, or the next apply of a new version fails: the old version has up to ${try(coalesce(var.provisioned_concurrency.max, var.provisioned_concurrency.min), "max")} while the new one has ${try(coalesce(var.provisioned_concurrency.min), "min")}. Write reserved_concurrency = ${try(coalesce(var.provisioned_concurrency.max, var.provisioned_concurrency.min) + var.provisioned_concurrency.min, "max + min")} or more, not ${jsonencode(var.reserved_concurrency)}, or leave it out, or lower provisioned_concurrency."
  }
}

variable "snap_start" {
  description = "Whether Lambda takes a snapshot of each published version after its init phase, and starts environments from it (SnapStart). For images. The README has its costs and conditions."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.snap_start || var.provisioned_concurrency == null
    error_message = "${var.model.name}: snap_start must not be set with provisioned_concurrency, because Lambda refuses both together: leave one of them out."
  }

  validation {
    condition     = !var.snap_start || var.ephemeral_storage_mb <= 512
    error_message = "${var.model.name}: snap_start must not be set with ephemeral_storage_mb above 512, which snapshots do not support: write ephemeral_storage_mb = 512, or leave snap_start out, not ${jsonencode(var.ephemeral_storage_mb)}."
  }

  validation {
    condition     = !var.snap_start || var.stable_version != "$LATEST"
    error_message = "${var.model.name}: snap_start must not be set for $LATEST, of which Lambda takes no snapshot: leave stable_version out to follow the version of each apply, or name a published version."
  }
}

variable "stable_version" {
  description = "The published version that callers reach, from the output `version`. Set it to roll back, or to keep callers there during a canary. Null is the version of each apply; \"$LATEST\" is the last upload."
  type        = string
  default     = null

  validation {
    condition     = var.stable_version == null || can(regex("^([1-9][0-9]*|[$]LATEST)$", var.stable_version))
    error_message = "${var.model.name}: stable_version must be the number of a published version, such as \"12\": write the value of the output `version`, or leave it out, not ${jsonencode(var.stable_version)}."
  }
}

variable "canary" {
  description = <<-TEXT
    Routes a share of the calls to the version of this apply, and the rest to `stable_version`. To promote it, leave both out. To roll it back,
    leave `canary` out. Null is no canary.
    - weight: the share, such as 0.1
    - rollback: conditions of the automatic rollback
      - automatic: false disables it
      - error_rate: share of the canary's calls that may fail
      - p99_ms: p99 latency that is allowed; null checks none
      - minutes: minutes in a row above a limit
      - min_calls: calls a minute from which error_rate applies
  TEXT
  type = object({
    weight = number
    rollback = optional(object({
      automatic  = optional(bool, true)
      error_rate = optional(number, 0.05)
      p99_ms     = optional(number)
      minutes    = optional(number, 2)
      min_calls  = optional(number, 10)
    }), {})
  })
  default = null

  validation {
    condition     = var.canary == null || try(var.canary.weight > 0 && var.canary.weight < 1, false)
    error_message = "${var.model.name}: canary.weight must be a share of the calls, more than 0 and less than 1: write 0.1 for a tenth, or leave canary and stable_version out to route all calls."
  }

  validation {
    condition     = var.canary == null || can(regex("^[1-9][0-9]*$", var.stable_version))
    error_message = "${var.model.name}: canary must have a published version for the other calls: write stable_version = \"N\" with the value of the output `version` before this apply. $LATEST cannot have a canary."
  }

  validation {
    condition     = var.canary == null || try(var.canary.rollback.error_rate > 0 && var.canary.rollback.error_rate < 1, false)
    error_message = "${var.model.name}: canary.rollback.error_rate must be a share of the calls, more than 0 and less than 1: write 0.05 for one in twenty."
  }

  validation {
    condition     = try(var.canary.rollback.p99_ms, null) == null || try(var.canary.rollback.p99_ms > 0, false)
    error_message = "${var.model.name}: canary.rollback.p99_ms must be more than 0: write a p99 latency in milliseconds, or leave it out."
  }

  validation {
    condition     = var.canary == null || try(var.canary.rollback.minutes >= 1 && floor(var.canary.rollback.minutes) == var.canary.rollback.minutes && var.canary.rollback.min_calls >= 1, false)
    error_message = "${var.model.name}: canary.rollback.minutes must be a whole number and min_calls a number, both 1 or more: write { minutes = 2, min_calls = 10 }."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that a canary's alarms notify."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[a-z0-9-]+:sns:${data.aws_region.current.id}:[0-9]{12}:.+$", arn))])
    error_message = "${var.model.name}: alarm_topic_arns must be ARNs of SNS topics in ${data.aws_region.current.id}, because an alarm cannot notify another region: write [\"arn:aws:sns:${data.aws_region.current.id}:ACCOUNT:TOPIC\"]."
  }
}

variable "dead_letters" {
  description = <<-TEXT
    A queue for failed asynchronous invocations. Null creates none, and Lambda drops such calls after its own retries.
    - retention_days: days until a message expires, 1 to 14
    - retries: retries of Lambda, 0 to 2
    - max_age_s: seconds after which Lambda stops retrying, 60 to 21600
    - kms_key_arn: key of the queue; null is the key that SQS manages
  TEXT
  type = object({
    retention_days = optional(number, 14)
    retries        = optional(number, 2)
    max_age_s      = optional(number, 3600)
    kms_key_arn    = optional(string)
  })
  default = null

  validation {
    condition     = var.dead_letters == null || try(contains(range(1, 15), var.dead_letters.retention_days), false)
    error_message = "${var.model.name}: dead_letters.retention_days must be a whole number from 1 to 14, the limits of SQS: write 14."
  }

  validation {
    condition     = var.dead_letters == null || try(contains([0, 1, 2], var.dead_letters.retries), false)
    error_message = "${var.model.name}: dead_letters.retries must be 0, 1 or 2, the limits of Lambda: write 2."
  }

  validation {
    condition     = var.dead_letters == null || try(var.dead_letters.max_age_s >= 60 && var.dead_letters.max_age_s <= 21600, false)
    error_message = "${var.model.name}: dead_letters.max_age_s must be between 60 and 21600, the limits of Lambda: write 3600."
  }

  validation {
    condition     = try(var.dead_letters.kms_key_arn, null) == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/", var.dead_letters.kms_key_arn))
    error_message = "${var.model.name}: dead_letters.kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\", or leave it out."
  }
}

variable "vpc" {
  description = "Private subnets and security groups of the function, such as outputs of the network module. They must allow S3, DynamoDB and KMS. Null leaves the function in Lambda's own network."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "${var.model.name}: subnet_ids and security_group_ids of the VPC must have one or more each: write { subnet_ids = [\"subnet-…\", \"subnet-…\"], security_group_ids = [\"sg-…\"] }."
  }
}

variable "url" {
  description = "The Function URL. `mode`: BUFFERED, RESPONSE_STREAM, or OFF for no URL. `authorization`: AWS_IAM requires SigV4. With NONE the URL is public, and the function itself checks callers."
  type = object({
    mode          = optional(string, "BUFFERED")
    authorization = optional(string, "AWS_IAM")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["BUFFERED", "RESPONSE_STREAM", "OFF"], var.url.mode)
    error_message = "${var.model.name}: url.mode must be \"BUFFERED\", \"RESPONSE_STREAM\" or \"OFF\" (no URL), not ${jsonencode(var.url.mode)}."
  }

  validation {
    condition     = contains(["AWS_IAM", "NONE"], var.url.authorization)
    error_message = "${var.model.name}: url.authorization must be \"AWS_IAM\" or \"NONE\" (public), not ${jsonencode(var.url.authorization)}."
  }

  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html, "VPC compatibility"
  validation {
    condition     = var.url.mode != "RESPONSE_STREAM" || var.vpc == null
    error_message = "${var.model.name}: url.mode must not be \"RESPONSE_STREAM\" in a VPC, because a Function URL does not stream from one: write url = { mode = \"BUFFERED\" }, or mode \"OFF\" behind an HTTP API, or keep the function out of the VPC (network = { functions = false } of a stack, or no vpc)."
  }

  validation {
    condition     = length(var.model.cors_origins) <= 100 || var.url.authorization == "NONE"
    error_message = "${var.model.name}: cors_origins must have 100 entries at most with AWS_IAM, the limit of a Function URL, not ${length(var.model.cors_origins)}: leave some out, or write [\"*\"]."
  }
}

variable "tracing" {
  description = "X-Ray tracing: PassThrough follows the caller's decision. Active samples requests, and the role may send traces."
  type        = string
  default     = "PassThrough"
  nullable    = false

  validation {
    condition     = contains(["PassThrough", "Active"], var.tracing)
    error_message = "${var.model.name}: tracing must be \"PassThrough\" or \"Active\", not ${jsonencode(var.tracing)}."
  }
}
