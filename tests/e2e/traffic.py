# SPDX-License-Identifier: Apache-2.0
"""Writers, readers and the reckoning: what crash, fault and order tests share.

A writer keeps a ledger of what it was promised. The reckoning compares all ledgers with all inboxes (guarantees 1 to 3,
invariants 1, 2, 3 and 10 of core/README.md).
"""

import collections
import random
import threading
import time

import requests

from harness import LIMIT, Follower, eventually
from whereabouts import whereabouts


class Writer(threading.Thread):
    """Posts messages without a pause until end(); every message has a subject of its own."""

    def __init__(self, client, recipients, seed, pause=0.0):
        super().__init__(daemon=True)
        self.client = client.fork()
        self.recipients = recipients
        self.random = random.Random(seed)
        self.pause = pause
        self.accepted = {}  # id → (subject, recipients): 202 was seen
        self.uncertain = {}  # subject → recipients: no answer, no key, never repeated
        self.keyed = set()  # subjects that were sent with a key
        self.answers = collections.Counter()
        self.problems = []
        self._ending = threading.Event()
        self._count = 0
        self.start()

    def run(self):
        while not self._ending.is_set() and not self.problems:
            if self.random.random() < 0.15:
                self._batch()
            else:
                self._one()
            time.sleep(self.pause)

    def _message(self):
        self._count += 1
        to = self.random.sample(self.recipients, self.random.randint(1, min(3, len(self.recipients))))
        return {'to': to, 'subject': f'{self.client.user}-{self._count}',
                'body': 'x' * self.random.choice((1, 50, 300, 3000))}

    def _post(self, path, body, key=None):
        headers = {'Idempotency-Key': key} if key else None
        try:
            answer = self.client.post(path, body, headers=headers, timeout=60)
        except requests.RequestException:
            self.answers['lost'] += 1
            return None
        self.answers[answer.status_code] += 1
        return answer

    def _until_answered(self, path, body, key=None, good=202):
        """Repeats a call with a key until it is answered with success."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            answer = self._post(path, body, key)
            if answer is not None and answer.status_code == good:
                return answer
            if answer is not None and answer.status_code != 503:
                self.problems.append(f'{answer.status_code} {answer.text}')
                return None
            time.sleep(0.03)
        self.problems.append(f'not accepted within {LIMIT} s: {body}')
        return None

    def _one(self):
        message = self._message()
        subject = message['subject']
        if self.random.random() < 0.3:
            answer = self._post('/v1/messages', message)
            if answer is not None and answer.status_code == 202:
                self._promised(answer.json()['id'], message)
            elif answer is None or answer.status_code == 503:
                self.uncertain[subject] = message['to']
            else:
                self.problems.append(f'{answer.status_code} {answer.text}')
            return
        self.keyed.add(subject)
        answer = self._until_answered('/v1/messages', message, subject)
        if answer is None:
            return
        first = answer.json()
        self._promised(first['id'], message)
        if self.random.random() < 0.3:
            again = self._until_answered('/v1/messages', message, subject)
            if again is not None and (again.json() != first or again.headers.get('Idempotent-Replayed') != 'true'):
                self.problems.append(f'a repeat of {first} was answered {again.json()}')

    def _batch(self):
        messages = [self._message() for _ in range(self.random.randint(2, 12))]
        for message in messages:
            message['idempotency_key'] = message['subject']
            self.keyed.add(message['subject'])
        while messages and not self.problems:
            answer = self._until_answered('/v1/messages/batch', {'messages': messages}, good=200)
            if answer is None:
                return
            left = []
            for message, result in zip(messages, answer.json()['results'], strict=True):
                if 'id' in result:
                    self._promised(result['id'], message)
                elif result['error']['status'] == 503:
                    left.append(message)
                else:
                    self.problems.append(f'{message}: {result}')
            messages = left

    def _promised(self, message_id, message):
        entry = (message['subject'], tuple(message['to']))
        if self.accepted.setdefault(message_id, entry) != entry:
            self.problems.append(f'{message_id} was given to two messages: {self.accepted[message_id]}, {entry}')

    def end(self):
        self._ending.set()
        self.join(2 * LIMIT)
        assert not self.is_alive(), 'a writer hangs'
        assert not self.problems, self.problems[0]


class Traffic:
    """Writers and a cursor follower for each reader. `url_of` gives each client its daemon."""

    def __init__(self, writers, readers, seed, pause=0.0):
        names = [reader.user for reader in readers]
        self.readers = readers
        self.followers = [Follower(reader) for reader in readers]
        self.writers = [Writer(writer, names, f'{seed}-{index}', pause) for index, writer in enumerate(writers)]

    def accepted(self):
        return sum(len(writer.accepted) for writer in self.writers)

    def wait_accepted(self, count, what, limit=LIMIT):
        """Waits until `count` more messages were accepted; a writer's problem ends the wait, for end_writers() to tell."""
        goal = self.accepted() + count
        eventually(lambda: self.accepted() >= goal or any(writer.problems for writer in self.writers), what, limit)

    def end_writers(self):
        for writer in self.writers:
            writer.end()

    def _expected(self):
        """Reader → the ids that it must have."""
        expected = {reader.user: set() for reader in self.readers}
        for writer in self.writers:
            for message_id, (_, to) in writer.accepted.items():
                for name in to:
                    expected[name].add(message_id)
        return expected

    def _wait_all(self, expected, limit):
        """Waits until the readers have seen what they must, as long as more of it comes: a backlog drains as fast as the machine
        and its AWS can, a few messages a second where moto has to share its processor with a dozen others. What is stuck shows
        when all else has come: nothing more does, for `limit` seconds. What is not stuck may be so far behind the others as the
        lease of a killed receiver (30 s, after a poll of up to 20 s that outlives it), or as the third wait of a mark whose jobs
        were all lost (120 s)."""
        followers = {follower.client.user: follower for follower in self.followers}

        def count_missing():
            return sum(len(expected[name] - set(followers[name].seen)) for name in expected)

        missing = count_missing()
        while missing > 0:
            missing = eventually(lambda m=missing: [n for n in [count_missing()] if n < m],
                                 f'more of the {missing} accepted messages that are missing were seen by the readers', limit)[0]

    def reckon(self, daemon, limit=180):
        """After the writers have ended and the daemon is well: all that was promised arrives, once, in order. If not, the
        failure says where the messages are, looked up at this daemon. `limit`: how long nothing may arrive."""
        expected = self._expected()
        followers = {follower.client.user: follower for follower in self.followers}
        try:
            self._wait_all(expected, limit)
        except AssertionError as problem:
            missing = {name: sorted(expected[name] - set(followers[name].seen)) for name in expected}
            told = whereabouts(daemon, sorted(set().union(*missing.values())))
            stored = {reader.user: [m['id'] for m in reader.inbox()] for reader in self.readers}
            lost = {name: [m for m in ids if m not in stored[name]] for name, ids in missing.items()}
            raise AssertionError(f'{problem}\nnot seen: {missing}\nof these not in the inbox either: {lost}\n{told}') from None
        for reader in self.readers:
            self._reckon_one(reader, followers[reader.user], expected[reader.user])

    def _reckon_one(self, reader, follower, expected):
        # What nobody was promised may still arrive late; wait until the reader has caught up with the inbox.
        def caught_up():
            inbox = reader.inbox()
            return inbox if [m['id'] for m in inbox] == follower.seen else None

        try:
            inbox = eventually(caught_up, 'the follower has seen the inbox, in its order, once', 30)
        except AssertionError as problem:
            inbox = [m['id'] for m in reader.inbox()]
            seen = follower.end()
            twice = [m for m, n in collections.Counter(seen).items() if n > 1]
            raise AssertionError(f'{problem}: {reader.user}: {len(inbox)} in the inbox, {len(seen)} seen, '
                                 f'twice {twice}, missed {sorted(set(inbox) - set(seen))}') from None
        follower.end()
        ids = [message['id'] for message in inbox]
        assert len(set(ids)) == len(ids), 'a message is in an inbox twice'
        assert expected <= set(ids)
        # A message that was retried with its key was made once; one that was never retried, at most once.
        subjects = collections.Counter(message['subject'] for message in inbox)
        twice = [subject for subject, count in subjects.items() if count > 1]
        assert not twice, f'made twice: {twice}'
        known = {subject for writer in self.writers for subject in writer.keyed | set(writer.uncertain)}
        known |= {subject for writer in self.writers for subject, _ in writer.accepted.values()}
        assert set(subjects) <= known
