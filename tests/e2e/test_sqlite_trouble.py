# SPDX-License-Identifier: Apache-2.0
"""The SQLite file damaged, locked, full, read-only or gone, under a running daemon and at its start.

Always: a message that says so, readiness 503, no crash, nothing accepted is lost, and it works again when the file is mended.
"""

import contextlib
import os
import resource
import shutil
import sqlite3

import pytest

from harness import PASSWORD, eventually

SHORT = {'call.deadline': '1s', 'breaker.cooldown': '100ms', 'busy_timeout': '200ms'}


@pytest.fixture
def scene(make_daemon):
    daemon = make_daemon(storage=SHORT, meta=SHORT, queue=SHORT).start()
    daemon.add_operator()
    ada = daemon.add_user('ada')
    daemon.before = [ada.sent('ada', f'before {number}') for number in range(5)]
    ada.wait_inbox(5)
    return daemon, ada


def refused(daemon, client, *words):
    """Sends are refused with 503 until readiness says 503, and the log says why."""
    def unavailable():
        answer = client.send('ada', 'in trouble', key='in-trouble')
        assert answer.status_code in (202, 503), answer.text
        if answer.status_code == 503:
            assert int(answer.headers['Retry-After']) >= 1
        code, body = daemon.readiness()
        return code == 503 and body['status'] == 'unavailable'

    eventually(unavailable, 'readiness is 503')
    eventually(lambda: any(word in daemon.log_text() for word in words), f'the log says one of {words}')
    assert client.get('/healthz').status_code == 200


def mended(daemon, ada):
    """It works again by itself: what was accepted is there once, and new messages arrive."""
    daemon.wait_ready('ready')
    after = ada.sent('ada', 'after')
    ids = eventually(lambda: (lambda got: got if after in got else None)([m['id'] for m in ada.inbox()]), 'it arrives')
    assert ids[:5] == sorted(daemon.before, key=ids.index)
    assert set(daemon.before) <= set(ids)
    assert len(set(ids)) == len(ids)
    # The one that was tried in the trouble, repeated: it is there at most once.
    again = ada.sent('ada', 'in trouble', key='in-trouble')
    eventually(lambda: [m['id'] for m in ada.inbox()].count(again) == 1, 'the repeated one is there once')


@contextlib.contextmanager
def locked(database):
    with contextlib.closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as connection:
        connection.execute('BEGIN IMMEDIATE')
        yield
        connection.execute('ROLLBACK')


def test_locked(scene):
    daemon, ada = scene
    with locked(daemon.database):
        refused(daemon, ada, 'is locked')
        assert len(ada.inbox()) >= 5, 'reading does not need the lock'
    mended(daemon, ada)


def test_locked_at_start(scene):
    daemon, ada = scene
    assert daemon.stop() == 0
    with contextlib.closing(sqlite3.connect(daemon.database, timeout=60, isolation_level=None)) as connection:
        connection.execute('PRAGMA locking_mode = EXCLUSIVE')
        connection.execute('BEGIN EXCLUSIVE')
        daemon.start(ready=False)
        assert daemon.readiness()[1]['status'] == 'unavailable'
        eventually(lambda: 'is locked' in daemon.log_text(whole=False), 'the log says so')
        assert daemon.readiness()[0] == 503
        assert ada.send('ada').status_code == 503
        connection.execute('ROLLBACK')
    mended(daemon, ada)


def test_gone_and_put_back(scene):
    daemon, ada = scene
    away = daemon.folder / 'away'
    away.mkdir()
    files = [path for path in daemon.folder.iterdir() if path.name.startswith('posthouse.db')]
    for path in files:
        path.rename(away / path.name)
    refused(daemon, ada, 'posthouse.db')
    assert not daemon.database.exists(), 'an empty file was made in its place'
    for path in files:
        (away / path.name).rename(path)
    mended(daemon, ada)


def test_replaced_by_garbage(scene):
    daemon, ada = scene
    assert daemon.stop() == 0  # so that the file is whole, without a write-ahead log
    copy = daemon.folder / 'copy.db'
    shutil.copy(daemon.database, copy)
    daemon.start()
    garbage = daemon.folder / 'garbage'
    garbage.write_bytes(os.urandom(100_000))
    for name in ('posthouse.db-wal', 'posthouse.db-shm'):
        (daemon.folder / name).unlink(missing_ok=True)
    garbage.rename(daemon.database)
    refused(daemon, ada, 'is not an SQLite database', 'is damaged')
    for name in ('posthouse.db-wal', 'posthouse.db-shm'):
        (daemon.folder / name).unlink(missing_ok=True)
    copy.rename(daemon.database)
    mended(daemon, ada)


