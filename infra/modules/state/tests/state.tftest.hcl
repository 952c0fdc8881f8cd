# The state is encrypted, versioned, private, and copied where asked.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  bucket = "123456789012-posthouse-state"
  tags   = { Project = "posthouse", Environment = "test", Owner = "platform", CostCenter = "messaging" }
}

run "one_bucket" {
  command = plan

  assert {
    condition     = keys(aws_s3_bucket.this) == ["main"] && aws_s3_bucket_versioning.this["main"].versioning_configuration[0].status == "Enabled"
    error_message = "The state must be in one versioned bucket."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this["main"].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && aws_s3_bucket_public_access_block.this["main"].restrict_public_buckets
    error_message = "The state must be encrypted and private."
  }

  assert {
    condition     = length(aws_dynamodb_table.lock) == 0
    error_message = "The lock is in S3 unless a table is asked for."
  }
}

run "copy_in_another_region" {
  command = plan

  variables {
    replica_region = "eu-central-1"
    lock_table     = "posthouse-lock"
  }

  assert {
    condition     = aws_s3_bucket.this["replica"].region == "eu-central-1" && aws_s3_bucket_replication_configuration.this[0].rule[0].status == "Enabled"
    error_message = "The state must be copied to the other region."
  }

  assert {
    condition     = aws_dynamodb_table.lock[0].hash_key == "LockID"
    error_message = "Terraform's lock table has the key LockID."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    bucket            = "posthouse-state"
    old_versions_days = 1
    tags              = {}
  }

  expect_failures = [var.bucket, var.old_versions_days, var.tags]
}
