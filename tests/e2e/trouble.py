# SPDX-License-Identifier: Apache-2.0
"""What the tests of storage-rds in trouble share."""

import contextlib
import threading

import pytest

from cluster import FAST, Cluster
from harness import SANITIZED, SCALE, eventually
from traffic import Traffic

# What exercises the server more than the plugin.
long_under_a_sanitizer = pytest.mark.skipif(SANITIZED and SCALE < 1, reason='under a sanitizer only in long runs')


@contextlib.contextmanager
def traffic_through(*daemons, writers=3, readers=3, seed='trouble'):
    """Writers and readers at the daemons in turn, while the caller makes trouble. After it, when all daemons are ready and
    accept again, all that was promised must be there, once, in order."""
    people = [daemons[0].add_user() for _ in range(writers + readers)]
    at = [daemons[index % len(daemons)] for index in range(writers)]
    # Followers read at the first daemon: their clients are those of the inboxes.
    senders = [person.fork(daemon) for person, daemon in zip(people, at, strict=False)]
    traffic = Traffic(senders, people[writers:], seed, pause=0.002)
    try:
        traffic.wait_accepted(20, 'messages are accepted before the trouble')
        yield traffic
        for daemon in daemons:
            daemon.wait_ready('ready')
        traffic.wait_accepted(20, 'messages are accepted after the trouble')
        traffic.end_writers()
        traffic.reckon(daemons[0])
    except BaseException:
        for daemon in daemons:
            tell(daemon)
        raise


@contextlib.contextmanager
def synchronous_pair():
    """A primary whose commits wait for its standby, and the standby."""
    with contextlib.ExitStack() as stack:
        primary = Cluster(*FAST)
        stack.callback(primary.remove)
        standby = Cluster(standby_of=primary)
        stack.callback(standby.remove)
        primary.set(synchronous_standby_names='*')
        synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        eventually(lambda: primary.sql(synchronous) == [(1,)], 'the standby is synchronous')
        yield primary, standby


def tell(daemon):
    """Prints what a daemon logged last and how it is, for whoever reads of a failure."""
    lines = [line for line in daemon.log_text().split('\n') if '"level":"debug"' not in line]
    print(daemon.folder.name, daemon.readiness() if daemon.running else 'ended', *lines[-60:], sep='\n')


def rounds(count):
    """So many rounds, or more in long runs."""
    return range(max(2, round(count * SCALE)))


class Repeated(threading.Thread):
    """Does something again and again until it is ended; its first exception ends it and comes out of end()."""

    def __init__(self, work, pause=0.1):
        super().__init__(daemon=True)
        self.count = 0
        self._work = work
        self._pause = pause
        self._ending = threading.Event()
        self._problem = None
        self.start()

    def run(self):
        while not self._ending.wait(self._pause):
            try:
                self._work()
            except Exception as problem:  # whatever it is, the test's own thread raises it
                self._problem = problem
                return
            self.count += 1

    def end(self):
        self._ending.set()
        self.join()
        if self._problem is not None:
            raise self._problem


def says(daemon, *words):
    """Waits until the log of this start says all of the words in one line."""
    def said():
        return any(all(word in line for word in words) for line in daemon.log_text(whole=False).split('\n'))

    eventually(said, f'the log says {words}')


def check_refusal(answer):
    """What a send is answered while storage is away: 503 with Retry-After."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers['Retry-After']) >= 1
    return answer


def refused(client, to, **more):
    """One send, which storage refuses."""
    return check_refusal(client.send(to, **more))
