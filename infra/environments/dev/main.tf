# Development: cheap, small, may be lost. One NAT gateway, mostly Spot, the database stopped at night.

module "stack" {
  source = "../../modules/stack"

  providers = {
    aws    = aws
    aws.dr = aws.dr
  }

  name = "posthouse-dev"
  tags = {
    Project     = "posthouse"
    Environment = "dev"
    Owner       = "platform"
    CostCenter  = "messaging"
  }

  image                   = var.image
  certificate_arn         = var.certificate_arn
  domain_name             = var.domain_name
  dns_zone_id             = var.dns_zone_id
  github_repository       = var.github_repository
  state_bucket            = "${var.account_id}-posthouse-state"
  state_kms_key_arn       = var.state_kms_key_arn
  alert_emails            = var.alert_emails
  alarm_emails            = var.alarm_emails
  tracing_image           = var.tracing_image
  log_forwarding          = var.log_forwarding
  trace_percent           = var.trace_percent
  service_connect_enabled = var.service_connect_enabled

  # Cheap: COST.md says what each of these saves.
  nat_mode                  = "one"
  zone_count                = 2
  endpoint_zone_count       = 1
  flow_log_retention_days   = 7
  database_class            = "db.t4g.micro"
  database_storage_limit_gb = 50
  database_multi_az         = false
  database_backup_days      = 1
  deletion_protection       = false
  backup_plan_days          = 0
  access_log_days           = 0
  log_retention_days        = 7
  deploy_log_retention_days = 30
  waf_enabled               = false
  config_enabled            = false
  spot_percent              = 100
  on_demand_base            = 0
  deployment_strategy       = "ROLLING"
  monthly_budget_usd        = 150
  cost_anomaly_usd          = 10

  database_stop_schedule = {
    stop     = "cron(0 20 * * ? *)" # every evening: AWS starts a stopped database again after seven days
    start    = "cron(0 7 ? * MON-FRI *)"
    timezone = var.timezone
  }

  sizes = {
    api     = { cpu = 256, memory = 512, min = 1, max = 2 }
    courier = { cpu = 256, memory = 512, min = 1, max = 2 }
  }

  # Tasks sleep while the database does.
  scaling_schedules = {
    api-night       = { role = "api", schedule = "cron(55 19 * * ? *)", timezone = var.timezone, min = 0, max = 0 }
    api-morning     = { role = "api", schedule = "cron(10 7 ? * MON-FRI *)", timezone = var.timezone, min = 1, max = 2 }
    courier-night   = { role = "courier", schedule = "cron(55 19 * * ? *)", timezone = var.timezone, min = 0, max = 0 }
    courier-morning = { role = "courier", schedule = "cron(10 7 ? * MON-FRI *)", timezone = var.timezone, min = 1, max = 2 }
  }
}
