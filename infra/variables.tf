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
    - snap_start: true starts environments from a snapshot of the published version (SnapStart), for images; not with provisioned_concurrency
    - stable_version: the function's version that callers reach; null follows each apply
    - canary: a share of the calls for the version of this apply: weight, and rollback = { automatic, error_rate, p99_ms, minutes, min_calls }
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
  type        = any # modules/settings has the type, as of each `any` below: typed here, Terraform would drop a misspelt setting without a word
  nullable    = false

  validation {
    condition     = can(keys(var.models)) && alltrue([for settings in try(values(var.models), []) : can(keys(settings))])
    error_message = <<-TEXT
      models must be a map of objects: write models = { sentiment = { package = "amaas-sentiment.zip" } }${join(", ", [for model, settings in try(tomap({ for model, settings in var.models : model => can(keys(settings)) }), {}) : "${model} = {…}" if !settings]) == "" ? "" : ", and the settings of each model in braces: ${join(", ", [for model, settings in try(tomap({ for model, settings in var.models : model => can(keys(settings)) }), {}) : model if !settings])}"}.
    TEXT
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
  description = <<-TEXT
    The model registry.
    - bucket: name of the bucket that is made; null is `{name}-{account id}-{region}`
    - kms_key_arn, sealing_key_arn: keys of yours in place of those that are made, as the registry module describes them
    - readers: other accounts, or roles in them, that may read and open models
    - noncurrent_version_days, incomplete_upload_days, key_deletion_window_days: as the registry module describes them
    - force_destroy: true lets a destroy delete the bucket and every published model; false refuses it before anything of the registry is changed
    - existing: a registry that another stack made, in place of one of its own: the output `registry` of that stack. Nothing else may be set beside it
  TEXT
  type        = any
  default     = {}
  nullable    = false
}

variable "ledger" {
  description = <<-TEXT
    The table with tenants, API keys, limits, prices and usage, in which functions also keep answers for repeats of a call.
    - deletion_protection: a destroy fails while it is true
    - point_in_time_recovery: whether the table can be brought back as it was at any second of the last 35 days
    - kms_key_arn: a key in place of the one that AWS owns
    - existing: a table of this account and region that another stack made, in place of one of its own: the output `ledger` of that stack. Its
      secrets are wrapped by a sealing key, so the registry has to have the same one. Nothing else may be set beside it
  TEXT
  type        = any
  default     = {}
  nullable    = false
}

variable "roles" {
  description = "What every IAM role of the stack has: `path`, such as \"/amaas/\", and `permissions_boundary`, the ARN of a policy. Another path makes new roles."
  type        = any
  default     = {}
  nullable    = false
}

variable "oidc" {
  description = "Whose bearer tokens every model takes beside API keys: `issuer`, `audience` and `tenant_claim`, and where they have to be told `algorithms` and `jwks`, as the function module describes them. Null takes none."
  type        = any
  default     = null
}

variable "logs" {
  description = "What encrypts the log groups: `own_key` makes a KMS key for them; `kms_key_arn` names one, whose policy must let the CloudWatch Logs service use it. Neither leaves the service's own encryption."
  type        = any
  default     = {}
  nullable    = false
}

variable "network" {
  description = <<-TEXT
    Where functions and GPU services run. Null leaves functions in Lambda's own network; a model with `gpu` needs one.
    - cidr, zones, flow_logs: of a VPC that is made, with endpoints for S3, DynamoDB and KMS and no way out
    - zone_names, zone_ids: these zones in place of the first `zones`. Names differ between accounts, ids ("use1-az4") do not
    - exclude_zone_ids: zones that are not among the first `zones`; null takes those in which AWS has no VPC links of HTTP APIs, such as use1-az3
    - endpoints: more of AWS's services to reach; those that ECS needs are added where a model has a GPU
    - existing: a VPC that is there, in place of one that is made: vpc_id, subnet_ids, security_group_ids. It has to let functions reach S3, DynamoDB and KMS
    - functions: false keeps functions out of it, so that only GPU services are in it
  TEXT
  type        = any
  default     = null
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
  type        = any
  default     = null
}

variable "edges" {
  description = "By model, the module `edge` in front of its Function URL, with `origin.access_control`: its outputs `distribution_arn`, whose requests the URL accepts, and `endpoint`, which `env` has in place of the URL. Write { MODEL = module.edge }."
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
      edges must be of models that only a Function URL reaches, or callers get past the edge: leave api out, or let the model stream beside it (url = { mode = "RESPONSE_STREAM" }), and take those with gpu and those with url.mode = "OFF" out. They are ${join(", ", [for model in keys(var.edges) : model if !try(local.models[model].gpu == null && local.models[model].url.mode != "OFF" && !local.behind_api[model], true)])}.
    TEXT
  }

  validation {
    condition     = alltrue([for model in keys(var.edges) : try(local.models[model].url.authorization == "AWS_IAM", true)])
    error_message = <<-TEXT
      edges must be of models whose Function URL asks for AWS_IAM, or callers get past the edge: write url = { authorization = "AWS_IAM" } for ${join(", ", [for model in keys(var.edges) : model if !try(local.models[model].url.authorization == "AWS_IAM", true)])}.
    TEXT
  }

  validation {
    condition     = alltrue([for edge in values(var.edges) : can(regex("^https://[a-z0-9.-]+$", edge.endpoint))]) && length(distinct(values(var.edges)[*].endpoint)) == length(var.edges)
    error_message = "edges must each have an endpoint of its own, with https:// and no path: write { MODEL = module.edge }, not ${jsonencode({ for model, edge in var.edges : model => edge.endpoint })}. An edge serves one Function URL."
  }

  validation {
    condition     = alltrue([for model in keys(var.edges) : try(local.models[model].iam != "tenant", true)])
    error_message = <<-TEXT
      edges must not be of models with iam = "tenant", because it is CloudFront that signs: every caller without a key would be one tenant. Leave iam out for ${join(", ", [for model in keys(var.edges) : model if try(local.models[model].iam == "tenant", false)])}.
    TEXT
  }

  validation {
    condition     = alltrue([for edge in values(var.edges) : can(regex("^arn:[a-z0-9-]+:cloudfront::[0-9]{12}:distribution/[A-Z0-9]+$", edge.distribution_arn))])
    error_message = "edges must have ARNs of distributions: write { MODEL = module.edge }, or distribution_arn = \"arn:aws:cloudfront::ACCOUNT:distribution/ID\"."
  }
}

variable "observability" {
  description = <<-TEXT
    Who is told what. Null makes neither dashboard nor alarms.
    - emails: who hears of alarms, by a topic that is made; topic_arns: topics of your own that hear of them too
    - kms_key_arn: a key of yours for that topic; null makes one
    - budget: monthly_usd, and thresholds and forecast in percent, at which somebody is told
    - cost_anomaly: impact_usd, from which on something unusual is told
    - cost_tag: key and value of a tag that is active for cost allocation; without it both look at the whole account
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
