# The cluster, and a service for each role.

locals {
  blue_green = var.deployment_strategy != "ROLLING"
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  tags = var.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  configuration {
    managed_storage_configuration {
      fargate_ephemeral_storage_kms_key_id = var.kms_key_arn
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

resource "aws_service_discovery_http_namespace" "this" {
  count = var.service_connect_enabled ? 1 : 0

  name        = var.name
  description = "Service Connect names of ${var.name}"
  tags        = var.tags
}

resource "aws_ecs_service" "api" {
  name                               = "${var.name}-api"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.this["api"].arn
  desired_count                      = var.sizes.api.min
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  availability_zone_rebalancing      = "ENABLED"
  enable_execute_command             = false # nobody logs in to a container: a new revision replaces it
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  platform_version                   = "LATEST"
  tags                               = var.tags

  dynamic "capacity_provider_strategy" {
    for_each = local.capacity

    content {
      capacity_provider = capacity_provider_strategy.key
      weight            = capacity_provider_strategy.value.weight
      base              = capacity_provider_strategy.value.base
    }
  }

  network_configuration {
    subnets          = var.private_subnet_ids
    security_groups  = [var.security_group_ids.service]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this["blue"].arn
    container_name   = "posthouse"
    container_port   = var.container_port

    dynamic "advanced_configuration" {
      for_each = local.blue_green ? [1] : []

      content {
        alternate_target_group_arn = aws_lb_target_group.this["green"].arn
        production_listener_rule   = aws_lb_listener_rule.production.arn
        test_listener_rule         = one(aws_lb_listener_rule.test[*].arn)
        role_arn                   = aws_iam_role.deployment.arn
      }
    }
  }

  deployment_controller {
    type = "ECS"
  }

  deployment_configuration {
    strategy             = var.deployment_strategy
    bake_time_in_minutes = local.blue_green ? var.deployment_bake_minutes : null

    dynamic "canary_configuration" {
      for_each = var.deployment_strategy == "CANARY" ? [1] : []

      content {
        canary_percent              = var.deployment_step_percent
        canary_bake_time_in_minutes = var.deployment_step_minutes
      }
    }

    dynamic "linear_configuration" {
      for_each = var.deployment_strategy == "LINEAR" ? [1] : []

      content {
        step_percent              = var.deployment_step_percent
        step_bake_time_in_minutes = var.deployment_step_minutes
      }
    }
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    enable      = true
    rollback    = true
    alarm_names = var.rollback_alarm_names.api
  }

  dynamic "service_connect_configuration" {
    for_each = aws_service_discovery_http_namespace.this

    content {
      enabled   = true
      namespace = service_connect_configuration.value.arn

      service {
        port_name      = "http"
        discovery_name = "api"

        client_alias {
          port     = var.container_port
          dns_name = "api"
        }
      }
    }
  }

  # Deployments set the revision, and remember the last one in a tag; autoscaling sets the count.
  lifecycle {
    ignore_changes = [task_definition, desired_count, tags["previous"], tags_all["previous"]]
  }

  depends_on = [aws_lb_listener_rule.production, aws_ecs_cluster_capacity_providers.this, aws_iam_role_policy.deployment]
}

resource "aws_ecs_service" "courier" {
  name                               = "${var.name}-courier"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.this["courier"].arn
  desired_count                      = var.sizes.courier.min
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  enable_execute_command             = false
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  platform_version                   = "LATEST"
  tags                               = var.tags

  dynamic "capacity_provider_strategy" {
    for_each = local.capacity

    content {
      capacity_provider = capacity_provider_strategy.key
      weight            = capacity_provider_strategy.value.weight
      base              = capacity_provider_strategy.value.base
    }
  }

  network_configuration {
    subnets          = var.private_subnet_ids
    security_groups  = [var.security_group_ids.service]
    assign_public_ip = false
  }

  # No traffic to shift: couriers of both revisions may work side by side.
  deployment_configuration {
    strategy = "ROLLING"
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    enable      = true
    rollback    = true
    alarm_names = var.rollback_alarm_names.courier
  }

  lifecycle {
    ignore_changes = [task_definition, desired_count, tags["previous"], tags_all["previous"]]
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

locals {
  capacity = { for provider, share in {
    FARGATE      = { weight = 100 - var.spot_percent, base = var.on_demand_base }
    FARGATE_SPOT = { weight = var.spot_percent, base = 0 }
  } : provider => share if share.weight > 0 || share.base > 0 }
}

# ECS moves the weights of the target groups during a deployment, with this role and no other right.
resource "aws_iam_role" "deployment" {
  name                 = "${var.name}-ecs-deployment"
  description          = "ECS shifts traffic between the blue and the green target group."
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "deployment" {
  name = "shift-traffic"
  role = aws_iam_role.deployment.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        # Describe calls of the load balancer know no narrower resource.
        Action = [
          "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
          "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
        ]
        Resource = "*"
      },
      {
        Sid      = "Shift"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule"]
        Resource = concat([aws_lb_listener.https.arn, aws_lb_listener_rule.production.arn], aws_lb_listener.test[*].arn, aws_lb_listener_rule.test[*].arn)
      },
      {
        Sid      = "Targets"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]
        Resource = [for group in aws_lb_target_group.this : group.arn]
      },
    ]
  })
}
