# The document's log groups and alarms with its exact numbers, and the alarms on the daemon's own metrics.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                  = "posthouse"
  logs_kms_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  alarm_topic_arn       = "arn:aws:sns:eu-west-1:123456789012:posthouse-alarms"
  database_identifier   = "posthouse"
  queue_name            = "posthouse-jobs"
  dead_queue_name       = "posthouse-jobs-dead"
  table_name            = "posthouse-messages"
  alert_topic_name      = "posthouse-alerts"
  load_balancer_suffix  = "app/posthouse/0123456789abcdef"
  target_group_suffixes = { blue = "targetgroup/posthouse-blue/0123456789abcdef", green = "targetgroup/posthouse-green/0123456789abcdef" }
  cluster_name          = "posthouse"
  minimum_tasks         = { posthouse-api = 2, posthouse-courier = 2 }
  tags                  = { Project = "posthouse", Environment = "test", Owner = "platform", CostCenter = "messaging" }
}

run "log_groups" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.service.name == "/ecs/posthouse-service" && aws_cloudwatch_log_group.deploy.name == "/terraform/deploy"
    error_message = "The log groups must have the document's names."
  }

  assert {
    condition     = aws_cloudwatch_log_group.service.retention_in_days == 90 && aws_cloudwatch_log_group.deploy.retention_in_days == 365
    error_message = "Logs must be kept for 90 days, the record of deployments for a year, by default."
  }

  assert {
    condition     = aws_cloudwatch_log_group.service.kms_key_id == var.logs_kms_key_arn && aws_cloudwatch_log_group.deploy.kms_key_id == var.logs_kms_key_arn
    error_message = "Logs must be encrypted with the logs key."
  }
}

run "retention_is_set_per_environment" {
  command = plan

  variables {
    service_log_retention_days = 7
  }

  assert {
    condition     = aws_cloudwatch_log_group.service.retention_in_days == 7
    error_message = "The retention that was asked for must be used."
  }
}

# "RDS CPU Utilization > 80% for 5 minutes → Alarm to SNS topic."
run "documented_alarm_database_cpu" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.database_cpu.namespace == "AWS/RDS" &&
      aws_cloudwatch_metric_alarm.database_cpu.metric_name == "CPUUtilization" &&
      aws_cloudwatch_metric_alarm.database_cpu.dimensions == tomap({ DBInstanceIdentifier = "posthouse" }) &&
      aws_cloudwatch_metric_alarm.database_cpu.comparison_operator == "GreaterThanThreshold" &&
      aws_cloudwatch_metric_alarm.database_cpu.threshold == 80 &&
      aws_cloudwatch_metric_alarm.database_cpu.period * aws_cloudwatch_metric_alarm.database_cpu.evaluation_periods == 300 &&
      aws_cloudwatch_metric_alarm.database_cpu.alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:posthouse-alarms"])
    )
    error_message = "The alarm must be: RDS CPU above 80 % for 5 minutes, to the SNS topic."
  }
}

# "SQS ApproximateNumberOfMessagesVisible > 100 for 10 minutes → Alarm to SNS topic."
run "documented_alarm_queue" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.queue_backlog.namespace == "AWS/SQS" &&
      aws_cloudwatch_metric_alarm.queue_backlog.metric_name == "ApproximateNumberOfMessagesVisible" &&
      aws_cloudwatch_metric_alarm.queue_backlog.dimensions == tomap({ QueueName = "posthouse-jobs" }) &&
      aws_cloudwatch_metric_alarm.queue_backlog.comparison_operator == "GreaterThanThreshold" &&
      aws_cloudwatch_metric_alarm.queue_backlog.threshold == 100 &&
      aws_cloudwatch_metric_alarm.queue_backlog.period * aws_cloudwatch_metric_alarm.queue_backlog.evaluation_periods == 600 &&
      aws_cloudwatch_metric_alarm.queue_backlog.datapoints_to_alarm == aws_cloudwatch_metric_alarm.queue_backlog.evaluation_periods &&
      aws_cloudwatch_metric_alarm.queue_backlog.alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:posthouse-alarms"])
    )
    error_message = "The alarm must be: more than 100 visible messages for 10 minutes, to the SNS topic."
  }
}

