# The whole stack: the leaf modules, wired. Environments set sizes and switches; the wiring is here once.
# Values are checked where they are used, by the leaf modules' validations.

locals {
  names = {
    queue = "${var.name}-jobs"
  }
}

module "network" {
  source = "../network"

  name                     = var.name
  tags                     = var.tags
  cidr                     = var.cidr
  zone_count               = var.zone_count
  nat_mode                 = var.nat_mode
  endpoint_zone_count      = var.endpoint_zone_count
  interface_endpoints      = setunion(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sns", "sqs"], var.tracing_image == null ? [] : ["xray"])
  cloudfront_only          = var.cloudfront_enabled
  test_listener_port       = var.test_listener_port
  service_mesh             = var.service_connect_enabled
  flow_log_retention_days  = var.flow_log_retention_days
  logs_kms_key_arn         = module.data.kms_key_arns.logs
  permissions_boundary_arn = module.security.boundary_arn
}

# A network in the second region, for the replica, and to start from when the first one is lost.
module "network_dr" {
  source = "../network"
  count  = var.dr_region != null && var.dr_replica ? 1 : 0

  providers = { aws = aws.dr }

  name                    = "${var.name}-dr"
  tags                    = var.tags
  cidr                    = var.dr_cidr
  zone_count              = 2
  nat_mode                = "none"
  endpoint_zone_count     = 1 # until the region is used
  flow_log_retention_days = 0 # nothing talks there until the region is used
  logs_kms_key_arn        = module.data.kms_key_arns.logs
}

module "data" {
  source = "../data"

  name                       = var.name
  tags                       = var.tags
  permissions_boundary_arn   = module.security.boundary_arn
  private_subnet_ids         = module.network.private_subnet_ids
  database_security_group_id = module.network.security_group_ids.database

  database_class                = var.database_class
  database_storage_gb           = var.database_storage_gb
  database_storage_limit_gb     = var.database_storage_limit_gb
  database_multi_az             = var.database_multi_az
  database_backup_days          = var.database_backup_days
  database_log_retention_days   = var.log_retention_days
  database_secret_rotation_days = var.database_secret_rotation_days
  database_stop_schedule        = var.database_stop_schedule
  performance_insights_days     = var.performance_insights_days
  deletion_protection           = var.deletion_protection

  dr_region                 = var.dr_region
  replica_subnet_ids        = length(module.network_dr) > 0 ? module.network_dr[0].private_subnet_ids : []
  replica_security_group_id = one(module.network_dr[*].security_group_ids.database)
  table_global              = var.table_global
  table_capacity            = var.table_capacity

  alert_emails          = var.alert_emails
  alarm_emails          = var.alarm_emails
  backup_plan_days      = var.backup_plan_days
  restore_test_schedule = var.restore_test_schedule
}

module "service" {
  source = "../service"

  name                     = var.name
  tags                     = var.tags
  permissions_boundary_arn = module.security.boundary_arn

  vpc_id             = module.network.vpc_id
  public_subnet_ids  = module.network.public_subnet_ids
  private_subnet_ids = module.network.private_subnet_ids
  security_group_ids = { alb = module.network.security_group_ids.alb, service = module.network.security_group_ids.service }
  trusted_proxies    = [var.cidr]

  image                  = var.image
  image_pull_account_ids = var.image_pull_account_ids
  database_url           = module.data.database_url
  database_secret_arn    = module.data.database.secret_arn
  database_password_from = var.database_password_from
  table_name             = module.data.table.name
  queue_url              = module.data.queue.url
  queue_name             = local.names.queue
  alert_topic_arn        = module.data.topic_arns.alerts
  environment            = var.environment_variables
  log_group_name         = module.observability.log_group_names.service
  execution_role_arn     = module.security.execution_role_arn
  task_role_arn          = module.security.task_role_arn
  kms_key_arn            = module.data.kms_key_arns.data

  sizes              = var.sizes
  spot_percent       = var.spot_percent
  on_demand_base     = var.on_demand_base
  queue_depth_source = var.queue_depth_source
  scaling_schedules  = var.scaling_schedules

  deployment_strategy     = var.deployment_strategy
  deployment_bake_minutes = var.deployment_bake_minutes
  rollback_alarm_names    = module.observability.rollback_alarm_names

  certificate_arn                   = var.certificate_arn
  domain_name                       = var.domain_name
  dns_zone_id                       = var.dns_zone_id
  test_listener_port                = var.test_listener_port
  load_balancer_deletion_protection = var.deletion_protection
  access_log_days                   = var.access_log_days
  service_connect_enabled           = var.service_connect_enabled
  cloudfront_enabled                = var.cloudfront_enabled
  cloudfront_certificate_arn        = var.cloudfront_certificate_arn
  cloudfront_web_acl_arn            = var.waf_enabled && var.cloudfront_enabled ? module.waf[0].cloudfront_web_acl_arn : null
  collector_image                   = var.tracing_image
  trace_percent                     = var.trace_percent
}

module "observability" {
  source = "../observability"

  name                       = var.name
  tags                       = var.tags
  service_log_retention_days = var.log_retention_days
  deploy_log_retention_days  = var.deploy_log_retention_days
  logs_kms_key_arn           = module.data.kms_key_arns.logs
  log_forwarding             = var.log_forwarding
  alarm_topic_arn            = module.data.topic_arns.alarms
  database_identifier        = module.data.database.identifier
  queue_name                 = module.data.queue.name
  dead_queue_name            = module.data.queue.dead_name
  table_name                 = module.data.table.name
  alert_topic_name           = "${var.name}-alerts"
  load_balancer_suffix       = module.service.load_balancer.arn_suffix
  target_group_suffixes      = module.service.load_balancer.target_group_suffixes
  cluster_name               = var.name
  minimum_tasks              = { "${var.name}-api" = var.sizes.api.min, "${var.name}-courier" = var.sizes.courier.min }
  tracing_enabled            = var.tracing_image != null
}

module "security" {
  source = "../security"

  name            = var.name
  tags            = var.tags
  table_arn       = module.data.table.arn
  queue_arn       = module.data.queue.arn
  alert_topic_arn = module.data.topic_arns.alerts
  alarm_topic_arn = module.data.topic_arns.alarms
  secret_arns     = concat([module.data.database.secret_arn], var.more_secret_arns)
  kms_key_arns    = module.data.kms_key_arns
  repository_arn  = module.service.repository_arn
  dr_region       = var.dr_region

  execution_reads_secrets = var.database_password_from == "ecs"
  tracing_enabled         = var.tracing_image != null

  github_repository    = var.github_repository
  github_environment   = var.tags["Environment"]
  create_oidc_provider = var.create_oidc_provider
  state_bucket         = var.state_bucket
  state_kms_key_arn    = var.state_kms_key_arn

  guardduty_enabled  = var.guardduty_enabled
  cloudtrail_enabled = var.cloudtrail_enabled
  config_enabled     = var.config_enabled
  audit_log_days     = var.audit_log_days
  audit_lock_mode    = var.audit_lock_mode

  monthly_budget_usd        = var.monthly_budget_usd
  cost_anomaly_usd          = var.cost_anomaly_usd
  activate_cost_tags        = var.activate_cost_tags
  compute_optimizer_enabled = var.compute_optimizer_enabled
}

module "waf" {
  source = "../security/waf"
  count  = var.waf_enabled ? 1 : 0

  name               = var.name
  tags               = var.tags
  load_balancer_arn  = module.service.load_balancer.arn
  logs_kms_key_arn   = module.data.kms_key_arns.logs
  block              = var.waf_block
  cloudfront_enabled = var.cloudfront_enabled
}
