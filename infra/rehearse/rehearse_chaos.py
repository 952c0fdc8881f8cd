# SPDX-License-Identifier: Apache-2.0
"""Chaos exercise: each row of the page's table, its variables as they stand there, its outages cut to seconds. Messages go
through all the while, and each that was accepted must be in its inbox once."""

import re

import pytest

from harness import OPERATOR, eventually
from trouble import says

SHORT = ('0s..10m', '0s..8s')
FAULTS = {'slow queue': 'ready', 'queue down': 'degraded', 'lost answers': 'ready', 'metadata and alerts down': 'ready',
          'storage slow': 'ready'}


def exercises(page):
    """exercise → its variables."""
    found = {}
    for line in page.text.splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if line.startswith('|') and len(cells) == 3:
            found[cells[0]] = {name: value.strip('"').replace(*SHORT)
                               for name, value in re.findall(r'`(POSTHOUSE_\w+)=("[^"]*"|[^`]*)`', cells[1])}
    return found


def injected(daemon):
    return sum(value for name, value in daemon.metrics().items()
               if name.startswith('posthouse_backend_injected_faults_total'))


@pytest.mark.parametrize('exercise', FAULTS)
def rehearse_faults(page, stack, on_call, exercise):
    variables = exercises(page)[exercise]
    assert variables
    with stack.carrying(pause=0.2) as traffic:
        for daemon in stack.daemons:
            daemon.env.update(variables)
            assert daemon.stop() == 0
            daemon.start(ready=False)
            says(daemon, 'fault')
        if exercise == 'queue down':
            stack.api.wait_ready('degraded')
        if exercise == 'storage slow':
            writer = traffic.writers[0]
            eventually(lambda: writer.answers[503] > 0 or writer.problems, 'a send is refused')
        traffic.wait_accepted(10, 'messages are accepted in spite of it')
        eventually(lambda: sum(map(injected, stack.daemons)) > 0, 'faults were injected')
        # The end of the exercise.
        for daemon in stack.daemons:
            for name in variables:
                del daemon.env[name]
        stack.restart()
    on_call.run('posthouse backends')
    for kind in ('storage', 'meta', 'queue', 'alert'):
        on_call.sees_state(kind, 'ready')


def rehearse_couriers_killed(page, stack):
    """Every courier in turn; ECS would start another one in its place."""
    page.says('`aws ecs stop-task')
    with stack.carrying(pause=0.2) as traffic:
        second = stack.another('courier', 'courier-2')
        for courier in (stack.courier, second):
            courier.kill()
            traffic.wait_accepted(5, 'messages are accepted meanwhile')
            courier.start()


def rehearse_the_comparison(stack, on_call):
    """The commands before and after; the file is then given an id that is not in the inbox."""
    accepted = on_call.folder / 'accepted'
    on_call.words.update({'NAME': OPERATOR, '3600': 3, '/tmp/accepted': accepted})
    on_call.run('for number in')
    stack.api.client(OPERATOR).wait_inbox(3)
    assert on_call.run('comm -23') == ''
    assert on_call.run('uniq -d') == ''
    with accepted.open('a') as file:
        file.write('{"id": "missing"}\n')
    assert on_call.run('comm -23') == 'missing\n'
