# SPDX-License-Identifier: Apache-2.0
"""The command posthouse against a real daemon: what it prints, what it keeps, and how it ends."""

import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import threading
import uuid

import pytest

from conftest import Factory
from harness import COMMAND, LIMIT, OPERATOR, PASSWORD, eventually

FAILED, NO_SESSION, REFUSED, UNREACHABLE, USAGE, CONFIG = 1, 3, 4, 5, 64, 78
MISSING = str(uuid.UUID(int=7))


class Cli:
    """The command for one user: a folder with a credentials file of its own."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.credentials = folder / 'credentials'
        self.env = {**os.environ, 'POSTHOUSE_CREDENTIALS': str(self.credentials)}

    def start(self, *words, **more):
        return subprocess.Popen([str(COMMAND), *words], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, cwd=self.folder, **more)

    def run(self, *words, code=0, text=''):
        """Runs a command that must end with `code`; returns what it printed, and on stderr in .error."""
        run = subprocess.run([str(COMMAND), *words], env=self.env, input=text, capture_output=True, text=True,
                             cwd=self.folder, timeout=LIMIT, check=False)
        assert run.returncode == code, f'{words}: {run.returncode}\n{run.stdout}{run.stderr}'
        assert (code == 0) or run.stderr, f'{words} failed without a word'
        self.error = run.stderr
        return run.stdout

    def json(self, *words, **more):
        """The lines of JSON that a command prints."""
        return [json.loads(line) for line in self.run(*words, **more).splitlines()]

    def login(self, url, user, password=PASSWORD):
        return self.json('login', '--server', url, '--user', user, '--password-stdin', text=password + '\n')[0]

    def send(self, to, body='text', *more):
        return self.json('send', '--to', to, '--body', body, *more)[0]['id']

    def terminal(self, *words, typed=()):
        """Runs a command on a terminal. `typed`: pairs of a prompt to wait for and what to type then. Returns the
        exit code and all that the terminal showed."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execve(str(COMMAND), ['posthouse', *words], self.env)
        shown = b''
        typed = list(typed)
        while True:
            ready, _, _ = select.select([terminal], [], [], LIMIT)
            assert ready, f'{words} hangs: {shown}'
            try:
                part = os.read(terminal, 65536)
            except OSError:
                part = b''
            if not part:
                break
            shown += part
            if typed and typed[0][0].encode() in shown.rsplit(b'\n', 1)[-1]:
                os.write(terminal, typed.pop(0)[1].encode())
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


@pytest.fixture(scope='module')
def shared(tmp_path_factory):
    """One daemon for all: what the command does is the same over every set."""
    factory = Factory(tmp_path_factory.mktemp('cli'))
    daemon = factory('sqlite').start()
    daemon.add_operator()
    yield daemon
    factory.end()


@pytest.fixture
def cli(shared, tmp_path):
    """A fresh user of the shared daemon, logged in."""
    cli = Cli(tmp_path / 'user')
    cli.user = shared.add_user().user
    cli.login(shared.url, cli.user)
    return cli


@pytest.fixture
def operator(shared, tmp_path):
    cli = Cli(tmp_path / 'operator')
    cli.user = OPERATOR
    cli.login(shared.url, OPERATOR)
    return cli


def closed_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


# Sessions.


def test_login_keeps_a_private_file(shared, cli):
    assert stat.S_IMODE(cli.credentials.stat().st_mode) == 0o600
    kept = json.loads(cli.credentials.read_text())
    assert (kept['server'], kept['user']) == (shared.url, cli.user)
    answer = cli.login(shared.url, cli.user)
    assert set(answer) == {'user', 'server', 'expires_at'}  # the token is not for printing
    cli.credentials.chmod(0o644)
    cli.run('inbox', code=NO_SESSION)
    assert 'others' in cli.error


def test_logout_ends_the_session(shared, cli):
    token = json.loads(cli.credentials.read_text())['token']
    cli.run('logout')
    assert not cli.credentials.exists()
    client = shared.client()
    client.token = token
    assert client.get('/v1/inbox').status_code == 401
    cli.run('inbox', code=NO_SESSION)
    assert 'posthouse login' in cli.error


