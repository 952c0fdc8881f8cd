# X-Ray: what is sampled, and a group for what went wrong. The collector itself is in the service module.

resource "aws_xray_sampling_rule" "this" {
  count = var.tracing_enabled ? 1 : 0

  rule_name      = var.name
  priority       = 1000
  version        = 1
  reservoir_size = 1
  fixed_rate     = var.trace_percent / 100
  service_name   = var.name
  service_type   = "*"
  host           = "*"
  http_method    = "*"
  url_path       = "/v1/*"
  resource_arn   = "*"
  tags           = var.tags
}

resource "aws_xray_group" "this" {
  count = var.tracing_enabled ? 1 : 0

  group_name        = var.name
  filter_expression = "service(\"${var.name}\") AND (fault = true OR responsetime > 1)"
  tags              = var.tags

  insights_configuration {
    insights_enabled      = true
    notifications_enabled = false
  }
}
