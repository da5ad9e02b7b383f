variable "name" {
  description = "Prefix of every name of the stack."
  type        = string
  nullable    = false
}

variable "given" {
  description = "The settings of models as they were written, before a type dropped what it does not have. The output `models` is refused where something is lost."
  type        = any
  nullable    = false
}

variable "models" {
  description = "The same settings, each with its type and default: the variable `models` of the root module describes them."
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
        automatic   = optional(bool, true)
        error_rate  = optional(number, 0.05)
        p99_ms      = optional(number)
        minutes     = optional(number, 2)
        least_calls = optional(number, 10)
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
    error_message = "models must not be called api, flow-log or ledger, whose alarms and roles have these names: write another name in place of ${join(", ", setintersection(keys(var.models), ["api", "flow-log", "ledger"]))}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : (model.package == null) != (model.image == null)])
    error_message = "models must have either a package or an image: run `amaas package MODEL` and write package = the path that it prints, or push what `amaas package MODEL --image` makes and write image = its URI by digest, for ${join(", ", [for name, model in var.models : name if(model.package == null) == (model.image == null)])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.package == null || try(fileexists(model.package), false)])
    error_message = "models must name packages that exist: run `amaas package MODEL` and write the path that it prints. No file for: ${join(", ", [for name, model in var.models : "${name} (${model.package})" if model.package != null && !try(fileexists(model.package), false)])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.gpu != null || model.execution_providers == null || try(tolist(model.execution_providers) == tolist(["cpu"]), false)])
    error_message = "models must not ask for a GPU on Lambda, which has none: write gpu = {} beside execution_providers, an image in place of the package and a network, or leave execution_providers out, for ${join(", ", [for name, model in var.models : name if model.gpu == null && model.execution_providers != null && !try(tolist(model.execution_providers) == tolist(["cpu"]), false)])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.gpu == null || model.image != null])
    error_message = "models with gpu must have an image: a zip is what Lambda takes, which has no GPU. Run `amaas package MODEL --image`, push what it makes and write image = its URI by digest, for ${join(", ", [for name, model in var.models : name if model.gpu != null && model.image == null])}."
  }

  validation {
    condition = alltrue([for model in values(var.models) : model.gpu == null || (
      model.canary == null && model.stable_version == null && model.provisioned_concurrency == null && model.reserved_concurrency == null && model.dead_letters == null && model.url.mode == null && model.iam == "ignore" && !model.snap_start
    )])
    error_message = "models with gpu must not have what only Lambda has: take out ${join(", ", flatten([for name, model in var.models : [for setting, is_set in { canary = model.canary != null, stable_version = model.stable_version != null, provisioned_concurrency = model.provisioned_concurrency != null, reserved_concurrency = model.reserved_concurrency != null, snap_start = model.snap_start, dead_letters = model.dead_letters != null, "url.mode" = model.url.mode != null, iam = model.iam != "ignore" } : "${name}.${setting}" if is_set] if model.gpu != null]))}. gpu.capacity says how many there are."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.gpu == null || try((model.gpu.certificate_arn == null) == (model.gpu.server_name == null), false)])
    error_message = "models with gpu must have certificate_arn and server_name together, since the API looks for that name in the certificate: write both, or neither, for ${join(", ", [for name, model in var.models : name if model.gpu != null])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.iam != "tenant" || model.url.mode == "OFF" || model.url.authorization == "AWS_IAM"])
    error_message = "models must not have iam = \"tenant\" with a public URL, whose callers do not sign: write url = { authorization = \"AWS_IAM\" }, or url = { mode = \"OFF\" } behind an HTTP API that asks for IAM, for ${join(", ", [for name, model in var.models : name if model.iam == "tenant"])}."
  }
}

