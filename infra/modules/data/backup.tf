# AWS Backup: daily copies beside the services' own point-in-time recovery, in a vault of their own, copied to
# another region where one is given, and restored on a schedule to see that they can be.

locals {
  backup = var.backup_plan_days > 0 ? 1 : 0
}

resource "aws_backup_vault" "this" {
  count = local.backup

  name        = var.name
  kms_key_arn = aws_kms_key.this["data"].arn
  tags        = var.tags
}

resource "aws_backup_vault" "dr" {
  count = var.dr_region == null ? 0 : local.backup

  region      = var.dr_region
  name        = "${var.name}-copies"
  kms_key_arn = aws_kms_key.dr[0].arn
  tags        = var.tags
}

resource "aws_iam_role" "backup" {
  count = local.backup

  name                 = "${var.name}-backup"
  description          = "AWS Backup copies and restores the database and the table."
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each = local.backup == 1 ? toset(["ForBackup", "ForRestores"]) : toset([])

  role       = aws_iam_role.backup[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicy${each.key}"
}

resource "aws_backup_plan" "this" {
  count = local.backup

  name = var.name
  tags = var.tags

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.this[0].name
    schedule          = "cron(0 4 * * ? *)"
    start_window      = 60
    completion_window = 300

    lifecycle {
      delete_after = var.backup_plan_days
    }

    dynamic "copy_action" {
      for_each = aws_backup_vault.dr

      content {
        destination_vault_arn = copy_action.value.arn

        lifecycle {
          delete_after = var.backup_plan_days
        }
      }
    }
  }
}

resource "aws_backup_selection" "this" {
  count = local.backup

  name         = var.name
  plan_id      = aws_backup_plan.this[0].id
  iam_role_arn = aws_iam_role.backup[0].arn
  resources    = [aws_db_instance.this.arn, aws_dynamodb_table.messages.arn]
}

resource "aws_backup_restore_testing_plan" "this" {
  count = var.restore_test_schedule == null ? 0 : 1

  name                = replace("${var.name}_restore_test", "-", "_")
  schedule_expression = var.restore_test_schedule
  start_window_hours  = 4
  tags                = var.tags

  recovery_point_selection {
    algorithm             = "LATEST_WITHIN_WINDOW"
    include_vaults        = [aws_backup_vault.this[0].arn]
    recovery_point_types  = ["SNAPSHOT"]
    selection_window_days = 7
  }
}

resource "aws_backup_restore_testing_selection" "this" {
  for_each = var.restore_test_schedule == null ? {} : {
    RDS      = aws_db_instance.this.arn
    DynamoDB = aws_dynamodb_table.messages.arn
  }

  name                      = "${replace(var.name, "-", "_")}_${lower(each.key)}"
  restore_testing_plan_name = aws_backup_restore_testing_plan.this[0].name
  protected_resource_type   = each.key
  protected_resource_arns   = [each.value]
  iam_role_arn              = aws_iam_role.backup[0].arn
  validation_window_hours   = 4
}
