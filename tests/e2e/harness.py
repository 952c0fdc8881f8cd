# SPDX-License-Identifier: Apache-2.0
"""The real daemon under test: its configuration, its process, its log, and clients that talk to it.

A Daemon keeps its folder over kills and restarts; its address changes with each start (port 0), so clients ask for
`daemon.url` at every call. Waiting is always for a condition, with a limit that only a broken daemon reaches.
"""

import base64
import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import uuid

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('POSTHOUSE_BUILD') or ROOT / 'build')
DAEMON = BUILD / 'bin' / 'posthoused'
COMMAND = BUILD / 'bin' / 'posthouse'
SCALE = float(os.environ.get('POSTHOUSE_TEST_SCALE') or 1)
SANITIZED = bool(os.environ.get('POSTHOUSE_SANITIZER'))

# Only a daemon that is broken takes so long.
LIMIT = 120
OPERATOR = 'postmaster'
PASSWORD = 'horses are fresh'
FULL = SCALE > 1
# A sanitizer's build that runs shortened leaves the set aws out: its AWS is slow.
SETS = ('sqlite', 'mock') + (('rds',) if FULL else ()) + (('aws',) if SCALE >= 1 else ())
# The sets that keep what they have over a kill; on rds, meta and queue are those of sqlite.
DURABLE = ('sqlite', 'rds') + (('aws',) if SCALE >= 1 else ())
KINDS = ('storage', 'meta', 'queue', 'alert')
AWS = {'storage': 'rds', 'meta': 'dynamodb', 'queue': 'sqs', 'alert': 'sns'}


def eventually(condition, what, limit=LIMIT):
    """Waits until condition() is true; returns its value."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'not within {limit} s: {what}')
        time.sleep(0.02)


def in_seconds(seconds):
    """A time as the API takes it."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime('%Y-%m-%dT%H:%M:%S.') + f'{at.microsecond // 1000:03d}Z'


def config_of(backend_set):
    """The sections of a set, as a dictionary of dictionaries that a test may change."""
    sections = {
        'daemon': {'log_format': 'json', 'log_level': 'debug'},
        'http': {'listen': '127.0.0.1:0'},
    }
    for kind in KINDS:
        plugin = backend_set if backend_set == 'mock' or kind == 'storage' else 'sqlite'
        sections[kind] = {'plugin': AWS[kind] if backend_set == 'aws' else plugin}
        if sections[kind]['plugin'] == 'sqlite' and kind != 'alert':
            sections[kind]['path'] = 'posthouse.db'
    if backend_set == 'mock':
        sections['storage']['operator'] = f'{OPERATOR}:{PASSWORD}'
    elif backend_set != 'aws':
        sections['alert'] = {'plugin': 'log', 'path': 'alerts.jsonl'}
    return sections


def ini_text(sections):
    lines = []
    for name, keys in sections.items():
        lines.append(f'[{name}]')
        lines.extend(f'{key} = {value}' for key, value in keys.items())
    return '\n'.join(lines) + '\n'


def cheap_hash(password):
    """The cheapest hash of a password that the daemon takes."""
    salt = os.urandom(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=2, r=1, p=1, dklen=32)
    text = [base64.urlsafe_b64encode(part).decode().rstrip('=') for part in (salt, key)]
    return f'$scrypt$ln=1,r=1,p=1${text[0]}${text[1]}'


def store_user(database, name, password=PASSWORD, operator=False):
    """Adds a user to the file of storage-sqlite."""
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute(
            'INSERT INTO storage_users(name, request, password, roles, created_at) VALUES(?, ?, ?, ?, ?)',
            (name, uuid.uuid4().bytes, cheap_hash(password), 1 if operator else 0, int(time.time() * 1000)))


