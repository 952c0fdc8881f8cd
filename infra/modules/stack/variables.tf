# The knobs that environments turn. What each value may be is checked by the leaf module that uses it.

variable "name" {
  description = "Prefix of every name: posthouse, posthouse-staging, posthouse-dev."
  type        = string
}

variable "tags" {
  description = "Tags on every resource. Project, Environment, Owner and CostCenter are required."
  type        = map(string)
}

# ── Network ─────────────────────────────────────────────────────────────────────────────────────────

variable "cidr" {
  description = "IPv4 range of the VPC."
  type        = string
  default     = "10.20.0.0/16"
}

variable "zone_count" {
  description = "Availability zones."
  type        = number
  default     = 2
}

variable "nat_mode" {
  description = "NAT gateways: none, one or per_zone."
  type        = string
  default     = "per_zone"
}

variable "endpoint_zone_count" {
  description = "Zones of the interface endpoints; 0 for all."
  type        = number
  default     = 0
}

variable "flow_log_retention_days" {
  description = "Days of VPC flow logs; 0 for none."
  type        = number
  default     = 365
}

# ── Data ────────────────────────────────────────────────────────────────────────────────────────────

variable "database_class" {
  description = "RDS instance class."
  type        = string
  default     = "db.t4g.medium"
}

variable "database_storage_gb" {
  description = "Storage of the database at the start, in GiB."
  type        = number
  default     = 20
}

variable "database_storage_limit_gb" {
  description = "Storage to which RDS may grow, in GiB."
  type        = number
  default     = 200
}

variable "database_multi_az" {
  description = "Standby of the database in a second zone."
  type        = bool
  default     = true
}

variable "database_backup_days" {
  description = "Days of automated backups."
  type        = number
  default     = 14
}

variable "database_secret_rotation_days" {
  description = "Days between new database passwords."
  type        = number
  default     = 30
}

variable "database_password_from" {
  description = "Who reads the password: the daemon (its secretsmanager plugin) or ecs (injected at start)."
  type        = string
  default     = "daemon"
}

variable "database_stop_schedule" {
  description = "When to stop and start the database; null for never. Development only."
  type        = object({ stop = string, start = string, timezone = string })
  default     = null
}

variable "performance_insights_days" {
  description = "Days of Performance Insights."
  type        = number
  default     = 7
}

variable "deletion_protection" {
  description = "Refuse to delete database, table and load balancer."
  type        = bool
  default     = true
}

variable "table_capacity" {
  description = "Provisioned capacity of the table with autoscaling; null for on-demand."
  type        = object({ read_min = number, read_max = number, write_min = number, write_max = number, target = optional(number, 70) })
  default     = null
}

variable "backup_plan_days" {
  description = "Days of AWS Backup copies; 0 for none."
  type        = number
  default     = 35
}

variable "restore_test_schedule" {
  description = "When AWS Backup tries a restore; null for never."
  type        = string
  default     = null
}

variable "alert_emails" {
  description = "Addresses for the daemon's alerts."
  type        = set(string)
  default     = []
}

variable "alarm_emails" {
  description = "Addresses for CloudWatch's alarms, budgets and findings."
  type        = set(string)
  default     = []
}

# ── Another region ──────────────────────────────────────────────────────────────────────────────────

variable "dr_region" {
  description = "Region of copies; null for none. The provider aws.dr must be for it."
  type        = string
  default     = null
}

variable "dr_cidr" {
  description = "IPv4 range of the network in dr_region."
  type        = string
  default     = "10.21.0.0/16"
}

variable "dr_replica" {
  description = "A read replica of the database in dr_region, with a network of its own."
  type        = bool
  default     = false
}

variable "table_global" {
  description = "Keep a replica of the table in dr_region."
  type        = bool
  default     = false
}

# ── Service ─────────────────────────────────────────────────────────────────────────────────────────

variable "image" {
  description = "Image of the first task definition, by digest or immutable tag."
  type        = string
}

variable "image_pull_account_ids" {
  description = "Other accounts that may pull the image."
  type        = list(string)
  default     = []
}

variable "environment_variables" {
  description = "More configuration of the daemon, as POSTHOUSE_SECTION_KEY; null takes a key out. Not for secrets."
  type        = map(string)
  default     = {}
}

variable "sizes" {
  description = "CPU units, MiB, and least and most tasks, by role."
  type = object({
    api     = object({ cpu = number, memory = number, min = number, max = number })
    courier = object({ cpu = number, memory = number, min = number, max = number })
  })
}

variable "spot_percent" {
  description = "Share of tasks on Fargate Spot."
  type        = number
  default     = 0
}

variable "on_demand_base" {
  description = "Tasks of each service that always run on demand."
  type        = number
  default     = 1
}

