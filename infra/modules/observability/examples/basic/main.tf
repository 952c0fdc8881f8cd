# Logs, alarms and dashboard for a stack whose names are known.
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

variable "logs_kms_key_arn" {
  description = "KMS key of the logs."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Where alarms go."
  type        = string
}

module "observability" {
  source = "../.."

  name                  = "posthouse-example"
  logs_kms_key_arn      = var.logs_kms_key_arn
  alarm_topic_arn       = var.alarm_topic_arn
  database_identifier   = "posthouse-example"
  queue_name            = "posthouse-example-jobs"
  dead_queue_name       = "posthouse-example-jobs-dead"
  table_name            = "posthouse-example-messages"
  alert_topic_name      = "posthouse-example-alerts"
  load_balancer_suffix  = "app/posthouse-example/0123456789abcdef"
  target_group_suffixes = { blue = "targetgroup/posthouse-example-blue/0123456789abcdef" }
  cluster_name          = "posthouse-example"
  minimum_tasks         = { posthouse-example-api = 1, posthouse-example-courier = 1 }

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = module.observability.dashboard_name
}
