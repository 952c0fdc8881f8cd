# The network as the document draws it: zones, NAT, endpoints, flow logs, and the security groups' exact edges.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name             = "posthouse"
  logs_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  tags             = { Project = "posthouse", Environment = "test", Owner = "platform", CostCenter = "messaging" }
}

run "two_zones_with_nat_in_each" {
  command = apply

  assert {
    condition     = length(aws_subnet.public) == 2 && length(aws_subnet.private) == 2
    error_message = "There must be a public and a private subnet in each of two zones."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_route.private_nat) == 2
    error_message = "nat_mode per_zone must make a NAT gateway and a route in each zone."
  }

  assert {
    condition     = alltrue([for zone, route in aws_route.private_nat : route.nat_gateway_id == aws_nat_gateway.this[zone].id])
    error_message = "Each zone must go out through its own NAT gateway."
  }

  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.private), values(aws_subnet.public)) : !subnet.map_public_ip_on_launch])
    error_message = "No subnet may hand out public addresses by itself."
  }

  assert {
    condition     = length(setintersection([for s in aws_subnet.private : s.id], [for a in aws_route_table_association.public : a.subnet_id])) == 0
    error_message = "A private subnet must not use the public route table."
  }

  assert {
    condition     = length(distinct([for s in concat(values(aws_subnet.private), values(aws_subnet.public)) : s.cidr_block])) == 4
    error_message = "The subnets' ranges must differ."
  }
}

run "one_nat" {
  command = apply

  variables {
    nat_mode   = "one"
    zone_count = 3
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private_nat) == 3
    error_message = "nat_mode one must route every zone through one NAT gateway."
  }

  assert {
    condition     = toset([for route in aws_route.private_nat : route.nat_gateway_id]) == toset([aws_nat_gateway.this["eu-west-1a"].id])
    error_message = "All private routes must lead to the one NAT gateway."
  }
}

run "no_nat" {
  command = plan

  variables {
    nat_mode = "none"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_route.private_nat) == 0
    error_message = "nat_mode none must make neither gateway nor address nor route."
  }
}

run "endpoints" {
  command = apply

  assert {
    condition     = toset([for e in aws_vpc_endpoint.gateway : e.service_name]) == toset(["com.amazonaws.eu-west-1.dynamodb", "com.amazonaws.eu-west-1.s3"])
    error_message = "DynamoDB and S3 must have gateway endpoints."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sns", "sqs"])
    error_message = "SQS, SNS, Secrets Manager, ECR and Logs must have interface endpoints."
  }

  assert {
    condition     = alltrue([for e in aws_vpc_endpoint.interface : e.private_dns_enabled && e.security_group_ids == toset([aws_security_group.endpoints.id])])
    error_message = "Interface endpoints must answer under the services' names and be in the endpoints' group alone."
  }

  assert {
    condition = alltrue([for e in aws_vpc_endpoint.interface :
    jsondecode(e.policy).Statement[0].Condition.StringEquals["aws:PrincipalAccount"] == "123456789012"])
    error_message = "Endpoints must be open to this account's principals only."
  }
}

run "endpoints_in_one_zone" {
  command = apply

  variables {
    endpoint_zone_count = 1
  }

  assert {
    condition     = alltrue([for e in aws_vpc_endpoint.interface : e.subnet_ids == toset([aws_subnet.private["eu-west-1a"].id])])
    error_message = "With endpoint_zone_count 1, endpoints must be in the first zone only."
  }
}

run "default_security_group_is_closed" {
  command = apply

  assert {
    condition     = length(aws_default_security_group.closed.ingress) == 0 && length(aws_default_security_group.closed.egress) == 0
    error_message = "The VPC's default security group must have no rules."
  }
}

