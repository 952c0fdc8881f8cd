variable "name" {
  description = "Prefix of every name in this module. The cluster is NAME, the services NAME-api and NAME-courier."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 24 characters of a-z, 0-9 and -, start with a letter and not end with -."
  }
}

variable "tags" {
  description = "Tags on every resource. Project, Environment, Owner and CostCenter are required."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["Project", "Environment", "Owner", "CostCenter"], keys(var.tags))) == 0
    error_message = "tags must hold Project, Environment, Owner and CostCenter: cost reports and policies depend on them."
  }
}

variable "permissions_boundary_arn" {
  description = "Boundary for the roles made here; null for none."
  type        = string
  default     = null
}

# ── Where it runs ───────────────────────────────────────────────────────────────────────────────────

variable "vpc_id" {
  description = "The network module's VPC."
  type        = string
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer."
  type        = list(string)

  validation {
    condition     = length(var.public_subnet_ids) >= 2
    error_message = "public_subnet_ids must hold subnets of at least two zones."
  }
}

variable "private_subnet_ids" {
  description = "Subnets of the tasks."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "private_subnet_ids must hold subnets of at least two zones."
  }
}

variable "security_group_ids" {
  description = "The network module's groups: alb and service."
  type = object({
    alb     = string
    service = string
  })
}

variable "trusted_proxies" {
  description = "Ranges whose X-Forwarded-For the daemon believes: the VPC, where the load balancer is."
  type        = list(string)

  validation {
    condition     = length(var.trusted_proxies) > 0 && alltrue([for range in var.trusted_proxies : can(cidrnetmask(range)) && range != "0.0.0.0/0"])
    error_message = "trusted_proxies must be IPv4 ranges, and never 0.0.0.0/0: anybody could then forge an address."
  }
}

# ── The image and its configuration ─────────────────────────────────────────────────────────────────

variable "image" {
  description = "Image of the first task definition, by digest or by an immutable tag. Deployments set later ones."
  type        = string

  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[A-Za-z0-9_.-]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image must end in a digest or a tag, and never in :latest: a deployment must be repeatable."
  }
}

variable "image_retention_count" {
  description = "Images kept in the repository. Rollbacks reach this far back."
  type        = number
  default     = 30

  validation {
    condition     = var.image_retention_count >= 5 && var.image_retention_count <= 1000
    error_message = "image_retention_count must be 5 to 1000, so that a rollback finds its image."
  }
}

variable "image_pull_account_ids" {
  description = "Other accounts that may pull from this repository (promotion from staging to production)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.image_pull_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "image_pull_account_ids must be account numbers of 12 digits."
  }
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64, as the image was built."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture must be X86_64 or ARM64."
  }
}

variable "container_port" {
  description = "Port that the daemon listens on."
  type        = number
  default     = 8080

  validation {
    condition     = var.container_port >= 1024 && var.container_port <= 65535
    error_message = "container_port must be 1024 to 65535: the daemon does not run as root."
  }
}

variable "database_url" {
  description = "The rds plugin's url, without password."
  type        = string

  validation {
    condition     = startswith(var.database_url, "postgresql://") && strcontains(var.database_url, "sslmode=verify-full")
    error_message = "database_url must be a postgresql:// URI with sslmode=verify-full."
  }
}

variable "database_secret_arn" {
  description = "Secret with the key password."
  type        = string
}

variable "database_password_from" {
  description = "daemon: the secretsmanager plugin reads the password, and again after a rotation. ecs: ECS injects it at a task's start; a rotation then needs new tasks."
  type        = string
  default     = "daemon"

  validation {
    condition     = contains(["daemon", "ecs"], var.database_password_from)
    error_message = "database_password_from must be daemon or ecs."
  }
}

variable "table_name" {
  description = "The dynamodb plugin's table."
  type        = string
}

variable "queue_url" {
  description = "The sqs plugin's queue_url."
  type        = string
}

variable "queue_name" {
  description = "Name of the job queue, for autoscaling."
  type        = string
}

variable "alert_topic_arn" {
  description = "The sns plugin's topic_arn."
  type        = string
}

variable "environment" {
  description = "More configuration, as POSTHOUSE_SECTION_KEY; null takes a key out. Not for secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.environment) : can(regex("^POSTHOUSE_[A-Z0-9]+_[A-Z0-9_]+$", key))])
    error_message = "environment may hold POSTHOUSE_SECTION_KEY names only."
  }

  validation {
    condition     = alltrue([for key in keys(var.environment) : !can(regex("PASSWORD|TOKEN|SECRET_KEY", key))])
    error_message = "environment must not hold passwords or tokens: use a secret."
  }
}

variable "drain_seconds" {
  description = "The daemon's drain time: it ends long polls and finishes calls in flight."
  type        = number
  default     = 10

  validation {
    condition     = var.drain_seconds >= 1 && var.drain_seconds <= 100
    error_message = "drain_seconds must be 1 to 100."
  }
}

