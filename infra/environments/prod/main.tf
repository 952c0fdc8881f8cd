# Production: two of everything, in three zones, with copies in a second region.

module "stack" {
  source = "../../modules/stack"

  providers = {
    aws    = aws
    aws.dr = aws.dr
  }

  name = "posthouse"
  tags = {
    Project     = "posthouse"
    Environment = "prod"
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

  nat_mode                      = "per_zone"
  zone_count                    = 3
  flow_log_retention_days       = 365
  database_class                = "db.m7g.large"
  database_storage_gb           = 100
  database_storage_limit_gb     = 1000
  database_multi_az             = true
  database_backup_days          = 35
  database_secret_rotation_days = 30
  performance_insights_days     = 731
  deletion_protection           = true
  backup_plan_days              = 35
  restore_test_schedule         = "cron(0 5 ? * SUN *)"
  access_log_days               = 365
  log_retention_days            = 90
  deploy_log_retention_days     = 365
  audit_log_days                = 365
  spot_percent                  = 50 # beyond two tasks of each service, which always run on demand
  on_demand_base                = 2
  deployment_strategy           = "CANARY"
  deployment_bake_minutes       = 10
  test_listener_port            = 8443
  monthly_budget_usd            = 1200
  cost_anomaly_usd              = 50
  compute_optimizer_enabled     = true

  dr_region    = var.dr_region
  dr_replica   = var.dr_replica
  table_global = var.table_global

  cloudfront_enabled         = var.cloudfront_enabled
  cloudfront_certificate_arn = var.cloudfront_certificate_arn

  sizes = {
    api     = { cpu = 512, memory = 1024, min = 3, max = 20 }
    courier = { cpu = 512, memory = 1024, min = 3, max = 20 }
  }
}
