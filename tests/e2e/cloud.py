# SPDX-License-Identifier: Apache-2.0
"""AWS for the daemons of a test: their queue, table and topic, and who they are there.

`Cloud` is moto (tests/cloud/local_aws.py), for tests that want AWS to be well; `StubCloud` is the stub that breaks on demand
(tests/cloud/stub.py). Both furnish the sections of a daemon on the set aws.
"""

import itertools
import json
import os
import pathlib
import subprocess
import sys

from harness import COMMAND, LIMIT, ROOT, ini_text

sys.path.insert(0, str(ROOT / 'tests' / 'cloud'))

from local_aws import ACCOUNT, REGION, LocalAws
from stub import StubAws


# kind → its plugin on AWS, and the key that names what the plugin uses there.
NAMES = {'meta': ('dynamodb', 'table'), 'queue': ('sqs', 'queue_url'), 'alert': ('sns', 'topic_arn')}


def lacks_names(sections):
    """The kinds of these sections that use AWS and do not say what there."""
    return [kind for kind, (plugin, key) in NAMES.items()
            if sections[kind]['plugin'] == plugin and key not in sections[kind]]


def name_things(sections, name, sqs_url):
    """Names a queue, a table and a topic where they are not named; returns what it has named, by kind."""
    values = {'meta': f'messages-{name}', 'queue': f'{sqs_url}/{ACCOUNT}/jobs-{name}',
              'alert': f'arn:aws:sns:{REGION}:{ACCOUNT}:alerts-{name}'}
    named = {kind: values[kind] for kind in lacks_names(sections)}
    for kind, value in named.items():
        sections[kind][NAMES[kind][1]] = value
    return named


def counts_of(sqs, url):
    """What SQS counts in a queue, by its own names for it."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['All'])
    return {name: int(value) for name, value in answer['Attributes'].items() if name.startswith('ApproximateNumberOfMessages')}


class Cloud:
    """moto in a process of its own, and a user there who may do everything."""

    def __init__(self, folder):
        self.aws = LocalAws.start(folder)
        self.environment = self.aws.environment(self.aws.user('posthouse'))
        self._numbers = itertools.count(1)

    def stop(self):
        self.aws.stop()

    def furnish(self, sections, folder):
        """Gives the sections a queue, a table and a topic of their own, made by `posthouse setup`."""
        name_things(sections, next(self._numbers), self.aws.url)
        set_up(sections, folder, self.environment)

    # What a daemon has in the queue.

    def send_jobs(self, daemon, ids):
        """Puts a job of each of these messages into the daemon's queue."""
        entries = [{'Id': str(number), 'MessageBody': json.dumps({'id': message})} for number, message in enumerate(ids)]
        for first in range(0, len(entries), 10):
            answer = self.aws.admin('sqs').send_message_batch(QueueUrl=daemon.sections['queue']['queue_url'],
                                                              Entries=entries[first:first + 10])
            assert not answer.get('Failed'), answer

    def jobs_left(self, daemon):
        """How many jobs are in the daemon's queue, waiting, received or delayed."""
        return sum(counts_of(self.aws.admin('sqs'), daemon.sections['queue']['queue_url']).values())

    def queue_counts(self, daemon):
        """What SQS counts in the daemon's queue and in its dead-letter queue, by its own names for it."""
        url = daemon.sections['queue']['queue_url']
        return {end or 'queue': counts_of(self.aws.admin('sqs'), url + end) for end in ('', '-dead')}


class StubCloud:
    """The stub. `aws` is the StubAws."""

    def __init__(self, seed=1):
        self.aws = StubAws(seed)
        self.environment = self.aws.environment()
        self._numbers = itertools.count(1)

    def stop(self):
        self.aws.stop()

    def furnish(self, sections, folder):
        del folder
        makers = {'meta': self.aws.dynamodb, 'queue': self.aws.sqs, 'alert': self.aws.sns}
        for kind, name in name_things(sections, next(self._numbers), self.aws.url('sqs')).items():
            makers[kind].make(name.rsplit('/', 1)[-1].rsplit(':', 1)[-1])

    # What a daemon left here.

    def queue_of(self, daemon):
        return self.aws.sqs.queues[daemon.sections['queue']['queue_url'].rsplit('/', 1)[-1]]

    def queue_counts(self, daemon):
        """How many jobs are in the daemon's queue."""
        return dict(zip(('waiting', 'received', 'delayed'), self.queue_of(daemon).counts(), strict=True))

    def documents_of(self, daemon):
        return self.aws.dynamodb.tables[daemon.sections['meta']['table']][1]

    def alerts_of(self, daemon):
        return self.aws.sns.topics[daemon.sections['alert']['topic_arn']]


def set_up(sections, folder, environment):
    """Makes what the sections name, by the command; returns what it said."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / 'setup.ini'
    path.write_text(ini_text({**sections, 'daemon': {**sections['daemon'], 'state_dir': str(folder)}}), encoding='utf-8')
    run = subprocess.run([str(COMMAND), 'setup', '-c', str(path)], capture_output=True, text=True, timeout=LIMIT,
                         stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
