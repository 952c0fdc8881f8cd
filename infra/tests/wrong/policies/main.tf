# Wrong on purpose: one mistake for every policy of infra/policies. expected.txt names what must be found here, exactly.
# Never applied anywhere; `infra/check` applies it to mocks.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

locals {
  tags  = { Project = "posthouse", Environment = "wrong", Owner = "platform", CostCenter = "messaging" }
  trust = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "ecs-tasks.amazonaws.com" }, Action = "sts:AssumeRole" }] })
  key   = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

# public-ingress: the service from anywhere; and the load balancer on a port that is not for the web.
resource "aws_security_group" "alb" {
  name   = "wrong-alb"
  vpc_id = "vpc-1"
  tags   = local.tags
}

resource "aws_security_group" "service" {
  name   = "wrong-service"
  vpc_id = "vpc-1"
  tags   = local.tags

  # inline-rules
  ingress {
    description = "inline"
    from_port   = 8080
    to_port     = 8080
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_vpc_security_group_ingress_rule" "service" {
  security_group_id = aws_security_group.service.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.alb.id
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv6         = "::/0"
  tags              = local.tags
}

# A range that only looks like 443.
resource "aws_vpc_security_group_ingress_rule" "wide" {
  security_group_id = aws_security_group.alb.id
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "anywhere" {
  security_group_id = aws_security_group.service.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_security_group_rule" "old" {
  security_group_id = aws_security_group.service.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 8080
  to_port           = 8080
  cidr_blocks       = ["10.0.0.0/8"]
}

resource "aws_default_security_group" "open" {
  vpc_id = "vpc-1"
  tags   = local.tags

  egress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}

resource "aws_subnet" "public" {
  vpc_id                  = "vpc-1"
  cidr_block              = "10.0.0.0/24"
  map_public_ip_on_launch = true
  tags                    = local.tags
}

# public-database, encryption, recovery, production
resource "aws_db_instance" "public" {
  identifier              = "wrong"
  engine                  = "postgres"
  instance_class          = "db.t4g.micro"
  publicly_accessible     = true
  storage_encrypted       = false
  backup_retention_period = 0
  multi_az                = false
  skip_final_snapshot     = true
  tags                    = local.tags
}

resource "aws_db_parameter_group" "plain" {
  family = "postgres15"
  tags   = local.tags
}

# encryption (a key of AWS's own), recovery, production
resource "aws_dynamodb_table" "plain" {
  name         = "wrong"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  tags         = local.tags

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_sqs_queue" "plain" {
  name = "wrong-jobs"
  tags = local.tags
}

resource "aws_sns_topic" "plain" {
  name = "wrong-alerts"
  tags = local.tags
}

resource "aws_cloudwatch_log_group" "plain" {
  name = "/wrong"
  tags = local.tags
}

resource "aws_ecr_repository" "plain" {
  name                 = "wrong"
  image_tag_mutability = "MUTABLE"
  tags                 = local.tags
}

# public-bucket, encryption, tls: a bucket alone; and one whose block does not block.
resource "aws_s3_bucket" "alone" {
  bucket = "wrong"
  tags   = local.tags
}

resource "aws_s3_bucket" "half" {
  bucket = "wrong-half"
  tags   = local.tags
}

resource "aws_s3_bucket_public_access_block" "half" {
  bucket              = aws_s3_bucket.half.id
  block_public_acls   = true
  block_public_policy = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "half" {
  bucket = aws_s3_bucket.half.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "half" {
  bucket = aws_s3_bucket.half.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::wrong-half/*" }] })
}

resource "aws_kms_key" "old" {
  enable_key_rotation = false
  tags                = local.tags
}

resource "aws_lb_listener" "plain" {
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/wrong/0123456789abcdef"
  port              = 80
  protocol          = "HTTP"
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/wrong/0123456789abcdef"
  }
}

# task-wildcard (an action and a resource), task-attachment, boundary
resource "aws_iam_role" "task" {
  name               = "wrong-task"
  assume_role_policy = local.trust
  tags               = local.tags
}

resource "aws_iam_role_policy" "task" {
  role = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "dynamodb:*", Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/wrong" },
    { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-west-1:123456789012:*"] },
  ] })
}

resource "aws_iam_role_policy_attachment" "task" {
  role       = aws_iam_role.task.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
}

# oidc: any branch of any repository of the owner. iam-everything, twice.
resource "aws_iam_role" "pipeline" {
  name                 = "wrong-pipeline"
  permissions_boundary = "arn:aws:iam::123456789012:policy/wrong-boundary"
  tags                 = local.tags
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect    = "Allow"
    Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
    Action    = "sts:AssumeRoleWithWebIdentity"
    Condition = { StringLike = { "token.actions.githubusercontent.com:sub" = "repo:example/*" } }
  }] })
}

resource "aws_iam_policy" "everything" {
  name   = "wrong"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
  tags   = local.tags
}

resource "aws_iam_policy" "everything_but" {
  name   = "wrong-too"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", NotAction = "iam:*", Resource = "*" }] })
  tags   = local.tags
}

# container, image-tag, secret-in-environment
resource "aws_ecs_task_definition" "soft" {
  family = "wrong"
  tags   = local.tags
  container_definitions = jsonencode([{
    name                   = "posthouse"
    image                  = "posthouse:latest"
    user                   = "root"
    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    environment            = [{ name = "POSTHOUSE_STORAGE_PASSWORD", value = "hunter2" }]
  }])
}

# public-task, rollback
resource "aws_ecs_service" "public" {
  name            = "wrong"
  task_definition = aws_ecs_task_definition.soft.arn
  tags            = local.tags

  network_configuration {
    subnets          = [aws_subnet.public.id]
    assign_public_ip = true
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = false
  }
}

# alarm-action
resource "aws_cloudwatch_metric_alarm" "mute" {
  alarm_name          = "wrong"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "CPUUtilization"
  namespace           = "AWS/RDS"
  period              = 300
  statistic           = "Average"
  threshold           = 80
  tags                = local.tags
}

# tags
resource "aws_cloudwatch_log_group" "untagged" {
  name              = "/wrong/untagged"
  retention_in_days = 7
  kms_key_id        = local.key
  tags              = { Project = "posthouse" }
}

# What is right must not be found: this table and this queue are.
resource "aws_dynamodb_table" "right" {
  name                        = "right"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = true
  tags                        = local.tags

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.key
  }
}

resource "aws_sqs_queue" "right" {
  name              = "right-jobs-dead"
  kms_master_key_id = local.key
  tags              = local.tags
}
