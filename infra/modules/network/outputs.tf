output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Subnets of the load balancer, one a zone."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Subnets of tasks, database and endpoints, one a zone."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "security_group_ids" {
  description = "The groups: alb, service, database, endpoints."
  value = {
    alb       = aws_security_group.alb.id
    service   = aws_security_group.service.id
    database  = aws_security_group.database.id
    endpoints = aws_security_group.endpoints.id
  }
}

output "nat_public_ips" {
  description = "Addresses that outgoing traffic comes from, by zone; empty without NAT."
  value       = { for zone, address in aws_eip.nat : zone => address.public_ip }
}

output "zones" {
  description = "Availability zones in use."
  value       = local.zones
}
