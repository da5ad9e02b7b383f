# Names of resources that two models could share, as the modules function and gpu form them. Roles must be unique in the account and load balancers in
# the region. Names of alarms have a slash between stack and model, so they are unique.
locals {
  functions = [for model, settings in var.models : model if settings.gpu == null]
  services  = [for model, settings in var.models : model if settings.gpu != null]
  canaries  = [for model in local.functions : model if try(var.models[model].canary.rollback.automatic, false)]

  roles = concat(
    [for model in local.functions : { name = "${var.name}-${model}", owner = model }],
    # A longer name is shortened and ends with a digest, so it is unique.
    [for model in local.canaries : { name = "${var.name}-${model}-rollback", owner = "${model} for its canary" } if length("${var.name}-${model}") <= 55],
    flatten([for model in local.services : [for role in ["task", "execution", "instance"] : { name = "${var.name}-${model}-${role}", owner = "${model} for its GPU" }]]),
  )

  # A load balancer's name has no underscores.
  balancers = [for model in local.services : { name = replace("${var.name}-${model}", "_", "-"), owner = model }]

  owners = merge(
    { for role in local.roles : "role ${role.name}" => role.owner... },
    { for balancer in local.balancers : "load balancer ${balancer.name}" => balancer.owner... },
  )

  shared_names = { for name, owners in local.owners : name => owners if length(owners) > 1 }
}
