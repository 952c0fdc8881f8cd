# Two task definitions of one image: the API and the courier, so that each scales by itself.
# The daemon's whole configuration is in its environment; its own file only says where to listen.

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  # ${secret:...} is the daemon's own syntax: its secretsmanager plugin fetches the value.
  # A null in var.environment takes a key out, such as one that another plugin does not know.
  configuration = { for key, value in merge(
    {
      POSTHOUSE_DAEMON_DRAIN         = "${var.drain_seconds}s"
      POSTHOUSE_DAEMON_LOG_FORMAT    = "json"
      POSTHOUSE_HTTP_LISTEN          = "0.0.0.0:${var.container_port}"
      POSTHOUSE_HTTP_IDLE_TIMEOUT    = "75s" # above the load balancer's 60 s, so that it never meets a closed connection
      POSTHOUSE_HTTP_TRUSTED_PROXIES = join(" ", var.trusted_proxies)
      POSTHOUSE_STORAGE_PLUGIN       = "rds"
      POSTHOUSE_STORAGE_URL          = var.database_url
      POSTHOUSE_META_PLUGIN          = "dynamodb"
      POSTHOUSE_META_TABLE           = var.table_name
      POSTHOUSE_QUEUE_PLUGIN         = "sqs"
      POSTHOUSE_QUEUE_QUEUE_URL      = var.queue_url
      POSTHOUSE_ALERT_PLUGIN         = "sns"
      POSTHOUSE_ALERT_TOPIC_ARN      = var.alert_topic_arn
      POSTHOUSE_METRICS_EMF          = "yes"
      POSTHOUSE_METRICS_NAMESPACE    = "posthouse"
      POSTHOUSE_METRICS_SERVICE      = var.name
    },
    var.database_password_from == "daemon" ? {
      POSTHOUSE_SECRET_PLUGIN    = "secretsmanager"
      POSTHOUSE_STORAGE_PASSWORD = "$${secret:${var.database_secret_arn}#password}"
    } : {},
    # The collector beside the daemon shares its network: collector.yaml says where it listens.
    var.collector_image == null ? {} : {
      POSTHOUSE_TRACING_ENDPOINT     = "http://127.0.0.1:4318"
      POSTHOUSE_TRACING_SAMPLE       = "${var.trace_percent}%"
      POSTHOUSE_TRACING_SERVICE_NAME = var.name
    },
    var.environment,
  ) : key => value if value != null }

  injected = var.database_password_from == "ecs" ? [
    { name = "POSTHOUSE_STORAGE_PASSWORD", valueFrom = "${var.database_secret_arn}:password::" },
  ] : []

  log_options = {
    "awslogs-group"  = var.log_group_name
    "awslogs-region" = data.aws_region.current.region
    # A slow log service must not stop the daemon: lines wait in 25 MiB, and are dropped beyond.
    "mode"            = "non-blocking"
    "max-buffer-size" = "25m"
  }

  # What both containers have in common: nothing to write to, nobody to become.
  hardened = {
    essential              = true
    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"], add = [] } }
    mountPoints            = []
    volumesFrom            = []
    systemControls         = []
  }

  daemon = { for role in keys(var.sizes) : role => merge(local.hardened, {
    name        = "posthouse"
    image       = var.image
    user        = "10001:10001"
    command     = []
    stopTimeout = var.stop_timeout_seconds
    environment = [for key, value in merge(local.configuration, { POSTHOUSE_DAEMON_ROLES = role }) : { name = key, value = value }]
    secrets     = local.injected
    portMappings = [{
      name          = "http"
      containerPort = var.container_port
      hostPort      = var.container_port
      protocol      = "tcp"
      appProtocol   = "http"
    }]
    healthCheck = {
      command     = ["CMD", "/usr/bin/posthouse", "health", "http://127.0.0.1:${var.container_port}/healthz"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
    logConfiguration = { logDriver = "awslogs", options = merge(local.log_options, { "awslogs-stream-prefix" = role }) }
  }) }

  collector = var.collector_image == null ? [] : [merge(local.hardened, {
    name         = "collector"
    image        = var.collector_image
    essential    = false
    user         = "4317:4317"
    environment  = [{ name = "AOT_CONFIG_CONTENT", value = file("${path.module}/collector.yaml") }]
    secrets      = []
    portMappings = []
    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.log_options, { "awslogs-stream-prefix" = "collector" })
    }
  })]
}

resource "aws_ecs_task_definition" "this" {
  for_each = var.sizes

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = var.task_role_arn
  skip_destroy             = true # older revisions stay: a rollback goes to one of them
  container_definitions    = jsonencode(concat([local.daemon[each.key]], local.collector))
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }
}
