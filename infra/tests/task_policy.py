#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The task policy in Terraform and the daemon's own are the same.
#
#   task_policy.py RESOURCES [POSTHOUSE]
#
# RESOURCES is what policies/judge.py --dump wrote. The daemon's own policy is what `posthouse iam-policy` prints, once that
# command exists; until then it is the table in actions.json. Statements are compared by action and kind of resource.
import json
import pathlib
import subprocess
import sys

KINDS = {"dynamodb": "table", "sqs": "queue", "sns": "topic", "secretsmanager": "secret", "kms": "key"}


def as_list(value):
    return value if isinstance(value, list) else [value]


def pairs(statements):
    """Each allowed (action, kind of resource)."""
    found = set()
    for statement in statements:
        if statement["Effect"] != "Allow":
            continue
        for resource in as_list(statement["Resource"]):
            kind = KINDS.get(resource.split(":")[2], resource) if resource.startswith("arn:") else resource
            found.update((action, kind) for action in as_list(statement["Action"]))
    return found


def from_terraform(path):
    """The statements of the task role's policies in the state."""
    resources = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    roles = {r["values"]["id"] for r in resources if r["type"] == "aws_iam_role" and r["values"]["name"].endswith("-task")}
    policies = [r for r in resources if r["type"] == "aws_iam_role_policy" and r["values"]["role"] in roles]
    if not policies:
        sys.exit(f"{path}: no policy of a task role in it")
    return [s for p in policies for s in json.loads(p["values"]["policy"])["Statement"] if s.get("Sid") != "Traces"]


def from_daemon(command):
    """The policy that posthouse prints, or None where it knows no such command."""
    root = pathlib.Path(__file__).resolve().parents[2]
    if not pathlib.Path(command).exists():
        return None
    done = subprocess.run([command, "iam-policy", "-c", str(root / "etc/aws.ini")], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["Statement"] if done.returncode == 0 and done.stdout.startswith("{") else None


def from_table():
    table = json.loads(pathlib.Path(__file__).with_name("actions.json").read_text(encoding="utf-8"))
    return {(action, s["resource"]) for s in table["statements"] for action in s["actions"]}


def main():
    terraform = pairs(from_terraform(sys.argv[1]))
    command = sys.argv[2] if len(sys.argv) > 2 else str(pathlib.Path(__file__).resolve().parents[2] / "build/bin/posthouse")
    own = from_daemon(command)
    wanted, source = (pairs(own), "posthouse iam-policy") if own else (from_table(), "actions.json")
    for action, kind in sorted(wanted - terraform):
        print(f"{source} needs {action} on the {kind}, and the task policy does not give it")
    for action, kind in sorted(terraform - wanted):
        print(f"the task policy gives {action} on the {kind}, and {source} does not need it")
    print(f"{len(terraform)} actions compared with {source}")
    sys.exit(terraform != wanted)


if __name__ == "__main__":
    main()
