# SPDX-License-Identifier: Apache-2.0
"""Sending: one by one, in batches, with keys, later, only for a while, as alerts; and what becomes of it."""

import concurrent.futures
import json
import uuid

from harness import eventually, in_seconds


def pointers(answer):
    return [error['pointer'] for error in answer.json()['errors']]


def test_everything_a_message_carries(users):
    ada, grace, alan = users(3)
    sent = {'to': [grace.user, alan.user, grace.user], 'subject': 'Ünïcode ✉', 'body': 'lines\nand \u0007 bells 🐎',
            'content_type': 'text/markdown', 'attributes': {'place': 'east', 'näme': ''}, 'priority': 'normal'}
    message = ada.post('/v1/messages', sent).json()['id']
    for reader in (grace, alan):
        item = reader.wait_inbox(1)[0]
        assert item['id'] == message
        assert sorted(item['to']) == sorted([grace.user, alan.user])
        for member in ('subject', 'body', 'content_type', 'attributes', 'priority'):
            assert item[member] == sent[member]
        assert item['accepted_at'] <= item['delivered_at']
    shown = ada.wait_status(message, 'delivered')
    assert set(shown['recipients']) == {grace.user, alan.user}
    eventually(lambda: 'partial' not in ada.show(message), 'the document is there')
    steps = ada.show(message)['timeline']
    assert steps[0]['event'] == 'accepted'
    assert {step.get('recipient') for step in steps if step['event'] == 'delivered'} == {grace.user, alan.user}


def test_who_may_see_a_message(shared, users):
    ada, grace, eve = users(3)
    message = ada.sent(grace.user)
    grace.wait_inbox(1)
    assert ada.get(f'/v1/messages/{message}').status_code == 200
    assert grace.get(f'/v1/messages/{message}').status_code == 200
    for stranger in (eve, shared.operator):
        assert stranger.get(f'/v1/messages/{message}').status_code == 404
        assert stranger.delete(f'/v1/inbox/{message}').status_code == 404
        assert stranger.post('/v1/inbox/ack', {'ids': [message]}).json() == {'acked': 0}
    assert grace.inbox()[0]['read_at'] is None


def test_sent_box_in_pages(users):
    ada, grace = users(2)
    ids = [ada.sent(grace.user, str(number)) for number in range(7)]
    after, seen = 'start', []
    while True:
        page = ada.get(f'/v1/messages?box=sent&after={after}&limit=3').json()
        if not page['messages']:
            break
        assert len(page['messages']) <= 3
        seen += [message['id'] for message in page['messages']]
        after = page['next']
    assert seen == ids
    assert ada.get('/v1/messages?box=sent&after=end').json()['messages'] == []
    assert grace.get('/v1/messages?box=sent').json()['messages'] == []


def test_a_key_makes_one_message(users):
    ada, grace = users(2)
    key = 'key-' + uuid.uuid4().hex
    first = ada.send(grace.user, 'once', key=key)
    again = ada.send(grace.user, 'once', key=key)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert 'Idempotent-Replayed' not in first.headers
    assert again.headers['Idempotent-Replayed'] == 'true'
    assert again.headers['Location'] == first.headers['Location']
    # The same content in another spelling is the same; other content is refused; another user has other keys.
    spelled = ada.request('POST', '/v1/messages', headers={'Idempotency-Key': key, 'Content-Type': 'application/json'},
                          data=json.dumps({'body': 'text', 'to': [grace.user], 'subject': 'once'}, indent=4))
    assert spelled.json() == first.json()
    other = ada.send(grace.user, 'twice', key=key)
    assert other.status_code == 422, other.text
    assert grace.send(ada.user, 'once', key=key).json()['id'] != first.json()['id']
    assert len(grace.wait_inbox(1)) == 1
    for bad in ('', 'x' * 129, 'with space'):
        assert ada.send(grace.user, key=bad).status_code == 400, bad


def test_twins_in_flight(users):
    ada, grace = users(2)
    key = 'twin-' + uuid.uuid4().hex
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ada.fork().send(grace.user, 'twin', key=key), range(12)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum('Idempotent-Replayed' not in answer.headers for answer in answers) == 1
    grace.wait_inbox(1)
    ada.sent(grace.user, 'the last')
    assert len(grace.wait_inbox(2)) == 2


def test_twins_on_two_daemons(make_daemon, durable_set):
    one = make_daemon().start()
    two = make_daemon.beside(one).start()
    ada = one.add_user('ada')
    for number in range(5):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            twins = [ada.fork(daemon) for daemon in (one, two) for _ in range(4)]
            answers = list(pool.map(lambda twin, key=number: twin.send('ada', f'twin {key}', key=f'key-{key}'), twins))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.text for answer in answers}) == 1
    assert len(ada.wait_inbox(5)) == 5


