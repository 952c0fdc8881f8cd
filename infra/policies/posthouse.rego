# What the architecture document and an auditor demand of every environment, in the language of the Open Policy Agent.
#
# Input: {"environment": NAME, "resources": [{"address", "type", "values"}]}, from a Terraform state or plan (judge.py makes it).
# Every finding is "policy: address: what is wrong", so that each policy can be shown to fail (tests/wrong/policies).
package posthouse

import rego.v1

of_type(type) := [r | some r in input.resources; r.type == type]

policy_of(r) := json.unmarshal(r.values.policy)

as_list(x) := x if is_array(x)

as_list(x) := [x] if not is_array(x)

anywhere := {"0.0.0.0/0", "::/0"}

# ── Nothing public but the load balancer ──────────────────────────────────────────────────────────────

is_load_balancer_group(id) if {
	some group in of_type("aws_security_group")
	group.values.id == id
	endswith(group.values.name, "-alb")
}

web_port(rule) if {
	rule.values.from_port == rule.values.to_port
	rule.values.from_port in {80, 443}
}

range_of(rule) := rule.values.cidr_ipv4 if is_string(rule.values.cidr_ipv4)

range_of(rule) := rule.values.cidr_ipv6 if is_string(rule.values.cidr_ipv6)

deny contains sprintf("public-ingress: %s: only the load balancer may take connections from anywhere, on 80 and 443", [rule.address]) if {
	some rule in of_type("aws_vpc_security_group_ingress_rule")
	range_of(rule) in anywhere
	not public_on_purpose(rule)
}

public_on_purpose(rule) if {
	is_load_balancer_group(rule.values.security_group_id)
	web_port(rule)
}

deny contains sprintf("public-egress: %s: no group may go out to anywhere", [rule.address]) if {
	some rule in of_type("aws_vpc_security_group_egress_rule")
	range_of(rule) in anywhere
}

deny contains sprintf("inline-rules: %s: write security group rules as resources of their own, so that each edge can be tested", [group.address]) if {
	some group in of_type("aws_security_group")
	some direction in ["ingress", "egress"]
	some rule in group.values[direction]
	some range in rule.cidr_blocks
	range in anywhere
}

deny contains sprintf("inline-rules: %s: write security group rules as resources of their own, so that each edge can be tested", [rule.address]) if {
	some rule in of_type("aws_security_group_rule")
}

deny contains sprintf("default-group: %s: the default security group must have no rules", [group.address]) if {
	some group in of_type("aws_default_security_group")
	some direction in ["ingress", "egress"]
	count(group.values[direction]) > 0
}

deny contains sprintf("public-database: %s: a database must not be public", [db.address]) if {
	some db in of_type("aws_db_instance")
	db.values.publicly_accessible == true
}

deny contains sprintf("public-task: %s: tasks must not have public addresses", [service.address]) if {
	some service in of_type("aws_ecs_service")
	some network in service.values.network_configuration
	network.assign_public_ip == true
}

deny contains sprintf("public-subnet: %s: subnets must not hand out public addresses", [subnet.address]) if {
	some subnet in of_type("aws_subnet")
	subnet.values.map_public_ip_on_launch == true
}

deny contains sprintf("public-bucket: %s: every bucket needs a public access block that blocks everything", [bucket.address]) if {
	some bucket in of_type("aws_s3_bucket")
	not blocked(bucket)
}

blocked(bucket) if {
	some block in of_type("aws_s3_bucket_public_access_block")
	block.values.bucket == bucket.values.id
	block.values.block_public_acls == true
	block.values.block_public_policy == true
	block.values.ignore_public_acls == true
	block.values.restrict_public_buckets == true
}

# ── Encryption everywhere ─────────────────────────────────────────────────────────────────────────────

deny contains sprintf("encryption: %s: storage must be encrypted", [db.address]) if {
	some db in of_type("aws_db_instance")
	not db.values.storage_encrypted == true
}

deny contains sprintf("encryption: %s: the table must be encrypted with a key of ours", [table.address]) if {
	some table in of_type("aws_dynamodb_table")
	not table_encrypted(table)
}

table_encrypted(table) if {
	some sse in table.values.server_side_encryption
	sse.enabled == true
	is_string(sse.kms_key_arn)
}

# By type, the attribute that names the key.
key_attribute := {
	"aws_sqs_queue": "kms_master_key_id",
	"aws_sns_topic": "kms_master_key_id",
	"aws_cloudwatch_log_group": "kms_key_id",
	"aws_cloudtrail": "kms_key_id",
	"aws_scheduler_schedule": "kms_key_arn",
}

