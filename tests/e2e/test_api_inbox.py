# SPDX-License-Identifier: Apache-2.0
"""Reading: pages, cursors, long polls that a delivery wakes, acknowledging, removing."""

import concurrent.futures
import time
import uuid

from harness import eventually


def test_pages_and_cursors(users):
    ada, grace = users(2)
    first = grace.page()
    assert first['messages'] == []
    ids = [ada.sent(grace.user, str(number)) for number in range(7)]
    inbox = [message['id'] for message in grace.wait_inbox(7)]
    assert sorted(inbox) == sorted(ids)
    after, seen = first['next'], []
    while (page := grace.page(after, limit=2))['messages']:
        assert len(page['messages']) <= 2
        seen += [message['id'] for message in page['messages']]
        after = page['next']
    assert page['next'] == after, 'the cursor stays when nothing came'
    assert seen == inbox
    end = grace.page('end')
    assert end['messages'] == []
    last = ada.sent(grace.user, 'after the end')
    eventually(lambda: [m['id'] for m in grace.page(end['next'])['messages']] == [last], 'after=end goes on')


def test_cursors_that_are_none(users):
    ada, grace = users(2)
    ada.sent(grace.user)
    grace.wait_inbox(1)
    cursor = grace.page()['next']
    other = ada.get('/v1/messages?box=sent').json()['next']
    for bad in ('', 'x', 'START', cursor[:-1], cursor + 'A', cursor[:-2] + 'zz', other, 'i' + 'A' * 16, '0', '-1'):
        answer = grace.get(f'/v1/inbox?after={bad}')
        assert answer.status_code == 422, bad
    assert ada.get(f'/v1/inbox?after={cursor}').status_code == 422, "another user's cursor"
    for bad in ('limit=0', 'limit=101', 'limit=x', 'limit=-1', 'limit=1&limit=2', 'wait=21', 'wait=1.5', 'what=1',
                'limit=99999999999999999999'):
        assert grace.get(f'/v1/inbox?{bad}').status_code == 422, bad


def test_a_delivery_wakes_a_poll(users):
    ada, grace = users(2)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        polls = [pool.submit(grace.fork().page, 'start', 20) for _ in range(3)]
        time.sleep(0.3)
        message = ada.sent(grace.user)
        for poll in polls:
            assert [m['id'] for m in poll.result()['messages']] == [message]
    began = time.monotonic()
    empty = grace.page(grace.page()['next'], wait=1)
    assert empty['messages'] == []
    assert time.monotonic() - began >= 0.9, 'a poll ended before its time'


def test_a_poll_sees_deliveries_of_another_daemon(make_daemon, durable_set):
    one = make_daemon().start()
    two = make_daemon.beside(one, daemon={'roles': 'api'}).start()
    ada, grace = one.add_user('ada'), one.add_user('grace')
    for number in range(3):
        after = grace.page('end')['next']
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            poll = pool.submit(grace.fork(two).page, after, 20)
            message = ada.sent('grace', str(number))
            assert [m['id'] for m in poll.result()['messages']] == [message]


def test_ack_and_remove(users):
    ada, grace = users(2)
    ids = [ada.sent(grace.user, str(number)) for number in range(4)]
    grace.wait_inbox(4)
    assert grace.post('/v1/inbox/ack', {'ids': ids[:2]}).json() == {'acked': 2}
    assert grace.post('/v1/inbox/ack', {'ids': ids[:3] + [str(uuid.uuid4())]}).json() == {'acked': 3}
    inbox = {message['id']: message for message in grace.inbox()}
    assert [inbox[message]['read_at'] is not None for message in ids] == [True, True, True, False]
    read_at = inbox[ids[0]]['read_at']
    assert ada.show(ids[0])['recipients'][grace.user]['read_at'] == read_at
    assert ada.show(ids[3])['recipients'][grace.user]['read_at'] is None

    cursor = grace.page()['next']
    assert grace.delete(f'/v1/inbox/{ids[1]}').status_code == 204
    for method, path in (('DELETE', f'/v1/inbox/{ids[1]}'), ('GET', f'/v1/messages/{ids[1]}'),
                         ('DELETE', f'/v1/inbox/{uuid.uuid4()}')):
        assert grace.request(method, path).status_code == 404
    assert grace.post('/v1/inbox/ack', {'ids': [ids[1]]}).json() == {'acked': 0}
    assert ada.show(ids[1])['status'] == 'delivered'
    assert {m['id'] for m in grace.inbox()} == {ids[0], ids[2], ids[3]}
    assert grace.page(cursor)['messages'] == []
