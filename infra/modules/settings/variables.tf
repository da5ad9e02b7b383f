variable "name" {
  description = "Prefix of every name of the stack."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the stack, in which keys must be."
  type        = string
  nullable    = false
}

variable "given" {
  description = "The variables below as written, by name, before their types drop unknown attributes. The outputs are refused if an attribute was dropped."
  type        = any
  nullable    = false
}

variable "models" {
  description = "`models` of the root module."
  type = map(object({
    package              = optional(string)
    image                = optional(string)
    version              = optional(string, "live")
    sealing              = optional(string, "required")
    replay               = optional(string, "refuse")
    cors_origins         = optional(list(string), [])
    least_serial         = optional(number)
    execution_providers  = optional(list(string))
    architecture         = optional(string, "x86_64")
    memory_mb            = optional(number, 1024)
    timeout_s            = optional(number, 30)
    ephemeral_storage_mb = optional(number, 512)
    reserved_concurrency = optional(number)
    provisioned_concurrency = optional(object({
      min                = number
      max                = optional(number)
      target_utilization = optional(number, 0.7)
    }))
    snap_start     = optional(bool, false)
    stable_version = optional(string)
    canary = optional(object({
      weight = number
      rollback = optional(object({
        automatic  = optional(bool, true)
        error_rate = optional(number, 0.05)
        p99_ms     = optional(number)
        minutes    = optional(number, 2)
        min_calls  = optional(number, 10)
      }), {})
    }))
    dead_letters = optional(object({
      retention_days = optional(number, 14)
      retries        = optional(number, 2)
      max_age_s      = optional(number, 3600)
      kms_key_arn    = optional(string)
    }))
    url = optional(object({
      mode          = optional(string)
      authorization = optional(string, "AWS_IAM")
    }), {})
    throttle = optional(object({
      rate  = number
      burst = number
    }))
    alarms = optional(object({
      error_rate      = optional(number, 0.01)
      throttles       = optional(number, 1)
      p99_ms          = optional(number, 1000)
      cold_start_rate = optional(number, 0.2)
    }), {})
    iam                = optional(string, "ignore")
    tracing            = optional(string, "PassThrough")
    log_retention_days = optional(number, 30)
    environment        = optional(map(string), {})
    gpu = optional(object({
      instance_type   = optional(string, "g5.xlarge")
      gpus            = optional(number, 1)
      cpu             = optional(number)
      memory_mb       = optional(number)
      certificate_arn = optional(string)
      server_name     = optional(string)
      client_cidrs    = optional(list(string), [])
      capacity = optional(object({
        min  = optional(number, 0)
        max  = optional(number, 1)
        spot = optional(bool, false)
      }), {})
      scaling = optional(object({
        queue_depth  = optional(number, 8)
        idle_minutes = optional(number, 15)
      }), {})
    }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for model in keys(var.models) : can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])
    error_message = "models must be keyed by names of 1 to 40 lower-case letters, digits, hyphens or underscores, as in `amaas publish`: write \"sentiment = {…}\", not ${jsonencode([for model in keys(var.models) : model if !can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])}."
  }

  validation {
    condition     = length(setintersection(keys(var.models), ["api", "flow-log", "ledger"])) == 0
    error_message = "models must not be named api, flow-log or ledger, because alarms and roles of the stack have these names: write another name instead of ${join(", ", setintersection(keys(var.models), ["api", "flow-log", "ledger"]))}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : (model.package == null) != (model.image == null)])
    error_message = "models must have either a package or an image: run `amaas package MODEL` and write package = the printed path, or push the image of `amaas package MODEL --image` and write image = its URI by digest, for ${join(", ", [for name, model in var.models : name if(model.package == null) == (model.image == null)])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.package == null || try(fileexists(model.package), false)])
    error_message = "models must name packages that exist: run `amaas package MODEL` and write the printed path. No file for: ${join(", ", [for name, model in var.models : "${name} (${model.package})" if model.package != null && !try(fileexists(model.package), false)])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.gpu != null || model.execution_providers == null || try(tolist(model.execution_providers) == tolist(["cpu"]), false)])
    error_message = "models must not use a GPU on Lambda, which has none: write gpu = {} beside execution_providers, an image instead of the package and a network, or leave execution_providers out, for ${join(", ", [for name, model in var.models : name if model.gpu == null && model.execution_providers != null && !try(tolist(model.execution_providers) == tolist(["cpu"]), false)])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.gpu == null || model.image != null])
    error_message = "models with gpu must have an image, because a zip runs on Lambda only: run `amaas package MODEL --image`, push the image and write image = its URI by digest, for ${join(", ", [for name, model in var.models : name if model.gpu != null && model.image == null])}."
  }

  validation {
    condition = alltrue([for model in values(var.models) : model.gpu == null || (
      model.canary == null && model.stable_version == null && model.provisioned_concurrency == null && model.reserved_concurrency == null && model.dead_letters == null && model.url.mode == null && model.iam == "ignore" && !model.snap_start
    )])
    error_message = <<-TEXT
      models with gpu must not have settings of Lambda: take out ${join(", ", flatten([for name, model in var.models : [for setting, is_set in { canary = model.canary != null, stable_version = model.stable_version != null, provisioned_concurrency = model.provisioned_concurrency != null, reserved_concurrency = model.reserved_concurrency != null, snap_start = model.snap_start, dead_letters = model.dead_letters != null, "url.mode" = model.url.mode != null, iam = model.iam != "ignore" } : "${name}.${setting}" if is_set] if model.gpu != null]))}. Use gpu.capacity for the number of tasks.
    TEXT
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.gpu == null || try((model.gpu.certificate_arn == null) == (model.gpu.server_name == null), false)])
    error_message = "models with gpu must have certificate_arn and server_name together, because the API checks that name in the certificate: write both, or neither, for ${join(", ", [for name, model in var.models : name if model.gpu != null])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.iam != "tenant" || model.url.mode == "OFF" || model.url.authorization == "AWS_IAM"])
    error_message = "models must not have iam = \"tenant\" with a public URL, because its callers do not sign: write url = { authorization = \"AWS_IAM\" }, or url = { mode = \"OFF\" } behind an HTTP API with AWS_IAM, for ${join(", ", [for name, model in var.models : name if model.iam == "tenant"])}."
  }
}

