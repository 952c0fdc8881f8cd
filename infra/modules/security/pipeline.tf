# The pipeline's roles, by OIDC: no key of any kind is stored at GitHub.
#
# The document says "limited to ecr:*, ecs:*, and terraform:* actions". There is no IAM action terraform:*: Terraform acts
# through the APIs of the resources it manages. It is mapped to (1) its state and lock, and (2) the services of this
# project, narrowed to this project's names where the service knows names, else to its tag, else to its regions.

locals {
  ci      = var.github_repository == null ? 0 : 1
  issuer  = "token.actions.githubusercontent.com"
  regions = compact([local.region, var.dr_region, "us-east-1"]) # us-east-1: CloudFront, its web ACL, and global services

  oidc_arn = "${local.arn}:iam::${local.account}:oidc-provider/${local.issuer}"

  ci_trust = { for role, subject in {
    plan   = "repo:${coalesce(var.github_repository, "none/none")}:pull_request"
    deploy = "repo:${coalesce(var.github_repository, "none/none")}:environment:${coalesce(var.github_environment, "none")}"
    } : role => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Principal = { Federated = local.oidc_arn }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = { StringEquals = { "${local.issuer}:aud" = "sts.amazonaws.com", "${local.issuer}:sub" = subject } }
      }]
  }) }

  state_bucket_arn = "${local.arn}:s3:::${coalesce(var.state_bucket, "none")}"
  state_objects    = "${local.state_bucket_arn}/${var.state_key_prefix}/*"
  state_lock       = "${local.state_bucket_arn}/${var.state_key_prefix}/*.tflock"

  state_key_statements = var.state_kms_key_arn == null ? [] : [{
    Sid      = "StateKey"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource = [var.state_kms_key_arn]
  }]

  # Terraform's state, its lock, and its log.
  ci_state = concat([
    { Sid = "StateBucket", Effect = "Allow", Action = ["s3:GetBucketVersioning", "s3:ListBucket"], Resource = [local.state_bucket_arn] },
    { Sid = "State", Effect = "Allow", Action = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], Resource = [local.state_objects] },
    {
      Sid      = "DeployLog"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.arn}:logs:${local.region}:${local.account}:log-group:${var.deploy_log_group}:*"]
    },
  ], local.state_key_statements)

  # "ecr:*, ecs:*"
  ci_ship = [
    { Sid = "RegistryLogin", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
    { Sid = "Images", Effect = "Allow", Action = ["ecr:*"], Resource = ["${local.arn}:ecr:*:${local.account}:repository/${var.name}", "${local.arn}:ecr:*:${local.account}:repository/${var.name}-*"] },
    {
      Sid    = "Services"
      Effect = "Allow"
      Action = ["ecs:*"]
      Resource = flatten([for kind in ["cluster", "service", "service-deployment", "service-revision", "task", "task-definition"] : [
        "${local.arn}:ecs:${local.region}:${local.account}:${kind}/${var.name}",
        "${local.arn}:ecs:${local.region}:${local.account}:${kind}/${var.name}-*",
        "${local.arn}:ecs:${local.region}:${local.account}:${kind}/${var.name}/*",
      ]])
    },
    {
      Sid       = "ServicesWithoutName" # these actions know no resource
      Effect    = "Allow"
      Action    = ["ecs:CreateCluster", "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:RegisterTaskDefinition"]
      Resource  = ["*"]
      Condition = { StringEquals = { "aws:RequestedRegion" = [local.region] } }
    },
    {
      Sid       = "PassRoles"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = ["${local.arn}:iam::${local.account}:role/${var.name}-*"]
      Condition = { StringEquals = { "iam:PassedToService" = ["backup.amazonaws.com", "cloudtrail.amazonaws.com", "config.amazonaws.com", "ecs-tasks.amazonaws.com", "ecs.amazonaws.com", "logs.amazonaws.com", "monitoring.rds.amazonaws.com", "s3.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com"] } }
    },
  ]

  # Terraform's resources, by name.
  ci_named = [{
    Sid    = "ByName"
    Effect = "Allow"
    Action = [
      "backup:*", "budgets:*", "cloudtrail:*", "cloudwatch:*", "dynamodb:*", "elasticloadbalancing:*", "events:*", "logs:*", "rds:*",
      "s3:*", "scheduler:*", "servicediscovery:*", "sns:*", "sqs:*", "wafv2:*", "xray:*",
    ]
    Resource = concat(
      [for r in local.regions : "${local.arn}:dynamodb:${r}:${local.account}:table/${var.name}-*" if r != "us-east-1" || local.region == "us-east-1"],
      [
        "${local.arn}:backup:*:${local.account}:backup-vault:${var.name}*",
        "${local.arn}:budgets::${local.account}:budget/${var.name}*",
        "${local.arn}:cloudtrail:*:${local.account}:trail/${var.name}*",
        "${local.arn}:cloudwatch:*:${local.account}:alarm:${var.name}-*",
        "${local.arn}:cloudwatch::${local.account}:dashboard/${var.name}*",
        "${local.arn}:elasticloadbalancing:*:${local.account}:*/${var.name}*",
        "${local.arn}:elasticloadbalancing:*:${local.account}:*/app/${var.name}*",
        "${local.arn}:events:*:${local.account}:rule/${var.name}-*",
        "${local.arn}:logs:*:${local.account}:log-group:/aws/rds/instance/${var.name}*",
        "${local.arn}:logs:*:${local.account}:log-group:/vpc/${var.name}*",
        "${local.arn}:logs:*:${local.account}:log-group:${var.deploy_log_group}*",
        "${local.arn}:logs:*:${local.account}:log-group:${var.service_log_group}*",
        "${local.arn}:logs:*:${local.account}:log-group:aws-waf-logs-${var.name}*",
        "${local.arn}:rds:*:${local.account}:*:${var.name}*",
        "${local.arn}:s3:::${var.name}-*",
        "${local.arn}:scheduler:*:${local.account}:schedule/default/${var.name}-*",
        "${local.arn}:servicediscovery:*:${local.account}:namespace/*",
        "${local.arn}:sns:*:${local.account}:${var.name}-*",
        "${local.arn}:sqs:*:${local.account}:${var.name}-*",
        "${local.arn}:wafv2:*:${local.account}:*/webacl/${var.name}*/*",
        "${local.arn}:xray:*:${local.account}:group/${var.name}*",
      ],
    )
  }]

  # Services whose resources have ids, not names: by the project's tag, and only in the project's regions.
  ci_tagged = [
    {
      Sid       = "MakeWithTag"
      Effect    = "Allow"
      Action    = ["backup:Create*", "cloudfront:Create*", "cloudfront:TagResource", "ec2:Allocate*", "ec2:Create*", "guardduty:Create*", "guardduty:TagResource", "kms:CreateKey", "kms:TagResource"]
      Resource  = ["*"]
      Condition = { StringEquals = { "aws:RequestTag/Project" = var.tags["Project"], "aws:RequestedRegion" = local.regions } }
    },
    {
      Sid       = "ChangeWithTag"
      Effect    = "Allow"
      Action    = ["backup:*", "cloudfront:*", "ec2:*", "guardduty:*", "kms:*", "secretsmanager:DescribeSecret", "secretsmanager:RotateSecret"]
      Resource  = ["*"]
      Condition = { StringEquals = { "aws:ResourceTag/Project" = var.tags["Project"], "aws:RequestedRegion" = local.regions } }
    },
    {
      Sid    = "NoTagsThere" # these actions know neither a name nor a tag
      Effect = "Allow"
      Action = [
        "access-analyzer:*", "application-autoscaling:*", "ce:*AnomalyMonitor*", "ce:*AnomalySubscription*", "ce:*CostAllocationTags*", "compute-optimizer:*EnrollmentStatus*",
        "config:*", "kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias",
      ]
      Resource  = ["*"]
      Condition = { StringEquals = { "aws:RequestedRegion" = local.regions } }
    },
    { Sid = "Look", Effect = "Allow", Action = local.look, Resource = ["*"] },
  ]

  # Roles: only this project's, and only with the boundary. There is no right on managed policies: the boundary, the pipeline's own
  # roles and its OIDC provider are applied by a person (infra/README.md, "The first apply").
  ci_roles = [
    {
      Sid       = "MakeBoundedRoles"
      Effect    = "Allow"
      Action    = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      Resource  = ["${local.arn}:iam::${local.account}:role/${var.name}-*"]
      Condition = { StringEquals = { "iam:PermissionsBoundary" = "${local.arn}:iam::${local.account}:policy/${var.name}-boundary" } }
    },
    {
      Sid    = "ChangeRoles"
      Effect = "Allow"
      Action = [
        "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole", "iam:UpdateRoleDescription",
      ]
      Resource = ["${local.arn}:iam::${local.account}:role/${var.name}-*"]
    },
    {
      Sid      = "ServiceRoles"
      Effect   = "Allow"
      Action   = ["iam:CreateServiceLinkedRole"]
      Resource = ["${local.arn}:iam::${local.account}:role/aws-service-role/*"]
    },
    {
      Sid    = "NeverItself"
      Effect = "Deny"
      Action = [
        "iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy",
      ]
      Resource = ["${local.arn}:iam::${local.account}:role/${var.name}-ci-*"]
    },
    {
      Sid    = "NeverTheRecord" # state and audit files outlive whoever has the pipeline
      Effect = "Deny"
      Action = [
        "s3:BypassGovernanceRetention", "s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucketAcl", "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration",
      ]
      Resource = [local.state_bucket_arn, "${local.state_bucket_arn}/*", "${local.arn}:s3:::${var.name}-${local.account}-audit", "${local.arn}:s3:::${var.name}-${local.account}-audit/*"]
    },
  ]

  # What a plan must see, and an apply too. Settings only: no item, message, object or secret value.
  look = [
    "access-analyzer:Get*", "access-analyzer:List*", "acm:DescribeCertificate", "application-autoscaling:Describe*", "application-autoscaling:ListTagsForResource",
    "backup:Describe*", "backup:GetBackup*", "backup:GetRestoreTesting*", "backup:List*", "budgets:ListTagsForResource", "budgets:ViewBudget", "ce:Get*Anomaly*", "ce:List*",
    "cloudfront:Get*", "cloudfront:List*", "cloudtrail:DescribeTrails", "cloudtrail:Get*", "cloudtrail:ListTags",
    "cloudwatch:Describe*", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource", "compute-optimizer:GetEnrollmentStatus", "config:Describe*", "config:List*",
    "dynamodb:Describe*", "dynamodb:ListTagsOfResource", "ec2:Describe*", "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy",
    "ecr:ListTagsForResource", "ecs:Describe*", "ecs:List*", "elasticloadbalancing:Describe*", "events:Describe*", "events:List*", "guardduty:Get*", "guardduty:List*",
    "iam:Get*", "iam:List*", "kms:Describe*", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases", "kms:ListResourceTags", "logs:Describe*", "logs:ListTagsForResource",
    "rds:Describe*", "rds:ListTagsForResource", "route53:Get*", "route53:List*", "s3:GetBucket*", "s3:Get*Configuration", "s3:GetBucketLocation", "s3:ListAllMyBuckets",
    "scheduler:Get*", "scheduler:List*", "secretsmanager:DescribeSecret", "servicediscovery:Get*", "servicediscovery:List*", "sns:Get*", "sns:List*",
    "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sts:GetCallerIdentity", "wafv2:Get*", "wafv2:List*", "xray:GetGroup*", "xray:ListTagsForResource",
  ]

  ci_policies = { for key, statements in {
    state  = jsonencode(local.ci_state)
    ship   = jsonencode(local.ci_ship)
    named  = jsonencode(local.ci_named)
    tagged = jsonencode(local.ci_tagged)
    roles  = jsonencode(local.ci_roles)
  } : key => statements if local.ci == 1 }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? local.ci : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

# Plan: taken by pull requests. Sees settings and the state, changes nothing but the lock.
resource "aws_iam_role" "ci_plan" {
  count = local.ci

  name                 = "${var.name}-ci-plan"
  description          = "terraform plan on pull requests."
  assume_role_policy   = local.ci_trust.plan
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy" "ci_plan" {
  #checkov:skip=CKV_AWS_355:Describe and List actions mostly know no resource; nothing here reads data or changes a thing.
  count = local.ci

  name = "plan"
  role = aws_iam_role.ci_plan[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "StateBucket", Effect = "Allow", Action = ["s3:GetBucketVersioning", "s3:ListBucket"], Resource = [local.state_bucket_arn] },
        { Sid = "State", Effect = "Allow", Action = ["s3:GetObject"], Resource = [local.state_objects] },
        { Sid = "Lock", Effect = "Allow", Action = ["s3:DeleteObject", "s3:PutObject"], Resource = [local.state_lock] },
        { Sid = "Look", Effect = "Allow", Action = local.look, Resource = ["*"] },
      ],
      local.state_key_statements,
    )
  })
}

