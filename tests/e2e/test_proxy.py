# SPDX-License-Identifier: Apache-2.0
"""The tests' own proxy does to a client of PostgreSQL what it says: what the tests of storage-rds on it rest upon."""

import threading
import time

import psycopg
import pytest

from cluster import url_of
from harness import eventually


@pytest.fixture
def table(cluster):
    name = cluster.make_database()
    cluster.sql('CREATE TABLE rows(id integer PRIMARY KEY)', database=name)
    cluster.sql('ALTER TABLE rows OWNER TO posthouse', database=name)
    yield name
    cluster.drop_database(name)


@pytest.fixture
def proxy(cluster, make_proxy):
    return make_proxy(cluster.port)


@pytest.fixture
def connect(table, proxy):
    opened = []

    def connect(**more):
        url = url_of('127.0.0.1', proxy.port, table, sslmode='disable', gssencmode='disable')
        opened.append(psycopg.connect(url, password='first', autocommit=True, prepare_threshold=0, **more))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def rows(cluster, table):
    return sorted(row[0] for row in cluster.sql('SELECT id FROM rows', database=table))


def add(connection, number):
    connection.execute('INSERT INTO rows VALUES(%s)', [number])


def test_it_passes(cluster, table, connect):
    with connect() as connection:
        with connection.pipeline():
            for number in range(100):
                add(connection, number)
        assert connection.execute('SELECT count(*), repeat(%s, 300000) FROM rows', ['x']).fetchone() == (100, 'x' * 300000)
    assert rows(cluster, table) == list(range(100))


def test_tls_is_told_apart(table, proxy):
    # The server of the shared cluster has no TLS; the client goes on without.
    url = url_of('127.0.0.1', proxy.port, table, sslmode='prefer', gssencmode='disable')
    with psycopg.connect(url, password='first') as connection:
        assert connection.execute('SELECT 1').fetchone() == (1,)


@pytest.mark.parametrize('pipeline', [False, True])
def test_answers_are_lost_after_the_commit(cluster, table, proxy, connect, pipeline):
    for number in range(4):
        connection = connect()
        assert connection.execute('SELECT 1').fetchone() == (1,)
        proxy.lose_answers(1)
        assert connection.execute('SELECT 1').fetchone() == (1,), 'a transaction that only reads is answered'
        with pytest.raises(psycopg.OperationalError):
            if pipeline:
                with connection.pipeline():
                    add(connection, number)
            else:
                add(connection, number)
        assert rows(cluster, table) == list(range(number + 1)), 'the server has not committed'
        assert proxy.counts['answer lost'] == number + 1
    # Of a transaction that the server refuses, the answer comes, and the next one's is lost.
    connection = connect()
    proxy.lose_answers(1)
    with pytest.raises(psycopg.errors.UniqueViolation):
        add(connection, 0)
    with pytest.raises(psycopg.OperationalError):
        add(connection, 4)
    assert rows(cluster, table) == [0, 1, 2, 3, 4]
    add(connect(), 5)


def test_a_sync_is_withheld(cluster, table, proxy, connect):
    connection = connect()
    add(connection, 1)
    proxy.withhold_syncs(1)
    thread = threading.Thread(target=lambda: pytest.raises(psycopg.OperationalError, add, connection, 2))
    thread.start()
    # The statement has been run, without an end: it holds its locks, and its session is not even idle.
    locks = ("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING(pid) WHERE datname = %s AND mode ="
             " 'RowExclusiveLock' AND relation = 'rows'::regclass")
    eventually(lambda: cluster.sql(locks, [table], database=table) == [(1,)], 'the lock is held')
    assert rows(cluster, table) == [1]
    proxy.reset_all()
    thread.join()
    eventually(lambda: cluster.sql(locks, [table], database=table) == [(0,)], 'the lock is freed')
    assert rows(cluster, table) == [1]


def test_a_cut_holds_everything_up(cluster, table, proxy, connect):
    connection = connect()
    add(connection, 1)
    proxy.cut()
    done = threading.Event()
    thread = threading.Thread(target=lambda: (add(connection, 2), done.set()))
    thread.start()
    with pytest.raises(psycopg.OperationalError):
        connect(connect_timeout=2)
    assert not done.is_set()
    assert rows(cluster, table) == [1]
    proxy.heal()
    thread.join()
    assert done.is_set()
    assert rows(cluster, table) == [1, 2]


def test_resets(proxy, connect):
    connection = connect()
    proxy.reset()
    for attempt in (lambda: connection.execute('SELECT 1'), connect):
        with pytest.raises(psycopg.OperationalError):
            attempt()
    proxy.heal()
    assert connect().execute('SELECT 1').fetchone() == (1,)


def test_delays(proxy, connect):
    connection = connect()
    proxy.delay(0.2)
    began = time.monotonic()
    assert connection.execute('SELECT 1').fetchone() == (1,)
    assert time.monotonic() - began >= 0.4, 'both ways'
