# Each role follows its CPU and memory; couriers also follow the queue: waiting jobs per running task.

locals {
  services = {
    api     = aws_ecs_service.api.name
    courier = aws_ecs_service.courier.name
  }

  # Where the two numbers come from that queue depth per task is made of.
  queue_depth = {
    sqs = {
      waiting = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = var.queue_name } }
      tasks = {
        namespace  = "ECS/ContainerInsights", name = "RunningTaskCount", stat = "Average",
        dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.courier.name }
      }
    }
    emf = {
      waiting = { namespace = "posthouse", name = "queue_waiting", dimensions = { service = var.name } }
      tasks   = { namespace = "posthouse", name = "couriers", stat = "Sum", dimensions = { service = var.name } }
    }
  }[var.queue_depth_source]
}

resource "aws_appautoscaling_target" "service" {
  for_each = local.services

  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${each.value}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.sizes[each.key].min
  max_capacity       = var.sizes[each.key].max
  tags               = var.tags

  # Schedules move the limits.
  lifecycle {
    ignore_changes = [min_capacity, max_capacity]
  }
}

resource "aws_appautoscaling_policy" "cpu" {
  for_each = aws_appautoscaling_target.service

  name               = "${var.name}-${each.key}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = each.value.service_namespace
  resource_id        = each.value.resource_id
  scalable_dimension = each.value.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling_targets.cpu
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "memory" {
  for_each = aws_appautoscaling_target.service

  name               = "${var.name}-${each.key}-memory"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = each.value.service_namespace
  resource_id        = each.value.resource_id
  scalable_dimension = each.value.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling_targets.memory
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageMemoryUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "queue" {
  name               = "${var.name}-courier-queue"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service["courier"].service_namespace
  resource_id        = aws_appautoscaling_target.service["courier"].resource_id
  scalable_dimension = aws_appautoscaling_target.service["courier"].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling_targets.queue_per_task
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    customized_metric_specification {
      metrics {
        id          = "waiting"
        label       = "Jobs that wait"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = local.queue_depth.waiting.namespace
            metric_name = local.queue_depth.waiting.name

            dynamic "dimensions" {
              for_each = local.queue_depth.waiting.dimensions

              content {
                name  = dimensions.key
                value = dimensions.value
              }
            }
          }
        }
      }

      metrics {
        id          = "tasks"
        label       = "Running couriers"
        return_data = false

        metric_stat {
          stat = local.queue_depth.tasks.stat

          metric {
            namespace   = local.queue_depth.tasks.namespace
            metric_name = local.queue_depth.tasks.name

            dynamic "dimensions" {
              for_each = local.queue_depth.tasks.dimensions

              content {
                name  = dimensions.key
                value = dimensions.value
              }
            }
          }
        }
      }

      metrics {
        id          = "per_task"
        label       = "Waiting jobs per courier"
        expression  = "waiting / IF(tasks < 1, 1, tasks)"
        return_data = true
      }
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "service" {
  for_each = var.scaling_schedules

  name               = "${var.name}-${each.key}"
  service_namespace  = aws_appautoscaling_target.service[each.value.role].service_namespace
  resource_id        = aws_appautoscaling_target.service[each.value.role].resource_id
  scalable_dimension = aws_appautoscaling_target.service[each.value.role].scalable_dimension
  schedule           = each.value.schedule
  timezone           = each.value.timezone

  scalable_target_action {
    min_capacity = each.value.min
    max_capacity = each.value.max
  }
}
