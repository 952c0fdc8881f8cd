# Who did what in the account: CloudTrail and Config, in one bucket where nobody can change or delete what is written.

locals {
  audit = var.cloudtrail_enabled || var.config_enabled ? 1 : 0
  trail = var.cloudtrail_enabled ? 1 : 0

  audit_bucket = "${var.name}-${local.account}-audit"
  trail_arn    = "${local.arn}:cloudtrail:${local.region}:${local.account}:trail/${var.name}"
}

resource "aws_s3_bucket" "audit" {
  #checkov:skip=CKV_AWS_18:Access to this bucket is in CloudTrail itself; a log of the log would never end.
  #checkov:skip=CKV_AWS_144:The trail is kept in CloudWatch Logs as well; a copy elsewhere is the organisation's trail's.
  #checkov:skip=CKV2_AWS_62:GuardDuty reads the trail; nothing else waits for new files.
  count = local.audit

  bucket              = local.audit_bucket
  object_lock_enabled = true
  tags                = var.tags
}

resource "aws_s3_bucket_versioning" "audit" {
  count = local.audit

  bucket = aws_s3_bucket.audit[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "audit" {
  count = local.audit

  bucket = aws_s3_bucket.audit[0].id

  rule {
    default_retention {
      mode = var.audit_lock_mode
      days = var.audit_log_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.audit]
}

resource "aws_s3_bucket_ownership_controls" "audit" {
  count = local.audit

  bucket = aws_s3_bucket.audit[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "audit" {
  count = local.audit

  bucket                  = aws_s3_bucket.audit[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "audit" {
  count = local.audit

  bucket = aws_s3_bucket.audit[0].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arns.logs
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "audit" {
  count = local.audit

  bucket = aws_s3_bucket.audit[0].id

  rule {
    id     = "age"
    status = "Enabled"

    filter {}

    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }

    transition {
      days          = 90
      storage_class = "GLACIER"
    }

    expiration {
      days = var.audit_log_days + 1
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.audit]
}

resource "aws_s3_bucket_policy" "audit" {
  count = local.audit

  bucket = aws_s3_bucket.audit[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["${local.arn}:s3:::${local.audit_bucket}", "${local.arn}:s3:::${local.audit_bucket}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "ServicesLook"
        Effect    = "Allow"
        Principal = { Service = ["cloudtrail.amazonaws.com", "config.amazonaws.com"] }
        Action    = ["s3:GetBucketAcl", "s3:ListBucket"]
        Resource  = "${local.arn}:s3:::${local.audit_bucket}"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        Sid       = "TrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.arn}:s3:::${local.audit_bucket}/trail/AWSLogs/${local.account}/*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "ConfigWrites"
        Effect    = "Allow"
        Principal = { Service = "config.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.arn}:s3:::${local.audit_bucket}/config/AWSLogs/${local.account}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

# ── CloudTrail ──────────────────────────────────────────────────────────────────────────────────────

resource "aws_cloudwatch_log_group" "trail" {
  #checkov:skip=CKV_AWS_338:The immutable copy in S3 is the record; this one is for searching.
  count = local.trail

  name              = "/cloudtrail/${var.name}"
  retention_in_days = 90
  kms_key_id        = var.kms_key_arns.logs
  tags              = var.tags
}

resource "aws_iam_role" "trail" {
  count = local.trail

  name                 = "${var.name}-cloudtrail"
  description          = "CloudTrail writes to CloudWatch Logs."
  permissions_boundary = aws_iam_policy.boundary.arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "trail" {
  count = local.trail

  name = "write"
  role = aws_iam_role.trail[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.trail[0].arn}:*"
    }]
  })
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:Findings come from GuardDuty, which reads the trail; a message per log file helps nobody.
  count = local.trail

  name                          = var.name
  s3_bucket_name                = aws_s3_bucket.audit[0].id
  s3_key_prefix                 = "trail"
  kms_key_id                    = var.kms_key_arns.logs
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn
  tags                          = var.tags

  depends_on = [aws_s3_bucket_policy.audit]
}

# ── Config ──────────────────────────────────────────────────────────────────────────────────────────

resource "aws_iam_role" "config" {
  count = var.config_enabled ? 1 : 0

  name                 = "${var.name}-config"
  description          = "AWS Config records resources."
  permissions_boundary = aws_iam_policy.boundary.arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "config.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "config" {
  count = var.config_enabled ? 1 : 0

  role       = aws_iam_role.config[0].name
  policy_arn = "${local.arn}:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_iam_role_policy" "config" {
  count = var.config_enabled ? 1 : 0

  name = "deliver"
  role = aws_iam_role.config[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:PutObject"], Resource = "${local.arn}:s3:::${local.audit_bucket}/config/AWSLogs/${local.account}/*" },
      { Effect = "Allow", Action = ["s3:GetBucketAcl"], Resource = "${local.arn}:s3:::${local.audit_bucket}" },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.kms_key_arns.logs },
    ]
  })
}

resource "aws_config_configuration_recorder" "this" {
  count = var.config_enabled ? 1 : 0

  name     = var.name
  role_arn = aws_iam_role.config[0].arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }
}

resource "aws_config_delivery_channel" "this" {
  count = var.config_enabled ? 1 : 0

  name           = var.name
  s3_bucket_name = aws_s3_bucket.audit[0].id
  s3_key_prefix  = "config"

  depends_on = [aws_config_configuration_recorder.this, aws_s3_bucket_policy.audit]
}

resource "aws_config_configuration_recorder_status" "this" {
  count = var.config_enabled ? 1 : 0

  name       = aws_config_configuration_recorder.this[0].name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}

resource "aws_config_config_rule" "managed" {
  for_each = var.config_enabled ? var.config_rules : toset([])

  name        = "${var.name}-${lower(replace(each.key, "_", "-"))}"
  description = "AWS's managed rule ${each.key}"
  tags        = var.tags

  source {
    owner             = "AWS"
    source_identifier = each.key
  }

  depends_on = [aws_config_configuration_recorder_status.this]
}

resource "aws_config_config_rule" "required_tags" {
  count = var.config_enabled ? 1 : 0

  name             = "${var.name}-required-tags"
  description      = "Resources carry the tags that cost reports depend on."
  input_parameters = jsonencode({ tag1Key = "Project", tag2Key = "Environment", tag3Key = "Owner", tag4Key = "CostCenter" })
  tags             = var.tags

  source {
    owner             = "AWS"
    source_identifier = "REQUIRED_TAGS"
  }

  depends_on = [aws_config_configuration_recorder_status.this]
}

# ── GuardDuty ───────────────────────────────────────────────────────────────────────────────────────

resource "aws_guardduty_detector" "this" {
  #checkov:skip=CKV2_AWS_3:One account and region: an organisation that enables it for all accounts sets guardduty_enabled to false.
  count = var.guardduty_enabled ? 1 : 0

  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
  tags                         = var.tags
}

resource "aws_guardduty_detector_feature" "this" {
  for_each = var.guardduty_enabled ? toset(["RDS_LOGIN_EVENTS", "S3_DATA_EVENTS"]) : toset([])

  detector_id = aws_guardduty_detector.this[0].id
  name        = each.key
  status      = "ENABLED"
}

# Findings of severity 4 (medium) and above, and rules that are broken, go to the people.
resource "aws_cloudwatch_event_rule" "findings" {
  for_each = merge(
    var.guardduty_enabled ? { guardduty = { source = ["aws.guardduty"], "detail-type" = ["GuardDuty Finding"], detail = { severity = [{ numeric = [">=", 4] }] } } } : {},
    var.config_enabled ? { config = { source = ["aws.config"], "detail-type" = ["Config Rules Compliance Change"], detail = { newEvaluationResult = { complianceType = ["NON_COMPLIANT"] } } } } : {},
  )

  name          = "${var.name}-${each.key}"
  description   = "Findings of ${each.key} for the operators"
  event_pattern = jsonencode(each.value)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "findings" {
  for_each = aws_cloudwatch_event_rule.findings

  rule = each.value.name
  arn  = var.alarm_topic_arn
}
