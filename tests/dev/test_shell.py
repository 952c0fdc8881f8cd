# SPDX-License-Identifier: Apache-2.0
"""The shell functions of ./dev that must not be wrong in silence: how steps are counted, how INI files are edited, how the
cluster of ./dev run rds comes and goes."""

import os
import pathlib
import shutil
import subprocess
import tempfile

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


@pytest.fixture
def open_folder():
    """A folder that every user may enter, as root's PostgreSQL needs it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='posthouse-dev-'))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_cluster_is_made_once_and_ended(open_folder):
    made = bash(f'''
        STATE={open_folder}
        start_cluster
        asked() {{ psql -X -q -t -A "$(cluster url)" -c "$1"; }}
        asked 'CREATE TABLE kept(what text)'
        asked "INSERT INTO kept VALUES('a row')"
        stop_cluster
        trap - EXIT
        asked 'SELECT 1' 2>/dev/null || echo stopped
        start_cluster
        # One that was left running by a run that was killed is taken over.
        start_cluster
        asked 'SELECT what FROM kept'
        asked "SELECT 'addresses: ' || current_setting('listen_addresses')"
        ''', open_folder)
    assert made.returncode == 0, made.stderr
    told = [line for line in made.stdout.splitlines() if not line.startswith('==>')]
    assert told == ['stopped', 'a row', 'addresses: '], made.stdout
    # The shell's end was the end of the cluster.
    assert not (open_folder / 'postgres' / 'data' / 'postmaster.pid').exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_a_cluster_where_its_user_may_not_go(open_folder):
    closed = open_folder / 'closed'
    closed.mkdir(mode=0o700)
    made = bash(f'STATE={closed}/state; mkdir $STATE; start_cluster', open_folder)
    assert made.returncode != 0
    assert 'may not enter' in made.stderr
    assert '--state' in made.stderr
