variable "name" {
  description = "Prefix of every name in this module, such as posthouse or posthouse-dev."
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

variable "cidr" {
  description = "IPv4 range of the VPC. Each subnet takes a sixteenth of it."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "cidr must be an IPv4 range from /16 to /22, such as 10.20.0.0/16."
  }
}

variable "zone_count" {
  description = "Availability zones in use: a public and a private subnet in each."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3, 4], var.zone_count)
    error_message = "zone_count must be 2, 3 or 4: the load balancer and a Multi-AZ database need at least two zones."
  }
}

variable "nat_mode" {
  description = "none: no NAT gateway, endpoints only. one: one for all zones (cheap; its zone is a single point of failure). per_zone: one in each."
  type        = string
  default     = "per_zone"

  validation {
    condition     = contains(["none", "one", "per_zone"], var.nat_mode)
    error_message = "nat_mode must be none, one or per_zone."
  }
}

variable "interface_endpoints" {
  description = "AWS services reached over an interface endpoint. Without NAT, tasks need all of the default ones."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sns", "sqs"]

  validation {
    condition = length(setsubtract(var.interface_endpoints, [
      "ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "secretsmanager", "sns", "sqs", "ssm", "sts", "xray",
    ])) == 0
    error_message = "interface_endpoints may hold ecr.api, ecr.dkr, kms, logs, monitoring, secretsmanager, sns, sqs, ssm, sts and xray."
  }

  validation {
    condition     = length(setsubtract(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sns", "sqs"], var.interface_endpoints)) == 0
    error_message = "interface_endpoints must hold ecr.api, ecr.dkr, logs, secretsmanager, sns and sqs: the service may go out to nothing else."
  }
}

variable "endpoint_zone_count" {
  description = "Zones that interface endpoints are in; 0 for all. One is cheaper, and a single point of failure."
  type        = number
  default     = 0

  validation {
    condition     = contains([0, 1, 2, 3, 4], var.endpoint_zone_count) && var.endpoint_zone_count <= var.zone_count
    error_message = "endpoint_zone_count must be 0 (all zones) to zone_count."
  }
}

variable "container_port" {
  description = "Port that the daemon listens on (its [http] listen)."
  type        = number
  default     = 8080

  validation {
    condition     = var.container_port >= 1024 && var.container_port <= 65535
    error_message = "container_port must be 1024 to 65535: the daemon does not run as root."
  }
}

variable "cloudfront_only" {
  description = "Take web traffic from CloudFront's addresses only, instead of from anywhere. Set together with the service module's cloudfront_enabled."
  type        = bool
  default     = false
}

variable "test_listener_port" {
  description = "Port of the load balancer's test listener for blue/green deployments; null for none."
  type        = number
  default     = null

  validation {
    condition     = var.test_listener_port == null ? true : var.test_listener_port > 1024 && var.test_listener_port <= 65535
    error_message = "test_listener_port must be 1025 to 65535, or null."
  }
}

variable "test_listener_cidrs" {
  description = "Ranges that may reach the test listener. Empty: only the VPC."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.test_listener_cidrs : can(cidrnetmask(range)) && range != "0.0.0.0/0"])
    error_message = "test_listener_cidrs must be IPv4 ranges, and never 0.0.0.0/0."
  }
}

variable "service_mesh" {
  description = "Let tasks of the service reach each other on the container port (ECS Service Connect)."
  type        = bool
  default     = false
}

variable "flow_log_retention_days" {
  description = "Days that VPC flow logs are kept; 0 turns them off."
  type        = number
  default     = 365

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "flow_log_retention_days must be 0 or one of the values that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, ...)."
  }
}

variable "logs_kms_key_arn" {
  description = "KMS key that encrypts the flow logs."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Boundary for the roles made here; null for none."
  type        = string
  default     = null
}
