variable "name" {
  description = "Prefix of every name. Two stacks in one account need two names, even in two regions, because roles and dashboards belong to the account."
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
    The models to serve, by name in the registry. Only `package` or `image` is required.
    - package: path of the zip of `amaas package MODEL`
    - image: instead of package, an image of `amaas package MODEL --image` in ECR, by digest; required for a GPU
    - version: version or alias in the registry
    - sealing: required, optional or off: whether calls must be sealed, as the SDK seals them
    - replay: refuse or allow: what happens to a sealed call that was sent before
    - cors_origins: origins whose pages may call the model from a browser, or "*"; behind `api` its `cors` applies instead
    - least_serial: lowest serial of a manifest that is accepted; null accepts all
    - execution_providers: cpu; with `gpu` cuda or tensorrt, and cpu at the end as a fallback
    - architecture: x86_64 or arm64, the architecture of the package
    - memory_mb, timeout_s, ephemeral_storage_mb: Lambda's limits apply
    - reserved_concurrency: maximum of concurrent requests; null sets no limit
    - provisioned_concurrency: initialised environments: min, max, target_utilization
    - snap_start: true starts environments from a snapshot of the published version (SnapStart), for images; not with provisioned_concurrency
    - stable_version: version of the function that callers reach; null is the version of each apply
    - canary: routes a share of the calls to the version of this apply: weight, and rollback = { automatic, error_rate, p99_ms, minutes, min_calls }
    - dead_letters: a queue for failed asynchronous calls: retention_days, retries, max_age_s, kms_key_arn
    - url.mode: BUFFERED, RESPONSE_STREAM or OFF; null is OFF behind `api`, else BUFFERED; url.authorization: AWS_IAM or NONE
    - throttle: rate a second and burst of each of its routes of `api`; null is the API's own
    - alarms: thresholds of `observability`: error_rate, throttles, p99_ms, cold_start_rate
    - iam: ignore or tenant: whether a caller without key or token is the tenant with the name of its AWS principal
    - tracing: PassThrough or Active
    - log_retention_days: one of CloudWatch's periods
    - environment: more environment variables, never a secret
    - gpu: runs the image on ECS with a GPU: instance_type, gpus, cpu, memory_mb, capacity, scaling, certificate_arn and client_cidrs of the gpu module,
      and server_name, the name in the certificate, which the API checks
  TEXT
  type        = any # typed in modules/settings, like each `any` below: with a type here, Terraform would silently drop a misspelt setting
  nullable    = false

  validation {
    condition     = can(keys(var.models)) && alltrue([for settings in try(values(var.models), []) : can(keys(settings))])
    error_message = <<-TEXT
      models must be a map of objects: write models = { sentiment = { package = "amaas-sentiment.zip" } }${join(", ", [for model, settings in try(tomap({ for model, settings in var.models : model => can(keys(settings)) }), {}) : "${model} = {…}" if !settings]) == "" ? "" : ", and the settings of each model in braces: ${join(", ", [for model, settings in try(tomap({ for model, settings in var.models : model => can(keys(settings)) }), {}) : model if !settings])}"}.
    TEXT
  }
}

variable "publishers" {
  description = "Public keys of the publishers, printed by `amaas signer`. A model without a signature of one of them is not served."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.publishers) > 0 && alltrue([for key in var.publishers : can(regex("^[A-Za-z0-9+/]{43}=$", key))])
    error_message = "publishers must be one or more Ed25519 public keys in base64, 44 characters each: write the output of `amaas signer`."
  }
}

variable "registry" {
  description = <<-TEXT
    The model registry.
    - bucket: name of the bucket; null is `{name}-{account id}-{region}`
    - kms_key_arn, sealing_key_arn: your own keys, as in the registry module; null creates them
    - readers: other accounts, or roles in them, that may read and decrypt models
    - noncurrent_version_days, incomplete_upload_days, key_deletion_window_days: as in the registry module
    - force_destroy: true lets a destroy delete the bucket and every published model; false refuses it before it changes the registry
    - existing: the registry of another stack, its output `registry`. No other setting may be beside it
  TEXT
  type        = any
  default     = {}
  nullable    = false
}

variable "ledger" {
  description = <<-TEXT
    The table of tenants, API keys, limits, prices, usage and stored answers.
    - deletion_protection: true refuses a destroy
    - point_in_time_recovery: whether the table can be restored to any second of the last 35 days
    - kms_key_arn: key of the table; null is the key that AWS owns
    - existing: the table of another stack in this account and region, its output `ledger`. A sealing key wraps its secrets, so the registry must have
      the same key. No other setting may be beside it
  TEXT
  type        = any
  default     = {}
  nullable    = false
}

variable "roles" {
  description = "Settings of every IAM role of the stack: `path`, such as \"/amaas/\", and `permissions_boundary`, the ARN of a policy. Another path creates new roles."
  type        = any
  default     = {}
  nullable    = false
}

variable "oidc" {
  description = "Identity provider whose bearer tokens every model accepts beside API keys: `issuer`, `audience` and `tenant_claim`, and if needed `algorithms` and `jwks`, as in the module model. Null accepts none."
  type        = any
  default     = null
}

