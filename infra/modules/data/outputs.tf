output "database" {
  description = "The database: identifier, arn, address, port, and the ARN of its master secret (JSON with username and password)."
  value = {
    identifier = aws_db_instance.this.identifier
    arn        = aws_db_instance.this.arn
    address    = aws_db_instance.this.address
    port       = aws_db_instance.this.port
    secret_arn = aws_db_instance.this.master_user_secret[0].secret_arn
  }
}

output "database_url" {
  description = "The rds plugin's url option. The password is not in it."
  value       = "postgresql://posthouse@${aws_db_instance.this.address}:${aws_db_instance.this.port}/posthouse?sslmode=verify-full&sslrootcert=/usr/share/posthouse/ca/rds.pem"
}

output "replica_address" {
  description = "Host name of the replica in the other region; null without one."
  value       = one(aws_db_instance.replica[*].address)
}

output "table" {
  description = "The metadata table: name and arn."
  value = {
    name = aws_dynamodb_table.messages.name
    arn  = aws_dynamodb_table.messages.arn
  }
}

output "queue" {
  description = "The job queue: name, arn and url; and the name of its dead-letter queue."
  value = {
    name      = aws_sqs_queue.jobs.name
    arn       = aws_sqs_queue.jobs.arn
    url       = aws_sqs_queue.jobs.url
    dead_name = aws_sqs_queue.dead.name
    dead_arn  = aws_sqs_queue.dead.arn
  }
}

output "topic_arns" {
  description = "The topics: alerts (the daemon's) and alarms (CloudWatch's)."
  value       = { for name, topic in aws_sns_topic.this : name => topic.arn }
}

output "kms_key_arns" {
  description = "The keys: data and logs."
  value       = { for name, key in aws_kms_key.this : name => key.arn }
}
