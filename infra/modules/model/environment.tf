# What the model's program reads, whichever host runs it. The hosts add their own variables.
locals {
  environment = merge(
    var.environment,
    {
      AMAAS_STORE           = var.registry.store
      AMAAS_MODEL           = var.name
      AMAAS_MODEL_VERSION   = var.model_version
      AMAAS_KMS_KEY         = var.registry.sealing_key_arn
      AMAAS_PUBLISHERS      = join(",", var.publishers)
      AMAAS_SEALING         = var.sealing
      AMAAS_REPLAY          = var.replay
      AMAAS_LEDGER          = "dynamodb:${var.ledger.table}"
      ORT_DISABLE_TELEMETRY = "1"
    },
    var.least_serial == null ? {} : { AMAAS_LEAST_SERIAL = tostring(var.least_serial) },
    merge([for oidc in var.oidc[*] : {
      for name, value in {
        AMAAS_OIDC_ISSUER       = oidc.issuer
        AMAAS_OIDC_AUDIENCE     = oidc.audience
        AMAAS_OIDC_TENANT_CLAIM = oidc.tenant_claim
        AMAAS_OIDC_ALGORITHMS   = try(join(",", oidc.algorithms), null)
        AMAAS_OIDC_JWKS         = oidc.jwks
      } : name => value if value != null
    }]...),
  )
}
