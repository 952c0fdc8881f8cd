# SPDX-License-Identifier: Apache-2.0
"""moto's server in its own process: who may do what there, and that it ends with its starter."""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import time

import botocore.exceptions
import moto.sqs.models
import pytest

from local_aws import ACCOUNT, LIMIT, REGION, LocalAws, client, sure_queues
from moto_policy import actions, translated, without

QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:mine'
POLICY = {'Version': '2012-10-17', 'Statement': [
    {'Effect': 'Allow', 'Action': ['sqs:SendMessage', 'sqs:GetQueueAttributes'], 'Resource': QUEUE},
    {'Effect': 'Allow', 'Action': 'dynamodb:DescribeTable', 'Resource': 'arn:aws:dynamodb:eu-west-1:123456789012:table/t'}]}


@pytest.fixture(scope='module')
def aws(tmp_path_factory):
    running = LocalAws.start(tmp_path_factory.mktemp('aws'))
    yield running
    running.stop()


def refused(function, **more):
    """moto refuses in XML, where boto3 finds no code."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        function(**more)
    return caught.value.response['ResponseMetadata']['HTTPStatusCode'] == 403


def test_a_user_may_do_what_the_policy_says(aws):
    mine = aws.admin('sqs').create_queue(QueueName='mine')['QueueUrl']
    other = aws.admin('sqs').create_queue(QueueName='other')['QueueUrl']
    sqs = client('sqs', aws.url, aws.user('ada', POLICY))
    entries = [{'Id': '1', 'MessageBody': 'x'}]
    assert sqs.send_message_batch(QueueUrl=mine, Entries=entries)['Successful']
    assert refused(sqs.send_message_batch, QueueUrl=other, Entries=entries)
    assert refused(sqs.receive_message, QueueUrl=mine)
    aws.give('ada', without(POLICY, 'sqs:SendMessage'))
    assert refused(sqs.send_message_batch, QueueUrl=mine, Entries=entries)
    assert sqs.get_queue_attributes(QueueUrl=mine, AttributeNames=['All'])['Attributes']


def test_a_wrong_secret_is_refused(aws):
    keys = aws.user('bob')
    client('sqs', aws.url, keys).list_queues()
    assert refused(client('sqs', aws.url, {**keys, 'AWS_SECRET_ACCESS_KEY': 'wrong'}).list_queues)


def test_the_command_makes_users_and_secrets(aws):
    def run(*arguments, text=None):
        script = pathlib.Path(__file__).with_name('local_aws.py')
        return subprocess.run([sys.executable, script, *arguments], input=text, capture_output=True, text=True, check=True,
                              timeout=LIMIT).stdout

    policy = aws.folder / 'policy.json'
    policy.write_text(json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': 'secretsmanager:GetSecretValue', 'Resource': '*'}]}))
    keys = dict(line.split('=', 1) for line in run('user', aws.folder, 'eve', policy).splitlines())
    run('secret', aws.folder, 'db', text='first')
    run('secret', aws.folder, 'db', text='second')
    secrets = client('secretsmanager', aws.url, keys)
    assert secrets.get_secret_value(SecretId='db')['SecretString'] == 'second'
    assert refused(secrets.list_secrets)


def test_a_queue_keeps_what_is_sent_and_loses_what_is_removed():
    """Also when much of that happens at once: moto itself, as the server has mended it, its threads changing often."""
    sure_queues()
    backend = moto.sqs.models.sqs_backends[ACCOUNT][REGION]
    backend.create_queue('busy', {})
    for number in range(200):
        backend.send_message('busy', f'{number}')
    received = [message.receipt_handle for _ in range(20)
                for message in backend.receive_message('busy', 10, wait_seconds_timeout=0, visibility_timeout=LIMIT)]
    assert len(received) == 200

    def remove(handles):
        for handle in handles:
            backend.delete_message('busy', handle)

    def send(count):
        for number in range(count):
            backend.send_message('busy', f'late {number}')

    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.00001)
    try:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            work = [pool.submit(remove, received[part::4]) for part in range(4)] + [pool.submit(send, 50) for _ in range(2)]
    finally:
        sys.setswitchinterval(usual)
    for each in work:
        each.result()
    left = [message.body for message in backend.get_queue('busy')._messages]
    assert sorted(left) == sorted(2 * [f'late {number}' for number in range(50)])


def test_it_ends_with_its_starter(tmp_path):
    script = 'import sys; sys.path.insert(0, sys.argv[1]); from local_aws import LocalAws; print(LocalAws.start(sys.argv[2]).url)'
    run = subprocess.run([sys.executable, '-c', script, pathlib.Path(__file__).parent, tmp_path], capture_output=True,
                         text=True, check=True, timeout=LIMIT)
    end = time.monotonic() + LIMIT
    while True:
        try:
            client('sqs', run.stdout.strip(), {'AWS_ACCESS_KEY_ID': 'a', 'AWS_SECRET_ACCESS_KEY': 'b'}).list_queues()
        except botocore.exceptions.EndpointConnectionError:
            return
        except botocore.exceptions.ClientError:
            pass
        assert time.monotonic() < end, 'moto still runs'
        time.sleep(0.05)


def test_policies_are_translated():
    assert actions(POLICY) == ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'dynamodb:DescribeTable']
    assert without(POLICY, 'dynamodb:DescribeTable')['Statement'] == POLICY['Statement'][:1]
    assert translated(POLICY)['Statement'] == [
        {'Effect': 'Allow', 'Action': ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:SendMessageBatch'],
         'Resource': QUEUE},
        {'Effect': 'Allow', 'Action': ['dynamodb:DescribeTable'], 'Resource': '*'}]
