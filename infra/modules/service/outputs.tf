output "repository_url" {
  description = "Where images are pushed."
  value       = aws_ecr_repository.this.repository_url
}

output "repository_arn" {
  description = "The image repository."
  value       = aws_ecr_repository.this.arn
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "service_names" {
  description = "The ECS services by role."
  value       = local.services
}

output "task_definition_families" {
  description = "Families of the task definitions by role. A deployment registers a new revision of each."
  value       = { for role, definition in aws_ecs_task_definition.this : role => definition.family }
}

output "load_balancer" {
  description = "The load balancer: arn, arn_suffix (for metrics), dns_name, and its target groups' arn_suffix."
  value = {
    arn                   = aws_lb.this.arn
    arn_suffix            = aws_lb.this.arn_suffix
    dns_name              = aws_lb.this.dns_name
    target_group_suffixes = { for color, group in aws_lb_target_group.this : color => group.arn_suffix }
  }
}

output "url" {
  description = "Where users reach the service."
  value       = "https://${coalesce(var.domain_name, aws_lb.this.dns_name)}"
}
