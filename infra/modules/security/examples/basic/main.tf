# Roles and guards for a stack whose ARNs are known; audit services are the organisation's.
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

variable "kms_key_arns" {
  description = "Keys of data and logs."
  type = object({
    data = string
    logs = string
  })
}

module "security" {
  source = "../.."

  name               = "posthouse-example"
  table_arn          = "arn:aws:dynamodb:eu-west-1:123456789012:table/posthouse-example-messages"
  queue_arn          = "arn:aws:sqs:eu-west-1:123456789012:posthouse-example-jobs"
  alert_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:posthouse-example-alerts"
  alarm_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:posthouse-example-alarms"
  secret_arns        = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:posthouse-example-AbCdEf"]
  repository_arn     = "arn:aws:ecr:eu-west-1:123456789012:repository/posthouse-example"
  kms_key_arns       = var.kms_key_arns
  monthly_budget_usd = 100
  guardduty_enabled  = false
  cloudtrail_enabled = false
  config_enabled     = false

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "task_role_arn" {
  description = "For the service module."
  value       = module.security.task_role_arn
}
