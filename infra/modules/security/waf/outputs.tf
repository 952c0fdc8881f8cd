output "web_acl_arn" {
  description = "Web ACL of the load balancer."
  value       = aws_wafv2_web_acl.this["REGIONAL"].arn
}

output "cloudfront_web_acl_arn" {
  description = "Web ACL for CloudFront; null without."
  value       = try(aws_wafv2_web_acl.this["CLOUDFRONT"].arn, null)
}
