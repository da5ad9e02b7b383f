variable "name" {
  description = "Prefix of every name. Two stacks in one account need two names, in two regions too: roles and dashboards are the account's."
  type        = string
  default     = "amaas"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "models" {
  description = <<-TEXT
    The models to serve, by their name in the registry. Only `package`, or `image`, is required.
    - package: path of the zip made by `amaas package MODEL`
    - image: in its place, a container image in ECR by digest, made by `amaas package MODEL --image`; a GPU takes nothing else
    - version: version or alias in the registry
    - sealing: required, optional or off: whether calls have to be sealed, as the SDK seals them
    - replay: refuse or allow: what happens to a sealed call that comes a second time
    - cors_origins: the origins whose pages a browser lets call the model itself, or "*"; behind `api`, its `cors` says so
    - least_serial: least serial of a manifest; null refuses no version
    - execution_providers: cpu; with `gpu` cuda or tensorrt, and cpu behind them to fall back to
    - architecture: x86_64 or arm64, the one the package was built for
    - memory_mb, timeout_s, ephemeral_storage_mb: Lambda's limits apply
    - reserved_concurrency: most requests at once; null sets no limit of its own
    - provisioned_concurrency: environments that stand ready: min, max, target_utilization
    - stable_version: the function's version that callers reach; null follows each apply
    - canary: a share of the calls for the version of this apply: weight, and rollback = { automatic, error_rate, p99_ms, minutes, least_calls }
    - dead_letters: a queue for failed asynchronous calls: retention_days, retries, max_age_s, kms_key_arn
    - url.mode: BUFFERED, RESPONSE_STREAM or OFF; null is OFF behind `api` and BUFFERED without; url.authorization: AWS_IAM or NONE
    - throttle: rate a second and burst of each of its routes of `api`; null takes the API's own
    - alarms: when `observability` tells: error_rate, throttles, p99_ms, cold_start_rate
    - iam: ignore or tenant: whether a caller without key or token is the tenant that has the name of its AWS principal
    - tracing: PassThrough or Active
    - log_retention_days: one of CloudWatch's periods
    - environment: more environment variables, never a secret
    - gpu: runs the image on ECS with a GPU, and not on Lambda, which has none: instance_type, gpus, cpu, memory_mb, capacity, scaling, certificate_arn,
      client_cidrs, as the gpu module describes them, and server_name, the name in the certificate, by which the API knows it
  TEXT
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
      model.canary == null && model.stable_version == null && model.provisioned_concurrency == null && model.reserved_concurrency == null && model.dead_letters == null && model.url.mode == null && model.iam == "ignore"
    )])
    error_message = "models with gpu must not have what only Lambda has: take canary, stable_version, provisioned_concurrency, reserved_concurrency, dead_letters, url and iam out, for ${join(", ", [for name, model in var.models : name if model.gpu != null])}. gpu.capacity says how many there are."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.gpu == null || try((model.gpu.certificate_arn == null) == (model.gpu.server_name == null), false)])
    error_message = "models with gpu must have certificate_arn and server_name together, since the API looks for that name in the certificate: write both, or neither, for ${join(", ", [for name, model in var.models : name if model.gpu != null])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : model.iam != "tenant" || model.url.mode == "OFF" || model.url.authorization == "AWS_IAM"])
    error_message = "models must not have iam = \"tenant\" with a public URL, where nobody signs: write url = { authorization = \"AWS_IAM\" }, or url = { mode = \"OFF\" } behind an HTTP API that asks for IAM, for ${join(", ", [for name, model in var.models : name if model.iam == "tenant"])}."
  }
}

variable "publishers" {
  description = "Public keys of those who may publish models, as `amaas signer` shows them. A model that none of them signed is not served."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.publishers) > 0 && alltrue([for key in var.publishers : can(regex("^[A-Za-z0-9+/]{43}=$", key))])
    error_message = "publishers must be one or more Ed25519 public keys in base64, 44 characters each: write what `amaas signer` prints."
  }
}

