output "log_group_names" {
  description = "Log groups: service and deploy."
  value = {
    service = aws_cloudwatch_log_group.service.name
    deploy  = aws_cloudwatch_log_group.deploy.name
  }
}

output "rollback_alarm_names" {
  description = "Alarms that stop a deployment, by role, for the service module."
  value = {
    api     = [aws_cloudwatch_metric_alarm.api_5xx.alarm_name, aws_cloudwatch_metric_alarm.api_latency.alarm_name]
    courier = [aws_cloudwatch_metric_alarm.outbox_age.alarm_name]
  }
}

output "dashboard_name" {
  description = "The CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