def test_an_ended_session_says_log_in(shared, cli):
    client = shared.client()
    client.token = json.loads(cli.credentials.read_text())['token']
    assert client.delete('/v1/sessions/current').status_code == 204
    cli.run('inbox', code=NO_SESSION)
    assert 'posthouse login' in cli.error
    cli.run('logout')  # what has ended needs no end
    assert not cli.credentials.exists()


def test_login_is_refused(shared, cli):
    before = cli.credentials.read_text()
    cli.run('login', '--server', shared.url, '--user', cli.user, '--password-stdin', code=NO_SESSION, text='not it\n')
    cli.run('login', '--server', 'ftp://127.0.0.1', '--user', 'a', '--password-stdin', code=USAGE, text='password\n')
    cli.run('login', '--server', 'http://a@127.0.0.1', '--user', 'a', '--password-stdin', code=USAGE, text='password\n')
    cli.run('login', '--server', f'http://127.0.0.1:{closed_port()}', '--user', 'a', '--password-stdin',
            code=UNREACHABLE, text='password\n')
    cli.run('login', '--user', 'a', '--password-stdin', code=FAILED)
    cli.run('login', '--user', 'a', code=FAILED)
    cli.run('login', '--password-stdin', code=USAGE, text='password\n')
    assert cli.credentials.read_text() == before


def test_login_asks_without_echo(shared, tmp_path):
    user = shared.add_user().user
    cli = Cli(tmp_path / 'asked')
    code, shown = cli.terminal('login', '--server', shared.url,
                               typed=[('User: ', user + '\n'), ('Password: ', PASSWORD + '\n')])
    assert code == 0, shown
    assert PASSWORD not in shown
    assert 'logged in to' in shown
    assert cli.json('inbox') == []


def test_an_interrupted_prompt_leaves_the_echo_on(shared, tmp_path):
    cli = Cli(tmp_path / 'asked')
    script = f'"{COMMAND}" login --server {shared.url} --user ada; stty -a | tr " " "\\n" | grep -x -- "-*echo"'
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve('/bin/sh', ['sh', '-c', f'trap : INT; {script}'], cli.env)
    shown = b''
    while b'echo' not in shown:
        assert select.select([terminal], [], [], LIMIT)[0], shown
        shown += os.read(terminal, 65536)
        if shown.endswith(b'Password: '):
            os.write(terminal, b'\x03')
    os.close(terminal)
    os.waitpid(pid, 0)
    assert b'-echo' not in shown


# Messages.


def test_a_message_there_and_back(cli):
    sent = cli.json('send', '--to', cli.user, '--subject', 'Hällo', '--body', 'one\ntwo', '--attribute', 'a=b=c',
                    '--priority', 'alert', '--expires-at', '+1h', '--content-type', 'text/markdown')[0]
    assert sent['status'] == 'accepted'
    got = cli.json('inbox', '--wait', '20')
    assert [item['id'] for item in got] == [sent['id']]
    assert got[0]['body'] == 'one\ntwo'
    assert got[0]['attributes'] == {'a': 'b=c'}
    assert (got[0]['priority'], got[0]['content_type'], got[0]['read_at']) == ('alert', 'text/markdown', None)
    assert cli.json('ack', sent['id']) == [{'acked': 1}]
    assert cli.json('inbox')[0]['read_at'] is not None
    status = cli.json('status', sent['id'])[0]
    assert status['status'] == 'delivered'
    assert status['recipients'][cli.user]['state'] == 'delivered'
    assert [item['id'] for item in cli.json('sent')] == [sent['id']]


def test_bodies_from_elsewhere(cli):
    (cli.folder / 'letter').write_text('from a file\n')
    cli.run('send', '--to', cli.user, '--body-file', 'letter')
    cli.run('send', '--to', cli.user, '-', text='from stdin\n')
    cli.run('send', '--to', f'{cli.user},{cli.user}', '--body', '')
    eventually(lambda: len(cli.json('inbox')) == 3, 'all three are there')
    assert sorted(item['body'] for item in cli.json('inbox')) == ['', 'from a file\n', 'from stdin\n']


