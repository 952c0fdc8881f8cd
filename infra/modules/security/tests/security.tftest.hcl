# Least privilege, and guards that cannot be switched off in passing.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "posthouse"
  table_arn          = "arn:aws:dynamodb:eu-west-1:123456789012:table/posthouse-messages"
  queue_arn          = "arn:aws:sqs:eu-west-1:123456789012:posthouse-jobs"
  alert_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:posthouse-alerts"
  alarm_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:posthouse-alarms"
  secret_arns        = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0123-AbCdEf"]
  repository_arn     = "arn:aws:ecr:eu-west-1:123456789012:repository/posthouse"
  kms_key_arns       = { data = "arn:aws:kms:eu-west-1:123456789012:key/data", logs = "arn:aws:kms:eu-west-1:123456789012:key/logs" }
  github_repository  = "example/posthouse"
  github_environment = "prod"
  state_bucket       = "123456789012-posthouse-state"
  monthly_budget_usd = 400
  tags               = { Project = "posthouse", Environment = "prod", Owner = "platform", CostCenter = "messaging" }
}

# What posthouse iam-policy prints of etc/aws.ini (tests/policy.json) is the whole policy: no more, no less. The names there and
# here are the same, but for the secret: RDS makes it, under a name of its own, so it is known by its ARN.
run "task_policy_is_the_daemons_own" {
  command = apply

  assert {
    condition = jsonencode(jsondecode(aws_iam_role_policy.task.policy).Statement) == jsonencode([
      for s in jsondecode(file("../../tests/policy.json")).Statement :
      merge(s, s.Sid == "Secrets" ? { Resource = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0123-AbCdEf"] } : {})
    ])
    error_message = "The task policy must be what posthouse iam-policy prints (infra/tests/make-policy)."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.task.policy, "*")
    error_message = "The task policy must hold no wildcard at all."
  }

  assert {
    condition     = length(aws_iam_role_policy.tracing) == 0
    error_message = "Without the collector, the daemon must have no right on X-Ray."
  }
}

run "only_ecs_takes_the_task_roles" {
  command = apply

  assert {
    condition = alltrue([for role in [aws_iam_role.task, aws_iam_role.execution] : (
      jsondecode(role.assume_role_policy).Statement[0].Principal.Service == "ecs-tasks.amazonaws.com" &&
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012" &&
      role.permissions_boundary == aws_iam_policy.boundary.arn
    )])
    error_message = "Task and execution role must be ECS's of this account only, and bounded."
  }
}

run "execution_role" {
  command = apply

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Sid] == ["Login", "Pull", "Logs"]
    error_message = "ECS may pull the image and write logs, and read no secret by default."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Resource if s.Sid == "Logs"] == ["arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/posthouse-service:*"]
    error_message = "ECS may write to the service's log group only."
  }
}

run "execution_role_with_injected_secrets" {
  command = apply

  variables {
    execution_reads_secrets = true
  }

  assert {
    condition     = flatten([for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Resource if s.Sid == "InjectedSecrets"]) == ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0123-AbCdEf"]
    error_message = "For injection, the execution role must read exactly the given secrets."
  }
}

run "tracing" {
  command = apply

  variables {
    tracing_enabled = true
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.tracing[0].policy).Statement[0].Action == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    error_message = "The collector must be able to write to X-Ray, and nothing else."
  }
}

run "pipeline_by_oidc" {
  command = apply

  assert {
    condition     = jsondecode(aws_iam_role.ci_deploy[0].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/posthouse:environment:prod"
    error_message = "Only jobs of the protected environment may deploy."
  }

  assert {
    condition     = jsondecode(aws_iam_role.ci_plan[0].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/posthouse:pull_request"
    error_message = "Only pull requests of the repository may plan."
  }

  assert {
    condition     = aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "The provider must serve STS only."
  }

  assert {
    condition     = alltrue([for policy in aws_iam_policy.ci_deploy : length(policy.policy) <= 6144])
    error_message = "A managed policy may have 6,144 characters: ${join(", ", [for key, policy in aws_iam_policy.ci_deploy : "${key} ${length(policy.policy)}"])}."
  }
}

run "pipeline_is_narrowed_to_the_project" {
  command = apply

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_policy.ci_deploy["ship"].policy).Statement :
    contains(["RegistryLogin", "ServicesWithoutName"], s.Sid) || alltrue([for r in s.Resource : can(regex("[:/]posthouse([-/]|$)", r))])])
    error_message = "ecr:* and ecs:* must be narrowed to this project's names."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_policy.ci_deploy["tagged"].policy).Statement : s.Sid == "Look" || can(s.Condition.StringEquals)])
    error_message = "What has no name must be narrowed by tag or region."
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_policy.ci_deploy["roles"].policy).Statement :
    s.Condition.StringEquals["iam:PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/posthouse-boundary" if s.Sid == "MakeBoundedRoles"])
    error_message = "The pipeline may make roles with the boundary only."
  }

  assert {
    condition     = toset([for s in jsondecode(aws_iam_policy.ci_deploy["roles"].policy).Statement : s.Sid if s.Effect == "Deny"]) == toset(["NeverItself", "NeverTheRecord"])
    error_message = "The pipeline must not change its own roles, the state bucket or the audit files."
  }

  assert {
    condition     = !anytrue([for policy in aws_iam_policy.ci_deploy : strcontains(policy.policy, "terraform:") || strcontains(policy.policy, "\"*:*\"") || strcontains(policy.policy, "\"Action\":\"*\"")])
    error_message = "There is no IAM action terraform:*, and no statement may allow everything."
  }
}

