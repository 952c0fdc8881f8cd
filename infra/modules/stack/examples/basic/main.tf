# A whole stack with the defaults: two zones, Multi-AZ, canary deployments, all guards.
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

variable "certificate_arn" {
  description = "ACM certificate of the load balancer."
  type        = string
}

module "stack" {
  source = "../.."

  providers = {
    aws    = aws
    aws.dr = aws
  }

  name               = "posthouse-example"
  image              = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/posthouse-example:0.1.0"
  certificate_arn    = var.certificate_arn
  monthly_budget_usd = 300

  sizes = {
    api     = { cpu = 256, memory = 512, min = 2, max = 4 }
    courier = { cpu = 256, memory = 512, min = 2, max = 4 }
  }

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "url" {
  description = "Where the service answers."
  value       = module.stack.url
}
