variable "name" {
  description = "Prefix of every name in this module, and the value of the metrics' dimension service."
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

variable "service_log_group" {
  description = "Log group of the containers (the document's /ecs/flask-app-service)."
  type        = string
  default     = "/ecs/posthouse-service"
}

variable "deploy_log_group" {
  description = "Log group of Terraform runs."
  type        = string
  default     = "/terraform/deploy"
}

variable "service_log_retention_days" {
  description = "Days that the containers' logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.service_log_retention_days)
    error_message = "service_log_retention_days must be one of the values that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, ...)."
  }
}

variable "deploy_log_retention_days" {
  description = "Days that the logs of Terraform runs are kept: the record of who changed what."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.deploy_log_retention_days)
    error_message = "deploy_log_retention_days must be one of the values that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, ...)."
  }
}

variable "logs_kms_key_arn" {
  description = "KMS key that encrypts the logs."
  type        = string
}

variable "log_forwarding" {
  description = "Where the service's log lines are sent on to, such as a log platform's Firehose: the destination, the role that CloudWatch Logs takes for Kinesis and Firehose (its name begins with this stack's, or the pipeline may not pass it on), a filter pattern. Null: nowhere."
  type = object({
    destination_arn = string
    role_arn        = optional(string)
    filter_pattern  = optional(string, "")
  })
  default = null

  validation {
    condition     = var.log_forwarding == null || can(regex("^arn:[a-z-]+:(firehose|kinesis|lambda|logs):", var.log_forwarding.destination_arn))
    error_message = "log_forwarding.destination_arn must be the ARN of a Firehose, Kinesis stream, Lambda function or CloudWatch Logs destination."
  }

  validation {
    condition     = var.log_forwarding == null || !can(regex("^arn:[a-z-]+:(firehose|kinesis):", var.log_forwarding.destination_arn)) || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", var.log_forwarding.role_arn))
    error_message = "CloudWatch Logs needs a role to write to Kinesis or Firehose: set log_forwarding.role_arn."
  }
}

variable "alarm_topic_arn" {
  description = "SNS topic that every alarm goes to."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:", var.alarm_topic_arn))
    error_message = "alarm_topic_arn must be the ARN of an SNS topic: an alarm without an action is decoration."
  }
}

variable "database_identifier" {
  description = "RDS instance to watch."
  type        = string
}

variable "queue_name" {
  description = "Job queue to watch."
  type        = string
}

variable "dead_queue_name" {
  description = "Dead-letter queue to watch."
  type        = string
}

variable "table_name" {
  description = "DynamoDB table to watch."
  type        = string
}

variable "alert_topic_name" {
  description = "SNS topic of the daemon's alerts."
  type        = string
}

variable "load_balancer_suffix" {
  description = "Load balancer to watch: the part of its ARN that metrics use (app/NAME/ID)."
  type        = string
}

variable "target_group_suffixes" {
  description = "Target groups to watch, by colour."
  type        = map(string)
}

variable "cluster_name" {
  description = "ECS cluster to watch."
  type        = string
}

variable "minimum_tasks" {
  description = "By ECS service name: fewer running tasks than this raise an alarm."
  type        = map(number)
}

variable "thresholds" {
  description = "Thresholds of the alarms beyond the document's two, which are fixed."
  type = object({
    outbox_oldest_seconds = optional(number, 120)
    dead_letters          = optional(number, 0)
    api_5xx_percent       = optional(number, 5)
    api_p99_seconds       = optional(number, 1.5)
    database_free_gb      = optional(number, 5)
    database_connections  = optional(number, 150)
  })
  default = {}

  validation {
    condition     = var.thresholds.outbox_oldest_seconds >= 45
    error_message = "thresholds.outbox_oldest_seconds must be at least 45: a message whose process was killed may take that long."
  }

  validation {
    condition     = var.thresholds.api_5xx_percent > 0 && var.thresholds.api_5xx_percent <= 100 && var.thresholds.api_p99_seconds > 0
    error_message = "thresholds needs api_5xx_percent above 0 and at most 100, and api_p99_seconds above 0."
  }
}

variable "tracing_enabled" {
  description = "X-Ray group, for the collector that the service module can run beside the daemon."
  type        = bool
  default     = false
}
