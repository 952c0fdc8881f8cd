# SPDX-License-Identifier: Apache-2.0
"""posthoused --check=deep on AWS: it names the right that is missing, also one to do what has an effect, and has none itself.
In moto with signatures and policies checked; what only AWS answers is in tests/unit/test_aws_probe.c."""

import os
import re
import subprocess
import uuid

import pytest

from cloud import ACCOUNT, REGION, counts_of
from harness import DAEMON, LIMIT

from moto_policy import actions, without

UNAVAILABLE, CONFIG = 69, 78
BODY = '{"id":"0190163d-8694-739b-aea5-966c26f8ad90"}'
EFFECTS = ['dynamodb:BatchWriteItem', 'sqs:SendMessage', 'sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility',
           'sqs:DeleteMessage', 'sns:Publish']


class Watched:
    """The table, the queue and the topic, with something in each that any effect would change."""

    def __init__(self, aws):
        self.dynamodb, self.sqs, sns = (aws.local.admin(name) for name in ('dynamodb', 'sqs', 'sns'))
        self.table = aws.sections['meta']['table']
        self.queue = aws.sections['queue']['queue_url']
        self.published = self.sqs.create_queue(QueueName='published')['QueueUrl']
        sns.subscribe(TopicArn=aws.sections['alert']['topic_arn'], Protocol='sqs',
                      Endpoint=f'arn:aws:sqs:{REGION}:{ACCOUNT}:published')
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=BODY)
        self.dynamodb.put_item(TableName=self.table, Item={'id': {'S': str(uuid.uuid4())}, 'sender': {'S': 'someone'}})

    def look(self):
        """All that the check could have changed and that can be looked at often."""
        return {'items': sorted(item['id']['S'] for item in self.dynamodb.scan(TableName=self.table)['Items']),
                'jobs': counts_of(self.sqs, self.queue), 'alerts': counts_of(self.sqs, self.published)}

    def take(self):
        """The jobs, each with how often it was received. That is an effect of its own: for the end."""
        jobs = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10,
                                        AttributeNames=['ApproximateReceiveCount']).get('Messages', [])
        for job in jobs:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=job['ReceiptHandle'])
        return [(job['Body'], job['Attributes']['ApproximateReceiveCount']) for job in jobs]


@pytest.fixture
def watched(granted):
    """Ends with a look at what the checks of the test have changed: nothing."""
    watched = Watched(granted)
    before = watched.look()
    assert before['jobs']['ApproximateNumberOfMessages'] == 1 and before['items']
    yield watched
    assert watched.look() == before
    assert watched.take() == [(BODY, '1')], 'nobody has received it'


def run_deep_check(daemon, keys):
    done = subprocess.run([str(DAEMON), '--check=deep', '-c', str(daemon.ini)], capture_output=True, text=True,
                          timeout=LIMIT, check=False, env={**os.environ, **keys})
    return done.returncode, done.stdout, done.stderr


def deep_check(aws, make_daemon, keys=None):
    daemon = aws.daemon(make_daemon)
    return run_deep_check(daemon, keys or daemon.env)


def test_deep_check_finds_every_right_of_the_policy(granted, watched, make_daemon):
    code, out, errors = deep_check(granted, make_daemon)
    assert (code, errors) == (0, '')
    assert sorted(re.findall('the right (.*) is there', out)) == sorted(EFFECTS)


@pytest.mark.parametrize('action', [*EFFECTS, 'dynamodb:BatchGetItem', 'dynamodb:DescribeTable', 'sqs:GetQueueAttributes',
                                    'sns:GetTopicAttributes'])
def test_deep_check_names_exactly_the_action_that_is_missing(granted, watched, make_daemon, action):
    granted.local.give('daemon', without(granted.policy, action))
    code, out, errors = deep_check(granted, make_daemon)
    assert code == UNAVAILABLE, out + errors
    assert set(re.findall('it needs the right (.*) on ', errors)) == {action}
    assert 'posthouse iam-policy' in errors
    assert f'the right {action} is there' not in out and 'could not be tried' not in errors
    assert set(re.findall('the right (.*) is there', out)) >= {other for other in EFFECTS if other[:3] != action[:3]}


def test_deep_check_names_all_that_is_missing_at_once(granted, watched, make_daemon):
    policy = granted.policy
    missing = ['dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem', 'dynamodb:DescribeTable', 'sqs:GetQueueAttributes',
               'sqs:SendMessage', 'sqs:ReceiveMessage', 'sns:Publish']
    for action in missing:
        policy = without(policy, action)
    granted.local.give('daemon', policy)
    code, _, errors = deep_check(granted, make_daemon)
    assert code == UNAVAILABLE
    assert set(re.findall('it needs the right (.*) on ', errors)) == set(missing)


def test_deep_check_claims_nothing_that_it_cannot_know(granted, watched, make_daemon):
    """Who may do everything is denied nothing, so that one cannot see whether rights or values are looked at first."""
    code, out, errors = deep_check(granted, make_daemon, granted.admin)
    assert code == 0
    assert set(re.findall('the right (.*) is there', out)) == set(EFFECTS) - {'sqs:ReceiveMessage'}
    (line,) = errors.splitlines()
    assert 'warning: queue: sqs opened, but whether it has the right sqs:ReceiveMessage on' in line


def test_deep_check_without_the_secret(granted, watched, make_daemon):
    granted.local.give('daemon', without(granted.policy, 'secretsmanager:GetSecretValue'))
    code, _, errors = deep_check(granted, make_daemon)
    assert code == CONFIG
    assert 'storage.path' in errors and 'secretsmanager:GetSecretValue' in errors


@pytest.mark.parametrize('kind,key,thing', [('meta', 'table', 'posthouse-messages'), ('queue', 'queue_url', 'posthouse-jobs'),
                                            ('alert', 'topic_arn', 'posthouse-alerts')])
def test_deep_check_names_a_thing_that_is_missing(granted, watched, make_daemon, kind, key, thing):
    daemon = granted.daemon(make_daemon)
    daemon.sections[kind][key] = daemon.sections[kind][key].replace(thing, 'not-there')
    daemon.write()
    code, _, errors = run_deep_check(daemon, granted.admin)
    assert code == UNAVAILABLE
    line = next(line for line in errors.splitlines() if line.startswith(f'{daemon.ini}:') and f': {kind}: ' in line)
    assert 'not-there' in line and 'did not open' in line
    assert f'posthouse setup -c {daemon.ini} makes it, for local use; in production Terraform does' in errors
    assert 'it needs the right' not in errors


def test_deep_check_names_a_secret_that_is_missing(granted, watched, make_daemon):
    daemon = granted.daemon(make_daemon)
    daemon.sections['storage']['path'] = '${secret:posthouse/not-there#storage}'
    daemon.write()
    code, _, errors = run_deep_check(daemon, granted.admin)
    assert code == CONFIG
    assert 'storage.path: secret posthouse/not-there cannot be read' in errors


def test_every_action_is_taken_away(granted):
    tried = set(test_deep_check_names_exactly_the_action_that_is_missing.pytestmark[0].args[1])
    assert set(actions(granted.policy)) == tried | {'secretsmanager:GetSecretValue'}
