# DynamoDB, one document per message, put whole, as meta-dynamodb needs it:
#   key   id   string   the message's id
#   TTL   ttl  number   epoch seconds after which DynamoDB may drop the document
# Everything else in a document is the plugin's own; there is no index, because every read is by id.

locals {
  table_name  = "${var.name}-messages"
  provisioned = var.table_capacity != null
}

resource "aws_dynamodb_table" "messages" {
  name                        = local.table_name
  billing_mode                = local.provisioned ? "PROVISIONED" : "PAY_PER_REQUEST"
  read_capacity               = local.provisioned ? var.table_capacity.read_min : null
  write_capacity              = local.provisioned ? var.table_capacity.write_min : null
  hash_key                    = "id"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = var.table_global
  stream_view_type            = var.table_global ? "NEW_AND_OLD_IMAGES" : null
  tags                        = var.tags

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    enabled        = true
    attribute_name = "ttl"
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = var.table_recovery_days
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this["data"].arn
  }

  dynamic "replica" {
    for_each = var.table_global ? [var.dr_region] : []

    content {
      region_name                 = replica.value
      kms_key_arn                 = aws_kms_key.dr[0].arn
      point_in_time_recovery      = true
      deletion_protection_enabled = var.deletion_protection
      propagate_tags              = true
    }
  }

  # Autoscaling moves the capacity.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity]
  }
}

resource "aws_appautoscaling_target" "table" {
  for_each = local.provisioned ? {
    read  = { dimension = "ReadCapacityUnits", min = var.table_capacity.read_min, max = var.table_capacity.read_max }
    write = { dimension = "WriteCapacityUnits", min = var.table_capacity.write_min, max = var.table_capacity.write_max }
  } : {}

  service_namespace  = "dynamodb"
  resource_id        = "table/${aws_dynamodb_table.messages.name}"
  scalable_dimension = "dynamodb:table:${each.value.dimension}"
  min_capacity       = each.value.min
  max_capacity       = each.value.max
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "table" {
  for_each = aws_appautoscaling_target.table

  name               = "${var.name}-table-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = each.value.service_namespace
  resource_id        = each.value.resource_id
  scalable_dimension = each.value.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = var.table_capacity.target

    predefined_metric_specification {
      predefined_metric_type = each.key == "read" ? "DynamoDBReadCapacityUtilization" : "DynamoDBWriteCapacityUtilization"
    }
  }
}
