#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the modules' tests can fail: breaks one line of a copy of a module at a time (wrong/mutants.json) and wants the
# named run, which is green without the change, to go red.
#
#   mutants.py TF_CHECK WORK
import json
import pathlib
import re
import shutil
import subprocess
import sys

INFRA = pathlib.Path(__file__).resolve().parents[1]


def red_runs(tf_check, module):
    """The names of the runs that failed in the module."""
    command = ["node", f"{tf_check}/bin/tf-check.mjs", "exec", str(module), "--", "sh", "-c",
               "terraform init -backend=false -input=false >/dev/null && terraform test -json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    red = set()
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        run = json.loads(line).get("test_run", {})
        if run.get("status") in ("fail", "error"):
            red.add(run["run"])
    return red


def only(module, run):
    """Leaves the named run alone in the module's tests, so that it does not take minutes."""
    for path in (module / "tests").glob("*.tftest.hcl"):
        parts = re.split(r"(?m)^(?=run \")", path.read_text(encoding="utf-8"))
        path.write_text(parts[0] + "".join(part for part in parts[1:] if part.startswith(f'run "{run}"')), encoding="utf-8")


def main():
    tf_check, work = sys.argv[1], pathlib.Path(sys.argv[2])
    mutants = json.loads((INFRA / "tests/wrong/mutants.json").read_text(encoding="utf-8"))
    survived = 0
    for mutant in mutants:
        shutil.rmtree(work, ignore_errors=True)
        module = work / "modules" / mutant["module"]
        shutil.copytree(INFRA / "modules" / mutant["module"], module, ignore=shutil.ignore_patterns(".terraform*", "waf"))
        shutil.copytree(INFRA / "tests", work / "tests", ignore=shutil.ignore_patterns("wrong"))
        source = module / mutant["file"]
        text = source.read_text(encoding="utf-8")
        if text.count(mutant["from"]) < 1:
            print(f"{mutant['module']}/{mutant['file']}: the line to break is not there: {mutant['from']!r}")
            survived += 1
            continue
        source.write_text(text.replace(mutant["from"], mutant["to"], 1), encoding="utf-8")
        only(module, mutant["run"])
        red = red_runs(tf_check, module)
        if mutant["run"] not in red:
            print(f"{mutant['module']}: {mutant['why']}, and {mutant['run']} does not see it (red: {sorted(red)})")
            survived += 1
        else:
            print(f"{mutant['module']}: {mutant['why']}: found by {mutant['run']}")
    shutil.rmtree(work, ignore_errors=True)
    print(f"{len(mutants) - survived} of {len(mutants)} found")
    sys.exit(survived > 0 or not mutants)


if __name__ == "__main__":
    main()