variable "registry" {
  description = "`registry` of the root module."
  type = object({
    existing = optional(object({
      bucket          = string
      kms_key_arn     = string
      sealing_key_arn = string
    }))
    bucket                   = optional(string)
    kms_key_arn              = optional(string)
    sealing_key_arn          = optional(string)
    readers                  = optional(list(string), [])
    noncurrent_version_days  = optional(number, 30)
    incomplete_upload_days   = optional(number, 7)
    key_deletion_window_days = optional(number, 30)
    force_destroy            = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = !contains(var.registry.readers, "*")
    error_message = "registry.readers must not be \"*\", because a public bucket is refused: write the ARNs of accounts or roles, [\"arn:aws:iam::111122223333:role/NAME\"], or leave it out."
  }

  validation {
    condition = var.registry.existing == null || (
      var.registry.bucket == null && var.registry.kms_key_arn == null && var.registry.sealing_key_arn == null && length(var.registry.readers) == 0 && !var.registry.force_destroy
    )
    error_message = "registry.existing must not have other settings beside it, because they belong to the stack that created the registry: take bucket, kms_key_arn, sealing_key_arn, readers and force_destroy out."
  }

  validation {
    condition     = var.registry.existing == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.registry.existing.bucket))
    error_message = "registry.existing.bucket must be the name of a bucket, not an ARN or an address: write \"amaas-models-prod\", not ${jsonencode(try(var.registry.existing.bucket, null))}."
  }

  validation {
    condition     = var.registry.existing == null || alltrue([for arn in [try(var.registry.existing.kms_key_arn, ""), try(var.registry.existing.sealing_key_arn, "")] : can(regex("^arn:[a-z0-9-]+:kms:${var.region}:[0-9]{12}:key/.+$", arn))])
    error_message = "registry.existing must have the ARNs of keys in ${var.region}, the region of the stack, and not of aliases: write the output `registry` of the stack that created it, or { bucket = \"NAME\", kms_key_arn = \"arn:aws:kms:${var.region}:ACCOUNT:key/ID\", sealing_key_arn = \"arn:aws:kms:${var.region}:ACCOUNT:key/ID\" }."
  }
}