# Deploy: taken by jobs of the protected GitHub environment only.
resource "aws_iam_role" "ci_deploy" {
  count = local.ci

  name                 = "${var.name}-ci-deploy"
  description          = "Images, terraform apply and deployments."
  assume_role_policy   = local.ci_trust.deploy
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_policy" "ci_deploy" {
  #checkov:skip=CKV_AWS_355:Statements on * are narrowed by tag or region, or hold actions that know no resource; each says which.
  #checkov:skip=CKV_AWS_290:Terraform changes what it manages; see the statements' conditions.
  #checkov:skip=CKV_AWS_289:Roles can only be made with the boundary, and the boundary cannot be changed.
  #checkov:skip=CKV_AWS_288:The pipeline manages tables and buckets of this project by name; it may not read secrets' values.
  #checkov:skip=CKV_AWS_287:No statement hands out credentials beyond the registry login.
  #checkov:skip=CKV_AWS_286:A role made by the pipeline is held by the boundary.
  for_each = local.ci_policies

  name        = "${var.name}-ci-${each.key}"
  description = "Pipeline of ${var.name}: ${each.key}."
  policy      = jsonencode({ Version = "2012-10-17", Statement = jsondecode(each.value) })
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "ci_deploy" {
  for_each = aws_iam_policy.ci_deploy

  role       = aws_iam_role.ci_deploy[0].name
  policy_arn = each.value.arn
}
