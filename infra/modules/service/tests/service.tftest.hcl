# The service: hardened tasks, one image in two roles, safe deployments, HTTPS only, scaling on what matters.

mock_provider "aws" {
  source = "../../tests/mocks"

  override_resource {
    target = aws_lb_target_group.this["green"]
    values = { arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/posthouse-green/fedcba9876543210" }
  }
}

mock_provider "random" {}

variables {
  name                 = "posthouse"
  vpc_id               = "vpc-1"
  public_subnet_ids    = ["subnet-p1", "subnet-p2"]
  private_subnet_ids   = ["subnet-a", "subnet-b"]
  security_group_ids   = { alb = "sg-alb", service = "sg-service" }
  trusted_proxies      = ["10.20.0.0/16"]
  image                = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/posthouse:0.1.0"
  database_url         = "postgresql://posthouse@db.example:5432/posthouse?sslmode=verify-full"
  database_secret_arn  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0123-AbCdEf"
  table_name           = "posthouse-messages"
  queue_url            = "https://sqs.eu-west-1.amazonaws.com/123456789012/posthouse-jobs"
  queue_name           = "posthouse-jobs"
  alert_topic_arn      = "arn:aws:sns:eu-west-1:123456789012:posthouse-alerts"
  execution_role_arn   = "arn:aws:iam::123456789012:role/posthouse-execution"
  task_role_arn        = "arn:aws:iam::123456789012:role/posthouse-task"
  kms_key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  certificate_arn      = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  rollback_alarm_names = { api = ["posthouse-api-5xx"], courier = ["posthouse-outbox-age"] }
  tags                 = { Project = "posthouse", Environment = "test", Owner = "platform", CostCenter = "messaging" }
}

run "repository" {
  command = apply

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Tags must be immutable, and images scanned when pushed."
  }

  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS" && aws_ecr_repository.this.encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "Images must be encrypted with the key given."
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[2].selection.countNumber == 30
    error_message = "The newest 30 images must be kept by default."
  }
}

run "tasks_are_hardened" {
  command = apply

  assert {
    condition = alltrue([for definition in aws_ecs_task_definition.this : alltrue([for container in jsondecode(definition.container_definitions) :
      container.readonlyRootFilesystem && !container.privileged && container.linuxParameters.capabilities.drop == ["ALL"] &&
    !startswith(container.user, "0") && container.user != "root"])])
    error_message = "Containers must have a read-only root, no privileges, no capabilities and a user other than root."
  }

  assert {
    condition     = alltrue([for definition in aws_ecs_task_definition.this : jsondecode(definition.container_definitions)[0].healthCheck.command == ["CMD", "/usr/bin/posthouse", "health", "http://127.0.0.1:8080/healthz"]])
    error_message = "The container's health check must ask /healthz with the binary itself."
  }

  assert {
    condition     = alltrue([for definition in aws_ecs_task_definition.this : jsondecode(definition.container_definitions)[0].stopTimeout == 30])
    error_message = "ECS must wait longer than the daemon drains."
  }

  assert {
    condition     = alltrue([for definition in aws_ecs_task_definition.this : definition.skip_destroy && definition.network_mode == "awsvpc" && definition.requires_compatibilities == toset(["FARGATE"])])
    error_message = "Task definitions must be for Fargate and keep their old revisions."
  }

  assert {
    condition     = length(distinct([for definition in aws_ecs_task_definition.this : jsondecode(definition.container_definitions)[0].image])) == 1
    error_message = "Both roles must run the same image."
  }
}

