# X-Ray: a group for what went wrong. The collector is in the service module; what is recorded, the daemon decides
# (trace_percent there), since it asks X-Ray for no sampling rules.

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
