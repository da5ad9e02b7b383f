# Alarms of the models that are services behind a load balancer.
locals {
  target = { for model, service in var.services : model => {
    LoadBalancer = service.load_balancer
    TargetGroup  = service.target_group
  } }

  service_alarms = { for model, service in var.services : model => {
    unhealthy = {
      description = "A task of the model ${model} has failed its health check for five minutes. Look at the events of the service ${service.service} in the cluster ${service.cluster}, and for a model that does not load at the log group ${service.log_group}."
      threshold   = 0
      periods     = 5
      period      = 60
      metrics     = { unhealthy = { namespace = "AWS/ApplicationELB", name = "UnHealthyHostCount", dimensions = local.target[model], stat = "Maximum" } }
    }
    # Without the load balancer's own 503, which is the answer of a service at zero tasks while it scales out.
    errors = {
      description = "More than 1 % of the calls of the model ${model} were answered 5xx for ten minutes. Look in the log group ${service.log_group}. If it has no errors, look at tasks of ${service.service} that stop or time out (502, 504)."
      threshold   = 0.01
      periods     = 2
      period      = 300
      expression  = { rate = "(FILL(target, 0) + FILL(gateway, 0) + FILL(late, 0)) / calls" }
      label       = "5xx by calls"
      metrics = {
        calls   = { namespace = "AWS/ApplicationELB", name = "RequestCount", dimensions = local.target[model], stat = "Sum" }
        target  = { namespace = "AWS/ApplicationELB", name = "HTTPCode_Target_5XX_Count", dimensions = local.target[model], stat = "Sum" }
        gateway = { namespace = "AWS/ApplicationELB", name = "HTTPCode_ELB_502_Count", dimensions = { LoadBalancer = service.load_balancer }, stat = "Sum" }
        late    = { namespace = "AWS/ApplicationELB", name = "HTTPCode_ELB_504_Count", dimensions = { LoadBalancer = service.load_balancer }, stat = "Sum" }
      }
    }
    p99 = {
      description = "One call in a hundred of the model ${model} took longer than ${service.p99_ms} ms for fifteen minutes. Look at QueueDepth: if calls are queued, allow more tasks for ${service.service}."
      threshold   = service.p99_ms / 1000 # the load balancer counts seconds
      periods     = 3
      period      = 300
      metrics     = { duration = { namespace = "AWS/ApplicationELB", name = "TargetResponseTime", dimensions = local.target[model], stat = "p99" } }
    }
  } }
}
