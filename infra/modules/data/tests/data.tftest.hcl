# What holds data is encrypted, private and restorable; queue, table and topics are as the daemon needs them.

mock_provider "aws" {
  source = "../../tests/mocks"

  override_resource {
    target = aws_sqs_queue.dead
    values = { arn = "arn:aws:sqs:eu-west-1:123456789012:posthouse-jobs-dead" }
  }
}

variables {
  name                       = "posthouse"
  private_subnet_ids         = ["subnet-a", "subnet-b"]
  database_security_group_id = "sg-database"
  alert_emails               = ["alerts@example.com"]
  alarm_emails               = ["oncall@example.com", "ops@example.com"]
  tags                       = { Project = "posthouse", Environment = "test", Owner = "platform", CostCenter = "messaging" }
}

run "database_is_private_and_encrypted" {
  command = apply

  assert {
    condition     = aws_db_instance.this.engine == "postgres" && !aws_db_instance.this.publicly_accessible
    error_message = "The database must be PostgreSQL and must not be public."
  }

  assert {
    condition     = aws_db_instance.this.vpc_security_group_ids == toset(["sg-database"]) && aws_db_subnet_group.this.subnet_ids == toset(["subnet-a", "subnet-b"])
    error_message = "The database must be in the private subnets and in its own group only."
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == aws_kms_key.this["data"].arn
    error_message = "The database's storage must be encrypted with the data key."
  }

  assert {
    condition     = one([for p in aws_db_parameter_group.this.parameter : p.value if p.name == "rds.force_ssl"]) == "1"
    error_message = "The database must refuse connections without TLS."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS must manage the master password: it must not be in the state."
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.database.rotation_rules[0].automatically_after_days == 30
    error_message = "The master password must be rotated every 30 days by default."
  }

  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot
    error_message = "By default the database has a standby, deletion protection and a last snapshot."
  }

  assert {
    condition     = aws_db_instance.this.backup_retention_period == 14 && aws_db_instance.this.copy_tags_to_snapshot
    error_message = "Automated backups must be kept for 14 days by default."
  }

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.monitoring_interval == 60
    error_message = "Performance Insights and enhanced monitoring must be on."
  }
}

run "database_logs_have_retention" {
  command = plan

  variables {
    database_log_retention_days = 30
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.database : group.retention_in_days == 30])
    error_message = "The database's log groups must have the retention that was asked for."
  }
}

run "keys_rotate" {
  command = apply

  variables {
    dr_region = "eu-central-1"
  }

  assert {
    condition     = alltrue([for key in concat(values(aws_kms_key.this), aws_kms_key.dr) : key.enable_key_rotation])
    error_message = "Every KMS key must rotate."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(aws_kms_key.this["data"].policy).Statement : s.Action if s.Principal == { Service = "fargate.amazonaws.com" }])) == toset([
      "kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext",
    ])
    error_message = "Fargate must be able to use the data key, or no task starts."
  }

  assert {
    condition     = toset(keys(aws_kms_key.this)) == toset(["data", "logs"])
    error_message = "Data and logs must have a key each."
  }
}

run "table_on_demand" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.messages.name == "posthouse-messages" && aws_dynamodb_table.messages.billing_mode == "PAY_PER_REQUEST"
    error_message = "The table must be posthouse-messages, billed by request."
  }

  assert {
    condition     = aws_dynamodb_table.messages.hash_key == "id" && aws_dynamodb_table.messages.ttl[0].enabled && aws_dynamodb_table.messages.ttl[0].attribute_name == "ttl"
    error_message = "The table must have the key id and the TTL attribute ttl."
  }

  assert {
    condition     = aws_dynamodb_table.messages.point_in_time_recovery[0].enabled && aws_dynamodb_table.messages.server_side_encryption[0].kms_key_arn == aws_kms_key.this["data"].arn
    error_message = "The table must be restorable to a point in time, and encrypted with the data key."
  }

  assert {
    condition     = length(aws_appautoscaling_target.table) == 0 && length(aws_dynamodb_table.messages.replica) == 0
    error_message = "On demand, there is nothing to scale, and no replica was asked for."
  }
}

