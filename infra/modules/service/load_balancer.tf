# The way in: HTTPS only, two target groups whose weights a deployment moves, logs that expire.

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_91:Access logs are a variable: on in staging and production, off in development (COST.md, strategy 9).
  #checkov:skip=CKV_AWS_150:Deletion protection is a variable: on in staging and production.
  #checkov:skip=CKV2_AWS_28:The security module puts the web ACL on this load balancer.
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = var.public_subnet_ids
  security_groups            = [var.security_group_ids.alb]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  idle_timeout               = 60
  enable_deletion_protection = var.load_balancer_deletion_protection
  tags                       = var.tags

  dynamic "access_logs" {
    for_each = aws_s3_bucket.access_logs

    content {
      enabled = true
      bucket  = access_logs.value.id
      prefix  = "alb"
    }
  }

  depends_on = [aws_s3_bucket_policy.access_logs]
}

resource "aws_lb_target_group" "this" {
  for_each = toset(["blue", "green"])

  name                 = "${var.name}-${each.key}"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = var.container_port
  protocol             = "HTTP" #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the last step stays between two security groups.
  deregistration_delay = 15
  tags                 = var.tags

  # Ready stays 200 while only queue, metadata or alerts are down: the message is accepted all the same.
  health_check {
    path                = "/readyz"
    matcher             = "200"
    protocol            = "HTTP"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"
  tags              = var.tags

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

# What no rule takes gets nothing: with CloudFront in front, that is whoever came around it.
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  tags              = var.tags

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "Not here."
      status_code  = "403"
    }
  }
}

resource "aws_lb_listener_rule" "production" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 100
  tags         = merge(var.tags, { Name = "${var.name}-production" })

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.this["blue"].arn
        weight = 100
      }

      target_group {
        arn    = aws_lb_target_group.this["green"].arn
        weight = 0
      }
    }
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  dynamic "condition" {
    for_each = random_password.origin

    content {
      http_header {
        http_header_name = "X-Origin-Verify"
        values           = [condition.value.result]
      }
    }
  }

  # A deployment moves the weights.
  lifecycle {
    ignore_changes = [action]
  }
}

resource "aws_lb_listener" "test" {
  count = var.test_listener_port == null ? 0 : 1

  load_balancer_arn = aws_lb.this.arn
  port              = var.test_listener_port
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  tags              = var.tags

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "Not here."
      status_code  = "403"
    }
  }
}

resource "aws_lb_listener_rule" "test" {
  count = var.test_listener_port == null ? 0 : 1

  listener_arn = aws_lb_listener.test[0].arn
  priority     = 100
  tags         = merge(var.tags, { Name = "${var.name}-test" })

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.this["blue"].arn
        weight = 0
      }

      target_group {
        arn    = aws_lb_target_group.this["green"].arn
        weight = 100
      }
    }
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  lifecycle {
    ignore_changes = [action]
  }
}

resource "aws_route53_record" "public" {
  count = var.dns_zone_id == null ? 0 : 1

  zone_id = var.dns_zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = var.cloudfront_enabled ? aws_cloudfront_distribution.this[0].domain_name : aws_lb.this.dns_name
    zone_id                = var.cloudfront_enabled ? aws_cloudfront_distribution.this[0].hosted_zone_id : aws_lb.this.zone_id
    evaluate_target_health = !var.cloudfront_enabled
  }
}
