# SPDX-License-Identifier: Apache-2.0
"""Each backend of the set aws is cut off under load: nothing but storage may refuse an accept (guarantee 4), and all of it
is delivered after the return. Prints how long recovery took and how fast the backlog drained.

For 60 s with --full, else shorter; POSTHOUSE_OUTAGE names the seconds.
"""

import os
import time

import pytest
import requests

from harness import SCALE, eventually
from traffic import Traffic

SECONDS = float(os.environ.get('POSTHOUSE_OUTAGE') or min(60, 8 * max(1, SCALE)))
SERVICES = {'meta': 'dynamodb', 'queue': 'sqs', 'alert': 'sns'}
COOL = {'breaker.cooldown': '500ms'}


def delivered(daemon):
    return daemon.metrics().get('posthouse_messages_delivered_total', 0)


def settled(daemon):
    """Deliveries of this daemon, and what a job found done: a server that is killed may have committed a delivery and
    never said so, and a call that was given up meanwhile is not the one that finds it."""
    metrics = daemon.metrics()
    return sum(metrics.get(f'posthouse_{name}_total', 0) for name in ('messages_delivered', 'jobs_duplicate'))


def outage(kind, stub, cluster):
    """What cuts a backend off and what brings it back."""
    if kind == 'storage':
        return cluster.kill, cluster.start
    return lambda: stub.aws.cut(SERVICES[kind]), lambda: stub.aws.mend(SERVICES[kind])


@pytest.mark.parametrize('kind', ['storage', 'meta', 'queue', 'alert'] if SCALE >= 1 else ['queue'])
def test_a_backend_is_cut_off(make_daemon, stub, own_cluster, kind):
    cluster = own_cluster()
    sections = {each: dict(COOL) for each in ('storage', *SERVICES)}
    sections['storage']['url'] = cluster.url()
    daemon = make_daemon('aws', **sections).start()
    daemon.add_operator()
    people = [daemon.add_user(f'user{number}') for number in range(5)]
    eve = daemon.add_user('eve')
    traffic = Traffic(people[:2], people[2:], kind, pause=0.02)
    traffic.wait_accepted(20, 'messages are accepted')
    cut, mend = outage(kind, stub, cluster)

    began = time.monotonic()
    cut()
    ids = []
    while time.monotonic() < began + SECONDS:
        if kind == 'storage':
            time.sleep(0.1)
            continue
        # Storage alone may refuse: these are accepted, and readiness is 200 all the time.
        ids.append(eve.sent(eve.user, 'in the outage', priority='alert'))
        assert requests.get(daemon.url + '/readyz', timeout=30).status_code == 200
        time.sleep(0.05)
    accepted, before = traffic.accepted() + len(ids), delivered(daemon)
    mend()

    returned = time.monotonic()
    eventually(lambda: delivered(daemon) > before, 'a message is delivered after the return')
    recovered = time.monotonic() - returned
    traffic.wait_accepted(20, 'messages are accepted after the return')
    traffic.end_writers()
    total = traffic.accepted() + len(ids)
    eventually(lambda: settled(daemon) >= total, 'all is delivered', 300)
    drained = time.monotonic() - returned
    print(f'{kind} cut off for {SECONDS:.0f} s: {accepted - before:.0f} messages behind, the first delivered after '
          f'{recovered:.1f} s, all after {drained:.1f} s, {(total - before) / drained:.0f} a second')
    traffic.reckon(daemon, limit=300)
    eventually(lambda: sorted(m['id'] for m in eve.inbox()) == sorted(ids), 'what was sent in the outage has arrived, once')
    daemon.wait_ready()
    published = lambda: [entry['Message'] for entry in stub.alerts_of(daemon)]
    eventually(lambda: all(any(one in text for text in published()) for one in ids), 'every alert is published', 300)
    eventually(lambda: len(stub.documents_of(daemon)) >= total, 'every message has its document', 300)