class Daemon:
    """One posthoused. `folder` holds configuration, data and logs; `sections` as of config_of()."""

    def __init__(self, folder, sections, env=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sections = sections
        self.sections['daemon'].setdefault('state_dir', str(self.folder))
        self.env = env or {}
        self.ini = self.folder / 'posthouse.ini'
        self.log_path = self.folder / 'posthoused.log'
        self.process = None
        self.url = None
        self.preexec = None
        self.cluster = None  # on the set rds: where its database is, by which name
        self.database_name = None
        self.cloud = None  # on the set aws: its AWS
        self.known_lines = [': warning: ']  # fragments of lines without JSON that are expected
        self._log_start = 0

    @property
    def database(self):
        """The SQLite file of the queue, and of the storage where that is SQLite's."""
        return self.folder / self.sections['queue'].get('path', 'posthouse.db')

    def write(self):
        self.ini.write_text(ini_text(self.sections), encoding='utf-8')

    def spawn(self):
        """Starts the process and waits for nothing."""
        self.write()
        with open(self.log_path, 'ab') as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [str(DAEMON), '-c', str(self.ini)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env}, cwd=self.folder, preexec_fn=self.preexec)
        return self

    def start(self, ready=True):
        self.spawn().wait_listening()
        if ready:
            self.wait_ready()
        return self

    def wait_listening(self):
        self.url = 'http://' + eventually(self._listening, 'the daemon listens')
        return self

    def _listening(self):
        for line in self.log(whole=False):
            if line.get('message') == 'listening':
                return line['address']
        assert self.process.poll() is None, f'the daemon ended with {self.process.returncode}:\n{self.log_text()}'
        return None

    def readiness(self):
        """Status code and body of /readyz."""
        with contextlib.suppress(requests.RequestException):
            answer = requests.get(self.url + '/readyz', timeout=30)
            return answer.status_code, answer.json()
        assert self.process.poll() is None, f'the daemon ended with {self.process.returncode}:\n{self.log_text()}'
        return None, None

    def wait_ready(self, status='ready', limit=LIMIT):
        """Waits until /readyz says `status`; its code is 200 for ready and degraded, else 503."""
        code = 200 if status in ('ready', 'degraded') else 503

        def is_so():
            got, body = self.readiness()
            return got == code and body['status'] == status

        eventually(is_so, f'/readyz says {status}', limit)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT)

    def stop(self, number=signal.SIGTERM):
        """Ends the daemon by a signal; returns its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'the daemon did not end:\n{self.log_text()[-4000:]}') from None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_text(self, whole=True):
        with open(self.log_path, 'rb') as log:
            log.seek(0 if whole else self._log_start)
            return log.read().decode('utf-8', 'replace')

    def log(self, whole=True):
        """The log's lines as dictionaries; lines that are not JSON are left out."""
        lines = []
        for text in self.log_text(whole).split('\n'):
            with contextlib.suppress(ValueError):
                lines.append(json.loads(text))
        return lines

    def strange_lines(self):
        """What a healthy daemon never writes: anything but its log (sanitizers, assertions, libraries)."""
        strange = []
        for text in self.log_text().split('\n')[:-1]:
            try:
                json.loads(text)
            except ValueError:
                if not any(known in text for known in self.known_lines):
                    strange.append(text)
        return strange

    # Users.

    def add_operator(self):
        """The first operator; the mock set has it by its configuration."""
        if self.sections['storage']['plugin'] != 'mock':
            command = [str(COMMAND), 'user', 'add', OPERATOR, '--operator', '--password-stdin', '-c', str(self.ini)]
            run = subprocess.run(command, input=PASSWORD + '\n', capture_output=True, text=True,
                                 timeout=LIMIT, env={**os.environ, **self.env}, check=False)
            assert run.returncode == 0, run.stdout + run.stderr
        return self.client(OPERATOR)

    def _any_operator(self):
        """The operator, made here unless that was done before, perhaps by a daemon beside this one."""
        known = {'user': OPERATOR, 'password': PASSWORD}
        there = self.client().insist('POST', '/v1/sessions', known).status_code == 201
        return self.client(OPERATOR) if there else self.add_operator()

    def add_user(self, name=None, operator=False):
        """A new user, logged in. Straight into the database where there is one, else through the API by the operator."""
        name = name or 'u' + uuid.uuid4().hex[:12]
        if self.sections['storage']['plugin'] == 'sqlite':
            store_user(self.database, name, operator=operator)
        elif self.cluster is not None:
            self.cluster.store_user(self.database_name, name, cheap_hash(PASSWORD), operator)
        else:
            if not hasattr(self, '_operator'):
                self._operator = self._any_operator()
            answer = self._operator.insist('POST', '/v1/users', {'user': name, 'password': PASSWORD,
                                                                 'roles': ['operator'] if operator else []})
            assert answer.status_code in (201, 409), answer.text  # 409: by an earlier attempt
        return self.client(name)

    def client(self, user=None, password=PASSWORD):
        client = Client(lambda: self.url)
        if user is not None:
            client.login(user, password)
        return client

    def metrics(self):
        """/metrics as a dictionary from a sample's name with its labels to its value."""
        values = {}
        for line in requests.get(self.url + '/metrics', timeout=30).text.splitlines():
            if line and not line.startswith('#'):
                name, value = line.rsplit(' ', 1)
                values[name] = float(value)
        return values


