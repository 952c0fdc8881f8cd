# SPDX-License-Identifier: Apache-2.0
"""The stub, as boto3 sees it: that it carries messages, and that every fault shows as what it is."""

import http.client
import json
import time
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import botocore.parsers
import pytest

from stub import ACCOUNT, REGION, StubAws
from stub_answers import md5_of
from stub_faults import KINDS

# The last two: boto3 on what is no answer at all.
FAILURES = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError,
            botocore.parsers.ResponseParserError, UnicodeDecodeError)


@pytest.fixture
def aws():
    with StubAws() as stub:
        stub.sqs.make('jobs')
        stub.dynamodb.make('messages')
        stub.sns.make('alerts')
        stub.secrets.put('db', '{"password": "first"}', AWSPENDING='{"password": "second"}')
        yield stub


def client(aws, service, keys=None, timeout=5):
    key, secret, token = keys or (*aws.credentials.environment().values(), None)
    return boto3.client(service, region_name=REGION, endpoint_url=aws.url(service), aws_access_key_id=key,
                        aws_secret_access_key=secret, aws_session_token=token,
                        config=botocore.config.Config(retries={'total_max_attempts': 1}, read_timeout=timeout, proxies={}))


def send(aws, *bodies, **more):
    return client(aws, 'sqs', **more).send_message_batch(QueueUrl=aws.queue_url('jobs'), Entries=[
        {'Id': str(number), 'MessageBody': body} for number, body in enumerate(bodies)])


def receive(aws, **more):
    return client(aws, 'sqs').receive_message(QueueUrl=aws.queue_url('jobs'), MaxNumberOfMessages=10, **more).get('Messages', [])


def put(aws, *ids, **more):
    return client(aws, 'dynamodb', **more).batch_write_item(RequestItems={'messages': [
        {'PutRequest': {'Item': {'id': {'S': one}}}} for one in ids]})


def publish(aws, *texts):
    return client(aws, 'sns').publish_batch(TopicArn=aws.sns.prefix + 'alerts', PublishBatchRequestEntries=[
        {'Id': str(number), 'Message': text, 'Subject': 'S'} for number, text in enumerate(texts)])


def code_of(function, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        function(*arguments, **more)
    return caught.value.response['Error']['Code']


def test_jobs_are_sent_received_hidden_and_removed(aws):
    sqs, queue = client(aws, 'sqs'), aws.queue_url('jobs')
    assert len(send(aws, 'a', 'b', 'c')['Successful']) == 3
    got = receive(aws, VisibilityTimeout=30)
    assert [job['Body'] for job in got] == ['a', 'b', 'c']
    assert receive(aws) == []
    sqs.delete_message_batch(QueueUrl=queue, Entries=[{'Id': '0', 'ReceiptHandle': got[0]['ReceiptHandle']}])
    sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[
        {'Id': '1', 'ReceiptHandle': got[1]['ReceiptHandle'], 'VisibilityTimeout': 0}])
    again = receive(aws, WaitTimeSeconds=5, AttributeNames=['ApproximateReceiveCount'])
    assert [(job['Body'], job['Attributes']['ApproximateReceiveCount']) for job in again] == [('b', '2')]
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['All'])['Attributes']
    assert (counts['ApproximateNumberOfMessages'], counts['ApproximateNumberOfMessagesNotVisible']) == ('0', '2')


def test_a_long_poll_ends_with_the_first_job(aws):
    sqs = client(aws, 'sqs')
    sqs.send_message_batch(QueueUrl=aws.queue_url('jobs'), Entries=[{'Id': '0', 'MessageBody': 'later', 'DelaySeconds': 1}])
    assert receive(aws) == []
    assert [job['Body'] for job in receive(aws, WaitTimeSeconds=20)] == ['later']


def test_a_lease_ends(aws):
    send(aws, 'x')
    assert len(receive(aws, VisibilityTimeout=1)) == 1
    assert len(receive(aws, WaitTimeSeconds=10)) == 1


def test_documents_alerts_and_secrets(aws):
    put(aws, 'a', 'b')
    got = client(aws, 'dynamodb').batch_get_item(RequestItems={'messages': {'Keys': [{'id': {'S': 'a'}}, {'id': {'S': 'x'}}]}})
    assert got['Responses'] == {'messages': [{'id': {'S': 'a'}}]}
    assert client(aws, 'dynamodb').describe_table(TableName='messages')['Table']['TableStatus'] == 'ACTIVE'
    assert len(publish(aws, 'one', 'two & <three>')['Successful']) == 2
    assert [entry['Message'] for entry in aws.sns.topics[aws.sns.prefix + 'alerts']] == ['one', 'two & <three>']
    secrets = client(aws, 'secretsmanager')
    assert 'first' in secrets.get_secret_value(SecretId='db')['SecretString']
    assert 'second' in secrets.get_secret_value(SecretId='db', VersionStage='AWSPENDING')['SecretString']
    assert 'first' in client(aws, 'ssm').get_parameter(Name='db')['Parameter']['Value']


def test_limits_are_the_services_own(aws):
    assert code_of(send, aws, *'abcdefghijk') == 'TooManyEntriesInBatchRequest'
    assert code_of(put, aws, *map(str, range(26))) == 'ValidationException'
    assert code_of(put, aws, 'a', 'a') == 'ValidationException'
    assert code_of(publish, aws, *'abcdefghijk') == 'TooManyEntriesInBatchRequest'