def test_batch(users):
    ada, grace = users(2)
    good = {'to': [grace.user], 'subject': 'good', 'body': ''}
    key = 'batch-' + uuid.uuid4().hex
    answer = ada.post('/v1/messages/batch', {'messages': [
        good, {**good, 'to': ['nobody-at-all']}, {**good, 'subject': 5}, {**good, 'idempotency_key': key},
        {**good, 'idempotency_key': key}, {**good, 'subject': 'other', 'idempotency_key': key}]})
    assert answer.status_code == 200, answer.text
    results = answer.json()['results']
    assert ['id' in result for result in results] == [True, False, False, True, True, False]
    assert results[3] == results[4], 'twins in one batch'
    assert results[1]['error']['errors'][0]['pointer'] == '/messages/1/to/0'
    assert results[2]['error']['errors'][0]['pointer'] == '/messages/2/subject'
    assert results[5]['error']['status'] == 422
    inbox = grace.wait_inbox(2)
    assert {m['id'] for m in inbox} == {results[0]['id'], results[3]['id']}

    full = ada.post('/v1/messages/batch', {'messages': [good] * 100}).json()['results']
    assert len({result['id'] for result in full}) == 100
    for messages in ([], [good] * 101):
        assert ada.post('/v1/messages/batch', {'messages': messages}).status_code == 422
    refused = ada.post('/v1/messages/batch', {'messages': [good]}, headers={'Idempotency-Key': 'k'})
    assert 400 <= refused.status_code < 500
    assert len(grace.wait_inbox(102)) == 102


def test_not_before_its_time(users):
    ada, grace = users(2)
    at = in_seconds(3)
    message = ada.sent(grace.user, deliver_at=at)
    now = ada.sent(grace.user, 'now')
    assert [m['id'] for m in grace.wait_inbox(1)] == [now]
    assert ada.show(message)['status'] == 'accepted'
    inbox = grace.wait_inbox(2)
    assert [m['id'] for m in inbox] == [now, message]
    assert inbox[1]['delivered_at'] >= at


def test_expiry(users):
    ada, grace = users(2)
    never = ada.sent(grace.user, 'never', deliver_at=in_seconds(1), expires_at=in_seconds(1.2))
    soon = ada.sent(grace.user, 'soon', expires_at=in_seconds(30))
    assert grace.wait_inbox(1)[0]['id'] == soon
    # It ends once: expired without a delivery, or delivered in the short time and hidden then.
    eventually(lambda: ada.show(never)['status'] in ('expired', 'delivered'), 'the message has ended')
    eventually(lambda: [m['id'] for m in grace.inbox()] == [soon], 'what has expired is hidden')
    hidden = ada.sent(grace.user, 'hidden later', expires_at=in_seconds(4))
    eventually(lambda: hidden in [m['id'] for m in grace.inbox()], 'it is delivered before it expires')
    eventually(lambda: [m['id'] for m in grace.inbox()] == [soon], 'it is hidden when it expires')
    assert ada.show(hidden)['status'] == 'delivered', 'after a delivery, expiry only hides'
    for times in ({'expires_at': in_seconds(-5)}, {'deliver_at': in_seconds(60), 'expires_at': in_seconds(50)}):
        answer = ada.send(grace.user, **times)
        assert answer.status_code == 422
        assert pointers(answer) == ['/expires_at']


def test_limits_of_a_message(users):
    ada, grace = users(2)
    most = {'subject': 'é' * 200, 'body': 'x' * 262144, 'attributes': {f'a{n}': 'v' * 1024 for n in range(10)}}
    assert ada.send(grace.user, **most).status_code == 202
    for more, pointer in [({'subject': 'é' * 201}, '/subject'), ({'body': 'é' * 131073}, '/body'),
                          ({'attributes': {f'a{n}': '' for n in range(11)}}, '/attributes'),
                          ({'attributes': {'a': 'v' * 1025}}, '/attributes/a'), ({'attributes': {'a': 1}}, '/attributes/a'),
                          ({'priority': 'urgent'}, '/priority'), ({'content_type': 'no type'}, '/content_type'),
                          ({'deliver_at': 'tomorrow'}, '/deliver_at'), ({'deliver_at': 5}, '/deliver_at')]:
        answer = ada.send(grace.user, **more)
        assert answer.status_code == 422, more
        assert pointers(answer) == [pointer], answer.text
    assert pointers(ada.send([f'u{n}' for n in range(101)])) == ['/to']
    assert pointers(ada.send([])) == ['/to']
    assert pointers(ada.send([grace.user, 'nobody-1', 'nobody-2'])) == ['/to/1', '/to/2']
    assert pointers(ada.send(['Grace!'])) == ['/to/0']
    item = grace.wait_inbox(1)
    assert len(item) == 1
    assert all(item[0][member] == value for member, value in most.items())


def test_an_alert_is_published(make_daemon):
    daemon = make_daemon().start()
    ada = daemon.add_user('ada')
    message = ada.sent('ada', 'fire', 'in the stable', priority='alert', attributes={'place': 'east'})
    ada.sent('ada', 'no fire')
    file = daemon.folder / 'alerts.jsonl'
    eventually(lambda: file.exists() and file.read_text().endswith('\n'), 'the alert is published')
    ada.wait_inbox(2)
    (alert,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert (alert['id'], alert['sender'], alert['subject'], alert['body']) == (message, 'ada', 'fire', 'in the stable')
    assert alert['attributes'] == {'place': 'east'}