run "configuration_reaches_the_daemon" {
  command = apply

  assert {
    condition = alltrue([for role, definition in aws_ecs_task_definition.this :
      { for item in jsondecode(definition.container_definitions)[0].environment : item.name => item.value }["POSTHOUSE_DAEMON_ROLES"] == role
    ])
    error_message = "Each task definition must run its own role."
  }

  assert {
    condition = { for item in jsondecode(aws_ecs_task_definition.this["api"].container_definitions)[0].environment : item.name => item.value } == {
      POSTHOUSE_DAEMON_ROLES         = "api"
      POSTHOUSE_DAEMON_DRAIN         = "10s"
      POSTHOUSE_DAEMON_LOG_FORMAT    = "json"
      POSTHOUSE_HTTP_LISTEN          = "0.0.0.0:8080"
      POSTHOUSE_HTTP_IDLE_TIMEOUT    = "75s"
      POSTHOUSE_HTTP_TRUSTED_PROXIES = "10.20.0.0/16"
      POSTHOUSE_STORAGE_PLUGIN       = "rds"
      POSTHOUSE_STORAGE_URL          = "postgresql://posthouse@db.example:5432/posthouse?sslmode=verify-full"
      POSTHOUSE_STORAGE_PASSWORD     = "$${secret:arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0123-AbCdEf#password}"
      POSTHOUSE_SECRET_PLUGIN        = "secretsmanager"
      POSTHOUSE_META_PLUGIN          = "dynamodb"
      POSTHOUSE_META_TABLE           = "posthouse-messages"
      POSTHOUSE_QUEUE_PLUGIN         = "sqs"
      POSTHOUSE_QUEUE_QUEUE_URL      = "https://sqs.eu-west-1.amazonaws.com/123456789012/posthouse-jobs"
      POSTHOUSE_ALERT_PLUGIN         = "sns"
      POSTHOUSE_ALERT_TOPIC_ARN      = "arn:aws:sns:eu-west-1:123456789012:posthouse-alerts"
      POSTHOUSE_METRICS_EMF          = "yes"
      POSTHOUSE_METRICS_NAMESPACE    = "posthouse"
      POSTHOUSE_METRICS_SERVICE      = "posthouse"
    }
    error_message = "The daemon's configuration must be exactly this."
  }

  assert {
    condition     = length(jsondecode(aws_ecs_task_definition.this["api"].container_definitions)[0].secrets) == 0
    error_message = "With the secretsmanager plugin, ECS must not inject the password."
  }
}

run "a_null_takes_a_key_out" {
  command = apply

  variables {
    environment = { POSTHOUSE_ALERT_PLUGIN = "log", POSTHOUSE_ALERT_TOPIC_ARN = null }
  }

  assert {
    condition = alltrue([for definition in aws_ecs_task_definition.this :
      { for item in jsondecode(definition.container_definitions)[0].environment : item.name => item.value if startswith(item.name, "POSTHOUSE_ALERT_") } == {
        POSTHOUSE_ALERT_PLUGIN = "log"
      }
    ])
    error_message = "A swap to another plugin must be able to leave the old one's keys out."
  }
}

run "password_injected_by_ecs" {
  command = apply

  variables {
    database_password_from = "ecs"
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.this["courier"].container_definitions)[0].secrets == [
      { name = "POSTHOUSE_STORAGE_PASSWORD", valueFrom = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0123-AbCdEf:password::" },
    ]
    error_message = "ECS must inject the key password of the secret."
  }

  assert {
    condition     = !contains([for item in jsondecode(aws_ecs_task_definition.this["courier"].container_definitions)[0].environment : item.name], "POSTHOUSE_STORAGE_PASSWORD")
    error_message = "An injected password must not also be in the environment."
  }
}

run "deployment_rolls_back" {
  command = apply

  assert {
    condition = alltrue([for service in [aws_ecs_service.api, aws_ecs_service.courier] :
    service.deployment_circuit_breaker[0].enable && service.deployment_circuit_breaker[0].rollback])
    error_message = "Both services need the deployment circuit breaker with rollback."
  }

  assert {
    condition = (
      aws_ecs_service.api.alarms[0].enable && aws_ecs_service.api.alarms[0].rollback && aws_ecs_service.api.alarms[0].alarm_names == toset(["posthouse-api-5xx"]) &&
      aws_ecs_service.courier.alarms[0].rollback && aws_ecs_service.courier.alarms[0].alarm_names == toset(["posthouse-outbox-age"])
    )
    error_message = "An alarm during a deployment must bring the last revision back."
  }

  assert {
    condition     = aws_ecs_service.api.deployment_minimum_healthy_percent == 100 && aws_ecs_service.courier.deployment_minimum_healthy_percent == 100
    error_message = "A deployment must never run fewer tasks than before."
  }

  assert {
    condition = (
      aws_ecs_service.api.deployment_configuration[0].strategy == "CANARY" &&
      aws_ecs_service.api.deployment_configuration[0].canary_configuration[0].canary_percent == 10 &&
      aws_ecs_service.api.deployment_configuration[0].canary_configuration[0].canary_bake_time_in_minutes == "5" &&
      one(one(aws_ecs_service.api.load_balancer).advanced_configuration).alternate_target_group_arn == aws_lb_target_group.this["green"].arn
    )
    error_message = "The API must be deployed as a canary of 10 percent, watched for 5 minutes, by default."
  }

  assert {
    condition     = !aws_ecs_service.api.network_configuration[0].assign_public_ip && aws_ecs_service.api.network_configuration[0].subnets == toset(["subnet-a", "subnet-b"]) && aws_ecs_service.api.network_configuration[0].security_groups == toset(["sg-service"])
    error_message = "Tasks must be in the private subnets, without public addresses, in the service's group."
  }

  assert {
    condition     = !aws_ecs_service.api.enable_execute_command && !aws_ecs_service.courier.enable_execute_command
    error_message = "Nobody may log in to a container."
  }
}

