# Web application firewall on the load balancer, and on CloudFront where it is in front.
#
# Message bodies are free text: mail about HTML, SQL or paths is not an attack, and up to 256 KiB is not too large. So the managed rules
# that judge bodies only count; the daemon's own limits and strict parser judge them. Everything else blocks.

data "aws_region" "current" {}

locals {
  web_acls = merge(
    { REGIONAL = data.aws_region.current.region },
    var.cloudfront_enabled ? { CLOUDFRONT = "us-east-1" } : {},
  )

  waf_groups = {
    AWSManagedRulesAmazonIpReputationList = { priority = 10, count = [] }
    AWSManagedRulesKnownBadInputsRuleSet  = { priority = 20, count = [] }
    AWSManagedRulesCommonRuleSet = {
      priority = 30
      count    = ["CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "NoUserAgent_HEADER", "SizeRestrictions_BODY"]
    }
  }

  # The rules in the API's own form. Written as blocks they would be the same, but the provider's schema for nested
  # statements is so large that a plan takes minutes.
  waf_rules = concat(
    [{
      Name     = "rate"
      Priority = 1
      Action   = { for action in [var.block ? "Block" : "Count"] : action => {} }
      Statement = {
        RateBasedStatement = { Limit = var.rate_limit, AggregateKeyType = "IP" }
      }
      VisibilityConfig = { CloudWatchMetricsEnabled = true, SampledRequestsEnabled = true, MetricName = "${var.name}-rate" }
    }],
    [for group, settings in local.waf_groups : {
      Name           = group
      Priority       = settings.priority
      OverrideAction = { for action in [var.block ? "None" : "Count"] : action => {} }
      Statement = {
        ManagedRuleGroupStatement = {
          VendorName          = "AWS"
          Name                = group
          RuleActionOverrides = [for rule in settings.count : { Name = rule, ActionToUse = { Count = {} } }]
        }
      }
      VisibilityConfig = { CloudWatchMetricsEnabled = true, SampledRequestsEnabled = true, MetricName = "${var.name}-${group}" }
    }],
  )
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_175:The rules are in rule_json, which checkov does not read; tests do.
  #checkov:skip=CKV2_AWS_31:The logging configuration is below; checkov does not follow for_each.
  #checkov:skip=CKV_AWS_192:AWSManagedRulesKnownBadInputsRuleSet, with its Log4j rule, is in rule_json, which checkov does not read.
  for_each = local.web_acls

  region      = each.value
  name        = "${var.name}-${lower(each.key)}"
  description = "${var.name}: rate limit and AWS's managed rules"
  scope       = each.key
  tags        = var.tags

  rule_json = jsonencode(local.waf_rules)

  default_action {
    allow {}
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = true
    metric_name                = var.name
  }
}

resource "aws_wafv2_web_acl_association" "load_balancer" {
  resource_arn = var.load_balancer_arn
  web_acl_arn  = aws_wafv2_web_acl.this["REGIONAL"].arn
}

# The name must start with aws-waf-logs-.
resource "aws_cloudwatch_log_group" "waf" {
  #checkov:skip=CKV_AWS_338:What was blocked is looked at within days; the retention is a variable.
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.logs_kms_key_arn
  tags              = var.tags
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this["REGIONAL"].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf.arn]

  # Tokens do not belong in logs.
  dynamic "redacted_fields" {
    for_each = ["authorization", "cookie"]

    content {
      single_header {
        name = redacted_fields.value
      }
    }
  }

  # Only what a rule had something to say about.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}
