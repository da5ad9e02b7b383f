variable "name" {
  description = "Prefix of every name. Two stacks in one account and region need two names."
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
    The models to serve, by their name in the registry. Only `package` is required.
    - package: path of the zip made by `amaas package MODEL`
    - model_version: version or alias in the registry
    - sealing: required, optional or off: whether calls have to be sealed, as the SDK seals them
    - least_serial: least serial of a manifest; null refuses no version
    - architecture: x86_64 or arm64, the one the package was built for
    - memory_mb, timeout_s, ephemeral_storage_mb: Lambda's limits apply
    - reserved_concurrency: most requests at once; null sets no limit of its own
    - url.mode: BUFFERED, RESPONSE_STREAM or OFF; url.authorization: AWS_IAM or NONE
    - iam: ignore or tenant: whether a caller without key or token is the tenant that has the name of its AWS principal
    - tracing: PassThrough or Active
    - log_retention_days: one of CloudWatch's periods
    - environment: more environment variables, never a secret
  TEXT
  type = map(object({
    package              = string
    model_version        = optional(string, "live")
    sealing              = optional(string, "required")
    least_serial         = optional(number)
    architecture         = optional(string, "x86_64")
    memory_mb            = optional(number, 1024)
    timeout_s            = optional(number, 30)
    ephemeral_storage_mb = optional(number, 512)
    reserved_concurrency = optional(number)
    url = optional(object({
      mode          = optional(string, "BUFFERED")
      authorization = optional(string, "AWS_IAM")
    }), {})
    iam                = optional(string, "ignore")
    tracing            = optional(string, "PassThrough")
    log_retention_days = optional(number, 30)
    environment        = optional(map(string), {})
  }))
  nullable = false

  validation {
    condition     = alltrue([for model in keys(var.models) : can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])
    error_message = "models must be keyed by names of 1 to 40 lower-case letters, digits, hyphens or underscores, as in `amaas publish`: write \"sentiment = {…}\", not ${jsonencode([for model in keys(var.models) : model if !can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])}."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : fileexists(model.package)])
    error_message = "models must name packages that exist: run `amaas package MODEL` and write the path that it prints. No file for: ${join(", ", [for name, model in var.models : "${name} (${model.package})" if !fileexists(model.package)])}."
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
  description = "Settings of the model registry. `bucket` null makes `{name}-{account id}-{region}`; `force_destroy` true lets a destroy delete every published model."
  type = object({
    bucket                   = optional(string)
    noncurrent_version_days  = optional(number, 30)
    incomplete_upload_days   = optional(number, 7)
    key_deletion_window_days = optional(number, 30)
    force_destroy            = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "ledger" {
  description = "Settings of the table with tenants, API keys, limits, prices and usage, in which functions also keep answers for repeats of a call. A destroy fails while `deletion_protection` is true."
  type = object({
    deletion_protection    = optional(bool, true)
    point_in_time_recovery = optional(bool, true)
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

variable "log_kms_key_arn" {
  description = "ARN of a KMS key for all log groups. Its key policy must let the CloudWatch Logs service use it. Null leaves the service's own encryption."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
