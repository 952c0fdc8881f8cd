#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Judges Terraform by the policies beside this file.
#
#   judge.py [--environment NAME] [--expect FILE] [--dump FILE] INPUT
#
# INPUT is the output of `terraform test -json -verbose` (its last state), of `terraform show -json` (a plan or a
# state), or the flat form that --dump wrote. Findings go to standard output, one a line; exit 1 with a finding.
# With --expect the findings must be exactly the file's lines "policy: address", which is how the policies are
# themselves tested: every one of them must be in there.
#
# The policies run in `opa` where that is on the path, else in the Rego interpreter of the package regopy.
import argparse
import base64
import json
import pathlib
import re
import shutil
import subprocess
import sys

POLICY = pathlib.Path(__file__).with_name("posthouse.rego")


def modules(module):
    """All resources of a module and of the modules within."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from modules(child)


def root_module(document):
    """The root module of a plan or a state, whichever the document is."""
    values = document.get("planned_values") or document.get("values") or document
    return values.get("root_module")


def last_state(text):
    """The last state in the output of `terraform test -json -verbose`, and whether all runs passed."""
    state, passed = None, True
    for line in text.splitlines():
        message = json.loads(line)
        if message["type"] == "test_state":
            state = message["test_state"]
        elif message["type"] == "test_summary":
            passed = message["test_summary"]["status"] == "pass"
        if message.get("@level") == "error":
            diagnostic = message.get("diagnostic", {})
            where = diagnostic.get("range", {})
            print(f"{where.get('filename', '')}:{where.get('start', {}).get('line', '')}: "
                  f"{diagnostic.get('summary', message['@message'])}: {diagnostic.get('detail', '')}")
    return state, passed


def read(path):
    """The resources in a file of any of the forms above."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        document, passed = last_state(text)
        if not passed or document is None:
            sys.exit(f"{path}: the tests did not pass, so there is no state to judge")
    if isinstance(document, list):
        return document
    root = root_module(document)
    if root is None:
        sys.exit(f"{path}: holds neither a plan nor a state")
    return [{"address": r["address"], "type": r["type"], "values": r.get("values", {})}
            for r in modules(root) if r.get("mode", "managed") == "managed"]


def evaluate(document):
    """The findings of the policies about the document."""
    if shutil.which("opa"):
        command = ["opa", "eval", "--format", "json", "--stdin-input", "--data", str(POLICY), "data.posthouse.deny"]
        done = subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"opa: {done.stderr or done.stdout}")
        return sorted(json.loads(done.stdout)["result"][0]["expressions"][0]["value"])
    from regopy import Interpreter

    interpreter = Interpreter()
    interpreter.add_module("posthouse", POLICY.read_text(encoding="utf-8"))
    interpreter.set_input(document)
    # One string in base64, because regopy does not escape quotes within strings properly.
    answer = json.loads(str(interpreter.query('base64.encode(concat("|||", data.posthouse.deny))')))
    if "expressions" not in answer:
        sys.exit(f"regopy: {answer}")
    text = base64.b64decode(answer["expressions"][0]).decode("utf-8")
    return sorted(text.split("|||")) if text else []


def compare(findings, expected):
    """Prints what is missing from the findings or too much; true if nothing is."""
    found = {": ".join(finding.split(": ")[:2]) for finding in findings}
    wanted = {line.strip() for line in expected.splitlines() if line.strip() and not line.startswith("#")}
    policies = set(re.findall(r'sprintf\("([a-z-]+): ', POLICY.read_text(encoding="utf-8")))
    tested = {line.split(":")[0] for line in wanted}
    for line in sorted(wanted - found):
        print(f"not found by the policies, but wrong: {line}")
    for line in sorted(found - wanted):
        print(f"found by the policies, but not expected: {line}")
    for name in sorted(policies - tested):
        print(f"no wrong example for the policy {name}")
    return found == wanted and policies == tested


def main():
    parser = argparse.ArgumentParser(description="Judges Terraform by posthouse.rego.")
    parser.add_argument("--environment", default="")
    parser.add_argument("--expect")
    parser.add_argument("--dump")
    parser.add_argument("input")
    arguments = parser.parse_args()
    resources = read(arguments.input)
    if arguments.dump:
        pathlib.Path(arguments.dump).write_text(json.dumps(resources, indent=1), encoding="utf-8")
    if not resources:
        sys.exit(f"{arguments.input}: holds no resource, so nothing was judged")
    findings = evaluate({"environment": arguments.environment, "resources": resources})
    if arguments.expect:
        good = compare(findings, pathlib.Path(arguments.expect).read_text(encoding="utf-8"))
        print(f"{len(findings)} seeded mistakes found, as expected" if good else "the policies do not find what they must")
        sys.exit(0 if good else 1)
    for finding in findings:
        print(finding)
    print(f"{len(resources)} resources judged, {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
