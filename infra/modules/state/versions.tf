# Lower bounds are what is tested: Terraform 1.9 is the first with validations that look at other
# variables; the AWS provider must know ECS canary deployments. No argument newer than 6.25 is used.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}
