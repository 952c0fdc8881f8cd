# SPDX-License-Identifier: Apache-2.0
"""Two servers: a primary and its synchronous standby. What was accepted is on both, and which of them lives does not matter."""

import os
import signal
import time

import pytest

from cluster import Cluster, url_of
from harness import eventually
from trouble import long_under_a_sanitizer, refused, says, synchronous_pair, traffic_through

pytestmark = long_under_a_sanitizer


@pytest.fixture
def pair():
    with synchronous_pair() as pair:
        yield pair


@pytest.fixture
def daemon(make_daemon, pair):
    """A daemon that knows both servers. Its database is dropped with them."""
    primary, standby = pair
    daemon = make_daemon('rds', cluster=primary)
    daemon.sections['storage']['url'] = url_of([primary.folder, standby.folder], [primary.port, standby.port],
                                               daemon.database_name, target_session_attrs='read-write')
    daemon.start().add_operator()
    return daemon


@pytest.mark.parametrize('end', ['kill', 'stop'])
def test_the_standby_is_promoted(daemon, pair, end):
    primary, standby = pair
    with traffic_through(daemon) as traffic:
        traffic.wait_accepted(50, 'messages are accepted')
        getattr(primary, end)()
        standby.promote()
        traffic.wait_accepted(50, 'messages are accepted by the other server')
        daemon.cluster = standby  # where its users are made and looked for from now on
    says(daemon, 'was lost')


def test_back_and_forth(daemon, pair):
    """The old primary comes back as the other's standby, and is promoted in its turn."""
    primary, standby = pair
    with traffic_through(daemon) as traffic:
        primary.kill()
        standby.promote()
        traffic.wait_accepted(30, 'messages are accepted by the second server')
    again = Cluster(standby_of=standby)
    try:
        standby.set(synchronous_standby_names='*')
        assert daemon.stop() == 0
        daemon.sections['storage']['url'] = url_of([primary.folder, standby.folder, again.folder],
                                                   [primary.port, standby.port, again.port], daemon.database_name)
        daemon.cluster = standby
        daemon.start()
        with traffic_through(daemon) as traffic:
            standby.kill()
            again.promote()
            traffic.wait_accepted(30, 'messages are accepted by the third server')
            daemon.cluster = again
    finally:
        daemon.stop()
        again.remove()


def stalled(standby):
    """Stops the process of the standby that writes what comes from the primary; returns how to let it go on."""
    (pid,) = standby.sql('SELECT pid FROM pg_stat_wal_receiver')[0]
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize('function', [None, 'pg_cancel_backend', 'pg_terminate_backend'])
def test_nothing_is_accepted_that_only_the_primary_has(daemon, pair, function):
    """The standby stalls: calls time out and are cancelled, sessions end, sends are repeated; never may any of that make a
    commit count that the standby has not seen. Then the primary is lost."""
    primary, standby = pair
    ada = daemon.add_user()
    before = ada.sent(ada.user)
    ada.wait_inbox(1)
    go_on = stalled(standby)
    promised = []
    try:
        end = time.monotonic() + 12
        while time.monotonic() < end:
            for number in range(3):
                answer = ada.send(ada.user, f'number {number}', key=f'stalled-{number}')
                assert answer.status_code in (202, 503), answer.text
                if answer.status_code == 202:
                    promised.append(answer.json()['id'])
            # As an operator might.
            if function is not None:
                primary.sql(f"SELECT {function}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        primary.kill()
    finally:
        go_on()
    assert promised == [], 'accepted without the standby'
    standby.promote()
    daemon.cluster = standby
    daemon.wait_ready('ready')
    ids = [eventually(lambda n=number: (lambda answer: answer.status_code == 202 and answer)(
        ada.send(ada.user, f'number {n}', key=f'stalled-{n}')), 'it is accepted').json()['id'] for number in range(3)]
    inbox = [message['id'] for message in ada.wait_inbox(4)]
    assert sorted(inbox) == sorted([before, *ids])


def test_a_standby_alone(make_daemon, pair):
    """It can be read only: storage is away until it is promoted."""
    primary, standby = pair
    daemon = make_daemon('rds', cluster=primary).start()
    daemon.add_operator()
    ada = daemon.add_user()
    assert daemon.stop() == 0
    daemon.sections['storage']['url'] = standby.url(daemon.database_name)
    daemon.start(ready=False)
    says(daemon, 'read-only')
    assert daemon.readiness()[0] == 503
    refused(ada, ada.user)
    primary.stop()
    standby.promote()
    daemon.wait_ready('ready')
    ada.sent(ada.user)
    ada.wait_inbox(1)


def test_any_server_will_not_do(make_daemon, pair):
    """target_session_attrs=any, the default of libpq, must not leave the daemon at a standby that stands first."""
    primary, standby = pair
    daemon = make_daemon('rds', cluster=primary)
    daemon.sections['storage']['url'] = url_of([standby.folder, primary.folder], [standby.port, primary.port],
                                               daemon.database_name, target_session_attrs='any')
    daemon.start().add_operator()
    ada = daemon.add_user()
    ada.sent(ada.user)
    ada.wait_inbox(1)
