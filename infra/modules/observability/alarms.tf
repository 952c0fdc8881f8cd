# Alarms. The two of the document have fixed numbers; the others' thresholds are variables.

# ── The document's two ──────────────────────────────────────────────────────────────────────────────

# "RDS CPU Utilization > 80% for 5 minutes"
resource "aws_cloudwatch_metric_alarm" "database_cpu" {
  alarm_name          = "${var.name}-database-cpu"
  alarm_description   = "RDS CPU above 80 % for 5 minutes. Runbook: scale.md."
  namespace           = "AWS/RDS"
  metric_name         = "CPUUtilization"
  dimensions          = { DBInstanceIdentifier = var.database_identifier }
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  period              = 300
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  treat_missing_data  = "missing"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

# "SQS ApproximateNumberOfMessagesVisible > 100 for 10 minutes"
resource "aws_cloudwatch_metric_alarm" "queue_backlog" {
  alarm_name          = "${var.name}-queue-backlog"
  alarm_description   = "More than 100 jobs wait for 10 minutes. Runbook: scale.md."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.queue_name }
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 100
  period              = 300
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching" # an idle queue reports nothing
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

# ── Alarms that stop a deployment ───────────────────────────────────────────────────────────────────
# Kept apart from the rest: the services refer to them, so they must not refer to the services.

resource "aws_cloudwatch_metric_alarm" "api_5xx" {
  alarm_name          = "${var.name}-api-5xx"
  alarm_description   = "More than ${var.thresholds.api_5xx_percent} % of at least 20 requests a minute end in 5xx. Rolls a deployment back. Runbook: deploy.md."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.api_5xx_percent
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags

  metric_query {
    id          = "share"
    label       = "5xx in percent"
    expression  = "IF(requests >= 20, 100 * (FILL(errors, 0) + FILL(refused, 0)) / requests, 0)"
    return_data = true
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      dimensions  = { LoadBalancer = var.load_balancer_suffix }
      stat        = "Sum"
      period      = 60
    }
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      dimensions  = { LoadBalancer = var.load_balancer_suffix }
      stat        = "Sum"
      period      = 60
    }
  }

  metric_query {
    id = "refused"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_ELB_5XX_Count"
      dimensions  = { LoadBalancer = var.load_balancer_suffix }
      stat        = "Sum"
      period      = 60
    }
  }
}