run "linear_deployment" {
  command = plan

  variables {
    deployment_strategy     = "LINEAR"
    deployment_step_percent = 25
  }

  assert {
    condition     = aws_ecs_service.api.deployment_configuration[0].linear_configuration[0].step_percent == 25 && length(aws_ecs_service.api.deployment_configuration[0].canary_configuration) == 0
    error_message = "LINEAR must move the traffic in the steps given."
  }
}

run "rolling_deployment" {
  command = plan

  variables {
    deployment_strategy = "ROLLING"
  }

  assert {
    condition     = aws_ecs_service.api.deployment_configuration[0].strategy == "ROLLING" && length(one(aws_ecs_service.api.load_balancer).advanced_configuration) == 0
    error_message = "ROLLING must not use the second target group."
  }
}

run "https_only" {
  command = apply

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    error_message = "Port 80 must redirect to HTTPS and do nothing else."
  }

  assert {
    condition     = aws_lb_listener.https.protocol == "HTTPS" && aws_lb_listener.https.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    error_message = "HTTPS must be TLS 1.2 or 1.3."
  }

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.desync_mitigation_mode == "strictest" && aws_lb.this.idle_timeout == 60
    error_message = "The load balancer must drop odd headers and refuse ambiguous requests."
  }

  assert {
    condition     = alltrue([for group in aws_lb_target_group.this : group.health_check[0].path == "/readyz" && group.health_check[0].matcher == "200"])
    error_message = "The target groups must ask /readyz."
  }
}

run "weighted_target_groups" {
  command = apply

  assert {
    condition     = { for group in aws_lb_listener_rule.production.action[0].forward[0].target_group : group.arn => group.weight } == { (aws_lb_target_group.this["blue"].arn) = 100, (aws_lb_target_group.this["green"].arn) = 0 }
    error_message = "At first all traffic goes to blue."
  }

  assert {
    condition     = length(aws_lb_listener_rule.test) == 0
    error_message = "Without a port there is no test listener."
  }
}

run "test_listener" {
  command = apply

  variables {
    test_listener_port = 8443
  }

  assert {
    condition     = aws_lb_listener.test[0].port == 8443 && aws_lb_listener.test[0].protocol == "HTTPS"
    error_message = "The test listener must speak TLS on its port."
  }
}

run "access_logs" {
  command = apply

  assert {
    condition     = aws_lb.this.access_logs[0].enabled && aws_s3_bucket.access_logs[0].bucket == "posthouse-123456789012-alb-logs"
    error_message = "Access logs must be on by default."
  }

  assert {
    condition = (
      one([for t in aws_s3_bucket_lifecycle_configuration.access_logs[0].rule[0].transition : t.days if t.storage_class == "STANDARD_IA"]) == 30 &&
      one([for t in aws_s3_bucket_lifecycle_configuration.access_logs[0].rule[0].transition : t.days if t.storage_class == "GLACIER"]) == 90 &&
      aws_s3_bucket_lifecycle_configuration.access_logs[0].rule[0].expiration[0].days == 365
    )
    error_message = "Access logs must move to IA after 30 days, to Glacier after 90, and go after a year."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.access_logs[0].block_public_acls && aws_s3_bucket_public_access_block.access_logs[0].restrict_public_buckets
    error_message = "The bucket must not become public."
  }
}

run "access_logs_off" {
  command = plan

  variables {
    access_log_days = 0
  }

  assert {
    condition     = length(aws_s3_bucket.access_logs) == 0 && length(aws_lb.this.access_logs) == 0
    error_message = "access_log_days 0 must turn access logs off."
  }
}