variable "registry" {
  description = "Settings of the model registry. `bucket` null makes `{name}-{account id}-{region}`; `force_destroy` true lets a destroy delete every published model; `readers` are other accounts, or roles in them, that may read and open models."
  type = object({
    bucket                   = optional(string)
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
    error_message = "registry.readers must not be everybody, because a public bucket is refused: write the ARNs of accounts or roles, [\"arn:aws:iam::111122223333:role/NAME\"], or leave it out."
  }
}

variable "ledger" {
  description = "Settings of the table with tenants, API keys, limits, prices and usage, in which functions also keep answers for repeats of a call. A destroy fails while `deletion_protection` is true. `kms_key_arn` is a key in place of the one that AWS owns."
  type = object({
    deletion_protection    = optional(bool, true)
    point_in_time_recovery = optional(bool, true)
    kms_key_arn            = optional(string)
  })
  default  = {}
  nullable = false
}

variable "oidc" {
  description = "Whose bearer tokens every model takes beside API keys: `issuer`, `audience` and `tenant_claim`, and where they have to be told `algorithms` and `jwks`, as the function module describes them. Null takes none."
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
  description = "What encrypts the log groups: `own_key` makes a KMS key for them; `kms_key_arn` names one, whose policy must let the CloudWatch Logs service use it. Neither leaves the service's own encryption."
  type = object({
    own_key     = optional(bool, false)
    kms_key_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = !var.logs.own_key || var.logs.kms_key_arn == null
    error_message = "logs must have one key: write own_key = true to have one made, or kms_key_arn to name yours, not both."
  }
}

variable "network" {
  description = <<-TEXT
    Where functions and GPU services run. Null leaves functions in Lambda's own network; a model with `gpu` needs one.
    - cidr, zones, flow_logs: of a VPC that is made, with endpoints for S3, DynamoDB, KMS and Logs and no way out
    - endpoints: more of AWS's services to reach; those that ECS needs are added where a model has a GPU
    - existing: a VPC that is there, in place of one that is made: vpc_id, subnet_ids, security_group_ids. It has to let functions reach S3, DynamoDB and KMS
    - functions: false keeps functions out of it, so that only GPU services are in it
  TEXT
  type = object({
    cidr      = optional(string, "10.64.0.0/20")
    zones     = optional(number, 2)
    endpoints = optional(list(string), [])
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
    error_message = "network must be set for models with gpu, which run on instances of a VPC: write network = {} to have one made, or network = { existing = {…} } to name yours, for ${join(", ", [for name, model in var.models : name if model.gpu != null])}."
  }

  validation {
    condition     = var.oidc == null || var.network == null || try(var.network.existing, null) != null
    error_message = "network and oidc must not both be set: the VPC that is made has no way out, so nothing in it could fetch the issuer's keys. Write network = { existing = {…} } with a VPC that reaches the issuer, or leave one of the two out."
  }
}

variable "api" {
  description = <<-TEXT
    One HTTP API before all models, so that callers have one endpoint. Null makes none, and each model has its own Function URL.
    - authorization: NONE leaves it to the function, which checks the key inside the sealed call; AWS_IAM; JWT with `jwt`
    - shared: which model answers the routes that name none: default, embeddings, completions
    - throttle: requests a second (rate) and at once (burst) of each route
    - timeout_ms: how long it waits for a model, up to 30000
    - domain: name, certificate_arn, zone_id
    - cors: origins, headers, credentials, max_age_s, as the api module describes them
    - log_retention_days: of its access logs, in which no payload, header or credential is
  TEXT
  type = object({
    authorization = optional(string, "NONE")
    jwt = optional(object({
      issuer   = string
      audience = list(string)
    }))
    shared = optional(object({
      default     = optional(string)
      embeddings  = optional(string)
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
    error_message = "api must have a model behind it: add one to models that does not stream, or leave api out until there is one."
  }

  validation {
    condition     = alltrue([for model in try(values(var.api.shared), []) : try(var.models[model].url.mode != "RESPONSE_STREAM", true)])
    error_message = "api.shared must not name a model that streams, since an HTTP API takes whole answers only: write another model, or url = { mode = \"OFF\" } for ${join(", ", [for name, model in var.models : name if model.url.mode == "RESPONSE_STREAM"])}."
  }

  validation {
    condition     = var.api == null || try(var.api.authorization == "AWS_IAM", false) || alltrue([for model in values(var.models) : model.iam != "tenant" || model.url.mode == "RESPONSE_STREAM"])
    error_message = "api.authorization must be \"AWS_IAM\" where a model behind it has iam = \"tenant\", or nobody is asked who he is: write it, or leave iam out for ${join(", ", [for name, model in var.models : name if model.iam == "tenant" && model.url.mode != "RESPONSE_STREAM"])}."
  }
}

variable "observability" {
  description = <<-TEXT
    Who is told what. Null makes neither dashboard nor alarms.
    - emails: who hears of alarms, by a topic that is made; topic_arns: topics of your own that hear of them too
    - budget: monthly_usd, and thresholds and forecast in percent, at which somebody is told
    - cost_anomaly: impact_usd, from which on something unusual is told
    - cost_tag: key and value of a tag that is active for cost allocation; without it both look at the whole account
  TEXT
  type = object({
    emails     = optional(list(string), [])
    topic_arns = optional(list(string), [])
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

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
