# SPDX-License-Identifier: Apache-2.0
"""The shell functions of ./dev that must not be wrong in silence: how steps are counted, how INI files are edited."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def bash(script, folder):
    """Runs a script with ./dev's functions, its logs in `folder`; returns the finished process."""
    head = f'set -euo pipefail\nROOT={ROOT}\n' + ''.join(
        f'. {ROOT}/scripts/{name}.sh\n' for name in ('common', 'build', 'test', 'run'))
    return subprocess.run(['/bin/bash', '-c', f'{head}LOGS={folder}\n{script}'], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, timeout=60)


def closing_line(script, folder):
    answer = bash(script + '\nreport', folder)
    return answer.returncode, answer.stdout.splitlines()[-1], answer.stdout


def counting(passed, failed):
    return f'echo \'{{"passed": {passed}, "failed": {failed}, "skipped": 0}}\' >$LOGS/$STEP.counts'


def test_steps_are_summed(tmp_path):
    status, line, _ = closing_line(f'''
        one() {{ {counting(3, 0)}; }}
        two() {{ {counting(4, 0)}; }}
        step one One one; step two Two two''', tmp_path)
    assert (status, line) == (0, '7 passed, 0 failed')


def test_a_counted_failure_is_counted_once_and_shown(tmp_path):
    status, line, output = closing_line(f'''
        one() {{ echo "what went wrong"; {counting(3, 2)}; false; }}
        step one One one || true''', tmp_path)
    assert (status, line) == (1, '3 passed, 2 failed')
    assert 'what went wrong' in output


def test_a_step_that_breaks_beside_its_counts_is_a_failure(tmp_path):
    status, line, _ = closing_line(f'''
        one() {{ {counting(3, 0)}; return 7; }}
        step one One one || true''', tmp_path)
    assert (status, line) == (1, '3 passed, 1 failed')


def test_a_step_that_exits_is_a_failure(tmp_path):
    status, line, _ = closing_line('one() { die "no compiler"; }\nstep one One one || true', tmp_path)
    assert (status, line) == (1, '0 passed, 1 failed')


def test_nothing_run_is_no_success(tmp_path):
    status, line, _ = closing_line('step one One true', tmp_path)
    assert (status, line) == (1, '0 passed, 0 failed')


def test_a_sanitizer_report_fails_a_step_that_passed(tmp_path):
    status, line, output = closing_line(f'''
        one() {{ {counting(3, 0)}; echo "heap-use-after-free" >"${{ASAN_OPTIONS#log_path=}}.1"; }}
        path() {{ ASAN_OPTIONS=${{ASAN_OPTIONS%%:*}} one; }}
        step one One sanitized asan path || true''', tmp_path)
    assert (status, line) == (1, '3 passed, 1 failed')
    assert 'heap-use-after-free' in output


@pytest.mark.parametrize('before, after', [
    ('[http]\nlisten = a\nloops = 2\n', '[http]\nlisten = x:1\nloops = 2\n'),
    ('[http] ; head\nloops = 2\n', '[http] ; head\nlisten = x:1\nloops = 2\n'),
    ('[a]\nlisten = 1\n', '[a]\nlisten = 1\n[http]\nlisten = x:1\n'),
    ('[http]\n;listen = a\n[a]\nlisten=1\n', '[http]\nlisten = x:1\n;listen = a\n[a]\nlisten=1\n'),
])
def test_a_key_is_set_in_its_section(tmp_path, before, after):
    file = tmp_path / 'a.ini'
    file.write_text(before)
    assert bash(f'ini_set {file} http listen x:1', tmp_path).returncode == 0
    assert file.read_text() == after


def test_missing_packages_are_found_in_one_look(tmp_path):
    answer = bash('packages_missing bash no-such-package-a coreutils no-such-package-b', tmp_path)
    assert answer.stdout.split() == ['no-such-package-a', 'no-such-package-b']