variable "ledger" {
  description = "`ledger` of the root module."
  type = object({
    existing = optional(object({
      table       = string
      kms_key_arn = optional(string)
    }))
    deletion_protection    = optional(bool, true)
    point_in_time_recovery = optional(bool, true)
    kms_key_arn            = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.ledger.existing == null || var.ledger.kms_key_arn == null
    error_message = "ledger.existing must not have other settings beside it, because they belong to the stack that created the table: write the table's key as existing = { table = \"…\", kms_key_arn = \"…\" }."
  }

  validation {
    condition     = var.ledger.existing == null || can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.ledger.existing.table))
    error_message = "ledger.existing.table must be the name of a table, not an ARN: write the output `ledger` of the stack that created it, or { table = \"amaas-ledger\" }."
  }

  # Checked here and not in the module, which depends on the registry and would know its region only in an apply.
  validation {
    condition     = alltrue([for arn in [var.ledger.kms_key_arn, try(var.ledger.existing.kms_key_arn, null)] : arn == null || can(regex("^arn:[a-z0-9-]+:kms:${var.region}:[0-9]{12}:key/.+$", arn))])
    error_message = "ledger must have the ARN of a key in ${var.region}, the region of the table, and not of an alias: write kms_key_arn = \"arn:aws:kms:${var.region}:ACCOUNT:key/ID\", or leave it out, not ${jsonencode(try(coalesce(var.ledger.kms_key_arn, var.ledger.existing.kms_key_arn), null))}."
  }

  # The sealing key of the stack that created the table wraps the secrets in it.
  validation {
    condition     = var.ledger.existing == null || var.registry.existing != null || var.registry.sealing_key_arn != null
    error_message = "ledger.existing must come with the sealing key that wraps the secrets in that table, or no function can unwrap them: write registry = { existing = … } or registry = { sealing_key_arn = … } with the output `sealing_key_arn` of the stack that created the ledger."
  }
}

