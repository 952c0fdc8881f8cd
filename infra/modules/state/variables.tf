variable "bucket" {
  description = "Name of the state bucket. Not starting with the stack's name, so that the pipeline's rights on NAME-* do not reach it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket)) && !startswith(var.bucket, "posthouse-")
    error_message = "bucket must be a bucket name that does not start with posthouse-, such as 123456789012-posthouse-state."
  }
}

variable "replica_region" {
  description = "Region of a copy of the state; null for none."
  type        = string
  default     = null
}

variable "old_versions_days" {
  description = "Days that replaced versions of the state are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.old_versions_days >= 7
    error_message = "old_versions_days must be at least 7: versions are the way back."
  }
}

variable "lock_table" {
  description = "Name of a DynamoDB lock table for Terraform 1.9, which cannot lock in S3; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags on every resource. Project, Environment, Owner and CostCenter are required."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["Project", "Environment", "Owner", "CostCenter"], keys(var.tags))) == 0
    error_message = "tags must hold Project, Environment, Owner and CostCenter: cost reports and policies depend on them."
  }
}