run "plan_changes_nothing_but_the_lock" {
  command = apply

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_role_policy.ci_plan[0].policy).Statement :
      s.Sid == "Lock" || alltrue([for a in s.Action : can(regex(":(Describe|Get|List|View)", a))])
    ])
    error_message = "The plan role may look, and write the lock."
  }

  assert {
    condition     = !can(regex("GetSecretValue|dynamodb:GetItem|dynamodb:Query|dynamodb:Scan|sqs:ReceiveMessage", aws_iam_role_policy.ci_plan[0].policy))
    error_message = "The plan role may not read data."
  }
}

run "no_pipeline_without_a_repository" {
  command = plan

  variables {
    github_repository  = null
    github_environment = null
    state_bucket       = null
  }

  assert {
    condition     = length(aws_iam_role.ci_deploy) == 0 && length(aws_iam_role.ci_plan) == 0 && length(aws_iam_policy.ci_deploy) == 0
    error_message = "Without a repository there must be no CI role."
  }
}

run "trail_is_immutable" {
  command = apply

  assert {
    condition     = aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].enable_log_file_validation && aws_cloudtrail.this[0].include_global_service_events
    error_message = "The trail must cover all regions and validate its files."
  }

  assert {
    condition     = aws_s3_bucket.audit[0].object_lock_enabled && aws_s3_bucket_object_lock_configuration.audit[0].rule[0].default_retention[0].days == 365
    error_message = "Audit files must be locked for a year."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.audit[0].rule[0].expiration[0].days > aws_s3_bucket_object_lock_configuration.audit[0].rule[0].default_retention[0].days
    error_message = "Files must not expire before their lock ends."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.audit[0].restrict_public_buckets && one(aws_s3_bucket_server_side_encryption_configuration.audit[0].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "The audit bucket must be private and encrypted."
  }
}

run "config_and_guardduty" {
  command = apply

  assert {
    condition     = aws_config_configuration_recorder_status.this[0].is_enabled && length(aws_config_config_rule.managed) == 23 && jsondecode(aws_config_config_rule.required_tags[0].input_parameters).tag4Key == "CostCenter"
    error_message = "Config must record, and check the rules and the tags."
  }

  assert {
    condition     = aws_guardduty_detector.this[0].enable && toset(keys(aws_guardduty_detector_feature.this)) == toset(["RDS_LOGIN_EVENTS", "S3_DATA_EVENTS"])
    error_message = "GuardDuty must be on, for logins to the database too."
  }

  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.findings : target.arn == var.alarm_topic_arn]) && length(aws_cloudwatch_event_target.findings) == 2
    error_message = "Findings must reach the operators."
  }
}

run "the_organisation_has_them_already" {
  command = plan

  variables {
    guardduty_enabled  = false
    cloudtrail_enabled = false
    config_enabled     = false
  }

  assert {
    condition     = length(aws_s3_bucket.audit) == 0 && length(aws_cloudtrail.this) == 0 && length(aws_guardduty_detector.this) == 0 && length(aws_config_config_rule.managed) == 0
    error_message = "Switched off, none of them may be made."
  }
}

run "budget" {
  command = plan

  assert {
    condition     = aws_budgets_budget.monthly.limit_amount == "400.00" && length(aws_budgets_budget.monthly.notification) == 2
    error_message = "The budget must warn at 80 % spent and 100 % forecast."
  }

  assert {
    condition     = one(aws_budgets_budget.monthly.cost_filter).values == tolist(["user:Environment$prod"])
    error_message = "The budget must count this environment's costs."
  }
}

run "cost_tags" {
  command = plan

  variables {
    activate_cost_tags        = true
    compute_optimizer_enabled = true
  }

  assert {
    condition     = toset(keys(aws_ce_cost_allocation_tag.this)) == toset(["Project", "Environment", "Owner", "CostCenter"]) && length(aws_computeoptimizer_enrollment_status.this) == 1
    error_message = "The tags must be activated for cost reports."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    name               = "x"
    tags               = { Project = "posthouse", Environment = "prod" }
    secret_arns        = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"]
    github_repository  = "posthouse"
    config_rules       = ["rds-storage-encrypted"]
    audit_log_days     = 30
    audit_lock_mode    = "MAYBE"
    monthly_budget_usd = 0
    cost_anomaly_usd   = -1
  }

  expect_failures = [
    var.name, var.tags, var.secret_arns, var.github_repository, var.config_rules,
    var.audit_log_days, var.audit_lock_mode, var.monthly_budget_usd, var.cost_anomaly_usd,
  ]
}

run "a_repository_needs_environment_and_state" {
  command = plan

  variables {
    github_environment = null
    state_bucket       = null
  }

  expect_failures = [var.github_environment, var.state_bucket]
}