run "autoscaling" {
  command = apply

  assert {
    condition     = toset(keys(aws_appautoscaling_policy.cpu)) == toset(["api", "courier"]) && toset(keys(aws_appautoscaling_policy.memory)) == toset(["api", "courier"])
    error_message = "Both roles must scale on CPU and memory."
  }

  assert {
    condition     = aws_appautoscaling_target.service["courier"].min_capacity == 2 && aws_appautoscaling_target.service["courier"].max_capacity == 10
    error_message = "Couriers must scale from 2 to 10 by default."
  }

  assert {
    condition = (
      aws_appautoscaling_policy.queue.target_tracking_scaling_policy_configuration[0].target_value == 50 &&
      one([for m in aws_appautoscaling_policy.queue.target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics : m.expression if m.return_data]) == "waiting / IF(tasks < 1, 1, tasks)"
    )
    error_message = "Couriers must follow the waiting jobs per running task."
  }
}

run "autoscaling_on_the_daemons_metrics" {
  command = apply

  variables {
    queue_depth_source = "emf"
  }

  assert {
    condition = { for m in aws_appautoscaling_policy.queue.target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics :
      m.id => "${one(one(m.metric_stat).metric).namespace}/${one(one(m.metric_stat).metric).metric_name}/${one(m.metric_stat).stat}" if !m.return_data
      } == {
      waiting = "posthouse/queue_waiting/Average"
      tasks   = "posthouse/couriers/Sum"
    }
    error_message = "With emf, couriers must follow the daemon's own metrics."
  }
}

run "scheduled_scaling" {
  command = apply

  variables {
    scaling_schedules = {
      night   = { role = "api", schedule = "cron(0 20 * * ? *)", timezone = "Europe/Berlin", min = 0, max = 0 }
      morning = { role = "api", schedule = "cron(0 7 * * ? *)", timezone = "Europe/Berlin", min = 1, max = 4 }
    }
  }

  assert {
    condition     = aws_appautoscaling_scheduled_action.service["night"].scalable_target_action[0].max_capacity == "0" && aws_appautoscaling_scheduled_action.service["morning"].scalable_target_action[0].min_capacity == "1"
    error_message = "The schedules must set the limits."
  }
}

run "spot" {
  command = plan

  variables {
    spot_percent   = 70
    on_demand_base = 2
  }

  assert {
    condition = { for s in aws_ecs_service.courier.capacity_provider_strategy : s.capacity_provider => "${s.weight}/${s.base}" } == {
      FARGATE      = "30/2"
      FARGATE_SPOT = "70/0"
    }
    error_message = "Beyond two tasks, 70 percent must run on Spot."
  }
}

run "no_spot_by_default" {
  command = plan

  assert {
    condition     = [for s in aws_ecs_service.courier.capacity_provider_strategy : s.capacity_provider] == ["FARGATE"]
    error_message = "Spot must be asked for."
  }
}

run "service_connect" {
  command = apply

  variables {
    service_connect_enabled = true
  }

  assert {
    condition     = aws_ecs_service.api.service_connect_configuration[0].enabled && aws_ecs_service.api.service_connect_configuration[0].service[0].port_name == "http"
    error_message = "Service Connect must name the API."
  }
}

run "collector" {
  command = apply

  variables {
    collector_image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/posthouse:collector-v0.43.3"
    trace_percent   = 0.5
  }

  assert {
    condition     = alltrue([for d in aws_ecs_task_definition.this : length(jsondecode(d.container_definitions)) == 2 && !jsondecode(d.container_definitions)[1].essential && jsondecode(d.container_definitions)[1].readonlyRootFilesystem])
    error_message = "The collector must run beside the daemon, and the daemon without it."
  }

  assert {
    condition     = startswith(split("/", var.collector_image)[1], "${aws_ecr_repository.this.name}:${jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[1].selection.tagPrefixList[0]}")
    error_message = "Images of the daemon must not drive the collector's out of the repository."
  }

  assert {
    condition = alltrue([for d in aws_ecs_task_definition.this : {
      for e in jsondecode(d.container_definitions)[0].environment : e.name => e.value if startswith(e.name, "POSTHOUSE_TRACING_")
      } == {
      POSTHOUSE_TRACING_ENDPOINT     = "http://${yamldecode(jsondecode(d.container_definitions)[1].environment[0].value).receivers.otlp.protocols.http.endpoint}"
      POSTHOUSE_TRACING_SAMPLE       = "0.5%"
      POSTHOUSE_TRACING_SERVICE_NAME = "posthouse"
    }])
    error_message = "Both roles must send spans where the collector listens, as many as asked for, under the name that the X-Ray group looks for."
  }
}

run "refuses_a_collector_that_tasks_cannot_pull" {
  command = plan

  variables {
    collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3"
  }

  expect_failures = [var.collector_image]
}