# The daemon's own latency, not the load balancer's: long polls and streams are meant to take long.
resource "aws_cloudwatch_metric_alarm" "api_latency" {
  alarm_name          = "${var.name}-api-latency"
  alarm_description   = "One request in a hundred takes longer than ${var.thresholds.api_p99_seconds} s. Rolls a deployment back. Runbook: scale.md."
  namespace           = "posthouse"
  metric_name         = "http_latency_ms"
  dimensions          = { service = var.name }
  extended_statistic  = "p99"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.api_p99_seconds * 1000
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "outbox_age" {
  alarm_name          = "${var.name}-outbox-age"
  alarm_description   = "An accepted message has been due for more than ${var.thresholds.outbox_oldest_seconds} s. Rolls a deployment back. Runbook: scale.md."
  namespace           = "posthouse"
  metric_name         = "outbox_oldest_seconds"
  dimensions          = { service = var.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.outbox_oldest_seconds
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

# ── Operations ──────────────────────────────────────────────────────────────────────────────────────

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Messages are dead. Runbook: dead-letters.md."
  namespace           = "posthouse"
  metric_name         = "dead_letters"
  dimensions          = { service = var.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.dead_letters
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "dead_queue" {
  alarm_name          = "${var.name}-dead-queue"
  alarm_description   = "Jobs were received too often and lie in the queue's dead-letter queue: couriers die, or the limit is too low. Runbook: dead-letters.md."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dead_queue_name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

# The daemon's own count beside the load balancer's: it also sees calls that reach a task another way.
resource "aws_cloudwatch_metric_alarm" "failed_calls" {
  alarm_name          = "${var.name}-failed-calls"
  alarm_description   = "The daemon answers more than ${var.thresholds.api_5xx_percent} % of at least 20 calls a minute with 5xx: overload, or storage does not work. Runbook: scale.md."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.api_5xx_percent
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags

  metric_query {
    id          = "share"
    label       = "5xx in percent"
    expression  = "IF(calls >= 20, 100 * failed / calls, 0)"
    return_data = true
  }

  metric_query {
    id = "calls"

    metric {
      namespace   = "posthouse"
      metric_name = "http_requests"
      dimensions  = { service = var.name }
      stat        = "Sum"
      period      = 60
    }
  }

  metric_query {
    id = "failed"

    metric {
      namespace   = "posthouse"
      metric_name = "http_5xx"
      dimensions  = { service = var.name }
      stat        = "Sum"
      period      = 60
    }
  }
}

# 0 ready, 1 degraded, 2 unavailable (docs/metrics.md).
resource "aws_cloudwatch_metric_alarm" "backend_state" {
  for_each = toset(["storage", "meta", "queue", "alert", "secret"])

  alarm_name          = "${var.name}-backend-${each.key}"
  alarm_description   = "The ${each.key} backend is not healthy. Messages are ${each.key == "storage" ? "NOT accepted" : "still accepted, and wait in storage"}. Runbook: swap-backend.md."
  namespace           = "posthouse"
  metric_name         = "backend_state"
  dimensions          = { service = var.name, kind = each.key }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.key == "storage" ? 0 : 1
  period              = 60
  evaluation_periods  = each.key == "storage" ? 2 : 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

# The daemon's silence is not health: without its metrics, the alarms above see nothing.
resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name          = "${var.name}-silent"
  alarm_description   = "No courier has reported for 5 minutes: none runs, or [metrics] emf is off. Runbook: deploy.md."
  namespace           = "posthouse"
  metric_name         = "couriers"
  dimensions          = { service = var.name }
  statistic           = "Sum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "unhealthy_targets" {
  for_each = var.target_group_suffixes

  alarm_name          = "${var.name}-unhealthy-${each.key}"
  alarm_description   = "API tasks of the ${each.key} group fail /readyz: storage is not usable for them. Runbook: fail-over-rds.md."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = { LoadBalancer = var.load_balancer_suffix, TargetGroup = each.value }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "tasks" {
  for_each = var.minimum_tasks

  alarm_name          = "${var.name}-tasks-${each.key}"
  alarm_description   = "${each.key} runs fewer than ${each.value} tasks. Runbook: scale.md."
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = var.cluster_name, ServiceName = each.key }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = each.value
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "database_storage" {
  alarm_name          = "${var.name}-database-storage"
  alarm_description   = "Less than ${var.thresholds.database_free_gb} GiB of the database's storage are free. Runbook: scale.md."
  namespace           = "AWS/RDS"
  metric_name         = "FreeStorageSpace"
  dimensions          = { DBInstanceIdentifier = var.database_identifier }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = var.thresholds.database_free_gb * 1024 * 1024 * 1024
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "missing"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "database_connections" {
  alarm_name          = "${var.name}-database-connections"
  alarm_description   = "More than ${var.thresholds.database_connections} connections to the database. Runbook: scale.md."
  namespace           = "AWS/RDS"
  metric_name         = "DatabaseConnections"
  dimensions          = { DBInstanceIdentifier = var.database_identifier }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.database_connections
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "missing"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "table_throttled" {
  for_each = toset(["ReadThrottleEvents", "WriteThrottleEvents"])

  alarm_name          = "${var.name}-table-${lower(trimsuffix(each.key, "ThrottleEvents"))}-throttled"
  alarm_description   = "DynamoDB throttles the metadata table. Messages go on; their timelines come late. Runbook: scale.md."
  namespace           = "AWS/DynamoDB"
  metric_name         = each.key
  dimensions          = { TableName = var.table_name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "alerts_failed" {
  alarm_name          = "${var.name}-alerts-failed"
  alarm_description   = "SNS could not deliver alerts to a subscriber. Runbook: swap-backend.md."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFailed"
  dimensions          = { TopicName = var.alert_topic_name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}
