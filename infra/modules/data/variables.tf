variable "name" {
  description = "Prefix of every name in this module. The queue is NAME-jobs, the table NAME-messages, the topic NAME-alerts, as in etc/aws.ini."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 24 characters of a-z, 0-9 and -, start with a letter and not end with -."
  }
}

variable "tags" {
  description = "Tags on every resource. Project, Environment, Owner and CostCenter are required."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["Project", "Environment", "Owner", "CostCenter"], keys(var.tags))) == 0
    error_message = "tags must hold Project, Environment, Owner and CostCenter: cost reports and policies depend on them."
  }
}

variable "permissions_boundary_arn" {
  description = "Boundary for the roles made here; null for none."
  type        = string
  default     = null
}

# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────

variable "private_subnet_ids" {
  description = "Private subnets of the database, in two zones or more."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "private_subnet_ids must hold subnets of at least two zones."
  }
}

variable "database_security_group_id" {
  description = "The network module's database group."
  type        = string
}

variable "database_version" {
  description = "Major version of PostgreSQL. 15 is the one that the project's tests run against."
  type        = string
  default     = "15"

  validation {
    condition     = contains(["15", "16", "17"], var.database_version)
    error_message = "database_version must be 15, 16 or 17: minor versions are RDS's to choose."
  }
}

variable "database_class" {
  description = "Instance class."
  type        = string
  default     = "db.t4g.medium"

  validation {
    condition     = startswith(var.database_class, "db.")
    error_message = "database_class must be an RDS instance class, such as db.t4g.medium."
  }
}

variable "database_storage_gb" {
  description = "Storage at the start, in GiB (gp3)."
  type        = number
  default     = 20

  validation {
    condition     = var.database_storage_gb >= 20 && var.database_storage_gb <= 65536
    error_message = "database_storage_gb must be 20 to 65536."
  }
}

variable "database_storage_limit_gb" {
  description = "RDS grows the storage by itself up to this many GiB."
  type        = number
  default     = 200

  validation {
    condition     = var.database_storage_limit_gb > var.database_storage_gb
    error_message = "database_storage_limit_gb must be above database_storage_gb, or the storage cannot grow."
  }
}

variable "database_multi_az" {
  description = "A standby in a second zone, taking over by itself."
  type        = bool
  default     = true
}

variable "database_backup_days" {
  description = "Days of automated backups, and how far back a point-in-time restore reaches."
  type        = number
  default     = 14

  validation {
    condition     = var.database_backup_days >= 1 && var.database_backup_days <= 35
    error_message = "database_backup_days must be 1 to 35: point-in-time restore needs backups."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete database and table, and take a last snapshot when the database goes."
  type        = bool
  default     = true
}

variable "database_secret_rotation_days" {
  description = "RDS gives the master user a new password every so many days."
  type        = number
  default     = 30

  validation {
    condition     = var.database_secret_rotation_days >= 1 && var.database_secret_rotation_days <= 90
    error_message = "database_secret_rotation_days must be 1 to 90."
  }
}

variable "performance_insights_days" {
  description = "Days of Performance Insights: 7 (free), 731, or a multiple of 31."
  type        = number
  default     = 7

  validation {
    condition     = contains([7, 731], var.performance_insights_days) || (var.performance_insights_days % 31 == 0 && var.performance_insights_days >= 31 && var.performance_insights_days <= 713)
    error_message = "performance_insights_days must be 7, 731, or a multiple of 31 up to 713."
  }
}

variable "database_log_retention_days" {
  description = "Days that the database's own logs are kept in CloudWatch."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.database_log_retention_days)
    error_message = "database_log_retention_days must be one of the values that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, ...)."
  }
}

variable "database_stop_schedule" {
  description = "When to stop and start the database (cron expressions of EventBridge Scheduler and a time zone); null to leave it running. Not for production."
  type = object({
    stop     = string
    start    = string
    timezone = string
  })
  default = null

  validation {
    condition     = var.database_stop_schedule == null ? true : can(regex("^cron\\(.+\\)$", var.database_stop_schedule.stop)) && can(regex("^cron\\(.+\\)$", var.database_stop_schedule.start))
    error_message = "database_stop_schedule needs stop and start as cron(minutes hours day month weekday year)."
  }

  validation {
    condition     = var.database_stop_schedule == null || !var.database_multi_az
    error_message = "database_stop_schedule is for development: it does not go with database_multi_az."
  }
}

