# SPDX-License-Identifier: Apache-2.0
"""The stub's SQS: standard queues in memory, with leases, delays, long polls, and partial failures of every batch.

Runs on the stub's own loop; `jobs`, `taken` and `dead` may be looked at from any thread.
"""

import asyncio
import heapq
import itertools
import json
import re
import time
import uuid

from stub_answers import Refusal, md5_of

ENTRIES_MAX = 10
BYTES_MAX = 1 << 20
WAIT_MAX = 20
ENTRY_ID = re.compile(r'[\w-]{1,80}')


class Job:
    def __init__(self, body):
        self.id = str(uuid.uuid4())
        self.body = body
        self.sent_at = time.time()
        self.receives = 0
        self.receipt = None
        self.hidden_until = 0.0
        self.gone = False


class Queue:
    def __init__(self, name, loop, arn):
        self.name = name
        self.arn = arn
        self.loop = loop
        self.ready = []  # a heap of (order, job): received in the order of sending, more or less
        self.hidden = []  # a heap of (until, order, job), with entries that are out of date
        self.taken = {}  # receipt → job
        self.order = itertools.count()
        self.waiters = []
        self.attributes = {'VisibilityTimeout': '30', 'RedrivePolicy': json.dumps(
            {'deadLetterTargetArn': f'{arn}-dead', 'maxReceiveCount': 1000})}
        self.sent = self.removed = 0

    # --- what time does ---

    def wake(self):
        """Brings out what is hidden no longer, and lets receivers look."""
        now = time.time()
        while self.hidden and self.hidden[0][0] <= now:
            until, _, job = heapq.heappop(self.hidden)
            if not job.gone and job.hidden_until == until:
                self.taken.pop(job.receipt, None)
                heapq.heappush(self.ready, (next(self.order), job))
        if self.ready:
            for waiter in self.waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self.waiters.clear()

    def hide(self, job, seconds):
        job.hidden_until = time.time() + seconds
        heapq.heappush(self.hidden, (job.hidden_until, next(self.order), job))
        self.loop.call_later(max(0, seconds) + 0.001, self.wake)

    # --- what the operations do ---

    def put(self, body, delay):
        job = Job(body)
        self.sent += 1
        if delay > 0:
            self.hide(job, delay)
        else:
            heapq.heappush(self.ready, (next(self.order), job))
            self.loop.call_soon(self.wake)
        return job

    def take(self, limit, lease):
        jobs = []
        self.wake()
        while self.ready and len(jobs) < limit:
            job = heapq.heappop(self.ready)[1]
            if job.gone:
                continue
            job.receives += 1
            job.receipt = f'{uuid.uuid4()}'
            self.taken[job.receipt] = job
            jobs.append(job)
            self.hide(job, lease)
        return jobs

    async def receive(self, limit, wait, lease):
        end = self.loop.time() + wait
        while True:
            jobs = self.take(limit, lease)
            left = end - self.loop.time()
            if jobs or left <= 0:
                return jobs
            waiter = self.loop.create_future()
            self.waiters.append(waiter)
            try:
                await asyncio.wait_for(waiter, left)
            except asyncio.TimeoutError:
                continue

    def remove(self, receipt):
        job = self.taken.pop(receipt, None)
        if job is not None and not job.gone:
            job.gone = True
            self.removed += 1

    def counts(self):
        """Waiting, received, delayed."""
        taken = sum(not job.gone for job in self.taken.values())
        hidden = sum(not job.gone and job.hidden_until == until for until, _, job in self.hidden)
        return sum(not job.gone for _, job in self.ready), taken, hidden - taken


