# Staging: production in small. Whatever production does, this does first.

module "stack" {
  source = "../../modules/stack"

  providers = {
    aws    = aws
    aws.dr = aws.dr
  }

  name = "posthouse-staging"
  tags = {
    Project     = "posthouse"
    Environment = "staging"
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

  # As production, but smaller; kept apart only where money is the only difference.
  nat_mode                  = "one"
  zone_count                = 2
  flow_log_retention_days   = 30
  database_class            = "db.t4g.small"
  database_multi_az         = true
  database_backup_days      = 7
  deletion_protection       = true
  backup_plan_days          = 7
  restore_test_schedule     = "cron(0 5 ? * SUN *)"
  access_log_days           = 91
  log_retention_days        = 30
  deploy_log_retention_days = 90
  audit_log_days            = 91
  spot_percent              = 70
  on_demand_base            = 1
  deployment_strategy       = "CANARY"
  deployment_bake_minutes   = 5
  test_listener_port        = 8443
  monthly_budget_usd        = 350
  image_pull_account_ids    = var.production_account_ids

  sizes = {
    api     = { cpu = 256, memory = 512, min = 2, max = 4 }
    courier = { cpu = 256, memory = 512, min = 2, max = 4 }
  }
}
