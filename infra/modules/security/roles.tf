# Who may do what. Three roles of the document: the task's, the execution's, the pipeline's (pipeline.tf).
# No role made here can be given more than the boundary.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  arn       = "arn:${local.partition}"

  ecs_tasks_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.arn}:ecs:${local.region}:${local.account}:*" }
      }
    }]
  })

  # Which services use the key for the daemon, and how: all read, only the queue and the topic encrypt for it.
  key_uses = {
    Key  = { action = "kms:Decrypt", services = ["dynamodb", "secretsmanager", "sns", "sqs"] }
    Key2 = { action = "kms:GenerateDataKey", services = ["sns", "sqs"] }
  }

  # The daemon's rights, plugin by plugin: what `posthouse iam-policy` prints (tests/policy.json), with this stack's names.
  task_statements = concat(
    [
      {
        Sid      = "Documents"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DescribeTable"]
        Resource = [var.table_arn]
      },
      {
        Sid      = "Jobs"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
        Resource = [var.queue_arn]
      },
      {
        Sid      = "Alerts"
        Effect   = "Allow"
        Action   = ["sns:GetTopicAttributes", "sns:Publish"]
        Resource = [var.alert_topic_arn]
      },
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = var.secret_arns
      },
    ],
    [for sid, use in local.key_uses : {
      Sid      = sid
      Effect   = "Allow"
      Action   = [use.action]
      Resource = [var.kms_key_arns.data]
      Condition = {
        StringEquals = { "kms:ViaService" = [for service in use.services : "${service}.${local.region}.amazonaws.com"] }
      }
    }],
  )
}

resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_355:A boundary grants nothing; it only limits what other policies can grant.
  #checkov:skip=CKV_AWS_290:A boundary grants nothing; it only limits what other policies can grant.
  #checkov:skip=CKV_AWS_289:A boundary grants nothing; it only limits what other policies can grant.
  #checkov:skip=CKV_AWS_288:A boundary grants nothing; it only limits what other policies can grant.
  #checkov:skip=CKV_AWS_287:A boundary grants nothing; it only limits what other policies can grant.
  #checkov:skip=CKV_AWS_286:A boundary grants nothing; it only limits what other policies can grant.
  #checkov:skip=CKV_AWS_63:A boundary grants nothing; it only limits what other policies can grant.
  name        = "${var.name}-boundary"
  description = "The most that a role of ${var.name} can ever do."
  tags        = var.tags
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OnlyTheseServices"
        Effect = "Allow"
        Action = [
          "backup-storage:*", "backup:*", "cloudwatch:*", "config:*", "dynamodb:*", "ecr:*", "elasticloadbalancing:*", "kms:*",
          "logs:*", "rds:*", "s3:*", "secretsmanager:GetSecretValue", "sns:*", "sqs:*", "tag:*", "xray:*",
        ]
        Resource = "*"
      },
      {
        Sid      = "ConfigReads"
        Effect   = "Allow"
        Action   = ["ec2:Describe*", "ecs:Describe*", "ecs:List*", "iam:Get*", "iam:List*", "iam:PassRole"]
        Resource = "*"
      },
      {
        Sid      = "NeverDestroyKeys"
        Effect   = "Deny"
        Action   = ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]
        Resource = "*"
      },
    ]
  })
}

# ── The daemon ──────────────────────────────────────────────────────────────────────────────────────

resource "aws_iam_role" "task" {
  name                 = "${var.name}-task"
  description          = "What the daemon may do: its table, its queue, its topic, its secrets."
  assume_role_policy   = local.ecs_tasks_trust
  permissions_boundary = aws_iam_policy.boundary.arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "task" {
  name   = "daemon"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.task_statements })
}

# X-Ray knows no resources, so this is a policy of its own, and only there when the collector is.
resource "aws_iam_role_policy" "tracing" {
  #checkov:skip=CKV_AWS_355:X-Ray's write actions know no resource.
  #checkov:skip=CKV_AWS_290:X-Ray's write actions know no resource.
  count = var.tracing_enabled ? 1 : 0

  name = "tracing"
  role = aws_iam_role.task.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Traces"
      Effect    = "Allow"
      Action    = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestedRegion" = local.region } }
    }]
  })
}

# ── ECS on the task's behalf, before the daemon runs ────────────────────────────────────────────────

resource "aws_iam_role" "execution" {
  name                 = "${var.name}-execution"
  description          = "ECS pulls the image and writes the logs."
  assume_role_policy   = local.ecs_tasks_trust
  permissions_boundary = aws_iam_policy.boundary.arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name = "start-tasks"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Login"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken" # knows no resource
          Resource = "*"
        },
        {
          Sid      = "Pull"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = var.repository_arn
        },
        {
          Sid      = "Logs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${local.arn}:logs:${local.region}:${local.account}:log-group:${var.service_log_group}:*"
        },
      ],
      [for arns in [var.secret_arns] : {
        Sid      = "InjectedSecrets"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = arns
      } if var.execution_reads_secrets],
      [for arn in [var.kms_key_arns.data] : {
        Sid       = "DecryptSecrets"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = arn
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.amazonaws.com" } }
      } if var.execution_reads_secrets],
    )
  })
}

# Whatever else goes on in the account: nobody outside gets in unnoticed.
resource "aws_accessanalyzer_analyzer" "this" {
  analyzer_name = var.name
  type          = "ACCOUNT"
  tags          = var.tags
}
