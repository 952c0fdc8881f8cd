# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's processes and sessions end under load, or are not there: nothing is lost, nothing is done twice."""

import datetime
import os
import pathlib
import random
import signal
import time

import pytest

from cluster import FAST, Cluster
from harness import PASSWORD, SANITIZED, SCALE, eventually
from trouble import Repeated, check_refusal, refused, rounds, says, traffic_through


@pytest.fixture(scope='module')
def own():
    """A cluster of this module's own. A crash of its processes loses nothing that they have written."""
    cluster = Cluster(*FAST)
    yield cluster
    cluster.remove()


@pytest.fixture
def breakable(own):
    """It runs again after each test, however that ended."""
    yield own
    own.restart()


def started(make_daemon, cluster, **sections):
    daemon = make_daemon('rds', cluster=cluster, **sections).start()
    daemon.add_operator()
    return daemon


def test_sessions_are_terminated_in_a_loop(make_daemon, cluster):
    daemon = started(make_daemon, None)
    moments = random.Random(1)

    def terminate():
        pids = list(cluster.backends(daemon.database_name))
        for pid in moments.sample(pids, min(2, len(pids))):
            cluster.sql('SELECT pg_terminate_backend(%s)', [pid])

    with traffic_through(daemon) as traffic:
        for _ in rounds(20):
            terminate()
            traffic.wait_accepted(3, 'messages are accepted in spite of it')
    says(daemon, 'was lost')


def test_a_session_of_one_of_three_daemons_is_terminated(make_daemon, cluster):
    first = started(make_daemon, None)
    daemons = [first, *(make_daemon.beside(first).start() for _ in range(2))]
    with traffic_through(*daemons) as traffic:
        for _ in rounds(6):
            pid = random.choice(list(cluster.backends(first.database_name)))
            cluster.sql('SELECT pg_terminate_backend(%s)', [pid])
            traffic.wait_accepted(10, 'messages are accepted')


def test_a_process_of_the_server_is_killed(make_daemon, breakable):
    """The server ends all sessions then, and recovers."""
    daemon = started(make_daemon, breakable)
    with traffic_through(daemon) as traffic:
        for _ in rounds(3):
            pids = list(breakable.backends(daemon.database_name))
            os.kill(random.choice(pids), signal.SIGKILL)
            eventually(lambda gone=pids: not set(gone) & set(pids_of(breakable, daemon)), 'the server has ended all sessions')
            traffic.wait_accepted(10, 'messages are accepted again')


def pids_of(cluster, daemon):
    """The sessions of a daemon, also while the server recovers."""
    def asked():
        try:
            return [list(cluster.backends(daemon.database_name))]
        except Exception:  # it is starting up
            return None

    return eventually(asked, 'the server answers')[0]


def test_the_server_is_restarted_at_once(make_daemon, breakable):
    daemon = started(make_daemon, breakable)
    with traffic_through(daemon) as traffic:
        for round_ in rounds(4):
            breakable.stop() if round_ % 4 == 3 else breakable.kill()
            breakable.start()
            traffic.wait_accepted(10, 'messages are accepted again')


def descriptors(daemon):
    return len(os.listdir(f'/proc/{daemon.process.pid}/fd'))


def resident(daemon):
    """Bytes of memory."""
    return int(pathlib.Path(f'/proc/{daemon.process.pid}/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


READY = 'database system is ready to accept connections'


def ready_at(cluster):
    """When the server last began to accept connections, by its log."""
    line = [line for line in cluster.log_text().splitlines() if READY in line][-1]
    return datetime.datetime.strptime(line.split(' UTC ')[0] + '+0000', '%Y-%m-%d %H:%M:%S.%f%z')


class Knocking:
    """Sends to a user all the time, which are refused or accepted. `accepted`: the answers."""

    def __init__(self, clients, to):
        self.accepted = []
        self._to = to
        self._crowd = [Repeated(lambda client=client.fork(): self._knock(client), 0.01) for client in clients]

    def _knock(self, client):
        answer = client.send(self._to)
        if answer.status_code == 202:
            self.accepted.append(answer.json())
        else:
            check_refusal(answer)

    def end(self):
        for one in self._crowd:
            one.end()
            assert one.count > 0


def test_without_a_database(make_daemon, breakable):
    """60 s in full. Accepts are refused in time, nothing grows, and it works again by itself within 2 s."""
    daemon = started(make_daemon, breakable)
    people = [daemon.add_user() for _ in range(3)]
    before = [people[0].sent(people[1].user) for _ in range(5)]
    people[1].wait_inbox(5)
    breakable.kill()
    daemon.wait_ready('unavailable')
    says(daemon, 'is it running?')
    deadline = 5  # call.deadline
    kept = None
    end = time.monotonic() + min(60, 8 * max(1, SCALE))
    crowd = Knocking(people, people[1].user)
    while time.monotonic() < end:
        began = time.monotonic()
        refused(people[0], people[0].user)
        assert time.monotonic() - began < deadline + 5, 'a send was not refused within its deadline'
        assert people[0].get('/healthz').status_code == 200
        assert people[0].get('/v1/inbox').status_code == 503
        assert daemon.client().post('/v1/sessions', {'user': people[0].user, 'password': PASSWORD}).status_code == 503
        if kept is None and time.monotonic() > end - min(50, 5 * max(1, SCALE)):
            kept = resident(daemon), descriptors(daemon)
    assert descriptors(daemon) <= kept[1] + 8
    # AddressSanitizer keeps what was freed.
    assert SANITIZED or resident(daemon) <= kept[0] + (8 << 20)
    assert not crowd.accepted
    breakable.start()
    eventually(lambda: crowd.accepted, 'a message is accepted again')
    crowd.end()
    # Both by the server's clock: from its being ready to the time of the first message that it took.
    first = min(datetime.datetime.fromisoformat(message['accepted_at']) for message in crowd.accepted)
    took = (first - ready_at(breakable)).total_seconds()
    print(f'service was back after {took:.2f} s')
    assert took <= 2, 'it comes back within 2 s'
    daemon.wait_ready('ready')
    promised = sorted([*before, *(message['id'] for message in crowd.accepted)])
    eventually(lambda: sorted(message['id'] for message in people[1].inbox()) == promised, 'all of it arrives, once')


def test_the_server_is_not_there_at_start(make_daemon, breakable):
    daemon = started(make_daemon, breakable)
    ada = daemon.add_user()
    assert daemon.stop() == 0
    breakable.stop()
    daemon.start(ready=False)
    assert daemon.readiness()[1]['status'] == 'unavailable'
    says(daemon, 'is it running?')
    refused(ada, ada.user)
    breakable.start()
    daemon.wait_ready('ready')
    ada.sent(ada.user)
    ada.wait_inbox(1)


def test_three_daemons_make_the_tables_at_once(make_daemon, cluster):
    first = make_daemon('rds')
    daemons = [first, *(make_daemon.beside(first) for _ in range(2))]
    for daemon in daemons:
        daemon.spawn()
    for daemon in daemons:
        daemon.wait_listening().wait_ready('ready')
    ada = first.add_user()
    ids = {ada.fork(daemon).sent(ada.user) for daemon in daemons}
    assert {message['id'] for message in ada.wait_inbox(3)} == ids
