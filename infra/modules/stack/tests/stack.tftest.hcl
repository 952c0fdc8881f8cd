# The wiring, with the fewest inputs. What an environment makes of it: infra/environments/*/tests.

mock_provider "aws" {
  source = "../../tests/mocks"
}

mock_provider "aws" {
  alias  = "dr"
  source = "../../tests/mocks"
}

mock_provider "random" {}

variables {
  name               = "posthouse-example"
  image              = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/posthouse-example:0.1.0"
  certificate_arn    = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
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

run "the_modules_fit_together" {
  command = apply

  assert {
    condition     = output.service_names == { api = "posthouse-example-api", courier = "posthouse-example-courier" }
    error_message = "Both services must bear the stack's name."
  }

  assert {
    condition     = strcontains(output.task_policy, ":posthouse-jobs") && !strcontains(output.task_policy, "*")
    error_message = "The task policy must name the data module's queue (as the mocks call it), and hold no wildcard."
  }
}
