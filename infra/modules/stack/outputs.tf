output "url" {
  description = "Where users reach the service."
  value       = module.service.url
}

output "repository_url" {
  description = "Where images are pushed."
  value       = module.service.repository_url
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = module.service.cluster_name
}

output "service_names" {
  description = "The ECS services by role."
  value       = module.service.service_names
}

output "task_definition_families" {
  description = "Families of the task definitions by role."
  value       = module.service.task_definition_families
}

output "database_address" {
  description = "Host name of the database."
  value       = module.data.database.address
}

output "replica_address" {
  description = "Host name of the replica in the second region; null without one."
  value       = module.data.replica_address
}

output "queue_url" {
  description = "The job queue."
  value       = module.data.queue.url
}

output "task_policy" {
  description = "The daemon's policy (JSON)."
  value       = module.security.task_policy
}

output "ci_role_arns" {
  description = "Roles of the pipeline: plan and deploy."
  value       = module.security.ci_role_arns
}

output "dashboard_name" {
  description = "The CloudWatch dashboard."
  value       = module.observability.dashboard_name
}
