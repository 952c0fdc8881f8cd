# SPDX-License-Identifier: Apache-2.0
"""Locks that others hold, statements that the server refuses or gives up, daemons that stop in the middle."""

import concurrent.futures
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg
import pytest

from cluster import FAST, Cluster
from harness import Follower, eventually
from trouble import long_under_a_sanitizer, refused, rounds, says, traffic_through


@pytest.fixture
def scene(make_daemon):
    daemon = make_daemon('rds').start()
    daemon.add_operator()
    return daemon, daemon.add_user('ada'), daemon.add_user('grace')


def restarted(daemon, **storage):
    assert daemon.stop() == 0
    daemon.sections['storage'].update(storage)
    return daemon.start()


@contextlib.contextmanager
def holding(daemon, statement, *values):
    """Holds what a statement has locked."""
    with daemon.cluster.session(daemon.database_name) as session:
        session.execute('BEGIN')
        session.execute(statement, values)
        yield session
        with contextlib.suppress(psycopg.Error):
            session.execute('ROLLBACK')


def inbox_locked(daemon, name):
    return holding(daemon, 'SELECT 1 FROM posthouse_inboxes WHERE name = %s FOR UPDATE', name)


KEY = "INSERT INTO posthouse_keys(sender, key, id, hash, accepted_at) VALUES(%s, %s, gen_random_uuid(), '', 0)"


def key_locked(daemon, name, key):
    """A key of a user: whoever appends a message with it has to wait whether it becomes a repeat."""
    return holding(daemon, KEY, name, key.encode())


def settled(daemon, ada, key):
    """What was tried in the trouble, repeated with its key, is there once; nothing of it was lost or doubled."""
    daemon.wait_ready('ready')
    message = eventually(lambda: (lambda answer: answer.status_code == 202 and answer)(ada.send('ada', 'tried', key=key)),
                         'it is accepted').json()['id']
    eventually(lambda: message in [m['id'] for m in ada.inbox()], 'it arrives')
    assert [m['subject'] for m in ada.inbox()].count('tried') == 1


@pytest.mark.parametrize('storage, state', [
    ({'lock_timeout': '300ms'}, '55P03'),
    ({'lock_timeout': '10m', 'statement_timeout': '1s'}, '57014'),
    ({'lock_timeout': '10m', 'statement_timeout': '10m'}, None),
])
def test_a_lock_is_held(scene, storage, state):
    """Whichever time-out ends the waiting: the lock's, the statement's, the call's."""
    daemon, ada, grace = scene
    restarted(daemon, **storage)
    with key_locked(daemon, 'ada', 'a-lock'):
        answer = ada.send('ada', 'tried', key='a-lock')
        assert answer.status_code == 503, answer.text
        if state is not None:
            says(daemon, state)
        # Nobody else has to wait for long.
        eventually(lambda: grace.send('grace').status_code == 202, 'a message of somebody else is accepted')
    settled(daemon, ada, 'a-lock')


def test_an_inbox_is_locked(scene):
    """Deliveries wait and are made; accepting does not need the lock."""
    daemon, ada, grace = scene
    restarted(daemon, lock_timeout='300ms')
    with inbox_locked(daemon, 'ada'):
        ids = [grace.sent('ada', str(number)) for number in range(5)]
        says(daemon, '55P03')
        assert ada.inbox() == []
    assert sorted(m['id'] for m in ada.wait_inbox(5)) == sorted(ids)


def test_a_failure_is_recorded_meanwhile(scene):
    """A delivery waits for a mark, and finds a failure recorded that was not there when it began: it tells of it."""
    daemon, ada, grace = scene
    restarted(daemon, lock_timeout='500ms')
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with daemon.cluster.session(daemon.database_name) as session:
        with inbox_locked(daemon, 'ada'):
            message = grace.sent('ada')
            says(daemon, '55P03')
            session.execute('BEGIN')
            session.execute("SET LOCAL lock_timeout = '1min'")
            session.execute('UPDATE posthouse_outbox SET failed = true WHERE id = %s', [message])
            session.execute('INSERT INTO posthouse_troubles(id, failures, first_failed_at, last_failed_at, reason)'
                            " VALUES(%s, 1, 1000, 1000, 'as it happens')", [message])
        eventually(lambda: daemon.cluster.sql(waiting, database=daemon.database_name)[0][0] > 0, 'a delivery waits for the mark')
        session.execute('COMMIT')
    assert [m['id'] for m in ada.wait_inbox(1)] == [message]
    whole = eventually(lambda: (lambda shown: 'partial' not in shown and shown)(grace.show(message)), 'its document is put')
    assert 'first_failure' in [step['event'] for step in whole['timeline']], whole


