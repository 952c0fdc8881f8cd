# The web ACL. Few runs: the provider's schema makes each one take many seconds.

mock_provider "aws" {
  source = "../../../tests/mocks"
}

variables {
  name              = "posthouse"
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/posthouse/0123456789abcdef"
  logs_kms_key_arn  = "arn:aws:kms:eu-west-1:123456789012:key/logs"
  tags              = { Project = "posthouse", Environment = "test", Owner = "platform", CostCenter = "messaging" }
}

run "web_acl" {
  command = apply

  variables {
    cloudfront_enabled = true
  }

  assert {
    condition     = keys(aws_wafv2_web_acl.this) == ["CLOUDFRONT", "REGIONAL"] && aws_wafv2_web_acl_association.load_balancer.resource_arn == var.load_balancer_arn
    error_message = "The load balancer must be behind the web ACL."
  }

  assert {
    condition = [for r in jsondecode(aws_wafv2_web_acl.this["REGIONAL"].rule_json) : r.Name] == [
      "rate", "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet",
    ]
    error_message = "The web ACL must have the rate limit and three managed groups."
  }

  assert {
    condition     = alltrue([for r in jsondecode(aws_wafv2_web_acl.this["REGIONAL"].rule_json) : r.Name == "rate" ? can(r.Action.Block) : can(r.OverrideAction.None)])
    error_message = "The web ACL must block by default."
  }

  assert {
    condition = contains(flatten([for r in jsondecode(aws_wafv2_web_acl.this["REGIONAL"].rule_json) : [
      for o in try(r.Statement.ManagedRuleGroupStatement.RuleActionOverrides, []) : o.Name
    ]]), "SizeRestrictions_BODY")
    error_message = "Bodies above 8 KiB must only be counted: messages have up to 256 KiB."
  }

  assert {
    condition     = aws_wafv2_web_acl.this["CLOUDFRONT"].scope == "CLOUDFRONT" && aws_wafv2_web_acl.this["CLOUDFRONT"].region == "us-east-1"
    error_message = "CloudFront's web ACL must be in us-east-1."
  }

  assert {
    condition     = toset([for f in aws_wafv2_web_acl_logging_configuration.this.redacted_fields : f.single_header[0].name]) == toset(["authorization", "cookie"])
    error_message = "Tokens must not be logged."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    name       = "x"
    tags       = {}
    rate_limit = 1
    log_days   = 2
  }

  expect_failures = [var.name, var.tags, var.rate_limit, var.log_days]
}