SENDS = (
    (['--body', 'x'], USAGE),
    (['--to', 'ada'], USAGE),
    (['--to', 'ada', '--body', 'x', '--body-file', 'y'], USAGE),
    (['--to', 'ada', '--body', 'x', '-'], USAGE),
    (['--to', 'ada', '--body', 'x', 'y'], USAGE),
    (['--to', 'ADA', '--body', 'x'], USAGE),
    (['--to', 'a,,b', '--body', 'x'], USAGE),
    (['--to', 'ada', '--body', 'x', '--deliver-at', 'tomorrow'], USAGE),
    (['--to', 'ada', '--body', 'x', '--deliver-at', '+5'], USAGE),
    (['--to', 'ada', '--body', 'x', '--attribute', 'a'], USAGE),
    (['--to', 'ada', '--body', 'x', '--attribute', 'a=1', '--attribute', 'a=2'], USAGE),
    (['--to', 'ada', '--body', 'x', '--key', 'with space'], USAGE),
    (['--to', 'ada', '--body', 'x', '--repeat', 'long'], USAGE),
    (['--to', 'ada', '--body-file', 'nowhere'], FAILED),
    (['--to', 'nobody-of-this-name', '--body', 'x'], REFUSED),
    (['--to', OPERATOR, '--body', 'x', '--priority', 'urgent'], REFUSED),
    (['--to', OPERATOR, '--body', 'x', '--subject', 'x' * 201], REFUSED),
    (['--to', OPERATOR, '--body', 'x', '--expires-at', '2020-01-01T00:00:00Z'], REFUSED),
)


def test_send_is_refused(cli):
    for words, code in SENDS:
        cli.run('send', *words, code=code)
    assert cli.json('sent') == []


def test_what_the_server_refuses_is_named(cli):
    cli.run('send', '--to', 'nobody-of-this-name', '--body', 'x', code=REFUSED)
    assert '/to/0: There is no user nobody-of-this-name' in cli.error


def test_bodies_that_cannot_be_sent(cli):
    (cli.folder / 'long').write_bytes(b'x' * (256 * 1024 + 1))
    (cli.folder / 'latin').write_bytes(b'\xe4')
    cli.run('send', '--to', cli.user, '--body-file', 'long', code=FAILED)
    assert '256 KiB' in cli.error
    cli.run('send', '--to', cli.user, '--body-file', 'latin', code=FAILED)
    assert 'UTF-8' in cli.error
    (cli.folder / 'full').write_bytes(b'x' * 256 * 1024)
    cli.run('send', '--to', cli.user, '--body-file', 'full')


def test_a_key_makes_one_message(cli):
    first = cli.send(cli.user, 'once', '--key', 'k1')
    assert cli.send(cli.user, 'once', '--key', 'k1') == first
    cli.run('send', '--to', cli.user, '--body', 'other', '--key', 'k1', code=REFUSED)
    code, shown = cli.terminal('send', '--to', cli.user, '--body', 'once', '--key', 'k1')
    assert code == 0 and f'accepted before: {first}' in shown


def test_pages_and_cursors(cli):
    ids = [cli.send(cli.user, str(i)) for i in range(5)]
    eventually(lambda: len(cli.json('inbox')) == 5, 'all are there')
    assert len(cli.json('inbox', '--limit', '2')) == 2
    assert {item['id'] for item in cli.json('inbox', '--limit', '2', '--all')} == set(ids)
    assert [item['id'] for item in cli.json('sent', '--limit', '2', '--all')] == ids
    assert cli.json('inbox', '--after', 'end') == []
    seen = []
    while page := cli.json('inbox', '--limit', '2', '--cursor-file', 'cursor'):
        seen += [item['id'] for item in page]
    assert set(seen) == set(ids) and len(seen) == 5
    cli.run('inbox', '--after', 'zzz', code=REFUSED)
    cli.run('inbox', '--after', 'a&limit=1', code=USAGE)
    cli.run('inbox', '--limit', '101', code=USAGE)
    cli.run('inbox', '--wait', '21', code=USAGE)
    (cli.folder / 'cursor').write_text('')
    cli.run('inbox', '--cursor-file', 'cursor', code=FAILED)


