# The smallest use of this module: two zones, one NAT gateway.
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
  description = "KMS key that encrypts the flow logs."
  type        = string
}

module "network" {
  source = "../.."

  name             = "posthouse-example"
  nat_mode         = "one"
  logs_kms_key_arn = var.logs_kms_key_arn

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "private_subnet_ids" {
  description = "Where tasks and the database go."
  value       = module.network.private_subnet_ids
}
