# Wrong on purpose, for the static part: an unknown argument, a variable that nothing uses, a value that AWS refuses,
#   and a line that is not formatted.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

variable "unused" {
  type = string
}

resource "aws_sqs_queue" "wrong" {
  name = "wrong"
  visibility_timout_seconds = 30
  message_retention_seconds = 1
}