def test_ids_that_are_none(cli):
    for words in (['ack', 'x'], ['status', '../users'], ['status', MISSING.upper() + 'A'], ['ack'], ['status']):
        cli.run(*words, code=USAGE)
    cli.run('status', MISSING, code=REFUSED)
    message = cli.send(cli.user)
    cli.json('inbox', '--wait', '20')
    assert cli.json('ack', message, MISSING, code=REFUSED) == [{'acked': 1}]


# A terminal.


def test_terminals_get_tables_without_control_characters(cli):
    cli.run('send', '--to', cli.user, '--subject', 'red \x1b[31m alert', '--body', 'bell \x07 \u009b2J\n\tend')
    message = cli.json('inbox', '--wait', '20')[0]['id']
    for words in (['inbox'], ['inbox', '--full'], ['sent'], ['status', message], ['inbox', '--json']):
        code, shown = cli.terminal(*words)
        assert code == 0, shown
        assert message in shown
        assert '\x1b' not in shown and '\x07' not in shown and '\u009b' not in shown
    assert cli.terminal('inbox')[1].startswith('ID ')
    assert '    end' in cli.terminal('status', message)[1]
    assert json.loads(cli.terminal('inbox', '--json')[1])['subject'] == 'red \x1b[31m alert'


def test_a_full_disk_is_a_failure(cli):
    cli.send(cli.user)
    cli.json('inbox', '--wait', '20')
    with open('/dev/full', 'w', encoding='ascii') as full:
        run = subprocess.run([str(COMMAND), 'inbox', '--cursor-file', 'cursor'], env=cli.env, stdout=full,
                             stderr=subprocess.PIPE, cwd=cli.folder, timeout=LIMIT, check=False)
    assert run.returncode == FAILED
    assert b'No space left' in run.stderr
    assert not (cli.folder / 'cursor').exists()  # what was not written is not done with


# Operators.


def test_users(shared, operator, tmp_path):
    name = 'u' + uuid.uuid4().hex[:8]
    operator.run('user', 'add', name, '--password-stdin', text=PASSWORD + '\n')
    operator.run('user', 'add', name, '--password-stdin', text=PASSWORD + '\n', code=REFUSED)
    operator.run('user', 'add', name + '2', '--password-stdin', text='short\n', code=FAILED)
    operator.run('user', 'add', 'With Space', '--password-stdin', text=PASSWORD + '\n', code=USAGE)
    listed = {user['user']: user['roles'] for user in operator.json('user', 'list', '--all', '--limit', '3')}
    assert listed[name] == [] and listed[OPERATOR] == ['operator']

    user = Cli(tmp_path / 'new')
    user.login(shared.url, name)
    user.run('user', 'add', 'another', '--password-stdin', text=PASSWORD + '\n', code=REFUSED)
    for words in (['user', 'list'], ['backends'], ['queue'], ['dead-letters'], ['redrive', '--all']):
        user.run(*words, code=REFUSED)
        assert 'operator' in user.error
    # One's own password needs the current one; an operator sets another's without.
    user.run('user', 'password', '--password-stdin', text='not it at all\nnew password\n', code=REFUSED)
    user.run('user', 'password', '--password-stdin', text=PASSWORD + '\nnew password\n')
    user.login(shared.url, name, 'new password')
    operator.run('user', 'password', name, '--password-stdin', text='newest password\n')
    user.run('inbox', code=NO_SESSION)
    user.login(shared.url, name, 'newest password')
    operator.run('user', 'remove', name)
    user.run('inbox', code=NO_SESSION)
    operator.run('user', 'remove', name, code=REFUSED)


