#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The task policy in Terraform and the daemon's own are the same.
#
#   task_policy.py RESOURCES
#   task_policy.py --print RESOURCES     prints Terraform's as one policy
#
# RESOURCES is what policies/judge.py --dump wrote. The daemon's own policy is policy.json, which `posthouse iam-policy` made
# of etc/aws.ini (make-policy; a test compares them). Compared are actions, kinds of resource, and through which services.
import json
import pathlib
import sys

KINDS = {"dynamodb": "table", "sqs": "queue", "sns": "topic", "secretsmanager": "secret", "kms": "key"}


def as_list(value):
    return value if isinstance(value, list) else [value]


def services(statement):
    """Through which services a right on the key may be used: "sqs" of sqs.eu-west-1.amazonaws.com."""
    condition = statement.get("Condition", {})
    through = condition.get("StringEquals", {}).get("kms:ViaService", [])
    if condition != ({"StringEquals": {"kms:ViaService": through}} if through else {}):
        return (f"an unknown condition: {json.dumps(condition)}",)
    return tuple(sorted(host.split(".")[0] for host in as_list(through)))


def triples(statements):
    """Each allowed (action, kind of resource, services)."""
    found = set()
    for statement in statements:
        if statement["Effect"] != "Allow":
            continue
        for resource in as_list(statement["Resource"]):
            kind = KINDS.get(resource.split(":")[2], resource) if resource.startswith("arn:") else resource
            found.update((action, kind, services(statement)) for action in as_list(statement["Action"]))
    return found


def from_terraform(path):
    """The statements of the task role's policies in the state."""
    resources = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    roles = {r["values"]["id"] for r in resources if r["type"] == "aws_iam_role" and r["values"]["name"].endswith("-task")}
    policies = [r for r in resources if r["type"] == "aws_iam_role_policy" and r["values"]["role"] in roles]
    if not policies:
        sys.exit(f"{path}: no policy of a task role in it")
    return [s for p in policies for s in json.loads(p["values"]["policy"])["Statement"] if s.get("Sid") != "Traces"]


def from_daemon():
    return json.loads(pathlib.Path(__file__).with_name("policy.json").read_text(encoding="utf-8"))["Statement"]


def show(triple):
    action, kind, through = triple
    return f"{action} on the {kind}" + (f" through {', '.join(through)}" if through else "")


def main():
    if sys.argv[1] == "--print":
        print(json.dumps({"Version": "2012-10-17", "Statement": from_terraform(sys.argv[2])}))
        return
    terraform, wanted = triples(from_terraform(sys.argv[1])), triples(from_daemon())
    for triple in sorted(wanted - terraform):
        print(f"the daemon needs {show(triple)}, and the task policy does not give it")
    for triple in sorted(terraform - wanted):
        print(f"the task policy gives {show(triple)}, and the daemon does not need it")
    print(f"{len(terraform)} actions compared with what posthouse iam-policy prints")
    sys.exit(terraform != wanted)


if __name__ == "__main__":
    main()
