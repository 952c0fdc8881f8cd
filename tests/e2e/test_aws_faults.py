# SPDX-License-Identifier: Apache-2.0
"""The reckoning on a stub of AWS that does what moto does not: it throttles, fails, resets, answers by halves and wrongly,
lets credentials expire, keeps another time, hangs, refuses parts of batches, loses and doubles jobs."""

import collections
import itertools

import pytest

from cloud import StubCloud
from harness import SCALE, eventually
from traffic import Traffic

# Each many times in a run, each alone: kind → what it is given besides.
FAULTS = {
    'throttle': [{'share': 0.3}, {'share': 0.3, 'delay': 1}],
    'error': [{'share': 0.1, 'status': status, 'form': form}
              for status, form in [(500, 'json'), (503, 'xml'), (502, 'html'), (500, 'empty'), (503, 'garbage')]],
    'reset': [{'kind': 'reset-before', 'share': 0.2}, {'kind': 'reset-after', 'share': 0.2}],
    'half': [{'share': 0.3}],
    'crc': [{'share': 0.3, 'service': 'dynamodb'}],
    'md5': [{'share': 0.3, 'service': 'sqs'}],
    'partial': [{'share': 0.5}, {'share': 0.2, 'code': 'ThrottlingException', 'entries': 0.9}],
    'jobs': [{'kind': 'lose', 'share': 0.1}, {'kind': 'double', 'share': 0.4}],
    'hang': [{'times': 6}],
    'latency': [{'share': 0.3, 'delay': 0.4}],
}
# kind → how the daemon must have seen it, at least once: the gravest outcome of a call.
SEEN = {'throttle': 'throttled', 'error': 'transient', 'reset': 'uncertain', 'half': 'uncertain', 'crc': 'uncertain',
        'hang': 'uncertain'}
# Retries are quick, so that a test is; what hangs is given up soon.
QUICK = {'call.attempt': '2s', 'breaker.cooldown': '100ms'}


def daemon_on(make_daemon, **more):
    sections = {kind: dict(QUICK) for kind in ('meta', 'queue', 'alert')}
    for kind in sections:
        sections[kind]['timeout'] = '2s'
    daemon = make_daemon('aws', **sections, **more).start()
    daemon.add_operator()
    return daemon


def traffic_on(daemon, seed):
    people = [daemon.add_user(f'user{number}') for number in range(5)]
    return Traffic(people[:2], people[2:], seed, pause=0.01)


def outcomes(daemon):
    """How entries of calls to AWS have ended, by outcome."""
    ended = collections.Counter()
    for name, value in daemon.metrics().items():
        if name.startswith('posthouse_backend_entries_total{') and 'kind="storage"' not in name:
            ended[name.rsplit('outcome="', 1)[1].split('"')[0]] += value
    return ended


def alerts(stub, daemon):
    return [entry['Message'] for entry in stub.alerts_of(daemon)]


def settle(stub, daemon, traffic, limit=300):
    """After the faults: everything is delivered once, and every message has its document."""
    traffic.end_writers()
    traffic.reckon(daemon, limit=limit)
    accepted = {message for writer in traffic.writers for message in writer.accepted}

    def documented():
        documents = str(list(stub.documents_of(daemon)))
        return all(message in documents for message in accepted)

    eventually(documented, 'every message has its document')


# A sanitizer's shortened run takes those that lead through the most code.
@pytest.mark.parametrize('name', FAULTS if SCALE >= 1 else ['reset', 'half', 'partial'])
def test_nothing_is_lost_or_doubled(make_daemon, stub, name):
    daemon = daemon_on(make_daemon)
    ada, eve = daemon.add_user('ada'), daemon.add_user('eve')
    traffic = traffic_on(daemon, name)
    traffic.wait_accepted(20, 'messages are accepted')
    faults = [stub.aws.faults.add(**{'kind': name, **more}) for more in FAULTS[name]]
    alerted = []
    for number in itertools.count():
        traffic.wait_accepted(round(20 * max(1, SCALE)), 'messages are accepted in spite of faults')
        alerted.append(ada.sent(eve.user, f'alert {number}', priority='alert'))
        if number >= 2 and all(fault.hits > 0 for fault in faults):
            break
    eventually(lambda: name not in SEEN or outcomes(daemon)[SEEN[name]] > 0, f'the daemon has seen it: {outcomes(daemon)}')
    stub.aws.faults.clear()
    settle(stub, daemon, traffic)
    eve.wait_inbox(len(alerted))
    eventually(lambda: all(any(one in text for text in alerts(stub, daemon)) for one in alerted),
               'every alert is published')
    daemon.wait_ready()