def test_a_new_password_is_asked_for_twice(shared, operator):
    name = 'u' + uuid.uuid4().hex[:8]
    code, shown = operator.terminal('user', 'add', name, typed=[('New password: ', PASSWORD + '\n'),
                                                                ('The same again: ', 'something else\n')])
    assert code == FAILED and 'differ' in shown
    code, shown = operator.terminal('user', 'add', name, typed=[('New password: ', PASSWORD + '\n'),
                                                                ('The same again: ', PASSWORD + '\n')])
    assert code == 0 and f'added: {name}' in shown and PASSWORD not in shown
    shared.client(name)


def test_operators_see_how_it_is(shared, operator):
    kinds = [backend['kind'] for backend in operator.json('backends')]
    assert kinds[:4] == ['storage', 'meta', 'queue', 'alert']
    assert operator.json('queue')[0]['dead'] == 0
    assert operator.json('dead-letters') == []
    assert operator.json('redrive', '--all') == [{'redriven': 0}]
    assert operator.json('redrive', MISSING, code=REFUSED) == [{'redriven': 0}]
    operator.run('redrive', code=USAGE)
    operator.run('redrive', '--all', MISSING, code=USAGE)
    assert operator.terminal('queue')[1].count('\n') == 5
    assert 'no dead letters' in operator.terminal('dead-letters')[1]


def test_health(shared, tmp_path):
    cli = Cli(tmp_path / 'nobody')
    assert cli.json('health', shared.url)[0]['status'] in ('ready', 'degraded')
    assert cli.json('health', '--wait', shared.url)[0]['status'] in ('ready', 'degraded')
    assert cli.json('health', '--wait', '5', shared.url + '/healthz') == [{'status': 'alive'}]
    cli.run('health', shared.url + '/nowhere', code=REFUSED)
    cli.run('health', f'http://127.0.0.1:{closed_port()}', code=UNREACHABLE)
    cli.run('health', '--wait=1', f'http://127.0.0.1:{closed_port()}', code=UNREACHABLE)
    cli.run('health', '127.0.0.1', code=USAGE)


# A daemon that comes and goes.


@pytest.fixture
def lonely(make_daemon, tmp_path):
    """A daemon on a port that stays, its operator's command."""
    daemon = make_daemon(http={'listen': f'127.0.0.1:{closed_port()}'}).start()
    daemon.add_operator()
    cli = Cli(tmp_path / 'user')
    cli.login(daemon.url, OPERATOR)
    cli.user = OPERATOR
    cli.daemon = daemon
    return cli


def test_send_outlasts_a_restart(lonely):
    lonely.daemon.kill()
    sending = lonely.start('send', '--to', OPERATOR, '--body', 'patience', '--repeat', str(LIMIT))
    line = sending.stderr.readline()
    assert 'no answer from' in line
    lonely.daemon.start()
    out, error = sending.communicate(timeout=LIMIT)
    assert sending.returncode == 0, error
    assert [item['id'] for item in lonely.json('inbox', '--wait', '20')] == [json.loads(out)['id']]
    lonely.daemon.kill()
    lonely.run('send', '--to', OPERATOR, '--body', 'x', '--repeat', '0', '--key', 'mine', code=UNREACHABLE)
    assert '--key mine' in lonely.error
    lonely.daemon.start()


def test_follow_outlasts_restarts(lonely):
    lines = []
    following = lonely.start('inbox', '--follow', '--cursor-file', 'cursor')

    def read_lines():
        for line in following.stdout:
            lines.append(json.loads(line)['body'])

    reader = threading.Thread(target=read_lines, daemon=True)
    reader.start()
    for body in ('one', 'two', 'three'):
        lonely.run('send', '--to', OPERATOR, '--body', body)
        eventually(lambda body=body: body in lines, f'{body} is followed')
        lonely.daemon.kill()
        lonely.daemon.start()
    following.send_signal(signal.SIGINT)
    assert following.wait(LIMIT) == -signal.SIGINT
    reader.join(LIMIT)
    assert lines == ['one', 'two', 'three']
    # Another one goes on behind the cursor.
    lonely.run('send', '--to', OPERATOR, '--body', 'four')
    assert [item['body'] for item in lonely.json('inbox', '--wait', '20', '--cursor-file', 'cursor')] == ['four']