variable "queue_depth_source" {
  description = "Where queue depth per task comes from: sqs, or emf (the daemon's own metrics)."
  type        = string
  default     = "sqs"
}

variable "scaling_schedules" {
  description = "Scheduled limits of the number of tasks."
  type        = map(object({ role = string, schedule = string, timezone = optional(string, "UTC"), min = number, max = number }))
  default     = {}
}

variable "deployment_strategy" {
  description = "ROLLING, BLUE_GREEN, CANARY or LINEAR."
  type        = string
  default     = "CANARY"
}

variable "deployment_bake_minutes" {
  description = "Minutes that the old revision stays after the traffic has moved."
  type        = number
  default     = 10
}

variable "certificate_arn" {
  description = "ACM certificate of the load balancer."
  type        = string
}

variable "domain_name" {
  description = "Name of the service; null for the load balancer's own."
  type        = string
  default     = null
}

variable "dns_zone_id" {
  description = "Route 53 zone of domain_name; null for no record."
  type        = string
  default     = null
}

variable "test_listener_port" {
  description = "Port of the test listener; null for none."
  type        = number
  default     = null
}

variable "access_log_days" {
  description = "Days of the load balancer's access logs; 0 for none."
  type        = number
  default     = 365
}

variable "service_connect_enabled" {
  description = "ECS Service Connect between tasks."
  type        = bool
  default     = false
}

variable "cloudfront_enabled" {
  description = "CloudFront in front of the load balancer."
  type        = bool
  default     = false
}

variable "cloudfront_certificate_arn" {
  description = "ACM certificate in us-east-1 for CloudFront."
  type        = string
  default     = null
}

variable "tracing_image" {
  description = "Image of the OpenTelemetry collector beside the daemon, copied into the service's own repository (service/README.md); null for no tracing."
  type        = string
  default     = null
}

variable "trace_percent" {
  description = "Share of requests without a traceparent header whose trace the daemon records."
  type        = number
  default     = 5
}

# ── Observability ───────────────────────────────────────────────────────────────────────────────────

variable "log_retention_days" {
  description = "Days of the containers' and the database's logs."
  type        = number
  default     = 90
}

variable "deploy_log_retention_days" {
  description = "Days of the logs of Terraform runs."
  type        = number
  default     = 365
}

variable "log_forwarding" {
  description = "Where the service's log lines are sent on to, such as a log platform's Firehose: the destination, the role that CloudWatch Logs takes for Kinesis and Firehose (its name begins with this stack's, or the pipeline may not pass it on), a filter pattern. Null: nowhere."
  type = object({
    destination_arn = string
    role_arn        = optional(string)
    filter_pattern  = optional(string, "")
  })
  default = null
}

# ── Security and money ──────────────────────────────────────────────────────────────────────────────

variable "more_secret_arns" {
  description = "Secrets that the daemon reads besides the database password."
  type        = list(string)
  default     = []
}

variable "github_repository" {
  description = "OWNER/NAME whose workflows deploy; null for no CI roles."
  type        = string
  default     = null
}

variable "create_oidc_provider" {
  description = "Make GitHub's OIDC provider; false where the account has it."
  type        = bool
  default     = true
}

variable "state_bucket" {
  description = "Bucket of the Terraform state, for the CI roles."
  type        = string
  default     = null
}

variable "state_kms_key_arn" {
  description = "Key of the state bucket."
  type        = string
  default     = null
}

variable "waf_enabled" {
  description = "Web ACL on the load balancer."
  type        = bool
  default     = true
}

variable "waf_block" {
  description = "Block what the web ACL finds; false only counts."
  type        = bool
  default     = true
}

variable "guardduty_enabled" {
  description = "GuardDuty in this account."
  type        = bool
  default     = true
}

variable "cloudtrail_enabled" {
  description = "A trail of this account."
  type        = bool
  default     = true
}

variable "config_enabled" {
  description = "AWS Config in this account."
  type        = bool
  default     = true
}

variable "audit_log_days" {
  description = "Days that audit files are kept and locked."
  type        = number
  default     = 365
}

variable "audit_lock_mode" {
  description = "Lock of audit files: GOVERNANCE or COMPLIANCE."
  type        = string
  default     = "GOVERNANCE"
}

variable "monthly_budget_usd" {
  description = "Budget in US dollars a month."
  type        = number
}

variable "cost_anomaly_usd" {
  description = "Warn of unusual spending from this many dollars; 0 for no monitor."
  type        = number
  default     = 20
}

variable "activate_cost_tags" {
  description = "Activate the tags for cost allocation (paying account only)."
  type        = bool
  default     = false
}

variable "compute_optimizer_enabled" {
  description = "Enroll the account in Compute Optimizer."
  type        = bool
  default     = false
}
