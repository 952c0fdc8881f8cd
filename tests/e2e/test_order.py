# SPDX-License-Identifier: Apache-2.0
"""Three daemons on one storage: who follows a cursor misses and repeats nothing (guarantee 3; invariants 2, 9, 10)."""

import concurrent.futures
import contextlib
import sqlite3
import threading
import time
import uuid

import pytest

from harness import SCALE, Follower, eventually
from traffic import Traffic


@pytest.fixture
def three(make_daemon, durable_set):
    # Every second job is sent twice, so that deliveries of one message meet each other in different daemons.
    queue = {'fault.send': 'duplicate 50%', 'fault.seed': 3}
    first = make_daemon(queue=queue).start()
    first.add_operator()
    others = [make_daemon.beside(first).start() for _ in range(2)]
    return [first, *others]


def total(daemons, name):
    return sum(daemon.metrics().get(name, 0) for daemon in daemons)


def test_three_daemons_deliver_to_the_same_inboxes(three):
    readers = [three[0].add_user(f'reader{number}') for number in range(4)]
    writers = [three[0].add_user(f'writer{number}').fork(three[number]) for number in range(3)]
    # Each inbox is followed at every daemon at once.
    others = [Follower(reader.fork(daemon)) for reader in readers for daemon in three[1:]]
    traffic = Traffic(writers, readers, 'order')
    traffic.wait_accepted(round(300 * max(1, SCALE)), 'enough messages are accepted', 600)
    traffic.end_writers()
    traffic.reckon(three[0])
    for follower in others:
        inbox = [message['id'] for message in follower.client.inbox()]
        eventually(lambda: len(follower.seen) >= len(inbox), 'the other followers have caught up', 30)
        assert follower.end() == inbox
    assert all(daemon.metrics()['posthouse_messages_delivered_total'] > 0 for daemon in three), 'one daemon did it all'
    assert total(three, 'posthouse_jobs_duplicate_total') > 0, 'no job was delivered twice'


def sent_pages(client, after):
    """The ids of a user's sent messages behind a cursor, up to the end, and the cursor there."""
    ids = []
    while True:
        page = client.get(f'/v1/messages?box=sent&after={after}&limit=20').json()
        ids += [message['id'] for message in page['messages']]
        after = page['next']
        if not page['messages']:
            return ids, after


def send_and_look(client, count):
    """Sends messages, and reads the list meanwhile, which has each as soon as it is accepted."""
    ids, after = [], 'start'
    for number in range(count):
        ids.append(client.sent(client.user, f'number {number}'))
        if number % 5 == 0:
            more, after = sent_pages(client, after)
            assert ids[-1] in more, 'it is accepted, and not in the list'
    return ids


def test_who_follows_a_sent_list_misses_nothing(three):
    """One user sends at all daemons at once, and reads what was sent."""
    sender = three[0].add_user()
    ending = threading.Event()

    def follow(daemon):
        client, seen, after = sender.fork(daemon), [], 'start'
        over = False
        while not over:
            over = ending.is_set()
            more, after = sent_pages(client, after)
            seen += more
        return seen

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        followers = [pool.submit(follow, daemon) for daemon in three]
        try:
            writers = [pool.submit(send_and_look, sender.fork(daemon), round(30 * max(1, SCALE))) for daemon in three * 2]
            ids = [message for writer in writers for message in writer.result()]
        finally:
            ending.set()
        listed, _ = sent_pages(sender, 'start')
        assert sorted(listed) == sorted(ids)
        for follower in followers:
            assert follower.result() == listed


def test_a_deleted_message_never_comes_back(three):
    sender, reader = three[0].add_user(), three[1].add_user().fork(three[1])
    follower = Follower(reader.fork(three[2]))
    ids = [sender.sent(reader.user, f'number {number}') for number in range(40)]
    reader.wait_inbox(40)
    gone = ids[::2]
    for message in gone:
        assert reader.delete(f'/v1/inbox/{message}').status_code == 204
    kept = [message['id'] for message in reader.inbox()]
    assert sorted(kept) == sorted(ids[1::2])

    jobs_of_messages(three[0], ids)
    eventually(lambda: jobs_left(three[0]) == 0, 'the jobs that were sent again are done')
    # One more message through the same queue: what was delivered before it is visible before it.
    last = sender.sent(reader.user, 'the last')
    eventually(lambda: last in follower.seen, 'the last message arrives')
    assert [message['id'] for message in reader.inbox()] == [*kept, last]
    for message in gone:
        assert reader.delete(f'/v1/inbox/{message}').status_code == 404
        assert reader.get(f'/v1/messages/{message}').status_code == 404
        assert sender.show(message)['status'] == 'delivered'
    # The follower saw each once, deleted or not: it read before the deletion or not at all, and never after.
    seen = follower.end()
    assert len(set(seen)) == len(seen)
    assert set(kept) | {last} <= set(seen) <= set(ids) | {last}


def jobs_of_messages(daemon, ids):
    """Puts two jobs of each message into the queue, as a queue may that repeats itself much later."""
    if daemon.cloud is not None:
        daemon.cloud.send_jobs(daemon, ids * 2)
        return
    now = int(time.time() * 1000)
    rows = [(uuid.UUID(message).bytes, '', now, now) for message in ids for _ in range(2)]
    with contextlib.closing(sqlite3.connect(daemon.database, timeout=60)) as connection, connection:
        connection.executemany('INSERT INTO queue_jobs(id, trace, ready_at, visible_at) VALUES(?, ?, ?, ?)', rows)


def jobs_left(daemon):
    if daemon.cloud is not None:
        return daemon.cloud.jobs_left(daemon)
    with contextlib.closing(sqlite3.connect(daemon.database, timeout=60)) as connection:
        return connection.execute('SELECT count(*) FROM queue_jobs').fetchone()[0]