variable "stop_timeout_seconds" {
  description = "After SIGTERM, ECS kills the container after this time. Must be above drain_seconds."
  type        = number
  default     = 30

  validation {
    condition     = var.stop_timeout_seconds >= var.drain_seconds + 5 && var.stop_timeout_seconds <= 120
    error_message = "stop_timeout_seconds must be at least 5 s above drain_seconds, and at most 120 (Fargate's limit)."
  }
}

variable "log_group_name" {
  description = "Log group of the containers."
  type        = string
  default     = "/ecs/posthouse-service"
}

variable "execution_role_arn" {
  description = "The security module's execution role: pulls the image, writes logs, reads injected secrets."
  type        = string
}

variable "task_role_arn" {
  description = "The security module's task role: what the daemon itself may do."
  type        = string
}

variable "kms_key_arn" {
  description = "Key for images and other data at rest."
  type        = string
}

# ── Size and scaling ────────────────────────────────────────────────────────────────────────────────

variable "sizes" {
  description = "CPU units and MiB of memory of a task, and how many tasks run at least and at most, by role."
  type = object({
    api     = object({ cpu = number, memory = number, min = number, max = number })
    courier = object({ cpu = number, memory = number, min = number, max = number })
  })
  default = {
    api     = { cpu = 256, memory = 512, min = 2, max = 10 }
    courier = { cpu = 256, memory = 512, min = 2, max = 10 }
  }

  validation {
    condition     = alltrue([for size in values(var.sizes) : size.min >= 1 && size.max >= size.min])
    error_message = "sizes needs min of at least 1, and max not below min."
  }

  validation {
    condition = alltrue([for size in values(var.sizes) : contains(
      lookup({
        "256"  = [512, 1024, 2048]
        "512"  = [1024, 2048, 3072, 4096]
        "1024" = [2048, 3072, 4096, 5120, 6144, 7168, 8192]
        "2048" = [4096, 5120, 6144, 7168, 8192, 9216, 10240, 11264, 12288, 13312, 14336, 15360, 16384]
        "4096" = [8192, 9216, 10240, 11264, 12288, 13312, 14336, 15360, 16384, 20480, 24576, 28672, 30720]
      }, tostring(size.cpu), []),
      size.memory
    )])
    error_message = "sizes must be pairs that Fargate offers, such as 256 and 512, or 1024 and 2048."
  }
}

variable "spot_percent" {
  description = "Share of tasks on Fargate Spot, beyond the base. Spot tasks end with two minutes' notice."
  type        = number
  default     = 0

  validation {
    condition     = var.spot_percent >= 0 && var.spot_percent <= 100
    error_message = "spot_percent must be 0 to 100."
  }
}

variable "on_demand_base" {
  description = "Tasks of each service that always run on on-demand Fargate."
  type        = number
  default     = 1

  validation {
    condition     = var.on_demand_base >= 0 && var.on_demand_base <= 100
    error_message = "on_demand_base must be 0 to 100."
  }
}

variable "scaling_targets" {
  description = "What autoscaling aims at: CPU and memory in percent, and waiting jobs per courier task."
  type = object({
    cpu            = optional(number, 60)
    memory         = optional(number, 70)
    queue_per_task = optional(number, 50)
  })
  default = {}

  validation {
    condition = (
      var.scaling_targets.cpu >= 20 && var.scaling_targets.cpu <= 90 &&
      var.scaling_targets.memory >= 20 && var.scaling_targets.memory <= 90 &&
      var.scaling_targets.queue_per_task >= 1
    )
    error_message = "scaling_targets needs CPU and memory of 20 to 90 percent and at least 1 job per task."
  }
}

variable "queue_depth_source" {
  description = "sqs: waiting jobs divided by running tasks, from AWS's own metrics. emf: the same from the daemon's queue_waiting and couriers (docs/metrics.md)."
  type        = string
  default     = "sqs"

  validation {
    condition     = contains(["sqs", "emf"], var.queue_depth_source)
    error_message = "queue_depth_source must be sqs or emf."
  }
}

variable "scaling_schedules" {
  description = "Scheduled limits: at SCHEDULE (cron(...) in TIMEZONE) the role runs MIN to MAX tasks."
  type = map(object({
    role     = string
    schedule = string
    timezone = optional(string, "UTC")
    min      = number
    max      = number
  }))
  default = {}

  validation {
    condition     = alltrue([for s in values(var.scaling_schedules) : contains(["api", "courier"], s.role) && s.min >= 0 && s.max >= s.min && can(regex("^(cron|at|rate)\\(.+\\)$", s.schedule))])
    error_message = "scaling_schedules needs role api or courier, schedule cron(...), and max not below min."
  }
}

# ── Deployment ──────────────────────────────────────────────────────────────────────────────────────