def test_deadlocks(scene):
    """Of two transactions that wait for each other, the server ends one: here the daemon's."""
    daemon, ada, grace = scene
    restarted(daemon, lock_timeout='10m', statement_timeout='10m')
    for number in rounds(2):
        met = daemon.log_text().count('40P01')
        key = f'deadlock-{number}'
        with key_locked(daemon, 'grace', key) as session, concurrent.futures.ThreadPoolExecutor(1) as pool:
            batch = {'messages': [{'to': ['ada'], 'subject': 'tried', 'body': '', 'idempotency_key': key}]}
            # Two senders' messages, in one transaction or in two: ada's key is taken while grace's is waited for.
            sends = pool.submit(both, ada, grace, batch)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            eventually(lambda s=session: s.execute(waiting).fetchone()[0] > 0, 'the daemon waits for the lock')
            session.execute("SET LOCAL deadlock_timeout = '1h'")
            with contextlib.suppress(psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation):
                session.execute(KEY, ['ada', key.encode()])
            session.execute('ROLLBACK')
            assert sends.result() == 202
        if daemon.log_text().count('40P01') > met:
            break
    ada.wait_inbox(1)


def both(ada, grace, batch):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pool.map(lambda client: client.fork().post('/v1/messages/batch', batch), [ada, grace] * 2)
    return eventually(lambda: (lambda answer: answer.status_code == 202 and answer)(
        ada.send('ada', 'after', key='after')), 'a message is accepted').status_code


# Errors that cannot be had by honest means: a trigger raises them.

TRIGGER = """
CREATE TABLE trouble(state text, chance float);
GRANT SELECT ON trouble TO PUBLIC;
CREATE FUNCTION make_trouble() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wanted text := (SELECT state FROM trouble WHERE random() < chance LIMIT 1);
BEGIN
    IF wanted IS NOT NULL THEN RAISE EXCEPTION 'made by a test' USING ERRCODE = wanted; END IF;
    RETURN NULL;
END$$;
"""


def with_triggers(daemon):
    with daemon.cluster.session(daemon.database_name) as session:
        session.execute(TRIGGER)
        tables = session.execute("SELECT relname FROM pg_class WHERE relname LIKE 'posthouse_%' AND relkind = 'r'").fetchall()
        for (table,) in tables:
            session.execute(f'CREATE TRIGGER trouble AFTER INSERT OR UPDATE OR DELETE ON {table} EXECUTE FUNCTION make_trouble()')


def raise_always(daemon, state, chance=1.0):
    daemon.cluster.sql('INSERT INTO trouble VALUES(%s, %s)', [state, chance], database=daemon.database_name)


def raise_nothing(daemon):
    daemon.cluster.sql('DELETE FROM trouble', database=daemon.database_name)


@long_under_a_sanitizer
@pytest.mark.parametrize('state', ['53100', '53200', '40001', '57014', '58030', 'XX001'])
def test_the_server_refuses_every_write(scene, state):
    daemon, ada, _ = scene
    with_triggers(daemon)
    before = ada.sent('ada')
    ada.wait_inbox(1)
    raise_always(daemon, state)
    answer = ada.send('ada', 'tried', key='refused')
    assert answer.status_code == 503, answer.text
    assert int(answer.headers['Retry-After']) >= 1
    says(daemon, state)
    assert [m['id'] for m in ada.inbox()] == [before], 'reading goes on'
    raise_nothing(daemon)
    settled(daemon, ada, 'refused')


def test_the_server_refuses_some_writes(scene):
    daemon, _, _ = scene
    with_triggers(daemon)
    with traffic_through(daemon) as traffic:
        for state in ('40001', '40P01', '57014', '53100'):
            raise_always(daemon, state, 0.1)
            traffic.wait_accepted(20, 'messages are accepted in spite of it')
            raise_nothing(daemon)


