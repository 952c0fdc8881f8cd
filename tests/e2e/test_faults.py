# SPDX-License-Identifier: Apache-2.0
"""The reckoning again with faults injected into every backend at once, some seeds with crashes in between.

POSTHOUSE_FAULT_SEEDS names the seeds (numbers with spaces) or, as "+40", how many fresh ones to draw.
"""

import os
import random
import time

import pytest

from harness import DURABLE, SCALE, eventually
from traffic import Traffic

FAULTS = ('latency 1ms..30ms, transient 5%, uncertain 3%, throttled 2% 100ms, unavailable 1%, duplicate 3%, '
          'partial 4%, hang 0.2%')
DOWN = {'storage': '2s..4s', 'meta': '1s..6s', 'queue': '3s..5s', 'alert': '1s..4s'}


def seeds():
    wanted = os.environ.get('POSTHOUSE_FAULT_SEEDS') or ''  # "+40" was replaced in conftest.py
    return [int(seed) for seed in wanted.split()] or list(range(1, 1 + max(1, round(3 * SCALE))))


def with_faults(seed):
    keys = {'fault.seed': seed, 'call.attempt': '300ms', 'call.deadline': '2s', 'breaker.cooldown': '100ms'}
    return {kind: {**keys, 'fault.all': f'{FAULTS}, down {down}'} for kind, down in DOWN.items()}


def faulty(daemon, seed):
    for section, keys in with_faults(seed).items():
        daemon.sections[section].update(keys)
    return daemon


@pytest.mark.parametrize('seed', seeds())
def test_faults_everywhere(make_daemon, seed):
    print(f'POSTHOUSE_FAULT_SEEDS={seed}')
    moments = random.Random(seed)
    # The mock keeps nothing over a kill: its seeds run without.
    backend_set = ('mock', *DURABLE)[seed % (1 + len(DURABLE))]
    durable = backend_set != 'mock'
    daemon = make_daemon(backend_set)
    if durable:
        daemon.start().add_operator()
        people = [daemon.add_user(f'user{number}') for number in range(6)]
        assert daemon.stop() == 0
        faulty(daemon, seed).start(ready=False)
    else:
        faulty(daemon, seed).start(ready=False)
        people = [daemon.add_user(f'user{number}') for number in range(6)]
    traffic = Traffic(people[:2], people[2:], seed, pause=0.01)
    began = time.monotonic()
    for _ in range(round(4 * max(1, SCALE))):
        traffic.wait_accepted(20, 'messages are accepted in spite of faults')
        time.sleep(moments.random())
        if durable:
            daemon.kill()
            daemon.start(ready=False)
    # At least as long as every backend has been down once.
    eventually(lambda: time.monotonic() - began > 7, 'the windows are over')
    traffic.end_writers()
    assert injected(daemon) > 0, 'no fault was injected'
    traffic.reckon(daemon, limit=300)


def injected(daemon):
    return sum(value for name, value in daemon.metrics().items()
               if name.startswith('posthouse_backend_injected_faults_total'))
