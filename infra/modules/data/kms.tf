# Two keys: one for data (database, table, queue, topics, secrets, images), one for logs. An auditor, or an
# operator who reads logs, needs no right on the data.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  root    = "arn:${data.aws_partition.current.partition}:iam::${local.account}:root"

  # Rights on a key are then given by IAM policies, such as the task role's.
  key_by_iam = {
    Sid       = "ByIam"
    Effect    = "Allow"
    Principal = { AWS = local.root }
    Action    = "kms:*"
    Resource  = "*"
  }

  # Services that publish to the encrypted topics on the account's behalf.
  key_by_publishers = {
    Sid       = "Publishers"
    Effect    = "Allow"
    Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com", "events.amazonaws.com"] }
    Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
    Resource  = "*"
    Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
  }

  key_by_logs = {
    Sid       = "CloudWatchLogs"
    Effect    = "Allow"
    Principal = { Service = "logs.${data.aws_region.current.region}.amazonaws.com" }
    Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    Resource  = "*"
    Condition = {
      ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${local.account}:*" }
    }
  }

  # CloudTrail writes its files with the logs key.
  key_by_trail = {
    Sid       = "CloudTrail"
    Effect    = "Allow"
    Principal = { Service = "cloudtrail.amazonaws.com" }
    Action    = "kms:GenerateDataKey*"
    Resource  = "*"
    Condition = {
      StringLike = { "kms:EncryptionContext:aws:cloudtrail:arn" = "arn:${data.aws_partition.current.partition}:cloudtrail:*:${local.account}:trail/*" }
    }
  }

  # Fargate encrypts the tasks' ephemeral storage.
  key_by_fargate = [for action, operations in { "kms:GenerateDataKeyWithoutPlaintext" = null, "kms:CreateGrant" = ["Decrypt"] } : {
    Sid       = action == "kms:CreateGrant" ? "FargateGrant" : "FargateKey"
    Effect    = "Allow"
    Principal = { Service = "fargate.amazonaws.com" }
    Action    = action
    Resource  = "*"
    Condition = merge(
      { StringEquals = { "kms:EncryptionContext:aws:ecs:clusterAccount" = local.account, "kms:EncryptionContext:aws:ecs:clusterName" = var.name } },
      { for key in ["ForAllValues:StringEquals"] : key => { "kms:GrantOperations" = operations } if operations != null },
    )
  }]

  keys = {
    data = jsonencode(concat([local.key_by_iam, local.key_by_publishers], local.key_by_fargate))
    logs = jsonencode([local.key_by_iam, local.key_by_logs, local.key_by_trail])
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "${var.name}: ${each.key}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = jsondecode(each.value) })
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  for_each = aws_kms_key.this

  name          = "alias/${var.name}-${each.key}"
  target_key_id = each.value.key_id
}

# Copies in another region need a key there.
resource "aws_kms_key" "dr" {
  count = var.dr_region == null ? 0 : 1

  region                  = var.dr_region
  description             = "${var.name}: copies of data from ${data.aws_region.current.region}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = [local.key_by_iam] })
  tags                    = var.tags
}

resource "aws_kms_alias" "dr" {
  count = var.dr_region == null ? 0 : 1

  region        = var.dr_region
  name          = "alias/${var.name}-data-copies"
  target_key_id = aws_kms_key.dr[0].key_id
}