@long_under_a_sanitizer
def test_the_disk_is_full(make_daemon):
    """A small disk for the tables; only root can make one."""
    folder = tempfile.mkdtemp(prefix='posthouse-disk-')
    cluster = Cluster(*FAST)
    try:
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], capture_output=True, check=False)
        if mounted.returncode != 0:
            pytest.skip('only root can mount a small disk')
        owner = (cluster.folder / 'data').stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        cluster.sql(f"CREATE TABLESPACE small LOCATION '{folder}'")
        cluster.sql('GRANT CREATE ON TABLESPACE small TO posthouse')
        daemon = make_daemon('rds', cluster=cluster)
        cluster.sql(f'ALTER DATABASE {daemon.database_name} SET default_tablespace = small')
        daemon.start().add_operator()
        ada = daemon.add_user('ada')
        accepted = []

        def until_refused():
            # Random, so that it cannot be compressed.
            answer = ada.send('ada', 'filling', os.urandom(60_000).hex())
            assert answer.status_code in (202, 503), answer.text
            if answer.status_code == 202:
                accepted.append(answer.json()['id'])
            return answer.status_code == 503

        eventually(until_refused, 'a send is refused')
        says(daemon, '53100', 'disk is full')
        assert len(ada.inbox()) > 0, 'reading goes on'
        subprocess.run(['mount', '-o', 'remount,size=128m', folder], check=True)
        settled(daemon, ada, 'full')
        eventually(lambda: set(accepted) <= {m['id'] for m in ada.inbox()}, 'all that was accepted arrives')
        assert daemon.stop() == 0
    finally:
        cluster.remove()
        subprocess.run(['umount', '-l', folder], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_too_many_connections(make_daemon, cluster):
    daemon = make_daemon('rds')
    role = daemon.database_name + '_owner'
    cluster.sql(f'CREATE ROLE {role} LOGIN CONNECTION LIMIT 2')
    cluster.sql(f'ALTER DATABASE {daemon.database_name} OWNER TO {role}')
    daemon.sections['storage']['url'] = cluster.url(daemon.database_name, user=role)
    daemon.start(ready=False)
    says(daemon, '53300', 'too many connections')
    cluster.sql(f'ALTER ROLE {role} CONNECTION LIMIT 50')
    daemon.wait_ready('ready')
    ada = daemon.add_user('ada')
    ada.sent('ada')
    ada.wait_inbox(1)
    # None for others, and one for each of the daemon's own that is lost.
    cluster.sql(f'ALTER ROLE {role} CONNECTION LIMIT 0')
    cluster.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s', [role])
    daemon.wait_ready('unavailable')
    refused(ada, 'ada')
    cluster.sql(f'ALTER ROLE {role} CONNECTION LIMIT 50')
    settled(daemon, ada, 'too-many')


# Daemons that stop.

def test_daemons_are_stopped_at_any_moment(make_daemon):
    """SIGSTOP: what a stopped daemon has begun must not keep the others from working."""
    first = make_daemon('rds', storage={'network_timeout': '2s', 'statement_timeout': '2s', 'lock_timeout': '1s'}).start()
    first.add_operator()
    others = [make_daemon.beside(first).start() for _ in range(2)]
    with traffic_through(first, *others) as traffic:
        for number in rounds(6):
            victim = others[number % 2]
            victim.process.send_signal(signal.SIGSTOP)
            try:
                # The writer at the stopped daemon waits; those of the others go on.
                traffic.wait_accepted(30, 'the other daemons accept messages')
            finally:
                victim.process.send_signal(signal.SIGCONT)


def test_a_daemon_is_stopped_in_the_middle_of_a_transaction(make_daemon):
    """It has sent a part of a statement that is larger than what sockets hold, behind one that has taken a lock: the server
    waits for the rest, with the lock, and no time-out of its own ends that."""
    first = make_daemon('rds', storage={'network_timeout': '2s', 'statement_timeout': '2s', 'lock_timeout': '1s'}).start()
    first.add_operator()
    other = make_daemon.beside(first).start()
    ada, grace = first.add_user('ada'), first.add_user('grace')
    follower = Follower(grace)
    large = {'messages': [{'to': ['grace'], 'subject': f'large {number}', 'body': 'x' * 200_000, 'idempotency_key': f'{number}'}
                          for number in range(4)]}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        with key_locked(first, 'ada', '0-0'):
            posts = [pool.submit(until_accepted, ada.fork(), {'messages': [
                {**message, 'idempotency_key': f'{number}-{message["idempotency_key"]}'} for message in large['messages']]})
                for number in range(8)]
            waiting = ("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
                       [first.database_name])
            eventually(lambda: first.cluster.sql(*waiting)[0][0] > 0, 'the daemon waits for the lock')
            first.process.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            eventually(lambda: ada.fork(other).send('grace', 'of the same sender', key='other').status_code == 202,
                       'another daemon accepts a message of the same sender')
            print(f'the lock was free after {time.monotonic() - began:.1f} s')
        finally:
            first.process.send_signal(signal.SIGCONT)
        ids = {message for post in posts for message in post.result()}
    assert len(ids) == 32
    eventually(lambda: ids <= set(follower.seen), 'all that was accepted is delivered')
    assert sorted(set(follower.end())) == sorted(follower.seen)


def until_accepted(client, batch):
    def accepted():
        answer = client.insist('POST', '/v1/messages/batch', batch)
        results = answer.json()['results']
        return [result['id'] for result in results] if all('id' in result for result in results) else None

    return eventually(accepted, 'a batch is accepted')
