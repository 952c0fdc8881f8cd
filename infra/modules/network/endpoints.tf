# Endpoints: traffic to AWS stays in the VPC, costs no NAT bytes, and is open to this account's principals only.

locals {
  endpoint_zones = var.endpoint_zone_count == 0 ? local.zones : slice(local.zones, 0, var.endpoint_zone_count)
  service_prefix = "com.amazonaws.${data.aws_region.current.region}"

  # Whoever uses an endpoint must be of this account: stolen foreign keys are of no use from inside.
  account_only = {
    Sid       = "ThisAccountOnly"
    Effect    = "Allow"
    Principal = "*"
    Action    = "*"
    Resource  = "*"
    Condition = { StringEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id } }
  }

  # ECR keeps image layers in a bucket of its own, read over links that ECR has signed.
  ecr_layers = {
    Sid       = "EcrLayers"
    Effect    = "Allow"
    Principal = "*"
    Action    = "s3:GetObject"
    Resource  = "arn:${data.aws_partition.current.partition}:s3:::prod-${data.aws_region.current.region}-starport-layer-bucket/*"
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = {
    dynamodb = [local.account_only]
    s3       = [local.account_only, local.ecr_layers]
  }

  vpc_id            = aws_vpc.this.id
  service_name      = "${local.service_prefix}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  policy            = jsonencode({ Version = "2012-10-17", Statement = each.value })
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "${local.service_prefix}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for zone in local.endpoint_zones : aws_subnet.private[zone].id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  policy              = jsonencode({ Version = "2012-10-17", Statement = [local.account_only] })
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}