# ── Another region ──────────────────────────────────────────────────────────────────────────────────

variable "dr_region" {
  description = "Region for copies; null for none. The database's automated backups are copied there."
  type        = string
  default     = null

  validation {
    condition     = var.dr_region == null ? true : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.dr_region))
    error_message = "dr_region must be a region's name, such as eu-central-1."
  }
}

variable "replica_subnet_ids" {
  description = "Private subnets in dr_region for a read replica that can be promoted; empty for none."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.replica_subnet_ids) == 0 || (length(var.replica_subnet_ids) >= 2 && var.dr_region != null)
    error_message = "A replica needs dr_region and subnets in two zones of it."
  }
}

variable "replica_security_group_id" {
  description = "Database security group in dr_region, for the replica."
  type        = string
  default     = null

  validation {
    condition     = length(var.replica_subnet_ids) == 0 || var.replica_security_group_id != null
    error_message = "replica_security_group_id is needed with replica_subnet_ids."
  }
}

# ── DynamoDB ────────────────────────────────────────────────────────────────────────────────────────

variable "table_capacity" {
  description = "Provisioned capacity with autoscaling (minimum and maximum units of reads and writes, and the share in percent to aim at); null for on-demand, which the document uses."
  type = object({
    read_min  = number
    read_max  = number
    write_min = number
    write_max = number
    target    = optional(number, 70)
  })
  default = null

  validation {
    condition = var.table_capacity == null ? true : (
      var.table_capacity.read_min >= 1 && var.table_capacity.read_max >= var.table_capacity.read_min &&
      var.table_capacity.write_min >= 1 && var.table_capacity.write_max >= var.table_capacity.write_min &&
      var.table_capacity.target >= 20 && var.table_capacity.target <= 90
    )
    error_message = "table_capacity needs minimums of at least 1, maximums not below them, and a target of 20 to 90 percent."
  }
}

variable "table_recovery_days" {
  description = "How many days back the table can be restored to any second."
  type        = number
  default     = 35

  validation {
    condition     = var.table_recovery_days >= 1 && var.table_recovery_days <= 35
    error_message = "table_recovery_days must be 1 to 35."
  }
}

variable "table_global" {
  description = "Keep a replica of the table in dr_region (a global table)."
  type        = bool
  default     = false

  validation {
    condition     = !var.table_global || var.dr_region != null
    error_message = "table_global needs dr_region."
  }
}

# ── SQS and SNS ─────────────────────────────────────────────────────────────────────────────────────

variable "queue_visibility_seconds" {
  description = "Time in which a job is hidden after it was received. The daemon extends it while it works."
  type        = number
  default     = 60

  validation {
    condition     = var.queue_visibility_seconds >= 30 && var.queue_visibility_seconds <= 43200
    error_message = "queue_visibility_seconds must be 30 to 43200: below 30 s jobs are delivered twice while the first is still at work."
  }
}

variable "queue_max_receives" {
  description = "Receives after which a job goes to the dead-letter queue. High: the queue is a safety net, storage decides what is dead."
  type        = number
  default     = 100

  validation {
    condition     = var.queue_max_receives >= 50 && var.queue_max_receives <= 1000
    error_message = "queue_max_receives must be 50 to 1000: lower, an outage would move live jobs aside."
  }
}

variable "alert_emails" {
  description = "Addresses that get the daemon's alerts. Each must confirm the subscription once."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alert_emails must be e-mail addresses."
  }
}

variable "alarm_emails" {
  description = "Addresses that get CloudWatch's alarms. Each must confirm the subscription once."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alarm_emails must be e-mail addresses."
  }
}

# ── Backups ─────────────────────────────────────────────────────────────────────────────────────────

variable "backup_plan_days" {
  description = "Days that AWS Backup keeps its daily copies of database and table; 0 for no plan."
  type        = number
  default     = 35

  validation {
    condition     = var.backup_plan_days == 0 || (var.backup_plan_days >= 7 && var.backup_plan_days <= 3650)
    error_message = "backup_plan_days must be 0, or 7 to 3650."
  }
}

variable "restore_test_schedule" {
  description = "When AWS Backup restores the newest backup to see that it can (cron expression); null for never."
  type        = string
  default     = null

  validation {
    condition     = var.restore_test_schedule == null ? true : can(regex("^cron\\(.+\\)$", var.restore_test_schedule)) && var.backup_plan_days > 0
    error_message = "restore_test_schedule must be cron(...), and needs a backup plan."
  }
}
