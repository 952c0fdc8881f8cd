output "bucket" {
  description = "For -backend-config=bucket=, and the stack's state_bucket."
  value       = aws_s3_bucket.this["main"].id
}

output "kms_key_arn" {
  description = "Key of the state, for the stack's state_kms_key_arn."
  value       = aws_kms_key.this["main"].arn
}
