# SPDX-License-Identifier: Apache-2.0
"""The servers that the bench loads: the bare programs and the whole daemon, with the PostgreSQL clusters under them."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
OPERATOR = 'postmaster'
RECIPIENTS = [f'rider-{number}' for number in range(8)]
BODY_BYTES = 298
TICKS = os.sysconf('SC_CLK_TCK')
# As much memory and log as a small server of its own would be given; the rest is PostgreSQL's default.
CLUSTER_SETTINGS = ['shared_buffers=512MB', 'max_wal_size=4GB']


class Failure(Exception):
    """What makes the whole run worthless, as a sentence."""


def until(condition, what, limit):
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'not within {limit} s: {what}')
        time.sleep(0.02)


def stat_fields(process):
    """What /proc tells of a process after its name; the first field is its state."""
    return pathlib.Path(f'/proc/{process}/stat').read_text(encoding='ascii', errors='replace').rsplit(') ', 1)[1].split()


def children_ticks(parent):
    """The CPU of a process's children."""
    ticks = 0
    for process in os.listdir('/proc'):
        if process.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = stat_fields(process)
                ticks += int(fields[11]) + int(fields[12]) if fields[1] == parent else 0
    return ticks


class Cluster:
    """A private PostgreSQL cluster, made by tests/cluster/postgres; with `delay_us`, on a disk that answers late."""

    def __init__(self, folder, objects, delay_us, settings=()):
        self.folder = folder
        environment = dict(os.environ)
        if delay_us:
            environment.update(LD_PRELOAD=str(objects / 'bench' / '.libs' / 'slow_disk.so'), SLOW_DISK_US=str(delay_us))
        self.url = self.command('make', *CLUSTER_SETTINGS, *settings, environment=environment)

    def command(self, name, *arguments, environment=None):
        made = subprocess.run([ROOT / 'tests' / 'cluster' / 'postgres', name, self.folder, *arguments],
                              capture_output=True, text=True, check=False, env=environment)
        if made.returncode != 0:
            raise Failure(f'the cluster in {self.folder} failed to {name}: {made.stderr.strip()}')
        return made.stdout.strip()

    def processor(self):
        """Seconds of CPU the server has used: its first process, the children that ended, and those that run."""
        first = (self.folder / 'data' / 'postmaster.pid').read_text(encoding='ascii').split('\n', 1)[0]
        while True:
            own = stat_fields(first)[11:15]
            children = children_ticks(first)
            if stat_fields(first)[13:15] == own[2:]:  # else a child ended meanwhile, and may be counted twice or not at all
                return (sum(int(field) for field in own) + children) / TICKS

    def remove(self):
        self.command('remove')


class Program:
    """A server under test: a process, its port, the requests that load it, and the cluster it writes to, if any."""

    name = ''
    process = None
    port = 0
    cluster = None
    environment = None

    def __init__(self, arguments, folder):
        self.folder = folder
        self.log = folder / (self.name + '.log')
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen([str(argument) for argument in arguments], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=folder,
                                            env={**os.environ, **(self.environment or {})})

    def listening(self, pattern):
        def found():
            text = self.log.read_text(encoding='utf-8', errors='replace')
            if self.process.poll() is not None:
                raise Failure(f'{self.name} ended with {self.process.returncode}: {text[-2000:]}')
            return re.search(pattern, text)

        self.port = int(until(found, f'{self.name} listens', 60).group(1))

    def processor(self):
        """Seconds of CPU the process has used, all threads, user and system."""
        fields = stat_fields(self.process.pid)
        return (int(fields[11]) + int(fields[12])) / TICKS

    def server_processor(self):
        """The same of the database's server; 0 where there is none."""
        return 0 if self.cluster is None else self.cluster.processor()

    def requests(self):
        return requests_of(None)

    def delivered(self):
        """How many messages were delivered; None where nothing is."""
        return None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bare(Program):
    def __init__(self, name, objects, folder, cluster=None):
        self.name = name
        self.cluster = cluster
        program = name.partition('+')[0]
        database = {'bare_sqlite': [folder / 'bare.db'], 'bare_postgres': [cluster and cluster.url]}
        super().__init__([objects / 'bench' / program, *database.get(program, [])], folder)
        self.listening(r'listening on 127\.0\.0\.1:(\d+)')


class AwsStub(Program):
    """SQS, DynamoDB and SNS as cheap as can be, each answer so many milliseconds after its request."""

    def __init__(self, objects, folder, delay_ms):
        self.name = 'aws_stub'
        super().__init__([objects / 'bench' / 'aws_stub', 0, delay_ms], folder)
        self.listening(r'listening on 127\.0\.0\.1:(\d+)')

    def for_daemon(self):
        """The environment of a daemon that asks here."""
        return {'AWS_ENDPOINT_URL': f'http://127.0.0.1:{self.port}', 'AWS_REGION': 'eu-west-1',
                'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_ACCESS_KEY_ID': 'AKIABENCH', 'AWS_SECRET_ACCESS_KEY': 'bench'}


