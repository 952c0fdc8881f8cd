# RDS PostgreSQL: the durable truth. Private, encrypted, TLS only, its password known to nobody:
# RDS makes it, keeps it in Secrets Manager and changes it by itself.

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.private_subnet_ids
  tags        = var.tags
}

resource "aws_db_parameter_group" "this" {
  name        = "${var.name}-postgres${var.database_version}"
  family      = "postgres${var.database_version}"
  description = "TLS only; slow statements, schema changes and connections in the log"
  tags        = var.tags

  dynamic "parameter" {
    for_each = {
      "rds.force_ssl"              = "1"
      "log_connections"            = "1"
      "log_disconnections"         = "1"
      "log_lock_waits"             = "1"
      "log_min_duration_statement" = "1000"
      "log_statement"              = "ddl"
      "shared_preload_libraries"   = "pg_stat_statements"
    }

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = parameter.key == "shared_preload_libraries" ? "pending-reboot" : "immediate"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role" "monitoring" {
  name                 = "${var.name}-rds-monitoring"
  description          = "RDS writes enhanced monitoring to CloudWatch Logs."
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

# Made before the database, or RDS makes them without retention and encryption.
resource "aws_cloudwatch_log_group" "database" {
  for_each = toset(["postgresql", "upgrade"])

  #checkov:skip=CKV_AWS_338:Retention is set per environment (COST.md).
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.database_log_retention_days
  kms_key_id        = aws_kms_key.this["logs"].arn
  tags              = var.tags
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:Multi-AZ is a variable: on in staging and production, off in development (COST.md).
  #checkov:skip=CKV_AWS_293:Deletion protection is a variable: on in production, off in development.
  #checkov:skip=CKV2_AWS_69:rds.force_ssl is in the parameter group, in a dynamic block that checkov does not read; a test does.
  identifier                  = var.name
  engine                      = "postgres"
  engine_version              = var.database_version
  instance_class              = var.database_class
  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = false

  db_name                       = "posthouse"
  username                      = "posthouse"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = aws_kms_key.this["data"].key_id

  storage_type          = "gp3"
  allocated_storage     = var.database_storage_gb
  max_allocated_storage = var.database_storage_limit_gb
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.this["data"].arn

  multi_az               = var.database_multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.database_security_group_id]
  publicly_accessible    = false
  port                   = 5432
  ca_cert_identifier     = "rds-ca-rsa2048-g1"
  parameter_group_name   = aws_db_parameter_group.this.name

  # The daemon logs in by password; people who must look use IAM, which leaves their name in CloudTrail.
  iam_database_authentication_enabled = true

  backup_retention_period   = var.database_backup_days
  backup_window             = "02:00-03:00"
  maintenance_window        = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = !var.deletion_protection
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.deletion_protection
  final_snapshot_identifier = "${var.name}-final"

  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.this["data"].arn
  performance_insights_retention_period = var.performance_insights_days
  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]

  tags = var.tags

  # Minor versions and the growing storage are RDS's own doing.
  lifecycle {
    ignore_changes = [engine_version, allocated_storage]
  }

  depends_on = [aws_cloudwatch_log_group.database, aws_iam_role_policy_attachment.monitoring]
}

resource "aws_secretsmanager_secret_rotation" "database" {
  #checkov:skip=CKV_AWS_304:30 days by default and at most 90, by validation; checkov does not follow the variable.
  secret_id          = aws_db_instance.this.master_user_secret[0].secret_arn
  rotate_immediately = false

  rotation_rules {
    automatically_after_days = var.database_secret_rotation_days
  }
}

# ── Another region ──────────────────────────────────────────────────────────────────────────────────

resource "aws_db_instance_automated_backups_replication" "dr" {
  count = var.dr_region == null ? 0 : 1

  region                 = var.dr_region
  source_db_instance_arn = aws_db_instance.this.arn
  kms_key_id             = aws_kms_key.dr[0].arn
  retention_period       = var.database_backup_days
}

resource "aws_db_subnet_group" "replica" {
  count = length(var.replica_subnet_ids) > 0 ? 1 : 0

  region      = var.dr_region
  name        = "${var.name}-replica"
  description = "Private subnets of ${var.name}'s replica"
  subnet_ids  = var.replica_subnet_ids
  tags        = var.tags
}

resource "aws_db_instance" "replica" {
  count = length(var.replica_subnet_ids) > 0 ? 1 : 0

  #checkov:skip=CKV_AWS_157:A replica takes no writes; it gets its standby when it is promoted (runbook region-lost).
  #checkov:skip=CKV_AWS_118:Enhanced monitoring comes with promotion: its role belongs to the other region's stack.
  #checkov:skip=CKV_AWS_129:The replica's logs are exported when it is promoted.
  #checkov:skip=CKV_AWS_353:Performance Insights comes with promotion.
  #checkov:skip=CKV_AWS_293:Deletion protection is a variable: on in production, off in development.
  #checkov:skip=CKV2_AWS_30:Query logging comes with the parameter group when the replica is promoted.
  #checkov:skip=CKV2_AWS_69:rds.force_ssl is PostgreSQL 15's default in RDS, and the replica has no group of its own.
  region                              = var.dr_region
  identifier                          = "${var.name}-replica"
  replicate_source_db                 = aws_db_instance.this.arn
  instance_class                      = var.database_class
  storage_encrypted                   = true
  kms_key_id                          = aws_kms_key.dr[0].arn
  db_subnet_group_name                = aws_db_subnet_group.replica[0].name
  vpc_security_group_ids              = [var.replica_security_group_id]
  publicly_accessible                 = false
  iam_database_authentication_enabled = true
  auto_minor_version_upgrade          = true
  copy_tags_to_snapshot               = true
  backup_retention_period             = var.database_backup_days
  deletion_protection                 = var.deletion_protection
  skip_final_snapshot                 = true
  tags                                = var.tags

  # Promotion makes it a database of its own; Terraform must not turn it back.
  lifecycle {
    ignore_changes = [replicate_source_db, engine_version, allocated_storage]
  }
}

# ── Stopped at night (development) ──────────────────────────────────────────────────────────────────

resource "aws_iam_role" "schedule" {
  count = var.database_stop_schedule == null ? 0 : 1

  name                 = "${var.name}-database-schedule"
  description          = "Stops and starts the development database."
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "schedule" {
  count = var.database_stop_schedule == null ? 0 : 1

  name = "stop-and-start"
  role = aws_iam_role.schedule[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["rds:StartDBInstance", "rds:StopDBInstance"]
        Resource = aws_db_instance.this.arn
      },
      {
        Effect   = "Allow"
        Action   = "kms:Decrypt" # the schedule itself is encrypted
        Resource = aws_kms_key.this["data"].arn
      },
    ]
  })
}

resource "aws_scheduler_schedule" "database" {
  for_each = var.database_stop_schedule == null ? {} : {
    stop  = var.database_stop_schedule.stop
    start = var.database_stop_schedule.start
  }

  name                         = "${var.name}-database-${each.key}"
  description                  = "${title(each.key)} the development database."
  schedule_expression          = each.value
  schedule_expression_timezone = var.database_stop_schedule.timezone
  kms_key_arn                  = aws_kms_key.this["data"].arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${data.aws_partition.current.partition}:scheduler:::aws-sdk:rds:${each.key}DBInstance"
    role_arn = aws_iam_role.schedule[0].arn
    input    = jsonencode({ DbInstanceIdentifier = aws_db_instance.this.identifier })
  }
}
