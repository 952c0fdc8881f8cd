#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Whoever is woken by an alarm finds its name on the page that its text names.
#
#   alarms.py RUNBOOKS
import pathlib
import re
import sys

ALARMS = pathlib.Path(__file__).resolve().parents[1] / "modules" / "observability" / "alarms.tf"
ALARM = re.compile(r'^  alarm_name +=\s"\$\{var\.name\}-([a-z0-9-]+)(.*)"\n  alarm_description +=\s"(.*)"$', re.MULTILINE)


def main():
    runbooks, wrong = pathlib.Path(sys.argv[1]), 0
    text = ALARMS.read_text(encoding="utf-8")
    alarms = ALARM.findall(text)
    if len(alarms) != text.count('"aws_cloudwatch_metric_alarm"'):
        sys.exit(f"{ALARMS.name} is not written as this reads it")
    for name, rest, description in alarms:
        shown = f"{name}…" if rest else name
        named = re.search(r"Runbook: ([a-z-]+\.md)", description)
        page = runbooks / named[1] if named else None
        if page is None or not page.is_file() or not re.search(rf"`(NAME-)?{shown}", page.read_text(encoding="utf-8")):
            print(f"{shown}: {f'{named[1]} does not speak of it' if named else 'its text names no page'}")
            wrong += 1
    print(f"{len(alarms)} alarms looked for in {runbooks.name}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
