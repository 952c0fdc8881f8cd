# SPDX-License-Identifier: Apache-2.0
"""A configuration with mistakes: all of them in one run, as `file:line: what`, exit 78; an address in use: 69."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess

import pytest

from harness import DAEMON, LIMIT, config_of, eventually, ini_text

CONFIG, UNAVAILABLE, USAGE = 78, 69, 64


def run(folder, text, *arguments, env=None):
    """Runs posthoused on this text; returns its exit code and what it wrote."""
    file = folder / 'posthouse.ini'
    file.write_text(text, encoding='utf-8')
    done = subprocess.run([str(DAEMON), '-c', str(file), *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=LIMIT, check=False, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def good(**sections):
    config = config_of('sqlite')
    for section, keys in sections.items():
        config.setdefault(section, {}).update(keys)
    return ini_text(config)


def findings(folder, text):
    """Line number → what, of a check that must fail; the start must say the same."""
    code, _, errors = run(folder, text, '--check')
    assert code == CONFIG, errors
    start_code, _, start_errors = run(folder, text)
    found = {}
    for line in errors.splitlines():
        match = re.fullmatch(r'(.*posthouse\.ini):(\d+): (.*)', line)
        if match:
            found.setdefault(int(match[2]), []).append(match[3])
            assert line in start_errors
    assert start_code == CONFIG, start_errors
    return found


def test_all_mistakes_in_one_run(tmp_path):
    text = '''[daemon]
log_levle = info
drain = soon
attempts = 0
[http]
listen = 127.0.0.1:0
loops = 65
max_body = 12 horses
[stroage]
plugin = sqlite
[storage]
plugin = sqlite
path = posthouse.db
path = other.db
busy_timeout = -3s
[meta]
path = posthouse.db
[queue]
plugin = pigeon
fault.sned = transient 5%
fault.receive = transient 105%
[alert]
plugin = log
level = ${POSTHOUSE_NOT_SET}
[alarm backlog]
above = 100
'''
    found = findings(tmp_path, text)
    expected = {2: 'log_level', 3: 'drain', 4: 'attempts', 7: 'loops', 8: 'max_body', 9: 'storage', 14: 'path',
                15: 'busy_timeout', 16: 'plugin', 19: 'pigeon', 24: 'POSTHOUSE_NOT_SET', 25: 'metric'}
    for line, word in expected.items():
        assert line in found, f'nothing about line {line} ({word}): {found}'
        assert any(word in what for what in found[line]), found[line]
    # Nothing is said about lines that are right.
    assert not set(found) & {1, 5, 6, 11, 12, 13, 17, 22, 23}, found


@pytest.mark.parametrize(('key', 'value', 'what'), [
    ('storage', 'fault.append_all = transient 5%', 'append'),
    ('storage', 'fault.append = transient 105%', '105%'),
    ('storage', 'fault.append = sleepy 5%', 'sleepy'),
    ('storage', 'call.deadlin = 5s', 'call.deadline'),
    ('storage', 'call.deadline = 0s', 'call.deadline'),
    ('storage', 'cache = many', 'cache'),
    ('storage', 'path = ${secret:NAME#key}', 'secret'),
    ('http', 'rate_per_user = fast', 'rate_per_user'),
    ('http', 'trusted_proxies = 10.0.0.0/99', '10.0.0.0/99'),
    ('daemon', 'roles = api postman', 'postman'),
    ('daemon', 'log_format = xml', 'text'),
    ('alert', 'level = loud', 'warn'),
])
def test_one_mistake(tmp_path, key, value, what):
    name, setting = value.split(' = ', 1)
    found = findings(tmp_path, good(**{key: {name: setting}}))
    assert len(found) == 1, found
    (texts,) = found.values()
    assert what in ' '.join(texts)


def test_missing_sections(tmp_path):
    code, _, errors = run(tmp_path, '[daemon]\n', '--check')
    assert code == CONFIG
    for kind in ('storage', 'meta', 'queue', 'alert'):
        assert f'[{kind}]' in errors or kind in errors


@pytest.mark.parametrize('text', ['key = value\n[daemon]\n', '[daemon\n', '[daemon]\nno equals sign\n',
                                  '[daemon]\nlog_level = "\x01"\n', '[daemon]\n' + 'x' * 5000 + ' = 1\n'])
def test_lines_that_are_not_ini(tmp_path, text):
    code, _, errors = run(tmp_path, text + good(), '--check')
    assert code == CONFIG, errors
    assert re.search(r'posthouse\.ini:\d+: ', errors)


def test_file_that_cannot_be_read(tmp_path):
    done = subprocess.run([str(DAEMON), '-c', str(tmp_path / 'none.ini')], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    assert done.returncode == CONFIG
    assert 'none.ini' in done.stderr


def test_plugin_that_is_not_one(tmp_path):
    (tmp_path / 'queue-broken.so').write_text('not a shared object')
    code, _, errors = run(tmp_path, good(daemon={'plugin_path': str(tmp_path)}, queue={'plugin': 'broken'}), '--check')
    assert code == CONFIG
    assert 'queue-broken.so' in errors


def test_a_good_file(tmp_path):
    code, out, errors = run(tmp_path, good(), '--check')
    assert (code, errors) == (0, ''), errors
    assert 'good' in out
    assert not (tmp_path / 'posthouse.db').exists(), 'a check opened the storage'
    code, out, errors = run(tmp_path, good(), '--check=deep')
    assert code == 0, errors
    assert (tmp_path / 'posthouse.db').exists()


def test_deep_check_names_what_does_not_open(tmp_path):
    (tmp_path / 'posthouse.db').write_bytes(b'this is not a database at all, but long enough to look at' * 100)
    code, _, errors = run(tmp_path, good(), '--check=deep')
    assert code == UNAVAILABLE
    assert re.search(r'posthouse\.ini:\d+: storage', errors)
    assert 'posthouse.db' in errors


def test_environment_overrides(tmp_path):
    code, _, errors = run(tmp_path, good(), '--check', env={'POSTHOUSE_HTTP_LOOPS': 'many'})
    assert code == CONFIG
    assert 'POSTHOUSE_HTTP_LOOPS' in errors
    text = good(daemon={'log_level': '${WANTED_LEVEL}'})
    code, _, errors = run(tmp_path, text, '--check', env={'WANTED_LEVEL': 'warn'})
    assert (code, errors) == (0, '')
    code, _, errors = run(tmp_path, good(storage={'path': '/nowhere/posthouse.db'}), '--check=deep',
                          env={'POSTHOUSE_STORAGE_PATH': 'here.db'})
    assert code == 0, errors
    assert (tmp_path / 'here.db').exists()


def test_usage():
    for arguments in ([], ['-c'], ['--nonsense'], ['-c', 'x.ini', 'more'], ['-c', 'x.ini', '--check=shallow']):
        done = subprocess.run([str(DAEMON), *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
        assert done.returncode == USAGE, arguments
        assert done.stderr
    done = subprocess.run([str(DAEMON), '--version'], capture_output=True, text=True, timeout=LIMIT, check=True)
    assert re.fullmatch(r'posthoused \d+\.\d+\.\d+\n', done.stdout)


def test_address_in_use(tmp_path, make_daemon):
    daemon = make_daemon().start()
    address = daemon.url.removeprefix('http://')
    code, out, errors = run(tmp_path, good(http={'listen': address}))
    assert code == UNAVAILABLE
    assert address in out + errors
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        address = f'127.0.0.1:{listener.getsockname()[1]}'
        code, out, errors = run(tmp_path, good(http={'listen': address}))
    assert code == UNAVAILABLE
    assert address in out + errors


@pytest.mark.parametrize('trouble', ['garbage', 'other program', 'newer'])
def test_storage_that_refuses(tmp_path, trouble):
    database = tmp_path / 'posthouse.db'
    if trouble == 'garbage':
        database.write_bytes(b'not a database' * 1000)
    else:
        if trouble == 'newer':
            code, _, errors = run(tmp_path, good(), '--check=deep')
            assert code == 0, errors
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            if trouble == 'newer':
                connection.execute("UPDATE posthouse_schema SET version = 999, oldest_program = '999.0.0'")
            else:
                connection.execute('CREATE TABLE letters(a)')
    code, out, errors = run(tmp_path, good())
    assert code == UNAVAILABLE
    assert 'posthouse.db' in out + errors


def test_a_hangup_changes_nothing(make_daemon):
    """Who asks for a reload that is not there is told so, and the daemon serves on."""
    daemon = make_daemon('sqlite').start()
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: 'SIGHUP' in daemon.log_text(), 'the signal is noted')
    assert daemon.readiness()[0] == 200
    assert daemon.stop() == 0
