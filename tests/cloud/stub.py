#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stub of AWS that misbehaves on demand: SQS, DynamoDB, SNS, Secrets Manager, SSM, STS and the credentials endpoints.

    with StubAws() as aws:                       # a thread of its own; each service at a port of its own
        environment = aws.environment()          # for the daemon
        fault = aws.faults.add('reset-after', 'sqs', 'SendMessageBatch', share=0.2)
        aws.cut('dynamodb'); aws.mend('dynamodb')

It carries real messages, checks signatures, and knows the limits of every batch; what it stores may be looked at in `sqs`,
`dynamodb` and `sns`. By itself: stub.py prints an environment and serves until it is ended.
"""

import asyncio
import collections
import contextlib
import json
import threading
import urllib.parse

from stub_answers import JSON_SERVICES, TARGETS, THROTTLES, Refusal, error, good
from stub_credentials import Credentials
from stub_faults import Faults
from stub_http import Answer, Connection
from stub_queue import Sqs
from stub_services import DynamoDb, Secrets, Sns

REGION = 'eu-west-1'
ACCOUNT = '123456789012'
SERVICES = ('sqs', 'dynamodb', 'sns', 'secretsmanager', 'ssm', 'sts', 'credentials')
VARIABLES = {'secretsmanager': 'SECRETS_MANAGER'}
# Whose requests name their operation in the head; and who is asked without a signature.
NAMED_BY_HEAD = (*JSON_SERVICES, 'credentials')
GIVES_KEYS = ('sts', 'credentials')
LIMIT = 60


class Blows:
    """The faults that hit one request."""

    def __init__(self, faults, struck):
        self._faults = faults
        self._struck = struck

    def has(self, kind):
        return next((fault for fault in self._struck if fault.kind == kind), None)

    def refused(self, count):
        """Index → code of the entries of a batch that fail."""
        fault = self.has('partial')
        return {index: fault.code for index in self._faults.chosen(fault, count)} if fault else {}


class Listener:
    """One service at its port; what a Connection asks."""

    def __init__(self, aws, service):
        self.aws = aws
        self.service = service
        self.connections = set()
        self.server = None
        self.port = 0

    @property
    def skew(self):
        return self.aws.skew

    async def open(self):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Connection(self), '127.0.0.1', self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    def close(self):
        """Refuses connections and resets those there are."""
        self.server.close()
        for connection in list(self.connections):
            connection.abort()

    def early(self, request):
        _, operation = self.operation_of(request)
        if self.service not in NAMED_BY_HEAD:
            return False  # it stands in the body
        return bool(self.aws.faults.strike(self.service, operation, ('reset-before',)))

    def operation_of(self, request):
        """What is asked, and by which operation; None while its name is in a body that is not read. Of the credentials
        endpoints, the path is the operation."""
        if self.service == 'credentials':
            return None, request.path
        if self.service in JSON_SERVICES:
            prefix, _, operation = request.headers.get('x-amz-target', '').partition('.')
            if TARGETS.get(prefix) != self.service:
                return None, ''
            return request.body, operation
        asked = dict(urllib.parse.parse_qsl(request.body.decode(errors='replace'), keep_blank_values=True))
        return asked, asked.get('Action')

    async def answer(self, request):
        asked, operation = self.operation_of(request)
        if self.service != 'credentials':
            self.aws.requests[self.service, operation] += 1
        try:
            return await self.serve(request, asked, operation)
        except Refusal as refusal:
            return error(self.service, refusal)
        except (KeyError, ValueError, TypeError, AttributeError) as problem:
            return error(self.service, Refusal('SerializationException', f'not understood: {problem!r}'))

    async def hold(self, service, operation):
        """Latency and hanging."""
        for fault in self.aws.faults.strike(service, operation, ('latency', 'hang')):
            if fault.kind == 'latency':
                await asyncio.sleep(fault.delay)
            while fault.kind == 'hang' and not fault.over:
                await asyncio.sleep(0.02)

    async def serve(self, request, asked, operation):
        service, faults = self.service, self.aws.faults
        await self.hold(service, operation)
        kinds = ['throttle', 'error', 'reset-after', 'half', 'crc', 'md5', 'partial', 'lose', 'double']
        blows = Blows(faults, faults.strike(service, operation, kinds + ([] if service in NAMED_BY_HEAD else ['reset-before'])))
        if blows.has('reset-before'):
            return Answer(harm='reset')
        if service not in GIVES_KEYS:
            self.aws.credentials.check(service, request, self.aws.skew)
        if fault := blows.has('throttle'):
            answer = error(service, Refusal(THROTTLES.get(service, 'ThrottlingException'), 'Rate exceeded',
                                            429 if service == 'credentials' else 400))
            if fault.delay is not None:
                answer.headers['Retry-After'] = str(round(fault.delay))
            return answer
        if fault := blows.has('error'):
            return error(service, Refusal(fault.code, 'The stub refused this.', fault.status), fault.form)
        answer = await self.work(request, asked, operation, blows)
        if blows.has('crc') and 'x-amz-crc32' in answer.headers:
            answer.headers['x-amz-crc32'] = str(int(answer.headers['x-amz-crc32']) ^ 1)
        answer.harm = 'reset' if blows.has('reset-after') else 'half' if blows.has('half') else ''
        return answer

    async def work(self, request, asked, operation, blows):
        if self.service == 'credentials':
            return self.aws.credentials.answer(request) or Answer(404, b'', 'text/plain')
        if self.service == 'sts':
            answer = self.aws.credentials.assume(asked)
        else:
            if self.service in JSON_SERVICES:
                asked = json.loads(asked)
            handler = getattr(self.aws.handlers[self.service], operation or '', None)
            if handler is None or not operation[0].isupper():
                raise Refusal('UnknownOperationException', f'the stub has no {operation}')
            answer = good(self.service, operation, await handler(asked, blows))
        self.aws.done[self.service, operation] += 1
        return answer


class StubAws:
    def __init__(self, seed=1):
        self.faults = Faults(seed)
        self.credentials = Credentials()
        self.skew = 0.0  # seconds that its clock is ahead
        self.requests = collections.Counter()  # (service, operation) → how many were read
        self.done = collections.Counter()  # … and how many of them did their work
        self._loop = asyncio.new_event_loop()
        self.sqs = Sqs(self._loop, REGION, ACCOUNT)
        self.dynamodb = DynamoDb(REGION, ACCOUNT)
        self.sns = Sns(REGION, ACCOUNT)
        self.secrets = Secrets(REGION, ACCOUNT)
        self.handlers = {'sqs': self.sqs, 'dynamodb': self.dynamodb, 'sns': self.sns, 'secretsmanager': self.secrets,
                         'ssm': self.secrets}
        self._listeners = {service: Listener(self, service) for service in SERVICES}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        for service in SERVICES:
            self.mend(service)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, function):
        """Runs a function, which may be a coroutine's, on the stub's loop, and waits for it."""
        async def run():
            answer = function()
            return await answer if asyncio.iscoroutine(answer) else answer

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.faults.clear()
        for service in SERVICES:
            self.cut(service)
        self._do(self._end_tasks)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT)
        self._loop.close()

    @staticmethod
    async def _end_tasks():
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self, service):
        """The service is gone: connections are reset and refused."""
        self._do(self._listeners[service].close)

    def mend(self, service):
        """It is back, at the same port."""
        self._do(self._listeners[service].open)

    def url(self, service):
        return f'http://127.0.0.1:{self._listeners[service].port}'

    def queue_url(self, name):
        return f'{self.url("sqs")}/{ACCOUNT}/{name}'

    def environment(self, credentials='static'):
        """For a daemon. `credentials`: static, container, imds or web (with the token in AWS_WEB_IDENTITY_TOKEN_FILE,
        which the caller adds)."""
        variables = {'AWS_REGION': REGION, 'AWS_EC2_METADATA_DISABLED': 'true'}
        for service in SERVICES[:-1]:
            variables[f'AWS_ENDPOINT_URL_{VARIABLES.get(service, service.upper())}'] = self.url(service)
        if credentials == 'static':
            variables |= self.credentials.environment()
        elif credentials == 'container':
            variables['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = self.url('credentials') + '/container'
            variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'] = self.credentials.container_token
        elif credentials == 'imds':
            variables['AWS_EC2_METADATA_DISABLED'] = 'false'
            variables['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = self.url('credentials')
        elif credentials == 'web':
            variables['AWS_ROLE_ARN'] = f'arn:aws:iam::{ACCOUNT}:role/posthouse-task'
        return variables


def main():
    with StubAws() as aws, contextlib.suppress(KeyboardInterrupt):
        aws.sqs.make('posthouse-jobs')
        aws.dynamodb.make('posthouse-messages')
        aws.sns.make('posthouse-alerts')
        for name, value in aws.environment().items():
            print(f'{name}={value}')
        print(f'QUEUE_URL={aws.queue_url("posthouse-jobs")}', flush=True)
        threading.Event().wait()


if __name__ == '__main__':
    main()
