# Optional: CloudFront before the load balancer. API calls are never cached, what is static is: the API's description.
# The load balancer then takes CloudFront's addresses only (network module) and wants a secret header.

locals {
  cloudfront      = var.cloudfront_enabled ? 1 : 0
  origin_name     = "origin.${coalesce(var.domain_name, "unused.invalid")}"
  static_patterns = ["/openapi.json"]
}

data "aws_cloudfront_cache_policy" "this" {
  for_each = var.cloudfront_enabled ? toset(["CachingDisabled", "CachingOptimized"]) : toset([])

  name = "Managed-${each.key}"
}

data "aws_cloudfront_origin_request_policy" "all_viewer" {
  count = local.cloudfront

  name = "Managed-AllViewer"
}

data "aws_cloudfront_response_headers_policy" "security" {
  count = local.cloudfront

  name = "Managed-SecurityHeadersPolicy"
}

resource "random_password" "origin" {
  count = local.cloudfront

  length  = 48
  special = false
}

resource "aws_route53_record" "origin" {
  count = local.cloudfront

  zone_id = var.dns_zone_id
  name    = local.origin_name
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_68:The web ACL is a variable (cloudfront_web_acl_arn); the load balancer behind has one in any case.
  #checkov:skip=CKV2_AWS_47:The Log4j rule set is in the security module's web ACL on the load balancer behind.
  #checkov:skip=CKV_AWS_86:The load balancer behind logs every request that is not answered from the cache.
  #checkov:skip=CKV_AWS_310:There is one origin; another region is reached by DNS (runbook region-lost).
  #checkov:skip=CKV_AWS_374:The service is for users everywhere.
  #checkov:skip=CKV_AWS_305:There is no page at /: the API answers there.
  count = local.cloudfront

  enabled         = true
  is_ipv6_enabled = true
  comment         = var.name
  aliases         = [var.domain_name]
  price_class     = "PriceClass_100"
  http_version    = "http2and3"
  web_acl_id      = var.cloudfront_web_acl_arn
  tags            = var.tags

  origin {
    origin_id   = "load-balancer"
    domain_name = local.origin_name

    custom_header {
      name  = "X-Origin-Verify"
      value = random_password.origin[0].result
    }

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 60 # above the 20 s of a long poll and the 15 s between a stream's comments
      origin_keepalive_timeout = 30
    }
  }

  default_cache_behavior {
    target_origin_id           = "load-balancer"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = data.aws_cloudfront_cache_policy.this["CachingDisabled"].id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.all_viewer[0].id
    response_headers_policy_id = data.aws_cloudfront_response_headers_policy.security[0].id
    compress                   = false
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.static_patterns

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = "load-balancer"
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD"]
      cached_methods             = ["GET", "HEAD"]
      cache_policy_id            = data.aws_cloudfront_cache_policy.this["CachingOptimized"].id
      response_headers_policy_id = data.aws_cloudfront_response_headers_policy.security[0].id
      compress                   = true
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.cloudfront_certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }
}
