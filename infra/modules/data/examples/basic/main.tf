# A development data layer: one zone, no copies elsewhere, stopped at night.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "private_subnet_ids" {
  description = "Private subnets of two zones."
  type        = list(string)
}

variable "database_security_group_id" {
  description = "Group that only the service may reach."
  type        = string
}

module "data" {
  source = "../.."

  name                       = "posthouse-example"
  private_subnet_ids         = var.private_subnet_ids
  database_security_group_id = var.database_security_group_id
  database_multi_az          = false
  deletion_protection        = false
  backup_plan_days           = 0
  alert_emails               = ["alerts@example.com"]

  database_stop_schedule = {
    stop     = "cron(0 20 ? * MON-FRI *)"
    start    = "cron(0 7 ? * MON-FRI *)"
    timezone = "Europe/Berlin"
  }

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "queue_url" {
  description = "For queue_url in the daemon's configuration."
  value       = module.data.queue.url
}
