# The document's log groups, encrypted and with retention.

data "aws_region" "current" {}

resource "aws_cloudwatch_log_group" "service" {
  #checkov:skip=CKV_AWS_338:Retention is set per environment: it is the largest cost of logs (COST.md, strategy 8).
  name              = var.service_log_group
  retention_in_days = var.service_log_retention_days
  kms_key_id        = var.logs_kms_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_group" "deploy" {
  #checkov:skip=CKV_AWS_338:A year by default; development may keep less.
  name              = var.deploy_log_group
  retention_in_days = var.deploy_log_retention_days
  kms_key_id        = var.logs_kms_key_arn
  tags              = var.tags
}

# To a log platform of others, line by line. What is to be kept from them is named by the pattern: the daemon logs no secrets and no texts of
# messages, but names of users and addresses of clients.
resource "aws_cloudwatch_log_subscription_filter" "service" {
  count = var.log_forwarding == null ? 0 : 1

  name            = "${var.name}-forwarding"
  log_group_name  = aws_cloudwatch_log_group.service.name
  destination_arn = var.log_forwarding.destination_arn
  role_arn        = var.log_forwarding.role_arn
  filter_pattern  = var.log_forwarding.filter_pattern
}

# Questions that come up at night, saved where one looks for them.
resource "aws_cloudwatch_query_definition" "this" {
  for_each = {
    errors   = "fields @timestamp, level, message, request_id | filter level = 'error' | sort @timestamp desc | limit 100"
    request  = "fields @timestamp, @message | filter request_id = 'PUT-THE-ID-HERE' | sort @timestamp asc"
    backends = "fields @timestamp, section, backend, state, detail | filter ispresent(backend) and ispresent(state) | sort @timestamp desc | limit 100"
  }

  name            = "${var.name}/${each.key}"
  log_group_names = [aws_cloudwatch_log_group.service.name]
  query_string    = each.value
}
