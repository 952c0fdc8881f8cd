variable "name" {
  description = "Prefix of every name in this module."
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

# ── What the roles may touch ────────────────────────────────────────────────────────────────────────

variable "table_arn" {
  description = "DynamoDB table of the daemon."
  type        = string
}

variable "queue_arn" {
  description = "SQS queue of the daemon."
  type        = string
}

variable "alert_topic_arn" {
  description = "SNS topic of the daemon."
  type        = string
}

variable "secret_arns" {
  description = "Secrets that the daemon reads: the database's, and API keys."
  type        = list(string)

  validation {
    condition     = length(var.secret_arns) > 0 && alltrue([for arn in var.secret_arns : !strcontains(arn, "*")])
    error_message = "secret_arns must name at least one secret, each in full, without *."
  }
}

variable "kms_key_arns" {
  description = "The data module's keys: data and logs."
  type = object({
    data = string
    logs = string
  })
}

variable "repository_arn" {
  description = "ECR repository of the image."
  type        = string
}

variable "service_log_group" {
  description = "Log group of the containers."
  type        = string
  default     = "/ecs/posthouse-service"
}

variable "deploy_log_group" {
  description = "Log group of Terraform runs, which the pipeline writes."
  type        = string
  default     = "/terraform/deploy"
}

variable "execution_reads_secrets" {
  description = "The service module injects the password (database_password_from = \"ecs\"), so the execution role must read it."
  type        = bool
  default     = false
}

variable "tracing_enabled" {
  description = "Let the collector beside the daemon write to X-Ray."
  type        = bool
  default     = false
}

# ── CI/CD ───────────────────────────────────────────────────────────────────────────────────────────

variable "github_repository" {
  description = "OWNER/NAME whose workflows may take the CI roles; null for no CI roles."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null ? true : can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "github_repository must be OWNER/NAME."
  }
}

variable "github_environment" {
  description = "GitHub environment whose jobs may deploy, such as prod. Its protection rules are the approval."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || var.github_environment != null
    error_message = "github_repository needs github_environment."
  }
}

variable "create_oidc_provider" {
  description = "Make GitHub's OIDC provider. False where the account has it already: there is one per account."
  type        = bool
  default     = true
}

variable "state_bucket" {
  description = "S3 bucket of the Terraform state, for the CI roles."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || var.state_bucket != null
    error_message = "github_repository needs state_bucket."
  }
}

variable "state_key_prefix" {
  description = "Folder of this environment in the state bucket."
  type        = string
  default     = "posthouse"
}

variable "state_kms_key_arn" {
  description = "KMS key of the state bucket; null if it has none of its own."
  type        = string
  default     = null
}

variable "dr_region" {
  description = "Second region in which the pipeline may work; null for none."
  type        = string
  default     = null
}

# ── Guards ──────────────────────────────────────────────────────────────────────────────────────────

variable "guardduty_enabled" {
  description = "GuardDuty. False where the organisation has it on for all accounts."
  type        = bool
  default     = true
}

variable "cloudtrail_enabled" {
  description = "A trail of this account, in an immutable bucket. False where the organisation has one."
  type        = bool
  default     = true
}

variable "config_enabled" {
  description = "AWS Config recorder and rules. False where the organisation has them."
  type        = bool
  default     = true
}

variable "config_rules" {
  description = "AWS's managed Config rules, by identifier."
  type        = set(string)
  default = [
    "ALB_HTTP_TO_HTTPS_REDIRECTION_CHECK",
    "ALB_WAF_ENABLED",
    "CLOUD_TRAIL_ENABLED",
    "CMK_BACKING_KEY_ROTATION_ENABLED",
    "DB_INSTANCE_BACKUP_ENABLED",
    "DYNAMODB_PITR_ENABLED",
    "DYNAMODB_TABLE_ENCRYPTED_KMS",
    "ECR_PRIVATE_IMAGE_SCANNING_ENABLED",
    "ECR_PRIVATE_TAG_IMMUTABILITY_ENABLED",
    "ECS_CONTAINERS_NONPRIVILEGED",
    "ECS_CONTAINERS_READONLY_ACCESS",
    "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
    "IAM_ROOT_ACCESS_KEY_CHECK",
    "INCOMING_SSH_DISABLED",
    "RDS_INSTANCE_PUBLIC_ACCESS_CHECK",
    "RDS_STORAGE_ENCRYPTED",
    "RESTRICTED_INCOMING_TRAFFIC",
    "S3_BUCKET_PUBLIC_READ_PROHIBITED",
    "S3_BUCKET_SSL_REQUESTS_ONLY",
    "SECRETSMANAGER_ROTATION_ENABLED_CHECK",
    "SNS_ENCRYPTED_KMS",
    "VPC_DEFAULT_SECURITY_GROUP_CLOSED",
    "VPC_FLOW_LOGS_ENABLED",
  ]

  validation {
    condition     = alltrue([for rule in var.config_rules : can(regex("^[A-Z0-9_]+$", rule))])
    error_message = "config_rules must be identifiers of AWS's managed rules, such as RDS_STORAGE_ENCRYPTED."
  }
}

variable "audit_log_days" {
  description = "Days that CloudTrail and Config files are kept, and nobody can delete or change them."
  type        = number
  default     = 365

  validation {
    condition     = var.audit_log_days > 90 && var.audit_log_days <= 3650
    error_message = "audit_log_days must be 91 to 3650: files move to Glacier after 90 days."
  }
}

variable "audit_lock_mode" {
  description = "GOVERNANCE: somebody with a special right may still delete audit files. COMPLIANCE: nobody may, not even root."
  type        = string
  default     = "GOVERNANCE"

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.audit_lock_mode)
    error_message = "audit_lock_mode must be GOVERNANCE or COMPLIANCE."
  }
}

# ── Money ───────────────────────────────────────────────────────────────────────────────────────────

variable "monthly_budget_usd" {
  description = "Budget of this environment in US dollars a month. Warnings at 80 % spent and 100 % forecast."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be above 0."
  }
}

variable "alarm_topic_arn" {
  description = "SNS topic for budget warnings, cost anomalies and findings."
  type        = string
}

variable "cost_anomaly_usd" {
  description = "Warn of unusual spending from this many dollars; 0 for no such monitor."
  type        = number
  default     = 20

  validation {
    condition     = var.cost_anomaly_usd >= 0
    error_message = "cost_anomaly_usd must be 0 or more."
  }
}

variable "activate_cost_tags" {
  description = "Activate the tags for cost allocation. Only the paying account may."
  type        = bool
  default     = false
}

variable "compute_optimizer_enabled" {
  description = "Enroll the account in AWS Compute Optimizer, which recommends sizes."
  type        = bool
  default     = false
}
