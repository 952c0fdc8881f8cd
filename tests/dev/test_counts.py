# SPDX-License-Identifier: Apache-2.0
"""Nothing red may be lost on the way to the closing line."""

import counts
import pytest

GREEN = '[==========] Running 2 test(s).\n[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n[       OK ] b\n'
RED = GREEN + ('[ RUN      ] c\n[  FAILED  ] c\n[  PASSED  ] 2 test(s).\n'
               '[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] c\n')


@pytest.mark.parametrize('result, log, expected', [
    ('PASS', GREEN, (2, 0, 0)),
    ('FAIL', RED, (2, 1, 0)),
    ('FAIL', GREEN, (2, 1, 0)),                              # it crashed after its last test
    ('ERROR', '', (0, 1, 0)),                                # it could not start
    ('PASS', 'a program of another kind\n', (1, 0, 0)),
    ('SKIP', '', (0, 0, 1)),
    ('PASS', GREEN + '[  SKIPPED ] d\n', (2, 0, 1)),
])
def test_a_unit_program(result, log, expected):
    assert tuple(counts.of_program(result, log).values()) == expected


def test_pytest_results(tmp_path):
    report = tmp_path / 'r.xml'
    report.write_text('<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
                      '<testcase name="c"><skipped/></testcase><testcase name="d"><error/></testcase>'
                      '</testsuite></testsuites>')
    assert tuple(counts.junit(str(report)).values()) == (1, 2, 1)


def test_a_missing_report_is_a_failure(tmp_path):
    assert counts.junit(str(tmp_path / 'none.xml'))['failed'] == 1


def test_a_closing_line_or_the_status(tmp_path):
    log = tmp_path / 'a.log'
    log.write_text('1 passed, 0 failed\nfuzz: 3 passed, 2 failed\nbye\n')
    assert tuple(counts.lines(str(log), '1').values()) == (3, 2, 0)
    log.write_text('bye\n')
    assert tuple(counts.lines(str(log), '1').values()) == (0, 1, 0)
    assert tuple(counts.lines(str(log), '0').values()) == (1, 0, 0)


def test_the_sum_fails_when_nothing_passed(tmp_path, capsys):
    one = tmp_path / 'one'
    one.write_text('{"passed": 0, "failed": 0, "skipped": 0}')
    assert counts.main(['sum', str(one)]) == 1
    one.write_text('{"passed": 2, "failed": 0, "skipped": 1}')
    assert counts.main(['sum', str(one), str(one)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == '4 passed, 0 failed, 2 skipped'
