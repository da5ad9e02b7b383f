# A type drops attributes that it does not have, silently. So what was written is held against what came of it, three levels deep, which is as
# deep as the settings are.
locals {
  lost = flatten([for model, settings in var.given : concat(
    [for name in keys(settings) : { model = model, path = [name] } if !contains(keys(var.models[model]), name)],
    flatten([for name, value in settings : concat(
      [for inner in try(setsubtract(keys(value), keys(var.models[model][name])), []) : { model = model, path = [name, inner] }],
      flatten([for inner in try(keys(value), []) : [
        for last in try(setsubtract(keys(value[inner]), keys(var.models[model][name][inner])), []) : { model = model, path = [name, inner, last] }
      ]]),
    )]),
  )])

  unknown = [for setting in local.lost : {
    model = setting.model
    path  = join(".", setting.path)
    # The settings beside it that begin alike.
    meant = join(" or ", [
      for known in try(keys(length(setting.path) == 1 ? var.models[setting.model] : var.models[setting.model][setting.path[0]]), []) : known
      if length(setting.path) < 3 && substr(known, 0, 3) == substr(setting.path[length(setting.path) - 1], 0, 3)
    ])
  }]

  only_lambda = ["alarms", "architecture", "ephemeral_storage_mb", "memory_mb", "timeout_s", "tracing"]

  without_effect = { for model in local.services : model => [
    for name, value in var.given[model] : name if contains(local.only_lambda, name) && value != null
  ] if anytrue([for name, value in var.given[model] : contains(local.only_lambda, name) && value != null]) }
}