variable "logs" {
  description = "KMS key of the log groups: `own_key` creates one; `kms_key_arn` is yours, whose policy must allow the CloudWatch Logs service. Without either, the service encrypts them itself."
  type        = any
  default     = {}
  nullable    = false
}

variable "network" {
  description = <<-TEXT
    VPC of functions and GPU services. Null leaves functions in Lambda's own network; a model with `gpu` needs a VPC.
    - cidr, zones, flow_logs: of a new VPC, with endpoints for S3, DynamoDB and KMS and without internet access
    - zone_names, zone_ids: these zones instead of the first `zones`. Names differ between accounts, ids ("use1-az4") do not
    - exclude_zone_ids: zones that are not among the first `zones`; null excludes zones without VPC links of HTTP APIs, such as use1-az3
    - endpoints: endpoints of more AWS services; those of ECS are added if a model has a GPU
    - existing: an existing VPC instead of a new one: vpc_id, subnet_ids, security_group_ids. Functions must reach S3, DynamoDB and KMS from it
    - functions: false keeps functions out of the VPC
  TEXT
  type        = any
  default     = null
}

variable "api" {
  description = <<-TEXT
    One HTTP API in front of all models. Null creates none, and each model has its own Function URL.
    - authorization: NONE (the function checks the key inside the sealed call), AWS_IAM, or JWT with `jwt`
    - shared: the model of the routes that name none: default, embeddings, rerank, completions
    - throttle: requests a second (rate) and burst of each route
    - timeout_ms: how long the API waits for a model, up to 30000
    - domain: name, certificate_arn, zone_id
    - cors: origins, headers, credentials, max_age_s, as in the api module
    - log_retention_days: of its access log, which has no payload, header or credential
  TEXT
  type        = any
  default     = null
}

variable "edges" {
  description = "By model, the module `edge` in front of its Function URL, with `origin.access_control`: its outputs `distribution_arn`, whose requests the URL accepts, and `endpoint`, which replaces the URL in `env`. Write { MODEL = module.edge }."
  type = map(object({
    distribution_arn = string
    endpoint         = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.edges), keys(local.models))) == 0
    error_message = "edges must name models of this stack, which are ${join(", ", sort(keys(local.models)))}: write one of them, not ${join(", ", setsubtract(keys(var.edges), keys(local.models)))}."
  }

  validation {
    condition     = alltrue([for model in keys(var.edges) : try(local.models[model].gpu == null && local.models[model].url.mode != "OFF" && !local.behind_api[model], true)])
    error_message = <<-TEXT
      edges must be of models with only a Function URL, or callers bypass the edge: leave api out, or let the model stream beside it (url = { mode = "RESPONSE_STREAM" }), and take those with gpu and those with url.mode = "OFF" out. They are ${join(", ", [for model in keys(var.edges) : model if !try(local.models[model].gpu == null && local.models[model].url.mode != "OFF" && !local.behind_api[model], true)])}.
    TEXT
  }

  validation {
    condition     = alltrue([for model in keys(var.edges) : try(local.models[model].url.authorization == "AWS_IAM", true)])
    error_message = <<-TEXT
      edges must be of models whose Function URL has AWS_IAM, or callers bypass the edge: write url = { authorization = "AWS_IAM" } for ${join(", ", [for model in keys(var.edges) : model if !try(local.models[model].url.authorization == "AWS_IAM", true)])}.
    TEXT
  }

  validation {
    condition     = alltrue([for edge in values(var.edges) : can(regex("^https://[a-z0-9.-]+$", edge.endpoint))]) && length(distinct(values(var.edges)[*].endpoint)) == length(var.edges)
    error_message = "edges must have different endpoints, with https:// and no path: write { MODEL = module.edge }, not ${jsonencode({ for model, edge in var.edges : model => edge.endpoint })}. An edge serves one Function URL."
  }

  validation {
    condition     = alltrue([for model in keys(var.edges) : try(local.models[model].iam != "tenant", true)])
    error_message = <<-TEXT
      edges must not be of models with iam = "tenant", because CloudFront signs, so all callers without a key would be one tenant: leave iam out for ${join(", ", [for model in keys(var.edges) : model if try(local.models[model].iam == "tenant", false)])}.
    TEXT
  }

  validation {
    condition     = alltrue([for edge in values(var.edges) : can(regex("^arn:[a-z0-9-]+:cloudfront::[0-9]{12}:distribution/[A-Z0-9]+$", edge.distribution_arn))])
    error_message = "edges must have ARNs of distributions: write { MODEL = module.edge }, or distribution_arn = \"arn:aws:cloudfront::ACCOUNT:distribution/ID\"."
  }
}

variable "observability" {
  description = <<-TEXT
    Dashboard, alarms and their recipients. Null creates none.
    - emails: recipients of alarms, through a new SNS topic; topic_arns: your own topics for alarms
    - kms_key_arn: your own key for the new topic; null creates one
    - budget: monthly_usd, and thresholds and forecast in percent, which notify
    - cost_anomaly: impact_usd, from which on a cost anomaly notifies
    - cost_tag: key and value of an active cost allocation tag; without it both cover the whole account
  TEXT
  type        = any
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