deny contains sprintf("encryption: %s: %s must name a KMS key", [r.address, attribute]) if {
	some type, attribute in key_attribute
	some r in of_type(type)
	not is_string(r.values[attribute])
}

deny contains sprintf("encryption: %s: images must be encrypted with a KMS key", [r.address]) if {
	some r in of_type("aws_ecr_repository")
	not repository_encrypted(r)
}

repository_encrypted(r) if {
	some configuration in r.values.encryption_configuration
	configuration.encryption_type == "KMS"
}

deny contains sprintf("encryption: %s: every bucket needs a default encryption", [bucket.address]) if {
	some bucket in of_type("aws_s3_bucket")
	not bucket_encrypted(bucket)
}

bucket_encrypted(bucket) if {
	some sse in of_type("aws_s3_bucket_server_side_encryption_configuration")
	sse.values.bucket == bucket.values.id
}

deny contains sprintf("key-rotation: %s: keys must rotate", [key.address]) if {
	some key in of_type("aws_kms_key")
	not key.values.enable_key_rotation == true
}

deny contains sprintf("tls: %s: a listener must be HTTPS, or redirect to it", [listener.address]) if {
	some listener in of_type("aws_lb_listener")
	listener.values.protocol != "HTTPS"
	some action in listener.values.default_action
	action.type != "redirect"
}

deny contains sprintf("tls: %s: the database must refuse connections without TLS", [group.address]) if {
	some group in of_type("aws_db_parameter_group")
	not forces_tls(group)
}

forces_tls(group) if {
	some parameter in group.values.parameter
	parameter.name == "rds.force_ssl"
	parameter.value == "1"
}

deny contains sprintf("tls: %s: every bucket needs a policy that refuses requests without TLS", [bucket.address]) if {
	some bucket in of_type("aws_s3_bucket")
	not tls_only(bucket)
}

tls_only(bucket) if {
	some policy in of_type("aws_s3_bucket_policy")
	policy.values.bucket == bucket.values.id
	some statement in policy_of(policy).Statement
	statement.Effect == "Deny"
	statement.Condition.Bool["aws:SecureTransport"] == "false"
}

# ── Least privilege ───────────────────────────────────────────────────────────────────────────────────

is_task_role(id) if {
	some role in of_type("aws_iam_role")
	role.values.id == id
	endswith(role.values.name, "-task")
}

deny contains sprintf("task-wildcard: %s: the task role must hold no wildcard: %s", [policy.address, item]) if {
	some policy in of_type("aws_iam_role_policy")
	is_task_role(policy.values.role)
	some statement in policy_of(policy).Statement
	some field in ["Action", "Resource"]
	some item in as_list(statement[field])
	contains(item, "*")
	not only_traces(statement)
}

# X-Ray's actions know no resource: the one statement that may say *.
only_traces(statement) if {
	statement.Resource == "*"
	every action in as_list(statement.Action) {
		startswith(action, "xray:")
		not contains(action, "*")
	}
}

deny contains sprintf("task-attachment: %s: the task role's rights must be inline, where they are compared with the daemon's table", [a.address]) if {
	some a in of_type("aws_iam_role_policy_attachment")
	some role in of_type("aws_iam_role")
	endswith(role.values.name, "-task")
	a.values.role == role.values.name
}

iam_policies := array.concat(of_type("aws_iam_policy"), of_type("aws_iam_role_policy"))

deny contains sprintf("iam-everything: %s: a statement must not allow everything, nor by NotAction", [policy.address]) if {
	some policy in iam_policies
	some statement in policy_of(policy).Statement
	statement.Effect == "Allow"
	allows_everything(statement)
}

allows_everything(statement) if "*" in as_list(statement.Action)

allows_everything(statement) if statement.NotAction

deny contains sprintf("oidc: %s: a role for a pipeline must name its repository and branch or environment in full", [role.address]) if {
	some role in of_type("aws_iam_role")
	some statement in json.unmarshal(role.values.assume_role_policy).Statement
	statement.Action == "sts:AssumeRoleWithWebIdentity"
	not names_its_subject(statement)
}

names_its_subject(statement) if {
	some key, subject in statement.Condition.StringEquals
	endswith(key, ":sub")
	not contains(subject, "*")
}

