# SPDX-License-Identifier: Apache-2.0
"""Chaos exercise: each row of the page's table with its variables as they stand there, but that the queue's outage is cut to
seconds. Messages go through all the while, and each that was accepted must be in its inbox once. What the row says one sees
is looked for after the daemons are ready with the fault, so that nothing that comes of their restart is taken for it."""

import re

from cloud import ACCOUNT, REGION
from harness import LIMIT, OPERATOR, eventually
from rehearsal import NAME
from trouble import check_refusal, says

SHORT = ('0s..10m', '0s..20s')
ALERTS = f'arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-alerts'


class Exercise:
    """A row of the page. `begin()` is the deployment with its variables, `end()` the one without them."""

    def __init__(self, page, stack, on_call, name, replaced=('', '')):
        self.stack = stack
        self.on_call = on_call
        row = next(line for line in page.text.splitlines() if line.startswith(f'| {name} |'))
        _, variables, self.expected = (cell.strip() for cell in row.strip('|').split('|'))
        self.variables = {variable: value.strip('"').replace(*replaced)
                          for variable, value in re.findall(r'`(POSTHOUSE_\w+)=("[^"]*"|[^`]*)`', variables)}
        assert self.variables

    def says(self, *texts):
        for text in texts:
            assert text in self.expected, f'the row does not say: {text}'

    def begin(self):
        for daemon in self.stack.daemons:
            daemon.env.update(self.variables)
            assert daemon.stop() == 0
            daemon.start(ready=False)
            says(daemon, 'fault')

    def end(self):
        for daemon in self.stack.daemons:
            for name in self.variables:
                del daemon.env[name]
        self.stack.restart()
        self.on_call.run('posthouse backends')
        for kind in ('storage', 'meta', 'queue', 'alert'):
            self.on_call.sees_state(kind, 'ready')

    def injected(self, kind, operation, fault):
        """How many of these both daemons have injected."""
        labels = f'kind="{kind}"', f'operation="{operation}"', f'fault="{fault}"'
        return sum(value for daemon in self.stack.daemons for name, value in daemon.metrics().items()
                   if name.startswith('posthouse_backend_injected_faults_total') and all(label in name for label in labels))

    def await_injected(self, *faults):
        for fault in faults:
            eventually(lambda f=fault: self.injected(*f) > 0, f'injected: {fault}')


def rehearse_slow_queue(page, stack, on_call):
    exercise = Exercise(page, stack, on_call, 'slow queue')
    exercise.says('202 as before')
    with stack.carrying(pause=0.2) as traffic:
        exercise.begin()
        stack.api.wait_ready('ready')
        refused = traffic.writers[0].answers[503]
        traffic.wait_accepted(10, 'messages are accepted in spite of it')
        exercise.await_injected(('queue', 'send', 'latency'), ('queue', 'send', 'throttled'))
        # One that was under way at the moment of readiness may be counted after it.
        assert traffic.writers[0].answers[503] <= refused + 1
        exercise.end()


def rehearse_queue_down(page, stack, on_call):
    exercise = Exercise(page, stack, on_call, 'queue down', SHORT)
    exercise.says('`/readyz` 200 `degraded`', 'all delivered')
    with stack.carrying(pause=0.2) as traffic:
        exercise.begin()
        stack.api.wait_ready('degraded')
        on_call.sees_state('queue', 'unavailable')
        traffic.wait_accepted(10, 'messages are accepted in spite of it')
        exercise.await_injected(('queue', 'send', 'unavailable'))
        # The outage ends before the exercise does.
        stack.api.wait_ready('ready')
        exercise.end()


def rehearse_lost_answers(page, stack, on_call):
    exercise = Exercise(page, stack, on_call, 'lost answers')
    exercise.says('every message exactly once in the inbox')
    with stack.carrying(pause=0.2) as traffic:
        exercise.begin()
        traffic.wait_accepted(10, 'messages are accepted in spite of it')
        exercise.await_injected(('queue', 'send', 'uncertain'), ('storage', 'deliver', 'uncertain'))
        exercise.end()


def rehearse_metadata_and_alerts_down(page, stack, on_call):
    exercise = Exercise(page, stack, on_call, 'metadata and alerts down')
    exercise.says('messages arrive', 'timelines `partial`', 'alerts come afterwards')
    post = stack.account.aws.admin('sqs')
    box = post.create_queue(QueueName='mailbox-of-alerts')['QueueUrl']
    stack.account.aws.admin('sns').subscribe(TopicArn=ALERTS, Protocol='sqs',
                                             Endpoint=f'arn:aws:sqs:{REGION}:{ACCOUNT}:mailbox-of-alerts')

    def alerted():
        return [message['Body'] for message in post.receive_message(QueueUrl=box, MaxNumberOfMessages=10).get('Messages', [])]

    ada = stack.api.add_user()
    with stack.carrying(pause=0.2):
        exercise.begin()
        stack.api.wait_ready('ready')
        message = ada.sent(ada.user, 'during the outage', priority='alert')
        ada.wait_status(message, 'delivered')
        exercise.await_injected(('meta', 'put', 'unavailable'), ('alert', 'publish', 'unavailable'))
        assert ada.show(message)['partial'] is True
        assert alerted() == []
        exercise.end()
        eventually(lambda: any(message in body for body in alerted()), 'the alert comes afterwards')
        eventually(lambda: 'partial' not in ada.show(message), 'the timeline is whole afterwards')


def rehearse_storage_slow(page, stack, on_call):
    """A send is refused by the fault: by an API that is ready before and after, by whose storage no call fails, and after it
    was held up for longer than the least that the fault adds, as what is refused for another reason is not."""
    exercise = Exercise(page, stack, on_call, 'storage slow')
    exercise.says('503 with `Retry-After`', '`/readyz` stays 200')
    least = int(re.search(r'latency (\d+)s\.\.', exercise.variables['POSTHOUSE_STORAGE_FAULT_APPEND']).group(1))
    with stack.carrying(pause=0.2):
        exercise.begin()
        stack.api.wait_ready('ready')
        sender, reader = stack.api.add_user(), stack.api.add_user()
        accepted, refused = [], []

        def both():
            answer = sender.send(reader.user, f'{len(accepted)} {len(refused)}')
            assert answer.elapsed.total_seconds() >= least, answer.text
            assert stack.api.readiness()[0] == 200
            if answer.status_code == 202:
                accepted.append(answer.json()['id'])
            else:
                assert check_refusal(answer).json()['type'] == 'urn:posthouse:problem:unavailable', answer.text
                refused.append(answer)
            return accepted and refused

        eventually(both, 'a send is refused, another one accepted', 3 * LIMIT)
        exercise.await_injected(('storage', 'append', 'latency'))
        on_call.sees_state('storage', 'ready')
        exercise.end()
        # "Nothing was changed", as the refusal said.
        accepted.append(sender.sent(reader.user, 'afterwards'))
        reader.wait_inbox(len(accepted))
        assert sorted(entry['id'] for entry in reader.inbox()) == sorted(accepted)


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
