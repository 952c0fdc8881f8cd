# Where Terraform's state lives: encrypted, versioned, locked, and copied to another region where one is given.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  arn     = "arn:${data.aws_partition.current.partition}"
  buckets = merge({ main = null }, var.replica_region == null ? {} : { replica = var.replica_region })
  names   = { main = var.bucket, replica = "${var.bucket}-copy" }
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ByIam"
      Effect    = "Allow"
      Principal = { AWS = "${local.arn}:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_key" "this" {
  for_each = local.buckets

  region                  = each.value
  description             = "Terraform state (${each.key})"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = local.key_policy
  tags                    = var.tags
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:CloudTrail records who reads and writes the state.
  #checkov:skip=CKV_AWS_144:The copy in another region is a variable (replica_region).
  #checkov:skip=CKV2_AWS_62:Nothing waits for a new state.
  for_each = local.buckets

  region = each.value
  bucket = local.names[each.key]
  tags   = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  region = local.buckets[each.key]
  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  region = local.buckets[each.key]
  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this[each.key].arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  region                  = local.buckets[each.key]
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  region = local.buckets[each.key]
  bucket = each.value.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days           = var.old_versions_days
      newer_noncurrent_versions = 10
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  region = local.buckets[each.key]
  bucket = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["${local.arn}:s3:::${local.names[each.key]}", "${local.arn}:s3:::${local.names[each.key]}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_iam_role" "replication" {
  count = var.replica_region == null ? 0 : 1

  name        = "${var.bucket}-replication"
  description = "S3 copies the Terraform state to ${var.replica_region}."
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "replication" {
  count = var.replica_region == null ? 0 : 1

  name = "replicate"
  role = aws_iam_role.replication[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:GetReplicationConfiguration", "s3:ListBucket"], Resource = "${local.arn}:s3:::${local.names.main}" },
      { Effect = "Allow", Action = ["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"], Resource = "${local.arn}:s3:::${local.names.main}/*" },
      { Effect = "Allow", Action = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"], Resource = "${local.arn}:s3:::${local.names.replica}/*" },
      { Effect = "Allow", Action = ["kms:Decrypt"], Resource = aws_kms_key.this["main"].arn },
      { Effect = "Allow", Action = ["kms:Encrypt", "kms:GenerateDataKey"], Resource = aws_kms_key.this["replica"].arn },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "this" {
  count = var.replica_region == null ? 0 : 1

  bucket = aws_s3_bucket.this["main"].id
  role   = aws_iam_role.replication[0].arn

  rule {
    id     = "everything"
    status = "Enabled"

    filter {}

    delete_marker_replication {
      status = "Enabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = aws_s3_bucket.this["replica"].arn
      storage_class = "STANDARD_IA"

      encryption_configuration {
        replica_kms_key_id = aws_kms_key.this["replica"].arn
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_dynamodb_table" "lock" {
  count = var.lock_table == null ? 0 : 1

  name                        = var.lock_table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "LockID"
  deletion_protection_enabled = true
  tags                        = var.tags

  attribute {
    name = "LockID"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this["main"].arn
  }
}