variable "roles" {
  description = "`roles` of the root module."
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

variable "oidc" {
  description = "`oidc` of the root module."
  type = object({
    issuer       = string
    audience     = string
    tenant_claim = string
    algorithms   = optional(list(string))
    jwks         = optional(string)
  })
  default = null
}

variable "logs" {
  description = "`logs` of the root module."
  type = object({
    own_key     = optional(bool, false)
    kms_key_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.logs.kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${var.region}:[0-9]{12}:key/.+$", var.logs.kms_key_arn))
    error_message = "logs.kms_key_arn must be the ARN of a key in ${var.region}, the region of the stack, and not of an alias: write \"arn:aws:kms:${var.region}:ACCOUNT:key/ID\", or leave it out, not ${jsonencode(var.logs.kms_key_arn)}."
  }

  validation {
    condition     = !var.logs.own_key || var.logs.kms_key_arn == null
    error_message = "logs must have one key: write either own_key = true to create one, or kms_key_arn for yours."
  }

  validation {
    condition     = !var.logs.own_key || var.registry.existing == null
    error_message = "logs.own_key must be left out with registry.existing, because the key belongs to the registry: write logs = { kms_key_arn = … } with the output `log_key_arn` of the stack that created it, or your own key."
  }
}

variable "network" {
  description = "`network` of the root module."
  type = object({
    cidr             = optional(string, "10.64.0.0/20")
    zones            = optional(number, 2)
    zone_names       = optional(list(string))
    zone_ids         = optional(list(string))
    exclude_zone_ids = optional(list(string))
    endpoints        = optional(list(string), [])
    flow_logs = optional(object({
      enabled        = optional(bool, true)
      retention_days = optional(number, 30)
    }), {})
    existing = optional(object({
      vpc_id             = string
      subnet_ids         = list(string)
      security_group_ids = list(string)
    }))
    functions = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.network != null || alltrue([for model in values(var.models) : model.gpu == null])
    error_message = "network must be set for models with gpu, which run on instances in a VPC: write network = {} to create one, or network = { existing = {…} } for yours, for ${join(", ", [for name, model in var.models : name if model.gpu != null])}."
  }

  validation {
    condition     = var.network == null || try(var.network.existing, null) != null || alltrue([for model in values(var.models) : model.gpu == null || can(regex("^[0-9]{12}[.]dkr[.]ecr[.]${var.region}[.]amazonaws[.]com([.]cn)?/", model.image))])
    error_message = "network.existing must be set for images that are not in ECR of ${var.region}, because a new VPC reaches no other registry: push the image there, or write network = { existing = {…} } with a VPC that reaches it, for ${join(", ", [for name, model in var.models : name if model.gpu != null && !can(regex("^[0-9]{12}[.]dkr[.]ecr[.]${var.region}[.]amazonaws[.]com([.]cn)?/", model.image))])}."
  }

  # The modules of functions and services check this too. Here the message names the setting of the root module.
  validation {
    condition     = try(var.network.existing, null) == null || try(length(var.network.existing.subnet_ids) >= (anytrue([for model in values(var.models) : model.gpu != null]) ? 2 : 1) && length(var.network.existing.security_group_ids) >= 1, false)
    error_message = "network.existing must have one subnet or more, two in two zones if a model has gpu, and one security group or more: write network = { existing = { vpc_id = \"vpc-…\", subnet_ids = [\"subnet-…\", \"subnet-…\"], security_group_ids = [\"sg-…\"] } }."
  }

  validation {
    condition     = var.oidc == null || var.network == null || try(var.network.existing, null) != null
    error_message = "network and oidc must not both be set: a new VPC has no internet access, so functions cannot fetch the issuer's keys. Write network = { existing = {…} } with a VPC that reaches the issuer, or leave one of the two out."
  }
}

variable "api" {
  description = "`api` of the root module."
  type = object({
    authorization = optional(string, "NONE")
    jwt = optional(object({
      issuer   = string
      audience = list(string)
    }))
    shared = optional(object({
      default     = optional(string)
      embeddings  = optional(string)
      rerank      = optional(string)
      completions = optional(string)
    }), {})
    throttle = optional(object({
      rate  = optional(number, 50)
      burst = optional(number, 100)
    }), {})
    timeout_ms = optional(number, 29000)
    domain = optional(object({
      name            = string
      certificate_arn = string
      zone_id         = optional(string)
    }))
    cors = optional(object({
      origins        = list(string)
      headers        = optional(list(string))
      methods        = optional(list(string))
      expose_headers = optional(list(string))
      credentials    = optional(bool)
      max_age_s      = optional(number)
    }))
    log_retention_days = optional(number, 30)
  })
  default = null

  validation {
    condition     = alltrue([for model in try(values(var.api.shared), []) : model == null || contains(keys(var.models), coalesce(model, "-"))])
    error_message = "api.shared must name models of this stack, which are ${join(", ", sort(keys(var.models)))}: write one of them, not ${join(", ", [for model in try(values(var.api.shared), []) : model if model != null && !contains(keys(var.models), coalesce(model, "-"))])}."
  }

  validation {
    condition     = var.api == null || anytrue([for model in values(var.models) : model.url.mode != "RESPONSE_STREAM"])
    error_message = "api must have a model: add one to models that does not stream, or leave api out."
  }

  validation {
    condition     = alltrue([for model in try(values(var.api.shared), []) : try(var.models[model].url.mode != "RESPONSE_STREAM", true)])
    error_message = "api.shared must not name a model that streams, because an HTTP API does not stream: write another model, or url = { mode = \"OFF\" } for ${join(", ", [for name, model in var.models : name if model.url.mode == "RESPONSE_STREAM"])}."
  }

  validation {
    condition     = var.api == null || try(var.api.authorization == "AWS_IAM", false) || alltrue([for model in values(var.models) : model.iam != "tenant" || model.url.mode == "RESPONSE_STREAM"])
    error_message = "api.authorization must be \"AWS_IAM\" if a model behind it has iam = \"tenant\", or callers have no name: write it, or leave iam out for ${join(", ", [for name, model in var.models : name if model.iam == "tenant" && model.url.mode != "RESPONSE_STREAM"])}."
  }
}

variable "observability" {
  description = "`observability` of the root module."
  type = object({
    emails      = optional(list(string), [])
    topic_arns  = optional(list(string), [])
    kms_key_arn = optional(string)
    cost_tag = optional(object({
      key   = string
      value = string
    }))
    budget = optional(object({
      monthly_usd = number
      thresholds  = optional(list(number), [50, 80, 100])
      forecast    = optional(number, 100)
    }))
    cost_anomaly = optional(object({
      impact_usd = number
    }))
  })
  default = null
}
