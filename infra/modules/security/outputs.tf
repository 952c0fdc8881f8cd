output "task_role_arn" {
  description = "Role of the daemon."
  value       = aws_iam_role.task.arn
}

output "execution_role_arn" {
  description = "Role with which ECS starts tasks."
  value       = aws_iam_role.execution.arn
}

output "task_policy" {
  description = "The daemon's policy (JSON), to compare with what posthouse iam-policy prints."
  value       = aws_iam_role_policy.task.policy
}

output "boundary_arn" {
  description = "Permissions boundary for every other role."
  value       = aws_iam_policy.boundary.arn
}

output "ci_role_arns" {
  description = "The pipeline's roles: plan and deploy; null without a repository."
  value = {
    plan   = one(aws_iam_role.ci_plan[*].arn)
    deploy = one(aws_iam_role.ci_deploy[*].arn)
  }
}
