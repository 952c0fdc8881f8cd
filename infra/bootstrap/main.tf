# Run once per account, by a person, with local state: makes the bucket that every later state lives in.
#   terraform init && terraform apply -var account_id=123456789012 -var environment=prod
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

variable "account_id" {
  description = "Account in which this may run. Another account's credentials are refused."
  type        = string
}

variable "environment" {
  description = "dev, staging or prod."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "region" {
  description = "Region of the state."
  type        = string
  default     = "eu-west-1"
}

variable "replica_region" {
  description = "Region of a copy; null for none."
  type        = string
  default     = null
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
}

module "state" {
  source = "../modules/state"

  bucket         = "${var.account_id}-posthouse-state"
  replica_region = var.replica_region

  tags = {
    Project     = "posthouse"
    Environment = var.environment
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "bucket" {
  description = "For environments/*/backend.hcl."
  value       = module.state.bucket
}

output "kms_key_arn" {
  description = "For the variable state_kms_key_arn."
  value       = module.state.kms_key_arn
}
