# The service on a network and data layer that exist already.
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

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Public and private subnets."
  type = object({
    public  = list(string)
    private = list(string)
  })
}

variable "security_group_ids" {
  description = "Groups of load balancer and tasks."
  type = object({
    alb     = string
    service = string
  })
}

variable "certificate_arn" {
  description = "ACM certificate of the load balancer."
  type        = string
}

module "service" {
  source = "../.."

  name                 = "posthouse-example"
  vpc_id               = var.vpc_id
  public_subnet_ids    = var.subnet_ids.public
  private_subnet_ids   = var.subnet_ids.private
  security_group_ids   = var.security_group_ids
  trusted_proxies      = ["10.20.0.0/16"]
  image                = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/posthouse-example:0.1.0"
  database_url         = "postgresql://posthouse@db.example:5432/posthouse?sslmode=verify-full"
  database_secret_arn  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:posthouse-AbCdEf"
  table_name           = "posthouse-example-messages"
  queue_url            = "https://sqs.eu-west-1.amazonaws.com/123456789012/posthouse-example-jobs"
  queue_name           = "posthouse-example-jobs"
  alert_topic_arn      = "arn:aws:sns:eu-west-1:123456789012:posthouse-example-alerts"
  execution_role_arn   = "arn:aws:iam::123456789012:role/posthouse-example-execution"
  task_role_arn        = "arn:aws:iam::123456789012:role/posthouse-example-task"
  kms_key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  certificate_arn      = var.certificate_arn
  rollback_alarm_names = { api = ["posthouse-example-api-5xx"], courier = ["posthouse-example-outbox-age"] }

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "url" {
  description = "Where the service answers."
  value       = module.service.url
}
