# SPDX-License-Identifier: Apache-2.0
"""The daemon on AWS under exactly the policy that posthouse iam-policy prints, in moto with signatures and policies checked:
with it everything works; with one action less, exactly that action's operations are denied, and operators are told."""

import json
import os
import re
import subprocess

import pytest
import requests

from harness import COMMAND, LIMIT, OPERATOR, PASSWORD, eventually
from policed import SECRET, posthouse

from moto_policy import actions, without

CONFIG = 78


def rights():
    """Action → the operations that need it, as (kind, operation), from the plugins' own tables."""
    found = {}
    for kind, plugin in (('meta', 'dynamodb'), ('queue', 'sqs'), ('alert', 'sns'), ('secret', 'secretsmanager')):
        for right in json.loads(posthouse('plugin', 'describe', f'{kind}-{plugin}', '--json'))['rights']:
            if right['operation'] != 'setup' and 'via' not in right:
                found.setdefault(right['action'], set()).add((kind, right['operation']))
    return found


def denied(daemon):
    """The operations that ended denied so far, as (kind, operation)."""
    pattern = re.compile(r'posthouse_backend_(?:entries_total|call_seconds_count){kind="(\w+)",plugin="[^"]*",'
                         r'operation="(\w+)",outcome="denied"}')
    metered = {(match[1], match[2]) for match in map(pattern.match, daemon.metrics()) if match}
    opened = {(line['section'], 'open') for line in daemon.log()
              if line.get('message') == 'the backend could not be opened' and line.get('outcome') == 'denied'}
    return metered | opened


def start(daemon):
    daemon.start(ready=False)
    command = [str(COMMAND), 'user', 'add', OPERATOR, '--operator', '--password-stdin', '-c', str(daemon.ini)]
    subprocess.run(command, input=PASSWORD + '\n', capture_output=True, text=True, timeout=LIMIT, check=True,
                   env={**os.environ, **daemon.env})
    return daemon.client(OPERATOR)


def backends(client):
    return {backend['kind']: backend for backend in client.get('/v1/admin/backends').json().get('backends', ())}


def states(daemon):
    return {backend['kind']: backend['state']
            for backend in requests.get(daemon.url + '/readyz', timeout=30).json()['backends']}


def test_everything_works_with_the_policy(granted, make_daemon):
    daemon = granted.daemon(make_daemon)
    client = start(daemon)
    daemon.wait_ready()
    message = client.sent(OPERATOR, priority='alert')
    client.wait_inbox(1)
    eventually(lambda: client.get(f'/v1/messages/{message}').json().get('timeline'), 'the document is there')
    eventually(lambda: daemon.metrics()['posthouse_alerts_published_total'] == 1, 'it is published')

    def counted(kind, plugin, operation):
        return sum(value for name, value in daemon.metrics().items() if f'operation="{operation}"' in name and plugin in name
                   and name.startswith(f'posthouse_plugin_{kind}_'))

    for what in (('queue', 'sqs', 'SendMessageBatch'), ('meta', 'dynamodb', 'BatchWriteItem')):
        eventually(lambda: counted(*what) >= 1, f'the cost meter counts {what[2]}')
    assert denied(daemon) == set()
    daemon.stop()


def use_all(client, messages):
    """Makes every operation happen, again and again, as far as what is denied lets it; `messages` are those sent so far."""
    answer = client.send(OPERATOR, priority='alert')
    if answer.status_code == 202:  # a storage whose deliveries fail is not always asked
        messages.append(answer.json()['id'])
    # The document of a message is asked for once it is delivered, which the newest is not yet.
    for message in messages[:1]:
        client.get(f'/v1/messages/{message}')


@pytest.mark.parametrize('action', [
    'dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem', 'dynamodb:DescribeTable', 'sqs:ChangeMessageVisibility',
    'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage', 'sqs:SendMessage', 'sns:GetTopicAttributes',
    'sns:Publish'])
def test_without_an_action_its_operations_are_denied(granted, make_daemon, action):
    wanted = rights()[action]
    granted.local.give('daemon', without(granted.policy, action))
    # Jobs are given back, which needs the right to change their visibility, where deliveries fail.
    storage = {'fault.deliver': 'unavailable 100%'} if action == 'sqs:ChangeMessageVisibility' else {}
    granted.sections['storage'] = {'plugin': 'sqlite', 'path': f'${{secret:{SECRET}#storage}}', **storage}
    daemon = granted.daemon(make_daemon)
    client = start(daemon)
    messages = []

    def is_denied():
        use_all(client, messages)
        return denied(daemon)

    found = eventually(is_denied, f'something is denied without {action}')
    assert found <= wanted
    (kind, _), *_ = wanted
    eventually(lambda: states(daemon)[kind] in ('degraded', 'failed'), f'readiness shows the {kind}')
    eventually(lambda: action in backends(client).get(kind, {}).get('detail', ''), f'operators are told of {action}')
    assert {other for other, state in states(daemon).items() if state in ('degraded', 'failed')} <= {kind, 'storage'}
    assert action in daemon.log_text(), 'the log names the action'
    assert denied(daemon) <= wanted
    assert daemon.stop() == 0


def test_without_the_secret_nothing_starts(granted, make_daemon):
    granted.local.give('daemon', without(granted.policy, 'secretsmanager:GetSecretValue'))
    granted.sections['storage'] = {'plugin': 'sqlite', 'path': f'${{secret:{SECRET}#storage}}'}
    daemon = granted.daemon(make_daemon)
    daemon.spawn()
    assert daemon.wait() == CONFIG
    line = [text for text in daemon.log_text().splitlines() if f'{daemon.ini}:' in text]
    assert any('storage.path' in text and 'secretsmanager:GetSecretValue' in text for text in line), daemon.log_text()
    daemon.process = None


def test_every_action_is_tried(granted):
    tried = {mark for function in (test_without_an_action_its_operations_are_denied,)
             for mark in function.pytestmark[0].args[1]}
    assert set(actions(granted.policy)) == tried | {'secretsmanager:GetSecretValue'}
