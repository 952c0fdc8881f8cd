# A state bucket with a copy in another region.
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

module "state" {
  source = "../.."

  bucket         = "123456789012-posthouse-state"
  replica_region = "eu-central-1"

  tags = {
    Project     = "posthouse"
    Environment = "example"
    Owner       = "platform"
    CostCenter  = "messaging"
  }
}

output "bucket" {
  description = "For the backend configuration."
  value       = module.state.bucket
}