def test_damaged_inside(scene):
    """Pages of noise in the middle of the file: an error or an answer, never a crash."""
    daemon, ada = scene
    for number in range(100):
        ada.sent('ada', f'padding {number}', 'x' * 3000)
    ada.wait_inbox(105)
    assert daemon.stop() == 0
    copy = daemon.folder / 'copy.db'
    shutil.copy(daemon.database, copy)
    size = daemon.database.stat().st_size
    with open(daemon.database, 'r+b') as file:
        for page in range(3, size // 4096, 2):
            file.seek(page * 4096)
            file.write(b'\xa5' * 4096)
    daemon.spawn()
    # Damage in the schema ends the start with 69; elsewhere the daemon runs and says 503 or what it can still read.
    eventually(lambda: daemon.process.poll() is not None or '"listening"' in daemon.log_text(whole=False), 'it starts')
    daemon.url = 'http://' + next(line['address'] for line in daemon.log(whole=False) if line['message'] == 'listening')
    for number in range(20):
        if daemon.process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            assert ada.send('ada', str(number)).status_code in (202, 401, 422, 500, 503)
            assert ada.get('/v1/inbox?limit=100').status_code in (200, 401, 500, 503)
    if daemon.running:
        assert daemon.stop() in (0, 69)
    assert daemon.process.returncode in (0, 69)
    assert 'is damaged' in daemon.log_text(whole=False)
    for name in ('posthouse.db-wal', 'posthouse.db-shm'):
        (daemon.folder / name).unlink(missing_ok=True)
    copy.rename(daemon.database)
    daemon.start()
    assert len(ada.inbox()) == 105


def test_full(scene):
    """No room to grow: the limit on the size of files stands for a full disk."""
    daemon, ada = scene
    assert daemon.stop() == 0
    assert shutil.which('prlimit'), 'util-linux is needed'
    daemon.start()
    size = max(path.stat().st_size for path in daemon.folder.iterdir())
    limit = size + 256 * 1024
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    accepted = []

    def until_refused():
        answer = ada.send('ada', 'filling', 'x' * 50_000)
        assert answer.status_code in (202, 503), answer.text
        if answer.status_code == 202:
            accepted.append(answer.json()['id'])
        return answer.status_code == 503 and daemon.readiness()[0] == 503

    eventually(until_refused, 'a send is refused and readiness is 503')
    assert 'full' in daemon.log_text() or 'cannot be written' in daemon.log_text()
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    mended(daemon, ada)
    eventually(lambda: set(accepted) <= {m['id'] for m in ada.inbox()}, 'all that was accepted arrives')


def test_read_only_folder_for_another_user(make_daemon):
    """A daemon that may not write: it says so at start, tries on, and works once it may."""
    if os.geteuid() != 0:
        pytest.skip('needs root, to run the daemon as another user')
    daemon = make_daemon(storage=SHORT, meta=SHORT, queue=SHORT).start()
    daemon.add_operator()
    ada = daemon.add_user('ada')
    daemon.before = [ada.sent('ada', f'before {number}') for number in range(5)]
    ada.wait_inbox(5)
    assert daemon.stop() == 0
    del daemon.sections['alert']['path']
    for path in [daemon.folder, *daemon.folder.parents]:
        if path.stat().st_uid == 0 and path != path.parent and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    daemon.folder.chmod(0o755)
    daemon.write()
    daemon.ini.chmod(0o644)
    daemon.database.chmod(0o444)
    nobody = 65534

    def become_nobody():
        os.setgid(nobody)
        os.setuid(nobody)

    daemon.preexec = become_nobody
    daemon.spawn()
    eventually(lambda: 'read-only' in daemon.log_text(whole=False) or 'cannot be opened' in daemon.log_text(whole=False)
               or 'may not' in daemon.log_text(whole=False) or daemon.process.poll() is not None, 'the log says so')
    if daemon.running:
        daemon.url = 'http://' + next(line['address'] for line in daemon.log(whole=False)
                                      if line['message'] == 'listening')
        assert daemon.readiness()[0] == 503
        assert daemon.client().post('/v1/sessions', {'user': 'ada', 'password': PASSWORD}).status_code == 503
        assert daemon.stop() == 0
    else:
        assert daemon.process.returncode == 69
    for path in daemon.folder.iterdir():
        os.chown(path, nobody, nobody)
    daemon.folder.chmod(0o777)
    daemon.database.chmod(0o600)
    daemon.start()
    mended(daemon, daemon.client('ada'))
