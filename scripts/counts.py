# SPDX-License-Identifier: Apache-2.0
"""Counts what ran: reads the results of make check, of pytest and of our own scripts; sums them.

    counts.py unit FOLDER      the .trs and .log files of automake's test driver, by cmocka's test cases
    counts.py junit FILE       pytest's XML
    counts.py lines FILE STATUS  the last "N passed, N failed" in a log; without one, one test with that status
    counts.py sum FILE…        JSON files written before; prints the closing line

All but sum print {"passed": n, "failed": n, "skipped": n}. A program that failed without naming a
failed test (it crashed, hung or could not start) counts as one failure: nothing red is ever lost.
"""

import json
import os
import re
import sys
import xml.etree.ElementTree

_CMOCKA = re.compile(r'^\[\s*(OK|FAILED|SKIPPED|ERROR)\s*\] (?:.*: )?(\S+)\s*$', re.MULTILINE)


def read(name):
    try:
        with open(name, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def count(passed=0, failed=0, skipped=0):
    return {'passed': passed, 'failed': failed, 'skipped': skipped}


def add(one, other):
    return {key: one[key] + other[key] for key in one}


def of_program(result, log):
    """The counts of one test program by its outcome and its output."""
    cases = _CMOCKA.findall(log)
    passed = sum(1 for outcome, _ in cases if outcome == 'OK')
    failed = len({name for outcome, name in cases if outcome in ('FAILED', 'ERROR')})
    skipped = len({name for outcome, name in cases if outcome == 'SKIPPED'})
    if result in ('PASS', 'XFAIL'):
        return count(passed or (0 if skipped else 1), failed, skipped)
    if result == 'SKIP':
        return count(passed, failed, max(skipped, 1))
    return count(passed, max(failed, 1), skipped)


def unit(folder):
    total = count()
    for path, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith('.trs'):
                trs = os.path.join(path, name)
                result = re.search(r'^:global-test-result: (\w+)', read(trs), re.MULTILINE)
                total = add(total, of_program(result.group(1) if result else 'ERROR', read(trs[:-4] + '.log')))
    return total


def junit(name):
    try:
        root = xml.etree.ElementTree.parse(name).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return count(failed=1)
    total = count()
    for case in root.iter('testcase'):
        tags = {child.tag for child in case}
        bad = bool(tags & {'failure', 'error'})
        skip = 'skipped' in tags and not bad
        total = add(total, count(not bad and not skip, bad, skip))
    return total


def lines(name, status):
    found = re.findall(r'^(?:\S+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$', read(name), re.MULTILINE)
    if found:
        return count(*(int(number or 0) for number in found[-1]))
    return count(failed=1) if int(status) else count(passed=1)


def main(arguments):
    mode, names = arguments[0], arguments[1:]
    if mode == 'sum':
        total = count()
        for name in names:
            if os.path.exists(name):
                total = add(total, json.loads(read(name)))
        skipped = f', {total["skipped"]} skipped' if total['skipped'] else ''
        print(f'{total["passed"]} passed, {total["failed"]} failed{skipped}')
        return 1 if total['failed'] or not total['passed'] else 0
    print(json.dumps({'unit': unit, 'junit': junit, 'lines': lines}[mode](*names)))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