class Posthouse(Program):
    """The daemon on a set; `cluster` for the storage rds, `environment` for the set aws."""

    def __init__(self, name, tree, folder, password, cluster=None, environment=None):
        self.name = name
        self.cluster = cluster
        self.environment = environment
        storage = name.removeprefix('posthouse-').partition('+')[0]
        ini = folder / f'{self.name}.ini'
        with open(os.open(ini, os.O_WRONLY | os.O_CREAT, 0o600), 'w', encoding='utf-8') as file:
            file.write(configuration(storage, folder, password, cluster and cluster.url))
        if storage not in ('mock', 'aws'):
            command = [tree / 'bin' / 'posthouse', 'user', 'add', OPERATOR, '--operator', '--password-stdin', '-c', ini]
            subprocess.run(command, input=password.encode() + b'\n', stdout=subprocess.DEVNULL, check=True)
        super().__init__([tree / 'bin' / 'posthoused', '-c', ini], folder)
        self.listening(r'"address":\s*"127\.0\.0\.1:(\d+)"')
        until(lambda: self.call('GET', '/readyz')[0] == 200, f'{self.name} is ready', 60)
        self.token = None
        self.token = self.insist('POST', '/v1/sessions', {'user': OPERATOR, 'password': password})['token']
        for user in RECIPIENTS:
            self.insist('POST', '/v1/users', {'user': user, 'password': password, 'roles': []})

    def call(self, method, path, body=None, token=None):
        headers = {'Content-Type': 'application/json'} if body is not None else {}
        if token is not None:
            headers['Authorization'] = f'Bearer {token}'
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}{path}', method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def insist(self, method, path, body):
        status, answer = self.call(method, path, body, self.token)
        if status not in (200, 201):
            raise Failure(f'{self.name}: {method} {path} answered {status}: {answer.decode()[:500]}')
        return json.loads(answer)

    def requests(self):
        return requests_of(self.token)

    def delivered(self):
        text = self.call('GET', '/metrics')[1].decode()
        match = re.search(r'^posthouse_messages_delivered_total (\d+)', text, re.MULTILINE)
        if match is None:
            raise Failure('/metrics does not tell how many messages were delivered')
        return int(match.group(1))

    def aws_requests(self):
        """Requests sent to AWS a message delivered, by service; empty on other sets."""
        text = self.call('GET', '/metrics')[1].decode()
        sums = {}
        for service, count in re.findall(r'_requests_total\{service="(\w+)",operation="\w+"\} (\d+)', text):
            sums[service] = sums.get(service, 0) + int(count)
        return {service: count / max(self.delivered(), 1) for service, count in sums.items()}


def configuration(storage, folder, password, url):
    """The set as shipped, at the daemon's defaults; with rds, mocks for the rest; with aws, a mock for the storage."""
    sections = {
        'mock': [f'plugin = mock\noperator = {OPERATOR}:{password}', 'plugin = mock', 'plugin = mock', 'plugin = mock'],
        'sqlite': [f'plugin = sqlite\npath = {folder}/posthouse.db'] * 3 + ['plugin = log'],
        'rds': [f'plugin = rds\nurl = {url}', 'plugin = mock', 'plugin = mock', 'plugin = mock'],
        'aws': [f'plugin = mock\noperator = {OPERATOR}:{password}', 'plugin = dynamodb\ntable = messages',
                'plugin = sqs\nqueue_url = http://127.0.0.1/123456789012/jobs',
                'plugin = sns\ntopic_arn = arn:aws:sns:eu-west-1:123456789012:alerts'],
    }[storage]
    lines = ['[daemon]', 'log_format = json', f'state_dir = {folder}', '[http]', 'listen = 127.0.0.1:0']
    for kind, section in zip(('storage', 'meta', 'queue', 'alert'), sections):
        lines += [f'[{kind}]', section]
    return '\n'.join(lines) + '\n'


def requests_of(token):
    """One post for each recipient, head and body, as they go over the wire."""
    requests = []
    for user in RECIPIENTS:
        message = {'to': [user], 'subject': 'a letter', 'body': ''}
        message['body'] = 'x' * (BODY_BYTES - len(json.dumps(message)))
        body = json.dumps(message).encode()
        head = ['POST /v1/messages HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json',
                f'Content-Length: {len(body)}']
        if token is not None:
            head.append(f'Authorization: Bearer {token}')
        requests.append('\r\n'.join(head).encode() + b'\r\n\r\n' + body)
    return b''.join(requests)