class Client:
    """A user of the API. Each thread takes its own: see fork()."""

    def __init__(self, url, token=None, user=None):
        self._url = url
        self.token = token
        self.user = user
        self.session = requests.Session()
        self.session.trust_env = False

    def fork(self, daemon=None):
        """The same user for another thread, or at another daemon on the same storage."""
        return Client(self._url if daemon is None else lambda: daemon.url, self.token, self.user)

    def login(self, user, password=PASSWORD):
        answer = self.insist('POST', '/v1/sessions', {'user': user, 'password': password})
        assert answer.status_code == 201, answer.text
        self.token = answer.json()['token']
        self.user = user
        return self

    def request(self, method, path, body=None, headers=None, timeout=60, **more):
        headers = dict(headers or {})
        if self.token is not None:
            headers.setdefault('Authorization', f'Bearer {self.token}')
        if body is not None:
            more['data'] = json.dumps(body).encode()
            headers.setdefault('Content-Type', 'application/json')
        # The cookie of a login is not wanted beside the token.
        self.session.cookies.clear()
        return self.session.request(method, self._url() + path, headers=headers, timeout=timeout, **more)

    def insist(self, method, path, body=None, **more):
        """The same, repeated while the answer is 503."""
        def answered():
            answer = self.request(method, path, body, **more)
            return answer if answer.status_code != 503 else None

        # A Response is false for 4xx; hence the list.
        return eventually(lambda: [a for a in [answered()] if a is not None], f'{method} {path} is answered')[0]

    def get(self, path, **more):
        return self.request('GET', path, **more)

    def post(self, path, body=None, **more):
        return self.request('POST', path, body, **more)

    def put(self, path, body=None, **more):
        return self.request('PUT', path, body, **more)

    def delete(self, path, **more):
        return self.request('DELETE', path, **more)

    def send(self, to, subject='hello', body='text', key=None, **more):
        """Sends a message; returns the answer."""
        headers = {'Idempotency-Key': key} if key is not None else None
        to = [to] if isinstance(to, str) else list(to)
        return self.post('/v1/messages', {'to': to, 'subject': subject, 'body': body, **more}, headers=headers)

    def sent(self, to, *arguments, **more):
        """Sends a message that must be accepted; returns its id."""
        answer = self.send(to, *arguments, **more)
        assert answer.status_code == 202, answer.text
        return answer.json()['id']

    def page(self, after='start', wait=0, limit=100):
        answer = self.insist('GET', f'/v1/inbox?after={after}&limit={limit}&wait={wait}')
        assert answer.status_code == 200, answer.text
        return answer.json()

    def inbox(self, after='start'):
        """The whole inbox, in order."""
        messages = []
        while True:
            page = self.page(after)
            if not page['messages']:
                return messages
            messages += page['messages']
            after = page['next']

    def wait_inbox(self, count, limit=LIMIT):
        """Waits until the inbox holds at least `count` messages; returns them."""
        def full():
            messages = self.inbox()
            return messages if len(messages) >= count else None

        return eventually(full, f'{self.user} has {count} messages', limit)

    def show(self, message):
        answer = self.get(f'/v1/messages/{message}')
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_status(self, message, status, limit=LIMIT):
        def is_so():
            shown = self.show(message)
            return shown if shown['status'] == status else None

        return eventually(is_so, f'{message} is {status}', limit)


class Follower(threading.Thread):
    """Reads an inbox by its cursor all the time, whatever happens to the daemon."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client.fork()
        self.seen = []
        self.subjects = []
        self.problem = None
        self._ending = threading.Event()
        self.start()

    def run(self):
        after = 'start'
        while not self._ending.is_set():
            try:
                answer = self.client.get(f'/v1/inbox?after={after}&limit=100&wait=1', timeout=30)
            except requests.RequestException:
                time.sleep(0.02)
                continue
            if answer.status_code == 503:
                time.sleep(0.05)
                continue
            if answer.status_code != 200:
                self.problem = f'{answer.status_code} {answer.text}'
                return
            page = answer.json()
            after = page['next']
            for message in page['messages']:
                self.seen.append(message['id'])
                self.subjects.append(message['subject'])

    def end(self):
        self._ending.set()
        self.join(LIMIT)
        assert not self.is_alive(), f"the reader of {self.client.user}'s inbox hangs"
        assert self.problem is None, self.problem
        return self.seen


def raw(daemon, data, limit=60, half_close=False):
    """Sends bytes as they are and returns what comes until the daemon closes (or `limit` seconds have passed)."""
    host, port = daemon.url.removeprefix('http://').rsplit(':', 1)
    got = b''
    with socket.create_connection((host, int(port)), timeout=limit) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                got += part
    return got