def test_strangers_are_refused(aws):
    assert code_of(send, aws, 'a', keys=('AKIANOBODY', 'x', None)) == 'UnrecognizedClientException'
    assert code_of(send, aws, 'a', keys=(aws.credentials.static, 'wrong', None)) == 'InvalidSignatureException'
    key, secret, token, _ = aws.credentials.give()
    assert len(send(aws, 'a', keys=(key, secret, token))['Successful']) == 1
    assert code_of(send, aws, 'a', keys=(key, secret, 'other')) == 'UnrecognizedClientException'
    aws.credentials.expire()
    assert code_of(send, aws, 'a', keys=(key, secret, token)) == 'ExpiredTokenException'


@pytest.mark.parametrize('skew', [-3600, 3600])
def test_clocks_that_differ_are_told(aws, skew):
    aws.skew = skew
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        send(aws, 'a')
    assert 'Signature' in caught.value.response['Error']['Message']


def test_the_work_of_a_lost_answer_is_done(aws):
    aws.faults.add('reset-after', 'sqs', times=1)
    with pytest.raises(FAILURES):
        send(aws, 'reset-after')
    aws.faults.add('half', 'sqs', times=1)
    assert 'Successful' not in send(aws, 'half')  # boto3 takes what it gets
    aws.faults.add('reset-before', 'sqs', times=1)
    with pytest.raises(FAILURES):
        send(aws, 'reset-before')
    assert {job['Body'] for job in receive(aws)} == {'reset-after', 'half'}
    assert aws.requests['sqs', 'SendMessageBatch'] == aws.done['sqs', 'SendMessageBatch'] == 2
    aws.faults.add('reset-before', 'sns', 'PublishBatch', times=1)
    with pytest.raises(FAILURES):
        publish(aws, 'a')
    assert not aws.sns.topics[aws.sns.prefix + 'alerts']


def test_parts_of_batches_fail(aws):
    for service in ('sqs', 'dynamodb', 'sns'):
        aws.faults.add('partial', service)
    answer = send(aws, *'abcd')
    assert (len(answer['Successful']), len(answer['Failed'])) == (2, 2)
    assert len(put(aws, *'abcd')['UnprocessedItems']['messages']) == 2
    answer = publish(aws, *'abcd')
    assert (len(answer['Successful']), len(answer['Failed'])) == (2, 2)
    assert answer['Failed'][0]['Code'] == 'InternalError'


def test_jobs_are_lost_and_doubled(aws):
    aws.faults.add('lose', 'sqs', times=1)
    assert len(send(aws, 'lost')['Successful']) == 1
    aws.faults.add('double', 'sqs', times=1)
    send(aws, 'twice')
    assert [job['Body'] for job in receive(aws)] == ['twice', 'twice']


@pytest.mark.parametrize('form', ['json', 'xml', 'html', 'empty', 'garbage'])
def test_errors_come_in_every_form(aws, form):
    aws.faults.add('error', status=503, form=form)
    for call in (send, put, publish):
        with pytest.raises(FAILURES):
            call(aws, 'a')


def test_other_faults(aws):
    aws.faults.add('throttle', 'dynamodb', times=1)
    assert code_of(put, aws, 'a') == 'ProvisionedThroughputExceededException'
    aws.faults.add('crc', 'dynamodb', times=1)
    answer = put(aws, 'a')
    assert answer['ResponseMetadata']['HTTPHeaders']['x-amz-crc32'] != '2745614147'  # that of {"UnprocessedItems": {}}
    aws.faults.add('latency', 'dynamodb', times=1, delay=0.3)
    began = time.monotonic()
    put(aws, 'a')
    assert time.monotonic() - began >= 0.3
    hang = aws.faults.add('hang', 'sqs')
    with pytest.raises(FAILURES):
        send(aws, 'a', timeout=0.3)
    aws.faults.remove(hang)
    assert send(aws, 'b')['Successful']
    aws.faults.add('md5', 'sqs')
    (job,) = receive(aws)
    assert job['MD5OfBody'] != md5_of(job['Body'])


def assume(aws, timeout=5):
    return client(aws, 'sts', timeout=timeout).assume_role_with_web_identity(
        RoleArn=f'arn:aws:iam::{ACCOUNT}:role/x', RoleSessionName='tests', WebIdentityToken=aws.credentials.web_identity)


def container(aws, timeout=5):
    request = urllib.request.Request(aws.url('credentials') + '/container',
                                     headers={'Authorization': aws.credentials.container_token})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize('ask, service', [(assume, 'sts'), (container, 'credentials')])
def test_who_gives_credentials_fails_like_the_others(aws, ask, service):
    ask(aws)
    for kind in ('throttle', 'error', 'hang', 'half', 'reset-before', 'reset-after'):
        fault = aws.faults.add(kind, service)
        try:
            answer = ask(aws, timeout=0.5)
            assert kind == 'half' and 'Expiration' not in str(answer)  # boto3 takes what it gets
        except (*FAILURES, OSError, http.client.HTTPException):
            pass
        assert fault.hits > 0, kind
        aws.faults.remove(fault)
    ask(aws)
    aws.faults.add('throttle', 'sts')
    assert code_of(assume, aws) == 'Throttling'


def test_a_service_is_cut_and_mended(aws):
    aws.cut('sqs')
    with pytest.raises(FAILURES):
        send(aws, 'a')
    put(aws, 'a')
    aws.mend('sqs')
    assert send(aws, 'a')['Successful']


def test_faults_are_known(aws):
    assert len(KINDS) == 12
    with pytest.raises(AssertionError):
        aws.faults.add('no-such-kind')
    assert ACCOUNT in aws.queue_url('jobs')
