# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at any moment loses no accepted message and makes none twice (guarantees 1, 2 and 3; invariants 1 to 5)."""

import os
import random
import time

from harness import SANITIZED
from traffic import Traffic

CRASHES = int(os.environ.get('POSTHOUSE_CRASHES') or (8 if SANITIZED else 20))


def test_killed_at_random_moments(make_daemon, durable_set):
    seed = os.environ.get('POSTHOUSE_SEED') or str(time.time_ns())
    print(f'POSTHOUSE_SEED={seed}')
    moments = random.Random(seed)
    daemon = make_daemon().start()
    daemon.add_operator()
    writers = [daemon.add_user(f'writer{number}') for number in range(3)]
    readers = [daemon.add_user(f'reader{number}') for number in range(4)]
    # Nearly all that is accepted between two crashes is a backlog at the end, and moto carries some tens of messages a second.
    traffic = Traffic(writers, readers, seed, pause=0.03 if durable_set == 'aws' else 0.005)
    for crash in range(CRASHES):
        # Now and then at once after the start, else in the middle of the traffic.
        if crash % 4 != 3:
            traffic.wait_accepted(1, 'messages are accepted')
        time.sleep(moments.random() * 0.5)
        daemon.kill()
        daemon.start(ready=crash % 4 != 2)
    daemon.wait_ready()
    traffic.wait_accepted(20, 'messages are accepted after the last crash')
    traffic.end_writers()
    assert sum(writer.answers['lost'] for writer in traffic.writers) > 0, 'no call was hit by a crash'
    traffic.reckon(daemon)