run "table_provisioned" {
  command = apply

  variables {
    table_capacity = { read_min = 5, read_max = 50, write_min = 10, write_max = 200 }
  }

  assert {
    condition     = aws_dynamodb_table.messages.billing_mode == "PROVISIONED"
    error_message = "With a capacity, the table must be provisioned."
  }

  assert {
    condition     = aws_appautoscaling_target.table["write"].max_capacity == 200 && aws_appautoscaling_target.table["read"].min_capacity == 5
    error_message = "Reads and writes must scale between their limits."
  }

  assert {
    condition = alltrue([for policy in aws_appautoscaling_policy.table :
    policy.target_tracking_scaling_policy_configuration[0].target_value == 70])
    error_message = "Autoscaling must aim at 70 percent by default."
  }
}

run "redrive" {
  command = apply

  assert {
    condition     = jsondecode(aws_sqs_queue.jobs.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead.arn && jsondecode(aws_sqs_queue.jobs.redrive_policy).maxReceiveCount == 100
    error_message = "Jobs must go to the dead-letter queue after 100 receives."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy).redrivePermission == "byQueue" &&
      jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.jobs.arn]
    )
    error_message = "Only the job queue may use the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.jobs.kms_master_key_id == aws_kms_key.this["data"].arn && aws_sqs_queue.dead.kms_master_key_id == aws_kms_key.this["data"].arn
    error_message = "Both queues must be encrypted with the data key."
  }

  assert {
    condition     = aws_sqs_queue.jobs.receive_wait_time_seconds == 20 && aws_sqs_queue.jobs.visibility_timeout_seconds == 60
    error_message = "The queue must be polled long, and hide a received job for 60 s."
  }

  assert {
    condition     = alltrue([for policy in aws_sqs_queue_policy.tls_only : jsondecode(policy.policy).Statement[0].Effect == "Deny" && jsondecode(policy.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"])
    error_message = "Queues must refuse requests without TLS."
  }
}

run "topics" {
  command = apply

  assert {
    condition     = aws_sns_topic.this["alerts"].name == "posthouse-alerts" && aws_sns_topic.this["alarms"].name == "posthouse-alarms"
    error_message = "There must be a topic for the daemon's alerts and one for CloudWatch's alarms."
  }

  assert {
    condition     = alltrue([for topic in aws_sns_topic.this : topic.kms_master_key_id == aws_kms_key.this["data"].arn])
    error_message = "Topics must be encrypted with the data key."
  }

  assert {
    condition     = toset(keys(aws_sns_topic_subscription.email)) == toset(["alerts/alerts@example.com", "alarms/oncall@example.com", "alarms/ops@example.com"]) && alltrue([for s in aws_sns_topic_subscription.email : s.protocol == "email"])
    error_message = "Each address must be subscribed by e-mail to its topic."
  }

  assert {
    condition     = length(jsondecode(aws_sns_topic_policy.this["alerts"].policy).Statement) == 1 && contains(jsondecode(aws_sns_topic_policy.this["alarms"].policy).Statement[1].Principal.Service, "cloudwatch.amazonaws.com")
    error_message = "CloudWatch may publish alarms, and nothing but the task role's own policy lets anybody publish alerts."
  }
}

run "copies_in_another_region" {
  command = apply

  variables {
    dr_region                 = "eu-central-1"
    replica_subnet_ids        = ["subnet-x", "subnet-y"]
    replica_security_group_id = "sg-replica"
    table_global              = true
  }

  assert {
    condition     = aws_db_instance_automated_backups_replication.dr[0].region == "eu-central-1" && aws_db_instance.replica[0].region == "eu-central-1"
    error_message = "Backups and replica must be in the other region."
  }

  assert {
    condition     = aws_db_instance.replica[0].storage_encrypted && !aws_db_instance.replica[0].publicly_accessible && aws_db_instance.replica[0].vpc_security_group_ids == toset(["sg-replica"])
    error_message = "The replica must be as private and encrypted as the database."
  }

  assert {
    condition     = one(aws_dynamodb_table.messages.replica).region_name == "eu-central-1" && aws_dynamodb_table.messages.stream_enabled
    error_message = "A global table needs a replica in the other region and a stream."
  }

  assert {
    condition     = length(aws_backup_vault.dr) == 1 && length(aws_backup_plan.this[0].rule) == 1
    error_message = "Backups must be copied to a vault in the other region."
  }
}

run "no_copies_by_default" {
  command = plan

  assert {
    condition     = length(aws_db_instance.replica) == 0 && length(aws_db_instance_automated_backups_replication.dr) == 0 && length(aws_kms_key.dr) == 0
    error_message = "Without dr_region there must be nothing in another region."
  }
}

run "restore_tests" {
  command = apply

  variables {
    restore_test_schedule = "cron(0 5 ? * SUN *)"
  }

  assert {
    condition     = toset(keys(aws_backup_restore_testing_selection.this)) == toset(["RDS", "DynamoDB"])
    error_message = "Both the database and the table must be restored on the schedule."
  }
}

run "development_is_stopped_at_night" {
  command = apply

  variables {
    database_multi_az      = false
    deletion_protection    = false
    database_stop_schedule = { stop = "cron(0 20 ? * * *)", start = "cron(0 7 ? * MON-FRI *)", timezone = "Europe/Berlin" }
  }

  assert {
    condition = (
      aws_scheduler_schedule.database["stop"].target[0].arn == "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance" &&
      aws_scheduler_schedule.database["start"].target[0].arn == "arn:aws:scheduler:::aws-sdk:rds:startDBInstance"
    )
    error_message = "The schedules must stop and start the database."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.schedule[0].policy).Statement[0].Resource == aws_db_instance.this.arn
    error_message = "The scheduler may stop and start this database only."
  }
}

run "production_is_not_stopped" {
  command = plan

  variables {
    database_multi_az      = true
    database_stop_schedule = { stop = "cron(0 20 ? * * *)", start = "cron(0 7 ? * * *)", timezone = "UTC" }
  }

  expect_failures = [var.database_stop_schedule]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                          = "p"
    private_subnet_ids            = ["subnet-a"]
    database_version              = "14"
    database_class                = "t4g.medium"
    database_storage_gb           = 10
    database_backup_days          = 0
    database_secret_rotation_days = 0
    performance_insights_days     = 8
    database_log_retention_days   = 2
    dr_region                     = "Frankfurt"
    table_capacity                = { read_min = 0, read_max = 1, write_min = 1, write_max = 1 }
    table_recovery_days           = 36
    queue_visibility_seconds      = 5
    queue_max_receives            = 3
    alert_emails                  = ["nobody"]
    alarm_emails                  = ["no body@example.com"]
    backup_plan_days              = 1
    tags                          = {}
  }

  expect_failures = [
    var.name,
    var.private_subnet_ids,
    var.database_version,
    var.database_class,
    var.database_storage_gb,
    var.database_backup_days,
    var.database_secret_rotation_days,
    var.performance_insights_days,
    var.database_log_retention_days,
    var.dr_region,
    var.table_capacity,
    var.table_recovery_days,
    var.queue_visibility_seconds,
    var.queue_max_receives,
    var.alert_emails,
    var.alarm_emails,
    var.backup_plan_days,
    var.tags,
  ]
}

run "copies_need_a_region" {
  command = plan

  variables {
    table_global       = true
    replica_subnet_ids = ["subnet-x", "subnet-y"]
  }

  expect_failures = [var.table_global, var.replica_subnet_ids]
}

run "a_replica_needs_a_security_group" {
  command = plan

  variables {
    dr_region          = "eu-central-1"
    replica_subnet_ids = ["subnet-x", "subnet-y"]
  }

  expect_failures = [var.replica_security_group_id]
}

run "restore_tests_need_backups" {
  command = plan

  variables {
    backup_plan_days      = 0
    restore_test_schedule = "cron(0 5 ? * SUN *)"
  }

  expect_failures = [var.restore_test_schedule]
}

run "storage_must_be_able_to_grow" {
  command = plan

  variables {
    database_storage_gb       = 100
    database_storage_limit_gb = 100
  }

  expect_failures = [var.database_storage_limit_gb]
}