run "daemon_alarms" {
  command = plan

  assert {
    condition = alltrue([for alarm in concat(
      [aws_cloudwatch_metric_alarm.outbox_age, aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.api_latency, aws_cloudwatch_metric_alarm.silent],
      values(aws_cloudwatch_metric_alarm.backend_state),
    ) : alarm.namespace == "posthouse" && alarm.dimensions["service"] == "posthouse"])
    error_message = "Alarms on the daemon's metrics must use its namespace and dimension."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.outbox_age.metric_name == "outbox_oldest_seconds" && aws_cloudwatch_metric_alarm.outbox_age.threshold == 120
    error_message = "A message that is due for 2 minutes must raise an alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.dead_letters.metric_name == "dead_letters" && aws_cloudwatch_metric_alarm.dead_letters.threshold == 0
    error_message = "The first dead message must raise an alarm."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.backend_state)) == toset(["storage", "meta", "queue", "alert", "secret"]) && aws_cloudwatch_metric_alarm.backend_state["storage"].threshold == 0
    error_message = "Each kind of backend must have an alarm, and storage the strictest."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.api_latency.extended_statistic == "p99" && aws_cloudwatch_metric_alarm.api_latency.threshold == 1500
    error_message = "Latency must be judged by its 99th percentile."
  }

  assert {
    condition = toset(flatten([for query in aws_cloudwatch_metric_alarm.failed_calls.metric_query : [for metric in query.metric : "${metric.namespace} ${metric.metric_name} ${metric.dimensions["service"]}"]])) == toset([
      "posthouse http_requests posthouse", "posthouse http_5xx posthouse",
    ])
    error_message = "The share of failed calls must be made of the daemon's own metrics."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.silent.treat_missing_data == "breaching"
    error_message = "Missing metrics must raise an alarm."
  }
}

run "every_alarm_has_an_action" {
  command = plan

  assert {
    condition = alltrue([for alarm in concat(
      [
        aws_cloudwatch_metric_alarm.database_cpu, aws_cloudwatch_metric_alarm.queue_backlog, aws_cloudwatch_metric_alarm.api_5xx,
        aws_cloudwatch_metric_alarm.api_latency, aws_cloudwatch_metric_alarm.outbox_age, aws_cloudwatch_metric_alarm.dead_letters,
        aws_cloudwatch_metric_alarm.dead_queue, aws_cloudwatch_metric_alarm.silent, aws_cloudwatch_metric_alarm.database_storage,
        aws_cloudwatch_metric_alarm.database_connections, aws_cloudwatch_metric_alarm.alerts_failed, aws_cloudwatch_metric_alarm.failed_calls,
      ],
      values(aws_cloudwatch_metric_alarm.backend_state), values(aws_cloudwatch_metric_alarm.unhealthy_targets),
      values(aws_cloudwatch_metric_alarm.tasks), values(aws_cloudwatch_metric_alarm.table_throttled),
    ) : alarm.alarm_actions == toset([var.alarm_topic_arn]) && alarm.ok_actions == toset([var.alarm_topic_arn])])
    error_message = "Every alarm must go to the topic, and say when it is over."
  }
}

run "rollback_alarms" {
  command = plan

  assert {
    condition     = output.rollback_alarm_names == { api = ["posthouse-api-5xx", "posthouse-api-latency"], courier = ["posthouse-outbox-age"] }
    error_message = "These alarms must stop deployments."
  }
}

run "dashboard" {
  command = plan

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 13
    error_message = "The dashboard must have its thirteen widgets."
  }

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : length(widget.properties.metrics) > 0 && alltrue([for m in widget.properties.metrics : length(m) >= 5])])
    error_message = "Every widget must show metrics in the form that CloudWatch reads."
  }
}

run "tracing_off_by_default" {
  command = plan

  assert {
    condition     = length(aws_xray_group.this) == 0
    error_message = "Tracing must be asked for."
  }
}

run "tracing" {
  command = plan

  variables {
    tracing_enabled = true
  }

  assert {
    condition     = strcontains(aws_xray_group.this[0].filter_expression, "service(\"posthouse\")")
    error_message = "The group must hold what the daemon sends under the deployment's name."
  }
}

run "logs_stay_by_default" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_subscription_filter.service) == 0
    error_message = "Logs must not leave CloudWatch unless somebody asks for it."
  }
}

run "logs_are_forwarded" {
  command = plan

  variables {
    log_forwarding = {
      destination_arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/platform"
      role_arn        = "arn:aws:iam::123456789012:role/posthouse-log-forwarding"
      filter_pattern  = "{ $.level = \"error\" }"
    }
  }

  assert {
    condition = (
      aws_cloudwatch_log_subscription_filter.service[0].log_group_name == "/ecs/posthouse-service" &&
      aws_cloudwatch_log_subscription_filter.service[0].destination_arn == var.log_forwarding.destination_arn &&
      aws_cloudwatch_log_subscription_filter.service[0].role_arn == var.log_forwarding.role_arn &&
      aws_cloudwatch_log_subscription_filter.service[0].filter_pattern == var.log_forwarding.filter_pattern
    )
    error_message = "The service's lines must go to the destination that was asked for, and no others."
  }
}

run "refuses_a_destination_that_takes_no_logs" {
  command = plan

  variables {
    log_forwarding = { destination_arn = "arn:aws:s3:::logs" }
  }

  expect_failures = [var.log_forwarding]
}

run "refuses_a_stream_without_a_role" {
  command = plan

  variables {
    log_forwarding = { destination_arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/platform" }
  }

  expect_failures = [var.log_forwarding]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                       = "-"
    tags                       = {}
    service_log_retention_days = 2
    deploy_log_retention_days  = 0
    alarm_topic_arn            = ""
    thresholds                 = { outbox_oldest_seconds = 10 }
  }

  expect_failures = [
    var.name, var.tags, var.service_log_retention_days, var.deploy_log_retention_days, var.alarm_topic_arn,
    var.thresholds,
  ]
}