deny contains sprintf("boundary: %s: roles need the permissions boundary", [role.address]) if {
	some role in of_type("aws_iam_role")
	not is_string(role.values.permissions_boundary)
	not contains(role.values.name, "-ci-")
}

# ── Containers and deployments ────────────────────────────────────────────────────────────────────────

deny contains sprintf("container: %s: %s must have a read-only root, no privileges, no capabilities, and a user other than root", [d.address, c.name]) if {
	some d in of_type("aws_ecs_task_definition")
	some c in json.unmarshal(d.values.container_definitions)
	not hardened(c)
}

hardened(c) if {
	c.readonlyRootFilesystem == true
	c.privileged == false
	c.linuxParameters.capabilities.drop == ["ALL"]
	not c.user in {"", "0", "root", "0:0"}
}

deny contains sprintf("image-tag: %s: %s must not run a latest image", [d.address, c.name]) if {
	some d in of_type("aws_ecs_task_definition")
	some c in json.unmarshal(d.values.container_definitions)
	endswith(c.image, ":latest")
}

deny contains sprintf("image-tag: %s: tags must be immutable", [r.address]) if {
	some r in of_type("aws_ecr_repository")
	r.values.image_tag_mutability != "IMMUTABLE"
}

deny contains sprintf("rollback: %s: a service needs the circuit breaker with rollback", [service.address]) if {
	some service in of_type("aws_ecs_service")
	not rolls_back(service)
}

rolls_back(service) if {
	some breaker in service.values.deployment_circuit_breaker
	breaker.enable == true
	breaker.rollback == true
}

deny contains sprintf("secret-in-environment: %s: %s holds a password in plain", [d.address, item.name]) if {
	some d in of_type("aws_ecs_task_definition")
	some c in json.unmarshal(d.values.container_definitions)
	some item in c.environment
	regex.match(`PASSWORD|TOKEN|SECRET_KEY`, item.name)
	not startswith(item.value, "${secret:")
}

# ── Money, records, recovery ──────────────────────────────────────────────────────────────────────────

required_tags := {"Project", "Environment", "Owner", "CostCenter"}

deny contains sprintf("tags: %s: %s is missing", [r.address, concat(", ", missing)]) if {
	some r in input.resources
	"tags" in object.keys(r.values)
	present := {key | r.values.tags[key]}
	missing := required_tags - present
	count(missing) > 0
}

positive(x) if {
	is_number(x)
	x > 0
}

deny contains sprintf("retention: %s: logs must have a retention", [group.address]) if {
	some group in of_type("aws_cloudwatch_log_group")
	not positive(group.values.retention_in_days)
}

deny contains sprintf("alarm-action: %s: an alarm must reach somebody", [alarm.address]) if {
	some alarm in of_type("aws_cloudwatch_metric_alarm")
	count(object.get(alarm.values, "alarm_actions", [])) == 0
}

deny contains sprintf("alarm-action: %s: an alarm must reach somebody", [alarm.address]) if {
	some alarm in of_type("aws_cloudwatch_metric_alarm")
	alarm.values.alarm_actions == null
}

deny contains sprintf("recovery: %s: point-in-time recovery must be on", [table.address]) if {
	some table in of_type("aws_dynamodb_table")
	not recoverable(table)
}

recoverable(table) if {
	some recovery in table.values.point_in_time_recovery
	recovery.enabled == true
}

deny contains sprintf("recovery: %s: the database must be backed up", [db.address]) if {
	some db in of_type("aws_db_instance")
	not positive(db.values.backup_retention_period)
}

deny contains sprintf("dead-letters: %s: a queue needs a dead-letter queue, or must be one", [queue.address]) if {
	some queue in of_type("aws_sqs_queue")
	not has_dead_letters(queue)
	not endswith(queue.values.name, "-dead")
}

has_dead_letters(queue) if contains(queue.values.redrive_policy, "deadLetterTargetArn")

# Production only.

deny contains sprintf("production: %s: a database of production needs a standby and deletion protection", [db.address]) if {
	input.environment == "prod"
	some db in of_type("aws_db_instance")
	not is_string(db.values.replicate_source_db)
	not safe(db)
}

safe(db) if {
	db.values.multi_az == true
	db.values.deletion_protection == true
	db.values.skip_final_snapshot == false
}

deny contains sprintf("production: %s: a table of production needs deletion protection", [table.address]) if {
	input.environment == "prod"
	some table in of_type("aws_dynamodb_table")
	not table.values.deletion_protection_enabled == true
}
