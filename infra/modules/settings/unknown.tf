# A type silently drops attributes that it does not have. So the settings as written are compared with the typed ones, three levels deep, the depth of
# all settings.
locals {
  written = merge(
    { for model, settings in try(var.given.models, {}) : "models.${model}" => settings },
    { for name, settings in var.given : name => settings if name != "models" },
  )

  typed = merge(
    { for model, settings in var.models : "models.${model}" => settings },
    {
      registry      = var.registry
      ledger        = var.ledger
      roles         = var.roles
      oidc          = var.oidc
      logs          = var.logs
      network       = var.network
      api           = var.api
      observability = var.observability
    },
  )

  dropped = flatten([for of, settings in local.written : concat(
    [for name in try(setsubtract(keys(settings), keys(local.typed[of])), []) : { of = of, path = [name] }],
    flatten([for name in try(keys(settings), []) : concat(
      [for inner in try(setsubtract(keys(settings[name]), keys(local.typed[of][name])), []) : { of = of, path = [name, inner] }],
      flatten([for inner in try(keys(settings[name]), []) : [
        for last in try(setsubtract(keys(settings[name][inner]), keys(local.typed[of][name][inner])), []) : { of = of, path = [name, inner, last] }
      ]]),
    )]),
  )])

  unknown = [for setting in local.dropped : {
    name = join(".", concat([setting.of], setting.path))
    # Known settings at the same place with the same first letters.
    suggestion = join(" or ", [
      for known in [
        try(tolist(keys(local.typed[setting.of])), []),
        try(tolist(keys(local.typed[setting.of][setting.path[0]])), []),
        try(tolist(keys(local.typed[setting.of][setting.path[0]][setting.path[1]])), []),
      ][length(setting.path) - 1] : known if substr(known, 0, 3) == substr(setting.path[length(setting.path) - 1], 0, 3)
    ])
  }]
}
