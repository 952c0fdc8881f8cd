# SQS carries references to messages, never bodies; storage stays the truth. SNS carries alerts to people.

locals {
  tls_only = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = "*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }

  topics = {
    alerts = var.alert_emails # the daemon's: messages with priority "alert"
    alarms = var.alarm_emails # CloudWatch's and the budgets': for operators
  }
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.name}-jobs"
  visibility_timeout_seconds = var.queue_visibility_seconds
  receive_wait_time_seconds  = 20      # long polls cost one request in 20 s, not one a moment
  message_retention_seconds  = 1209600 # 14 days; a lost job is sent again by the sweeper anyway
  kms_master_key_id          = aws_kms_key.this["data"].arn
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.queue_max_receives
  })
  tags = var.tags
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-jobs-dead"
  message_retention_seconds = 1209600
  kms_master_key_id         = aws_kms_key.this["data"].arn
  tags                      = var.tags
}

# Only the job queue may use the dead-letter queue.
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.jobs.arn]
  })
}

resource "aws_sqs_queue_policy" "tls_only" {
  for_each = {
    jobs = aws_sqs_queue.jobs
    dead = aws_sqs_queue.dead
  }

  queue_url = each.value.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.tls_only, { Action = "sqs:*", Resource = each.value.arn })]
  })
}

resource "aws_sns_topic" "this" {
  for_each = local.topics

  name              = "${var.name}-${each.key}"
  display_name      = "${var.name} ${each.key}"
  kms_master_key_id = aws_kms_key.this["data"].arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this

  arn = each.value.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.tls_only, { Action = "sns:Publish", Resource = each.value.arn })],
      each.key == "alarms" ? [{
        Sid       = "Publishers"
        Effect    = "Allow"
        Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com", "events.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = each.value.arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      }] : []
    )
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = merge([
    for topic, addresses in local.topics : { for address in addresses : "${topic}/${address}" => { topic = topic, address = address } }
  ]...)

  topic_arn = aws_sns_topic.this[each.value.topic].arn
  protocol  = "email"
  endpoint  = each.value.address
}
