# The environment as a whole, applied once against mocks. infra/policies judge the resulting state.

mock_provider "aws" {
  source = "../../tests/mocks"
}

mock_provider "aws" {
  alias  = "dr"
  source = "../../tests/mocks"
}

mock_provider "random" {}

variables {
  account_id        = "123456789012"
  image             = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/posthouse:0.1.0"
  certificate_arn   = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  github_repository = "example/posthouse"
  alert_emails      = ["alerts@example.com"]
  alarm_emails      = ["oncall@example.com"]
}

run "environment" {
  command = apply

  assert {
    condition     = output.stack.cluster_name == "posthouse-staging"
    error_message = "The cluster must be called posthouse-staging."
  }

  assert {
    condition     = output.stack.service_names == { api = "posthouse-staging-api", courier = "posthouse-staging-courier" }
    error_message = "The services must be posthouse-staging-api and posthouse-staging-courier."
  }

  assert {
    condition     = !strcontains(output.stack.task_policy, "*")
    error_message = "The task policy must hold no wildcard."
  }
}
