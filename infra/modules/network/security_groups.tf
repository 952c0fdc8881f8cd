# The document's security groups, edge by edge. Each edge is a rule of its own, so that a test can name
# exactly what may talk to what. A group without an edge of a direction has none: nothing is open by default.
#
#   anywhere ──80,443──▶ alb ──8080──▶ service ──5432──▶ database
#                                        └──443──▶ endpoints (interface), S3 and DynamoDB (gateway)

data "aws_ec2_managed_prefix_list" "cloudfront" {
  count = var.cloudfront_only ? 1 : 0

  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_security_group" "alb" {
  #checkov:skip=CKV2_AWS_5:Attached to the load balancer by module service.
  name        = "${var.name}-alb"
  description = "Load balancer: web traffic in, the service out."
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-alb" })
}

resource "aws_security_group" "service" {
  #checkov:skip=CKV2_AWS_5:Attached to the tasks by module service.
  name        = "${var.name}-service"
  description = "Tasks: in from the load balancer, out to the database and the endpoints."
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-service" })
}

resource "aws_security_group" "database" {
  #checkov:skip=CKV2_AWS_5:Attached to the database by module data.
  name        = "${var.name}-database"
  description = "Database: in from the service only, nothing out."
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-database" })
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints: HTTPS from the service."
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "alb_web" {
  #checkov:skip=CKV_AWS_260:The document asks for HTTP from anywhere; port 80 only redirects to HTTPS.
  # CloudFront comes by HTTPS only; its prefix list counts as 55 rules, so it fits into a group once.
  for_each = var.cloudfront_only ? { https = 443 } : { http = 80, https = 443 }

  security_group_id = aws_security_group.alb.id
  description       = "${upper(each.key)} from ${var.cloudfront_only ? "CloudFront" : "anywhere"}"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = var.cloudfront_only ? null : "0.0.0.0/0"
  prefix_list_id    = var.cloudfront_only ? data.aws_ec2_managed_prefix_list.cloudfront[0].id : null
  tags              = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "alb_test" {
  for_each = var.test_listener_port == null ? toset([]) : toset(length(var.test_listener_cidrs) > 0 ? var.test_listener_cidrs : [var.cidr])

  security_group_id = aws_security_group.alb.id
  description       = "Test listener of blue/green deployments"
  ip_protocol       = "tcp"
  from_port         = var.test_listener_port
  to_port           = var.test_listener_port
  cidr_ipv4         = each.value
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "alb_service" {
  security_group_id            = aws_security_group.alb.id
  description                  = "Requests and health checks to the tasks"
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
  referenced_security_group_id = aws_security_group.service.id
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "service_alb" {
  security_group_id            = aws_security_group.service.id
  description                  = "Requests from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
  referenced_security_group_id = aws_security_group.alb.id
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "service_database" {
  security_group_id            = aws_security_group.service.id
  description                  = "PostgreSQL"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.database.id
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "service_endpoints" {
  security_group_id            = aws_security_group.service.id
  description                  = "SQS, SNS, Secrets Manager, ECR and Logs over their endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints.id
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "service_gateway" {
  for_each = aws_vpc_endpoint.gateway

  security_group_id = aws_security_group.service.id
  description       = "${each.key} over its gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = each.value.prefix_list_id
  tags              = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "service_mesh" {
  count = var.service_mesh ? 1 : 0

  security_group_id            = aws_security_group.service.id
  description                  = "Service Connect between tasks"
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
  referenced_security_group_id = aws_security_group.service.id
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "service_mesh" {
  count = var.service_mesh ? 1 : 0

  security_group_id            = aws_security_group.service.id
  description                  = "Service Connect between tasks"
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
  referenced_security_group_id = aws_security_group.service.id
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "database_service" {
  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from the service"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.service.id
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_service" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "HTTPS from the service"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.service.id
  tags                         = var.tags
}
