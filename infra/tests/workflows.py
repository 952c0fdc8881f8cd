#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# What GitHub does otherwise than one reads in a workflow, and what zizmor does not look for:
#   - a step of the default shell ends well if the last command of a pipe does, so that `deploy | tee` never fails
#   - `vars` in the env of a whole workflow does not know the variables of a job's environment
#
#   workflows.py FILE…
import pathlib
import sys

import yaml


def faults(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    shell = workflow.get("defaults", {}).get("run", {}).get("shell")
    jobs = workflow["jobs"]
    for name, job in jobs.items():
        for step in job.get("steps", []):
            if "run" in step and (step.get("shell") or shell) != "bash":
                yield f"{name}: a step whose shell is not named: {step.get('name') or step['run'].splitlines()[0]}"
    environments = [name for name, job in jobs.items() if "environment" in job]
    for key, value in workflow.get("env", {}).items():
        if "vars." in str(value) and environments:
            yield f"{key} of the workflow's env is not known from the environment of {', '.join(environments)}"


def main():
    found = [f"{path}: {fault}" for path in map(pathlib.Path, sys.argv[1:]) for fault in faults(path)]
    print("\n".join(found) if found else f"{len(sys.argv) - 1} workflows without a fault")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