run "refuses_a_collector_that_moves" {
  command = plan

  variables {
    collector_image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/posthouse:latest"
  }

  expect_failures = [var.collector_image]
}

run "no_tracing_without_a_collector" {
  command = plan

  assert {
    condition     = alltrue([for d in aws_ecs_task_definition.this : length(jsondecode(d.container_definitions)) == 1 && !strcontains(d.container_definitions, "POSTHOUSE_TRACING_")])
    error_message = "Without a collector the daemon must not try to send spans."
  }
}

run "cloudfront" {
  command = apply

  variables {
    cloudfront_enabled         = true
    domain_name                = "mail.example.com"
    dns_zone_id                = "Z0123456789"
    cloudfront_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = aws_cloudfront_distribution.this[0].default_cache_behavior[0].cache_policy_id == data.aws_cloudfront_cache_policy.this["CachingDisabled"].id
    error_message = "API calls must not be cached."
  }

  assert {
    condition     = [for b in aws_cloudfront_distribution.this[0].ordered_cache_behavior : b.path_pattern] == ["/openapi.json"]
    error_message = "The daemon has one static file."
  }

  assert {
    condition     = alltrue([for b in aws_cloudfront_distribution.this[0].ordered_cache_behavior : b.cache_policy_id == data.aws_cloudfront_cache_policy.this["CachingOptimized"].id])
    error_message = "Static files must be cached."
  }

  assert {
    condition = (
      one(one([for c in aws_lb_listener_rule.production.condition : c.http_header if length(c.http_header) > 0])).http_header_name == "X-Origin-Verify" &&
      aws_lb_listener.https.default_action[0].fixed_response[0].status_code == "403"
    )
    error_message = "Without CloudFront's secret header, the load balancer must answer 403."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                    = "Posthouse"
    tags                    = {}
    public_subnet_ids       = ["subnet-1"]
    private_subnet_ids      = ["subnet-1"]
    trusted_proxies         = ["0.0.0.0/0"]
    image                   = "posthouse:latest"
    image_retention_count   = 1
    image_pull_account_ids  = ["12345"]
    cpu_architecture        = "MIPS"
    container_port          = 80
    database_url            = "postgresql://posthouse@db.example/posthouse?sslmode=require"
    database_password_from  = "file"
    environment             = { POSTHOUSE_STORAGE_PASSWORD = "hunter2" }
    drain_seconds           = 0
    sizes                   = { api = { cpu = 256, memory = 4096, min = 1, max = 1 }, courier = { cpu = 256, memory = 512, min = 0, max = 1 } }
    spot_percent            = 101
    on_demand_base          = -1
    scaling_targets         = { cpu = 99 }
    queue_depth_source      = "guess"
    scaling_schedules       = { x = { role = "web", schedule = "tonight", min = 1, max = 1 } }
    deployment_strategy     = "YOLO"
    deployment_bake_minutes = -1
    deployment_step_percent = 90
    deployment_step_minutes = 0
    rollback_alarm_names    = { api = [], courier = ["x"] }
    certificate_arn         = "none"
    dns_zone_id             = "Z1"
    access_log_days         = 30
    trace_percent           = 101
  }

  expect_failures = [
    var.name, var.tags, var.public_subnet_ids, var.private_subnet_ids, var.trusted_proxies, var.image,
    var.image_retention_count, var.image_pull_account_ids, var.cpu_architecture, var.container_port,
    var.database_url, var.database_password_from, var.environment, var.drain_seconds, var.sizes,
    var.spot_percent, var.on_demand_base, var.scaling_targets, var.queue_depth_source,
    var.scaling_schedules, var.deployment_strategy, var.deployment_bake_minutes,
    var.deployment_step_percent, var.deployment_step_minutes, var.rollback_alarm_names,
    var.certificate_arn, var.dns_zone_id, var.access_log_days,
    var.trace_percent,
  ]
}

run "stop_timeout_is_above_the_drain" {
  command = plan

  variables {
    drain_seconds        = 28
    stop_timeout_seconds = 30
  }

  expect_failures = [var.stop_timeout_seconds]
}

run "cloudfront_certificate_is_in_us_east_1" {
  command = plan

  variables {
    cloudfront_certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.cloudfront_certificate_arn]
}

run "cloudfront_needs_a_name" {
  command = plan

  variables {
    cloudfront_enabled = true
  }

  expect_failures = [var.cloudfront_enabled]
}
