# SPDX-License-Identifier: Apache-2.0
"""The network between a daemon and PostgreSQL cut, reset, slow, or losing answers: nothing is lost, nothing done twice."""

import time

import pytest

from cluster import FAST
from harness import SCALE, eventually
from namespace import Namespace, possible
from trouble import rounds, traffic_through


# Its last statement was LISTEN, and that is over, or it has told others since.
LISTENING = ("SELECT pid FROM pg_stat_activity WHERE datname = %s AND usename = 'posthouse'"
             " AND (query LIKE 'LISTEN%%' AND state = 'idle' OR query LIKE '%%pg_notify%%')")
SESSIONS = 8  # two write, two read, and one each delivers, lists what was sent, does what nobody waits for, and listens


@pytest.fixture
def behind(make_daemon, make_proxy, cluster):
    """Makes a daemon behind a proxy, and the proxy. `beside`: a daemon whose database it shares."""
    def make(beside=None, **sections):
        proxy = make_proxy(cluster.port)
        daemon = make_daemon('rds', **sections) if beside is None else make_daemon.beside(beside, **sections)
        storage = daemon.sections['storage']
        storage['url'] = cluster.tcp_url(daemon.database_name, port=proxy.port)
        storage['password'] = 'first'
        return daemon.start(), proxy

    return make


@pytest.fixture
def scene(behind):
    daemon, proxy = behind()
    daemon.add_operator()
    return daemon, proxy


def test_it_works_through_the_proxy(scene):
    daemon, proxy = scene
    with traffic_through(daemon):
        pass
    assert len(proxy.statements) > 10, 'the proxy has not understood what went through it'


def test_answers_are_lost_after_the_commit(scene):
    daemon, proxy = scene
    with traffic_through(daemon) as traffic:
        for count in rounds(20):
            proxy.lose_answers(1 + count % 3)
            traffic.wait_accepted(5, 'messages are accepted in spite of it')
        eventually(lambda: proxy.counts.get('answer lost', 0) >= len(rounds(20)), 'answers were lost')
        proxy.lose_answers(0)


def test_answers_are_lost_before_three_daemons(behind):
    first, proxy = behind()
    first.add_operator()
    pairs = [(first, proxy), *(behind(beside=first) for _ in range(2))]
    with traffic_through(*(daemon for daemon, _ in pairs)) as traffic:
        for _ in rounds(8):
            for _, each in pairs:
                each.lose_answers(1)
            traffic.wait_accepted(10, 'messages are accepted in spite of it')
        for _, each in pairs:
            assert each.counts.get('answer lost', 0) > 0
            each.lose_answers(0)


def test_connections_are_reset(scene):
    daemon, proxy = scene
    with traffic_through(daemon) as traffic:
        for _ in rounds(15):
            proxy.reset_all()
            traffic.wait_accepted(3, 'messages are accepted in spite of it')
        proxy.reset()
        daemon.wait_ready('unavailable')
        proxy.heal()


def test_the_network_is_cut(behind):
    """30 s in full, of which nobody is told: another daemon goes on, and this one comes back."""
    daemon, proxy = behind()
    daemon.add_operator()
    other, _ = behind(beside=daemon)
    seconds = min(30, 7 * max(1, SCALE))
    with traffic_through(daemon, other) as traffic:
        for _ in range(2):
            proxy.cut()
            eventually(lambda: daemon.readiness()[0] == 503, 'readiness says that storage is away')
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                traffic.wait_accepted(1, 'the other daemon accepts messages')
            proxy.heal()
            daemon.wait_ready('ready')


def test_the_network_is_slow(scene):
    daemon, proxy = scene
    with traffic_through(daemon) as traffic:
        proxy.delay(0.1)
        traffic.wait_accepted(20, 'messages are accepted')
        proxy.delay(0)


def test_a_transaction_whose_end_never_arrives(behind):
    """It holds its locks on the server, where no time-out of statements or of idle sessions meets it: the daemon has to give it
    up, and others go on."""
    daemon, proxy = behind()
    daemon.add_operator()
    other, _ = behind(beside=daemon)
    with traffic_through(daemon, other) as traffic:
        for _ in rounds(3):
            before = proxy.counts.get('sync withheld', 0)
            proxy.withhold_syncs(1)
            eventually(lambda was=before: proxy.counts.get('sync withheld', 0) > was, 'a transaction has no end')
            traffic.wait_accepted(30, 'messages are accepted')


def test_the_server_ends_sessions_of_who_is_gone(make_daemon, own_cluster):
    """The cable is pulled: not a packet says that the daemon is gone, and no lock of its sessions may stay. The server's
    keepalive probes find those that are idle, tcp_user_timeout the one that was sent something; its defaults would take hours."""
    if not possible():
        pytest.skip('no right to make a network namespace here; test_rds_connect asserts what the sessions ask for')
    cluster = own_cluster('listen_addresses=*', *FAST)
    network = Namespace()
    try:
        with open(cluster.folder / 'data' / 'pg_hba.conf', 'a', encoding='utf-8') as rules:
            rules.write(f'host all all {network.there}/32 scram-sha-256\n')
        cluster.sql('SELECT pg_reload_conf()')
        daemon = make_daemon('rds', cluster=cluster)
        daemon.sections['storage'].update(url=cluster.tcp_url(daemon.database_name, host=network.here), password='first')
        daemon.preexec = network.enter
        daemon.spawn()
        eventually(lambda: len(cluster.sql(LISTENING, [daemon.database_name])) == 1 and
                   len(cluster.backends(daemon.database_name)) == SESSIONS, 'all of its sessions are there')
        network.pull()
        daemon.kill()
        cluster.sql("SELECT pg_notify('posthouse_inbox', 'nobody')", database=daemon.database_name)
        assert len(cluster.backends(daemon.database_name)) == SESSIONS
        eventually(lambda: not cluster.backends(daemon.database_name), 'the server has ended them')
    finally:
        network.remove()


def test_without_notifications(make_daemon):
    """Behind a pooling proxy, say: readers at another daemon look once a second."""
    one = make_daemon('rds', storage={'notify': 'no'}).start()
    one.add_operator()
    two = make_daemon.beside(one).start()
    ada = one.add_user('ada')
    message = ada.sent('ada')
    page = ada.fork(two).page('start', wait=20)
    assert [m['id'] for m in page['messages']] == [message]


def test_the_listening_session_ends(make_daemon, cluster):
    """Readers at another daemon are woken again once it is back."""
    one = make_daemon('rds').start()
    one.add_operator()
    two = make_daemon.beside(one).start()
    ada = one.add_user('ada')
    eventually(lambda: len(cluster.sql(LISTENING, [one.database_name])) == 2, 'both daemons listen')
    for number in range(3):
        for (pid,) in cluster.sql(LISTENING, [one.database_name]):
            cluster.sql('SELECT pg_terminate_backend(%s)', [pid])
        after = ada.page('end')['next']
        message = ada.sent('ada', f'number {number}')
        page = ada.fork(two).page(after, wait=20)
        assert [m['id'] for m in page['messages']] == [message]
        eventually(lambda: len(cluster.sql(LISTENING, [one.database_name])) == 2, 'both daemons listen again')
