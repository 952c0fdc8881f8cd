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

variable "load_balancer_arn" {
  description = "Load balancer that the web ACL protects."
  type        = string
}

variable "rate_limit" {
  description = "Requests that one address may make in five minutes."
  type        = number
  default     = 6000

  validation {
    condition     = var.rate_limit >= 100 && var.rate_limit <= 2000000
    error_message = "rate_limit must be 100 to 2000000."
  }
}

variable "block" {
  description = "Block what the managed rules find. False only counts, to see what they would do."
  type        = bool
  default     = true
}

variable "log_days" {
  description = "Days that the web ACL's log is kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = "log_days must be one of the values that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, ...)."
  }
}

variable "cloudfront_enabled" {
  description = "A second web ACL of scope CLOUDFRONT, in us-east-1."
  type        = bool
  default     = false
}

variable "logs_kms_key_arn" {
  description = "KMS key that encrypts the log."
  type        = string
}
