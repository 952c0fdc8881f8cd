# SPDX-License-Identifier: Apache-2.0
"""Statements at 150,000 messages, 10⁶ in full: an index serves wherever a table has grown.

The statements are taken off the wire, as the plugin prepares them; what EXPLAIN says of them is checked, and then what the server
counted while a daemon worked.
"""

import re

import pytest

from cluster import FAST, Cluster
from harness import FULL, cheap_hash, eventually
from trouble import long_under_a_sanitizer

pytestmark = long_under_a_sanitizer
MESSAGES = 1_000_000 if FULL else 150_000
USERS = 500
OPEN = 40_000  # messages that wait, in their tables
# Tables with so many rows are read by an index, or row by row of a known few.
LARGE = 5_000

# Number i of so many: a message of user i % USERS to the next one, delivered but for the last ones, some of which are dead.
FILL = """
INSERT INTO posthouse_users(name, request, password, roles, created_at)
    SELECT 'user' || i, gen_random_uuid(), %(hash)s, 0, 1 FROM generate_series(0, %(users)s - 1) i;
INSERT INTO posthouse_inboxes(name, position) SELECT 'user' || i, %(messages)s FROM generate_series(0, %(users)s - 1) i;
INSERT INTO posthouse_senders(name) SELECT 'user' || i FROM generate_series(0, %(users)s - 1) i;
SELECT setval('posthouse_positions', %(messages)s);
CREATE TEMPORARY TABLE made AS SELECT i, (lpad(to_hex(1700000000000 + i), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8'
    || substr(md5(i::text), 4, 15))::uuid AS id, 1700000000000 + i AS at FROM generate_series(0, %(messages)s - 1) i;
INSERT INTO posthouse_messages(id, accepted_at, deliver_at, expires_at, position, priority, sender, recipients, trace,
        content_type, attributes, subject, body)
    SELECT id, at, 0, CASE WHEN i %% 10 = 0 THEN at + 100000000000000 ELSE 0 END, i, 0, 'user' || i %% %(users)s,
        'user' || (i + 1) %% %(users)s, '', 'text/plain', '', ('number ' || i)::bytea, repeat('x', 100)::bytea FROM made;
INSERT INTO posthouse_deliveries(message, at, position, recipient)
    SELECT id, at, i, 'user' || (i + 1) %% %(users)s FROM made WHERE i < %(messages)s - %(open)s;
INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed)
    SELECT id, at + 100000000000000, CASE WHEN i %% 10 = 0 THEN at + 100000000000000 ELSE 0 END, at, i %% 3 = 0 FROM made
    WHERE i >= %(messages)s - %(open)s / 2;
INSERT INTO posthouse_marks(kind, id, due) SELECT 2 + i %% 2, id, at + 100000000000000 FROM made WHERE i < %(open)s;
INSERT INTO posthouse_troubles(id, failures, first_failed_at, last_failed_at, reason, state, at, dead_position)
    SELECT id, 5, at, at, 'it was not to be', 3, at, i FROM made
    WHERE i BETWEEN %(messages)s - %(open)s AND %(messages)s - %(open)s / 2 - 1;
INSERT INTO posthouse_keys(sender, key, id, hash, accepted_at)
    SELECT 'user' || i %% %(users)s, ('key ' || i)::bytea, id, decode(md5(i::text), 'hex'), 4000000000000 + i FROM made;
INSERT INTO posthouse_sessions(token, name, expires_at)
    SELECT decode(md5(i::text) || md5(i::text), 'hex'), 'user' || i %% %(users)s, 4000000000000 FROM made WHERE i < %(open)s;
DROP TABLE made;
UPDATE posthouse_counters SET value = %(messages)s WHERE name = 'dead';
"""


@pytest.fixture(scope='module')
def full():
    """A cluster for a full database."""
    cluster = Cluster(*FAST, 'max_wal_size=4GB', 'maintenance_work_mem=256MB')
    yield cluster
    cluster.remove()


@pytest.fixture
def scene(make_daemon, make_proxy, full):
    """A daemon on a full database, and the statements that it has prepared."""
    proxy = make_proxy(full.port)
    # Nothing that was filled in is old enough to go, but for the purge to look at.
    daemon = make_daemon('rds', cluster=full, daemon={'retention': '36500d'})
    daemon.sections['storage'].update(url=full.tcp_url(daemon.database_name, port=proxy.port), password='first')
    daemon.start().add_operator()
    values = {'messages': MESSAGES, 'users': USERS, 'open': OPEN, 'hash': cheap_hash('horses are fresh').encode()}
    with full.session(daemon.database_name) as session:
        for text in FILL.split(';\n'):
            if text.strip():
                session.execute(text, values)
        session.execute('VACUUM ANALYZE')
    return daemon, proxy.statements


