variable "account_id" {
  description = "AWS account of this environment."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "assume_role_arn" {
  description = "Role to take in that account, for people; null for the pipeline, whose credentials are the account's already."
  type        = string
  default     = null
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "image" {
  description = "Image of the first task definition. Later ones are set by deployments."
  type        = string
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

variable "github_repository" {
  description = "OWNER/NAME whose workflows deploy here; null for no CI roles."
  type        = string
  default     = null
}

variable "state_kms_key_arn" {
  description = "Key of the state bucket (output of infra/bootstrap)."
  type        = string
  default     = null
}

variable "alert_emails" {
  description = "Addresses for the daemon's alerts."
  type        = set(string)
  default     = []
}

variable "alarm_emails" {
  description = "Addresses for alarms, budgets and findings."
  type        = set(string)
  default     = []
}

variable "tracing_image" {
  description = "OpenTelemetry collector beside the daemon, copied into the service's own repository (modules/service/README.md); null for no tracing."
  type        = string
  default     = null
}

variable "trace_percent" {
  description = "Share of requests without a traceparent header whose trace the daemon records."
  type        = number
  default     = 5
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

variable "service_connect_enabled" {
  description = "ECS Service Connect between tasks."
  type        = bool
  default     = false
}

variable "dr_region" {
  description = "Region of the copies; null for none."
  type        = string
  default     = "eu-central-1"
}

variable "dr_replica" {
  description = "Keep a read replica of the database in dr_region: minutes instead of hours when a region is lost (COST.md)."
  type        = bool
  default     = false
}

variable "table_global" {
  description = "Keep a replica of the table in dr_region."
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
