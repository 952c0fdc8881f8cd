# One page that answers: do messages get through, how fast, and what is in the way?

locals {
  region = data.aws_region.current.region

  widgets = [
    {
      title   = "Requests and errors"
      metrics = [for name in ["RequestCount", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"] : ["AWS/ApplicationELB", name, "LoadBalancer", var.load_balancer_suffix, { stat = "Sum" }]]
    },
    {
      title   = "Latency of the API in ms"
      metrics = [for stat in ["p50", "p95", "p99"] : ["posthouse", "http_latency_ms", "service", var.name, { stat = stat, label = stat }]]
    },
    {
      title   = "Calls by the daemon's own count"
      metrics = [for name in ["http_requests", "http_4xx", "http_5xx", "http_refused"] : ["posthouse", name, "service", var.name, { stat = "Sum" }]]
    },
    {
      title   = "Accepted and delivered"
      metrics = [for name in ["accepted", "delivered"] : ["posthouse", name, "service", var.name, { stat = "Sum" }]]
    },
    {
      title   = "From accepted to delivered in ms"
      metrics = [for stat in ["p50", "p99"] : ["posthouse", "delivery_latency_ms", "service", var.name, { stat = stat, label = stat }]]
    },
    {
      title = "Backlog"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queue_name, { stat = "Average", label = "queue" }],
        ["posthouse", "outbox_waiting", "service", var.name, { stat = "Maximum", label = "outbox" }],
        ["posthouse", "dead_letters", "service", var.name, { stat = "Maximum", label = "dead" }],
      ]
    },
    {
      title   = "Age of the oldest due message in s"
      metrics = [["posthouse", "outbox_oldest_seconds", "service", var.name, { stat = "Maximum" }]]
    },
    {
      title   = "Backends: 0 ready, 1 degraded, 2 unavailable"
      metrics = [for kind in ["storage", "meta", "queue", "alert", "secret"] : ["posthouse", "backend_state", "service", var.name, "kind", kind, { stat = "Maximum", label = kind }]]
    },
    {
      title   = "Running tasks"
      metrics = [for service in keys(var.minimum_tasks) : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.cluster_name, "ServiceName", service, { stat = "Average" }]]
    },
    {
      title   = "CPU and memory of tasks in percent"
      metrics = concat([for service in keys(var.minimum_tasks) : [for name in ["CPUUtilization", "MemoryUtilization"] : ["AWS/ECS", name, "ClusterName", var.cluster_name, "ServiceName", service, { stat = "Average" }]]]...)
    },
    {
      title = "Database"
      metrics = [
        ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", var.database_identifier, { stat = "Average" }],
        ["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", var.database_identifier, { stat = "Maximum", yAxis = "right" }],
        ["AWS/RDS", "CommitLatency", "DBInstanceIdentifier", var.database_identifier, { stat = "Average", yAxis = "right" }],
      ]
    },
    {
      title = "Metadata table"
      metrics = [
        ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_name, { stat = "Sum" }],
        ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", var.table_name, { stat = "Sum" }],
        ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", var.table_name, { stat = "Sum" }],
      ]
    },
    {
      title   = "Alerts"
      metrics = [for name in ["NumberOfMessagesPublished", "NumberOfNotificationsDelivered", "NumberOfNotificationsFailed"] : ["AWS/SNS", name, "TopicName", var.alert_topic_name, { stat = "Sum" }]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [for index, widget in local.widgets : {
      type   = "metric"
      x      = (index % 3) * 8
      y      = floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = widget.title
        region  = local.region
        view    = "timeSeries"
        period  = 60
        metrics = widget.metrics
      }
    }]
  })
}