# Every edge of the document, and no other.
run "security_group_edges" {
  command = apply

  assert {
    condition = alltrue([for rule in aws_vpc_security_group_ingress_rule.alb_web :
    rule.security_group_id == aws_security_group.alb.id && rule.cidr_ipv4 == "0.0.0.0/0" && rule.from_port == rule.to_port])
    error_message = "The load balancer must take web traffic from anywhere."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.alb_web : tostring(rule.from_port)]) == toset(["80", "443"])
    error_message = "The load balancer must take exactly ports 80 and 443."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.alb_service.security_group_id == aws_security_group.alb.id &&
      aws_vpc_security_group_egress_rule.alb_service.referenced_security_group_id == aws_security_group.service.id &&
      aws_vpc_security_group_egress_rule.alb_service.from_port == 8080 &&
      aws_vpc_security_group_egress_rule.alb_service.to_port == 8080
    )
    error_message = "The load balancer must go out only to the service's port."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.service_alb.security_group_id == aws_security_group.service.id &&
      aws_vpc_security_group_ingress_rule.service_alb.referenced_security_group_id == aws_security_group.alb.id &&
      aws_vpc_security_group_ingress_rule.service_alb.from_port == 8080 &&
      aws_vpc_security_group_ingress_rule.service_alb.cidr_ipv4 == null &&
      length(aws_vpc_security_group_ingress_rule.service_mesh) == 0 &&
      length(aws_vpc_security_group_ingress_rule.alb_test) == 0
    )
    error_message = "The service must take connections from the load balancer only."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.service_database.security_group_id == aws_security_group.service.id &&
      aws_vpc_security_group_egress_rule.service_database.referenced_security_group_id == aws_security_group.database.id &&
      aws_vpc_security_group_egress_rule.service_database.from_port == 5432 &&
      aws_vpc_security_group_egress_rule.service_endpoints.security_group_id == aws_security_group.service.id &&
      aws_vpc_security_group_egress_rule.service_endpoints.referenced_security_group_id == aws_security_group.endpoints.id &&
      aws_vpc_security_group_egress_rule.service_endpoints.from_port == 443 &&
      toset(keys(aws_vpc_security_group_egress_rule.service_gateway)) == toset(["dynamodb", "s3"]) &&
      alltrue([for rule in aws_vpc_security_group_egress_rule.service_gateway : rule.cidr_ipv4 == null && rule.from_port == 443 && rule.prefix_list_id != null]) &&
      length(aws_vpc_security_group_egress_rule.service_mesh) == 0
    )
    error_message = "The service must go out only to the database and the endpoints."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.database_service.security_group_id == aws_security_group.database.id &&
      aws_vpc_security_group_ingress_rule.database_service.referenced_security_group_id == aws_security_group.service.id &&
      aws_vpc_security_group_ingress_rule.database_service.from_port == 5432 &&
      aws_vpc_security_group_ingress_rule.database_service.to_port == 5432 &&
      aws_vpc_security_group_ingress_rule.database_service.cidr_ipv4 == null
    )
    error_message = "The database must take connections from the service only."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.endpoints_service.security_group_id == aws_security_group.endpoints.id &&
      aws_vpc_security_group_ingress_rule.endpoints_service.referenced_security_group_id == aws_security_group.service.id
    )
    error_message = "The endpoints must take connections from the service only."
  }
}

run "cloudfront_locks_the_load_balancer" {
  command = apply

  variables {
    cloudfront_only = true
  }

  assert {
    condition = alltrue([for rule in aws_vpc_security_group_ingress_rule.alb_web :
    rule.cidr_ipv4 == null && rule.prefix_list_id == "pl-4fa04526" && rule.from_port == 443])
    error_message = "With CloudFront in front, only its prefix list may reach the load balancer."
  }
}

run "test_listener_defaults_to_the_vpc" {
  command = plan

  variables {
    test_listener_port = 8443
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.alb_test) == ["10.20.0.0/16"]
    error_message = "Without ranges, only the VPC may reach the test listener."
  }
}

run "service_mesh_opens_one_edge_each_way" {
  command = plan

  variables {
    service_mesh = true
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.service_mesh) == 1 && length(aws_vpc_security_group_egress_rule.service_mesh) == 1
    error_message = "Service Connect needs the edge from the service to itself."
  }
}

run "flow_logs" {
  command = apply

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "ALL" && aws_cloudwatch_log_group.flow[0].retention_in_days == 365
    error_message = "Flow logs must hold all traffic for a year by default."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow[0].kms_key_id == var.logs_kms_key_arn
    error_message = "Flow logs must be encrypted with the logs key."
  }
}

run "flow_logs_off" {
  command = plan

  variables {
    flow_log_retention_days = 0
  }

  assert {
    condition     = length(aws_flow_log.this) == 0 && length(aws_cloudwatch_log_group.flow) == 0 && length(aws_iam_role.flow) == 0
    error_message = "A retention of 0 must turn flow logs off."
  }
}

run "endpoints_need_zones" {
  command = plan

  variables {
    endpoint_zone_count = 3
  }

  expect_failures = [var.endpoint_zone_count]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                    = "Posthouse_"
    cidr                    = "10.0.0.0/28"
    zone_count              = 1
    nat_mode                = "two"
    interface_endpoints     = ["sqs", "ec2"]
    container_port          = 80
    flow_log_retention_days = 2
    test_listener_port      = 443
    test_listener_cidrs     = ["0.0.0.0/0"]
    tags                    = { Project = "posthouse" }
  }

  expect_failures = [
    var.name,
    var.cidr,
    var.zone_count,
    var.nat_mode,
    var.interface_endpoints,
    var.container_port,
    var.flow_log_retention_days,
    var.test_listener_port,
    var.test_listener_cidrs,
    var.tags,
  ]
}