def sizes(daemon):
    return dict(daemon.cluster.sql("SELECT relname, reltuples FROM pg_class WHERE relname LIKE 'posthouse_%%' AND relkind = 'r'",
                                   database=daemon.database_name))


def scans(plan, limited=False):
    """The scans of a plan that read a whole table: (table, how)."""
    limited = limited or plan['Node Type'] == 'Limit'
    if plan['Node Type'] == 'Seq Scan':
        yield plan['Relation Name'], 'a sequential scan'
    elif plan['Node Type'] in ('Index Scan', 'Index Only Scan') and 'Index Cond' not in plan and not limited:
        yield plan['Relation Name'], f'all of index {plan["Index Name"]}'
    for child in plan.get('Plans', ()):
        yield from scans(child, limited)


# Who counts all rows has to read them: once in a while, in the background.
COUNTS = re.compile(r'SELECT count\(\*\) FROM (posthouse_\w+)(?: WHERE [\w =>]+)?\)')


def test_an_index_serves(scene):
    daemon, statements = scene
    large = {table for table, rows in sizes(daemon).items() if rows >= LARGE}
    assert {'posthouse_messages', 'posthouse_deliveries', 'posthouse_outbox', 'posthouse_marks', 'posthouse_troubles',
            'posthouse_keys', 'posthouse_sessions'} <= large
    wrong = []
    with daemon.cluster.session(daemon.database_name) as session:
        session.execute('SET plan_cache_mode = force_generic_plan')
        for name, text in statements.items():
            if not name:
                continue
            count = max((int(number) for number in re.findall(r'\$(\d+)', text)), default=0)
            session.execute(f'PREPARE one AS {text.replace("%", "%%")}', prepare=False)
            arguments = f'({", ".join(["NULL"] * count)})' if count else ''
            (plan,) = session.execute(f'EXPLAIN (FORMAT JSON) EXECUTE one{arguments}', prepare=False).fetchone()
            allowed = set(COUNTS.findall(text))
            found = [f'{name}: {how} of {table}' for table, how in scans(plan[0]['Plan'])
                     if table in large and table not in allowed]
            if found:
                wrong += found
                lines = session.execute(f'EXPLAIN EXECUTE one{arguments}', prepare=False).fetchall()
                print(name, text, *(line for (line,) in lines), sep='\n')
            session.execute('DEALLOCATE one', prepare=False)
    assert len(statements) > 30, 'the statements were not seen'
    assert not wrong, '\n'.join(wrong)


def scanned(daemon):
    """How often each large table was read whole."""
    large = [table for table, rows in sizes(daemon).items() if rows >= LARGE]
    return dict(daemon.cluster.sql('SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%s)', [large],
                                   database=daemon.database_name))


def work(daemon):
    """A bit of everything that the API offers."""
    operator = daemon.client('postmaster')
    ada, grace = daemon.client('user1'), daemon.client('user2')
    for number in range(10):
        message = ada.sent([grace.user, ada.user], f'new {number}', key=f'new-{number}', priority='alert')
        ada.sent([grace.user, ada.user], f'new {number}', key=f'new-{number}', priority='alert')
        after = grace.page('end')['next']
        grace.page(after)
        assert len(grace.page()['messages']) == 100
        assert len(ada.get('/v1/messages?box=sent&limit=20').json()['messages']) == 20
        eventually(lambda m=message: ada.show(m)['status'] == 'delivered', 'it is delivered')
        assert grace.post('/v1/inbox/ack', {'ids': [message]}).json() == {'acked': 1}
        assert grace.delete(f'/v1/inbox/{message}').status_code == 204
    letters = operator.get('/v1/admin/dead-letters?limit=10').json()['dead_letters']
    assert len(letters) == 10
    assert operator.post('/v1/admin/dead-letters/redrive', {'ids': [letters[0]['id']]}).json() == {'redriven': 1}
    assert operator.get('/v1/admin/queue').json()['dead'] > 1000
    other = daemon.client('user3')
    assert other.put('/v1/users/user3/password', {'password': 'a new password', 'current': 'horses are fresh'}).status_code == 204
    assert other.delete('/v1/sessions/current').status_code == 204
    assert operator.delete('/v1/users/user4').status_code == 204
    # The sweeper, the purge and the statistics have each had their turn.
    before = daemon.cluster.sql('SELECT 1', database=daemon.database_name)
    assert before == [(1,)]


def test_no_table_is_read_whole(scene):
    daemon, _ = scene
    before = scanned(daemon)
    work(daemon)
    assert daemon.stop() == 0  # the sessions' counts are written by then
    eventually(lambda: not daemon.cluster.backends(daemon.database_name), 'the sessions have ended')
    after = scanned(daemon)
    # Counting the open ones has to read them.
    grown = {table: after[table] - before[table] for table in before
             if after[table] > before[table] and table not in ('posthouse_outbox', 'posthouse_marks', 'posthouse_troubles')}
    assert not grown, f'read whole: {grown}'