def test_a_token_goes_to_its_server_alone(lonely):
    """No redirect is followed, and no proxy of the environment used."""
    heard = []
    with socket.create_server(('127.0.0.1', 0)) as other:
        other.settimeout(0.5)
        port = other.getsockname()[1]
        lonely.env['http_proxy'] = lonely.env['all_proxy'] = f'http://127.0.0.1:{port}'
        assert lonely.json('inbox') == []
        try:
            heard.append(other.accept())
        except TimeoutError:
            pass
    assert heard == []


def test_redirects_are_not_followed(tmp_path):
    asked = []

    def answer(listener, reply):
        with listener.accept()[0] as connection:
            asked.append(connection.recv(65536))
            connection.sendall(reply)

    with socket.create_server(('127.0.0.1', 0)) as first, socket.create_server(('127.0.0.1', 0)) as second:
        second.setblocking(False)
        target = f'http://127.0.0.1:{second.getsockname()[1]}/v1/inbox'
        reply = f'HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n'.encode()
        server = threading.Thread(target=answer, args=(first, reply), daemon=True)
        server.start()
        cli = Cli(tmp_path / 'user')
        cli.credentials.write_text(json.dumps({'server': f'http://127.0.0.1:{first.getsockname()[1]}',
                                               'user': 'ada', 'token': 'secret'}))
        cli.credentials.chmod(0o600)
        cli.run('inbox', code=REFUSED)
        server.join(LIMIT)
        assert b'Authorization: Bearer secret' in asked[0]
        with pytest.raises(BlockingIOError):
            second.accept()


def test_dead_daemon(lonely):
    lonely.daemon.kill()
    lonely.run('inbox', code=UNREACHABLE)
    assert 'no answer from' in lonely.error
    lonely.run('logout', code=UNREACHABLE)
    assert not lonely.credentials.exists()
    assert 'until it expires' in lonely.error
    lonely.daemon.start()


# Without a daemon.


def test_the_first_operator(make_daemon, tmp_path):
    daemon = make_daemon()
    daemon.write()
    cli = Cli(tmp_path / 'root')
    (cli.folder / 'password').write_text(PASSWORD + '\n')
    cli.run('user', 'add', 'ada', '--operator', '--password-file', 'password', '-c', str(daemon.ini))
    cli.run('user', 'add', 'ada', '--operator', '--password-file', 'password', '-c', str(daemon.ini), code=FAILED)
    assert 'in use' in cli.error
    cli.run('user', 'add', 'bob', '--password-file', 'nowhere', '-c', str(daemon.ini), code=FAILED)
    daemon.ini.write_text('[daemon]\nstate = here\n')
    cli.run('user', 'add', 'bob', '--password-file', 'password', '-c', str(daemon.ini), code=CONFIG)
    daemon.start()
    assert daemon.client('ada').get('/v1/sessions/current').json()['roles'] == ['operator']


def test_a_volatile_storage_is_refused(make_daemon, tmp_path):
    daemon = make_daemon('mock')
    daemon.write()
    cli = Cli(tmp_path / 'root')
    cli.run('user', 'add', 'ada', '--password-stdin', '-c', str(daemon.ini), text=PASSWORD + '\n', code=FAILED)
    assert 'operator = NAME:PASSWORD' in cli.error


def test_help_and_mistakes(tmp_path):
    cli = Cli(tmp_path / 'nobody')
    listed = cli.run('help')
    commands = [line.split('  ')[1].split() for line in listed.splitlines() if line.startswith('  ')]
    assert ['user', 'add'] in commands and ['inbox'] in commands
    for words in commands:
        if words not in (['help'], ['version']):
            assert 'usage: posthouse ' + ' '.join(words) in cli.run(*words, '--help')
            assert 'usage: posthouse ' + ' '.join(words) in cli.run('help', *words)
    assert cli.run('version').startswith('posthouse ')
    for words, hint in ((['sned'], 'send'), (['user', 'ad'], 'add'), (['inbox', '--folow'], '--follow'), (['user'], ''),
                        ([], ''), (['inbox', 'word'], ''), (['logout', '--json'], '')):
        cli.run(*words, code=USAGE)
        assert hint in cli.error