class Sqs:
    """The service. `queues`: name → Queue."""

    def __init__(self, loop, region, account):
        self.loop = loop
        self.region = region
        self.account = account
        self.queues = {}

    def make(self, name):
        self.queues[name] = Queue(name, self.loop, f'arn:aws:sqs:{self.region}:{self.account}:{name}')
        return self.queues[name]

    def queue_of(self, asked):
        queue = self.queues.get(str(asked.get('QueueUrl', '')).rsplit('/', 1)[-1])
        if queue is None:
            raise Refusal('QueueDoesNotExist', 'The specified queue does not exist.',
                          query_code='AWS.SimpleQueueService.NonExistentQueue')
        return queue

    @staticmethod
    def entries_of(asked):
        entries = asked.get('Entries') or []
        ids = [entry['Id'] for entry in entries]
        if not entries:
            raise Refusal('EmptyBatchRequest', 'There should be at least one entry in the request.')
        if len(entries) > ENTRIES_MAX:
            raise Refusal('TooManyEntriesInBatchRequest', f'{len(entries)} entries')
        if len(set(ids)) != len(ids):
            raise Refusal('BatchEntryIdsNotDistinct', 'Two entries have one id.')
        if not all(ENTRY_ID.fullmatch(one) for one in ids):
            raise Refusal('InvalidBatchEntryId', 'An id is not of letters, digits, - and _.')
        return entries

    @staticmethod
    def split(entries, refused):
        """What becomes of each entry: those that are left to do, and the answer's list of failures."""
        failed = [{'Id': entries[index]['Id'], 'SenderFault': False, 'Code': code, 'Message': 'The stub refused this entry.'}
                  for index, code in sorted(refused.items())]
        return [entry for index, entry in enumerate(entries) if index not in refused], failed

    async def SendMessageBatch(self, asked, blows):
        queue, entries = self.queue_of(asked), self.entries_of(asked)
        if sum(len(entry['MessageBody'].encode()) for entry in entries) > BYTES_MAX:
            raise Refusal('BatchRequestTooLong', 'The entries are above 1 MiB.')
        entries, failed = self.split(entries, blows.refused(len(entries)))
        done = []
        for entry in entries:
            times = 0 if blows.has('lose') else 2 if blows.has('double') else 1
            for _ in range(times):
                queue.put(entry['MessageBody'], int(entry.get('DelaySeconds', 0)))
            done.append({'Id': entry['Id'], 'MessageId': str(uuid.uuid4()),
                         'MD5OfMessageBody': md5_of(entry['MessageBody'])})
        return {'Successful': done, 'Failed': failed}

    async def ReceiveMessage(self, asked, blows):
        wait = int(asked.get('WaitTimeSeconds', 0))
        limit = int(asked.get('MaxNumberOfMessages', 1))
        lease = int(asked.get('VisibilityTimeout', 30))
        if not (0 <= wait <= WAIT_MAX and 1 <= limit <= ENTRIES_MAX and 0 <= lease <= 43200):
            raise Refusal('InvalidParameterValue', f'wait {wait}, limit {limit}, lease {lease}')
        jobs = await self.queue_of(asked).receive(limit, wait, lease)
        if not jobs:
            return {}
        wrong = blows.has('md5')
        return {'Messages': [{
            'MessageId': job.id, 'ReceiptHandle': job.receipt, 'Body': job.body,
            'MD5OfBody': md5_of(job.body + ('x' if wrong else '')),
            'Attributes': {'ApproximateReceiveCount': str(job.receives), 'SentTimestamp': str(int(job.sent_at * 1000))},
        } for job in jobs]}

    async def DeleteMessageBatch(self, asked, blows):
        queue, entries = self.queue_of(asked), self.entries_of(asked)
        entries, failed = self.split(entries, blows.refused(len(entries)))
        for entry in entries:
            queue.remove(entry['ReceiptHandle'])
        return {'Successful': [{'Id': entry['Id']} for entry in entries], 'Failed': failed}

    async def ChangeMessageVisibilityBatch(self, asked, blows):
        queue, entries = self.queue_of(asked), self.entries_of(asked)
        entries, failed = self.split(entries, blows.refused(len(entries)))
        done = []
        for entry in entries:
            job = queue.taken.get(entry['ReceiptHandle'])
            if job is None:
                failed.append({'Id': entry['Id'], 'SenderFault': True, 'Code': 'MessageNotInflight',
                               'Message': 'The message is not in flight.'})
                continue
            queue.hide(job, int(entry['VisibilityTimeout']))
            done.append({'Id': entry['Id']})
        return {'Successful': done, 'Failed': failed}

    async def GetQueueAttributes(self, asked, _):
        queue = self.queue_of(asked)
        waiting, taken, delayed = queue.counts()
        known = {'QueueArn': queue.arn, 'ApproximateNumberOfMessages': str(waiting),
                 'ApproximateNumberOfMessagesNotVisible': str(taken), 'ApproximateNumberOfMessagesDelayed': str(delayed),
                 **queue.attributes}
        names = asked.get('AttributeNames') or []
        return {'Attributes': {name: value for name, value in known.items() if name in names or 'All' in names}}