def test_clocks_that_differ(make_daemon, stub):
    """The stub's time is two hours ahead, then behind: the first refusal tells, and one request is sent again."""
    daemon = daemon_on(make_daemon)
    traffic = traffic_on(daemon, 'skew')
    for skew in (7200, -7200, 0):
        stub.aws.skew = skew
        before = stub.aws.done.copy()
        traffic.wait_accepted(20, 'messages are accepted')
        for operation in (('sqs', 'SendMessageBatch'), ('sqs', 'DeleteMessageBatch'), ('dynamodb', 'BatchWriteItem')):
            eventually(lambda o=operation, b=before: stub.aws.done[o] > b[o], f'{operation} is done at {skew} s')
    settle(stub, daemon, traffic)


@pytest.mark.parametrize('source', ['container', 'imds', 'web'])
def test_credentials_that_end(make_daemon, source, tmp_path):
    """What was given out is refused from one moment to the next: others are fetched, and nothing is lost."""
    stub = StubCloud()
    try:
        stub.environment = stub.aws.environment(source)
        if source == 'web':
            token = tmp_path / 'web-identity'
            token.write_text(stub.aws.credentials.web_identity)
            stub.environment['AWS_WEB_IDENTITY_TOKEN_FILE'] = str(token)
        make_daemon.cloud = lambda: stub
        daemon = daemon_on(make_daemon)
        traffic = traffic_on(daemon, source)
        for _ in range(3):
            given = stub.aws.credentials.given
            before = stub.aws.done.copy()
            stub.aws.credentials.expire()
            traffic.wait_accepted(20, 'messages are accepted')
            eventually(lambda g=given: stub.aws.credentials.given > g, 'other credentials were fetched')
            eventually(lambda b=before: stub.aws.done['sqs', 'DeleteMessageBatch'] > b['sqs', 'DeleteMessageBatch'],
                       'they are used')
        settle(stub, daemon, traffic)
        assert stub.aws.credentials.environment()['AWS_ACCESS_KEY_ID'] not in daemon.log_text()
    finally:
        stub.stop()


def test_the_cost_is_metered(make_daemon, stub):
    """/metrics counts what AWS would bill, by service and operation; under load there are fewer requests than messages."""
    daemon = daemon_on(make_daemon)
    ada, grace = daemon.add_user('ada'), daemon.add_user('grace')
    messages = 0
    for _ in range(20):
        batch = [{'to': [grace.user], 'subject': 's', 'body': 'b'} for _ in range(100)]
        answer = ada.post('/v1/messages/batch', {'messages': batch})
        messages += sum('id' in result for result in answer.json()['results'])
    eventually(lambda: daemon.metrics().get('posthouse_messages_delivered_total', 0) >= messages, 'all is delivered')
    eventually(lambda: len(stub.documents_of(daemon)) >= messages, 'every document is there')
    metered = {}

    def agreed():
        metered.clear()
        for name, value in daemon.metrics().items():
            if '_requests_total{service=' in name:
                service, operation = name.split('"')[1::2]
                metered[service, operation] = value
        return metered == dict(stub.aws.requests)

    eventually(agreed, 'the meter says what the stub has read')
    per = {service: sum(value for (of, _), value in metered.items() if of == service) / messages
           for service in ('sqs', 'dynamodb')}
    print(f'requests a message, {messages} messages: SQS {per["sqs"]:.3f}, DynamoDB {per["dynamodb"]:.3f}')
    assert per['sqs'] < 1 and per['dynamodb'] < 1, per
