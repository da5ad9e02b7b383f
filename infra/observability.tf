locals {
  # Composed by name to avoid a cycle: functions' alarms notify the topic, and the topic's module reads the functions. CloudWatch accepts the ARN of a
  # topic that does not exist yet.
  alarm_topic_arns = [
    for _ in module.settings.observability[*] :
    "arn:${data.aws_partition.current.partition}:sns:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${var.name}-alarms"
  ]
}

module "observability" {
  source = "./modules/observability"
  count  = module.settings.observability == null ? 0 : 1

  name         = var.name
  notify       = { emails = module.settings.observability.emails, topic_arns = module.settings.observability.topic_arns }
  budget       = module.settings.observability.budget
  cost_tag     = module.settings.observability.cost_tag
  cost_anomaly = module.settings.observability.cost_anomaly
  kms_key_arn  = module.settings.observability.kms_key_arn
  ledger_table = local.ledger.table
  api          = one([for api in module.api : { id = api.api_id, stage = api.stage }])
  tags         = var.tags

  functions = {
    for model, function in module.function : model => {
      function_name     = function.function_name
      alias             = function.alias
      log_group         = function.log_group
      dead_letter_queue = function.dead_letter_queue
      alarms            = local.models[model].alarms
    }
  }

  services = {
    for model, service in module.gpu : model => {
      cluster       = service.cluster
      service       = service.service
      load_balancer = service.load_balancer
      target_group  = service.target_group
      log_group     = service.log_group
    }
  }
}
