# A web ACL on a load balancer that is there already; it only counts at first.
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

variable "load_balancer_arn" {
  description = "Load balancer to protect."
  type        = string
}

variable "logs_kms_key_arn" {
  description = "KMS key of the log."
  type        = string
}

module "waf" {
  source = "../.."

  name              = "posthouse-example"
  load_balancer_arn = var.load_balancer_arn
  logs_kms_key_arn  = var.logs_kms_key_arn
  block             = false

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "web_acl_arn" {
  description = "The web ACL."
  value       = module.waf.web_acl_arn
}