variable "deployment_strategy" {
  description = "How a new API revision takes over: ROLLING, BLUE_GREEN (all at once, old one kept for the bake time), CANARY (a share first) or LINEAR (step by step)."
  type        = string
  default     = "CANARY"

  validation {
    condition     = contains(["ROLLING", "BLUE_GREEN", "CANARY", "LINEAR"], var.deployment_strategy)
    error_message = "deployment_strategy must be ROLLING, BLUE_GREEN, CANARY or LINEAR."
  }
}

variable "deployment_bake_minutes" {
  description = "Minutes that the old revision stays after the traffic has moved, to go back to."
  type        = number
  default     = 10

  validation {
    condition     = var.deployment_bake_minutes >= 0 && var.deployment_bake_minutes <= 1440
    error_message = "deployment_bake_minutes must be 0 to 1440."
  }
}

variable "deployment_step_percent" {
  description = "Share of traffic of the canary, or of each linear step."
  type        = number
  default     = 10

  validation {
    condition     = var.deployment_step_percent >= 3 && var.deployment_step_percent <= 50
    error_message = "deployment_step_percent must be 3 to 50."
  }
}

variable "deployment_step_minutes" {
  description = "Minutes that the canary, or each linear step, is watched."
  type        = number
  default     = 5

  validation {
    condition     = var.deployment_step_minutes >= 1 && var.deployment_step_minutes <= 1440
    error_message = "deployment_step_minutes must be 1 to 1440."
  }
}

variable "rollback_alarm_names" {
  description = "Alarms that stop a deployment of a role and bring the last revision back."
  type = object({
    api     = list(string)
    courier = list(string)
  })

  validation {
    condition     = length(var.rollback_alarm_names.api) > 0 && length(var.rollback_alarm_names.courier) > 0
    error_message = "rollback_alarm_names needs at least one alarm for each role."
  }
}

# ── The way in ──────────────────────────────────────────────────────────────────────────────────────

variable "certificate_arn" {
  description = "ACM certificate of the load balancer, in this region."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate."
  }
}

variable "domain_name" {
  description = "Name under which users reach the service; null for the load balancer's own. Its DNS record is made in dns_zone_id."
  type        = string
  default     = null
}

variable "dns_zone_id" {
  description = "Route 53 zone of domain_name; null to make no record."
  type        = string
  default     = null

  validation {
    condition     = var.dns_zone_id == null || var.domain_name != null
    error_message = "dns_zone_id needs domain_name."
  }
}

variable "test_listener_port" {
  description = "Port of a listener that shows the new revision before users see it; null for none. The network module opens it."
  type        = number
  default     = null
}

variable "load_balancer_deletion_protection" {
  description = "Refuse to delete the load balancer."
  type        = bool
  default     = true
}

variable "access_log_days" {
  description = "Days that the load balancer's access logs are kept; 0 for no access logs."
  type        = number
  default     = 365

  validation {
    condition     = var.access_log_days == 0 || var.access_log_days > 90
    error_message = "access_log_days must be 0, or above 90: logs move to Glacier after 90 days, and must not be deleted before."
  }
}

variable "service_connect_enabled" {
  description = "ECS Service Connect: tasks find each other by name, with per-request metrics. The network module's service_mesh opens the edge."
  type        = bool
  default     = false
}

variable "cloudfront_enabled" {
  description = "CloudFront in front of the load balancer: the API uncached, static files cached, the origin locked to it."
  type        = bool
  default     = false

  validation {
    condition     = !var.cloudfront_enabled || (var.domain_name != null && var.cloudfront_certificate_arn != null && var.dns_zone_id != null)
    error_message = "cloudfront_enabled needs domain_name, dns_zone_id and cloudfront_certificate_arn."
  }
}

variable "cloudfront_certificate_arn" {
  description = "ACM certificate for domain_name in us-east-1, where CloudFront looks."
  type        = string
  default     = null

  validation {
    condition     = var.cloudfront_certificate_arn == null ? true : can(regex("^arn:[a-z-]+:acm:us-east-1:", var.cloudfront_certificate_arn))
    error_message = "cloudfront_certificate_arn must be in us-east-1."
  }
}

variable "cloudfront_web_acl_arn" {
  description = "WAF web ACL of scope CLOUDFRONT; null for none."
  type        = string
  default     = null
}

variable "collector_image" {
  description = "OpenTelemetry collector beside the daemon, which sends traces to X-Ray: a copy in this module's own repository, the only one that tasks reach and may pull from, by a tag collector-… or a digest; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.collector_image == null ? true : can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/${var.name}(:collector-[A-Za-z0-9_.-]+|@sha256:[0-9a-f]{64})$", var.collector_image))
    error_message = "collector_image must be in the repository NAME of ECR, by a tag collector-… or a digest: tasks reach no other registry."
  }
}

variable "trace_percent" {
  description = "Share of requests without a traceparent header whose trace the daemon records."
  type        = number
  default     = 5

  validation {
    condition     = var.trace_percent >= 0 && var.trace_percent <= 100 && can(regex("^[0-9]+([.][0-9]{1,4})?$", tostring(var.trace_percent)))
    error_message = "trace_percent must be 0 to 100, with at most four decimals."
  }
}
