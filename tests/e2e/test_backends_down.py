# SPDX-License-Identifier: Apache-2.0
"""Backends that are down, hang or fail for good; draining; overload (guarantees 1, 2, 4, 5, 6; invariants 5 to 8, 12)."""

import concurrent.futures
import contextlib
import json
import signal
import sqlite3
import threading

import pytest
import requests

from harness import OPERATOR, eventually

# From the daemon's start until then.
OUTAGE = {'fault.all': 'down 0s..6s', 'breaker.cooldown': '100ms'}
HANG = {'fault.all': 'hang 100%', 'call.attempt': '200ms', 'call.deadline': '1s', 'breaker.cooldown': '100ms'}


def restarted(running, **sections):
    """Starts the daemon again with more keys."""
    assert running.stop() == 0
    for section, keys in sections.items():
        running.sections[section].update(keys)
    return running.start(ready=False)


@pytest.fixture
def scene(make_daemon, durable_set_in_full):
    daemon = make_daemon().start()
    daemon.operator = daemon.add_operator()
    return daemon, daemon.add_user('ada'), daemon.add_user('grace')


def accept_until_ready(daemon, sender, to, **more):
    """Sends while /readyz says degraded; returns what was accepted then. Only storage may refuse."""
    daemon.wait_ready('degraded')
    accepted = [sender.sent(to, f'in the outage {number}', **more) for number in range(10)]

    def ready():
        code, body = daemon.readiness()
        assert code == 200, body
        return body['status'] == 'ready'

    if not ready():
        accepted.append(sender.sent(to, 'the last in the outage', **more))
    eventually(ready, 'all backends are back')
    return accepted


@pytest.mark.parametrize('kind', ['meta', 'queue', 'alert'])
def test_messages_are_accepted_in_an_outage(scene, kind):
    daemon, ada, grace = scene
    restarted(daemon, **{kind: OUTAGE})
    accepted = accept_until_ready(daemon, ada, grace.user, priority='alert')
    inbox = grace.wait_inbox(len(accepted))
    assert sorted(message['id'] for message in inbox) == sorted(accepted)
    for message in accepted:
        # The document was put, and the alert published, once their backends had returned.
        eventually(lambda m=message: 'partial' not in ada.show(m), f'the document of {message} is there')
    eventually(lambda: {alert['id'] for alert in alerts(daemon)} >= set(accepted), 'every alert is published')
    state = [backend for backend in daemon.operator.get('/v1/admin/backends').json()['backends']
             if backend['kind'] == kind]
    assert state[0]['state'] == 'ready'
    assert state[0]['faults'] is True


def alerts(daemon):
    with contextlib.suppress(FileNotFoundError):
        return [json.loads(line) for line in (daemon.folder / 'alerts.jsonl').read_text().splitlines()]
    return []


@pytest.mark.parametrize('kind', ['meta', 'queue', 'alert'])
def test_a_hanging_backend_holds_nothing_up(scene, kind):
    daemon, ada, grace = scene
    restarted(daemon, **{kind: HANG})
    daemon.wait_ready('degraded')
    accepted = [ada.sent(grace.user, priority='alert') for _ in range(10)]
    if kind == 'queue':
        assert grace.inbox() == []
    else:
        grace.wait_inbox(len(accepted))
        shown = ada.wait_status(accepted[0], 'delivered')
        assert shown.get('partial') == (True if kind == 'meta' else None)
        assert [step['event'] for step in shown['timeline']] == ['accepted', 'delivered']
    assert daemon.readiness()[0] == 200
    # It ends in spite of calls that never complete, and what was accepted goes out with a backend that works.
    assert daemon.stop() == 0
    for key in HANG:
        del daemon.sections[kind][key]
    daemon.start()
    assert sorted(m['id'] for m in grace.wait_inbox(len(accepted))) == sorted(accepted)
    eventually(lambda: {alert['id'] for alert in alerts(daemon)} >= set(accepted), 'every alert is published')


def test_storage_is_tried_on_at_start(scene):
    daemon, ada, grace = scene
    message = ada.sent(grace.user)
    restarted(daemon, storage={'fault.open': 'down 0s..4s'})
    assert daemon.readiness()[1]['status'] == 'unavailable'
    assert requests.get(daemon.url + '/healthz', timeout=30).status_code == 200
    answer = ada.send(grace.user)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers['Retry-After']) >= 1
    assert answer.json()['status'] == 503
    daemon.wait_ready()
    again = ada.sent(grace.user)
    assert {m['id'] for m in grace.wait_inbox(2)} == {message, again}


def test_storage_goes_away_and_comes_back(scene):
    daemon, ada, grace = scene
    before = ada.sent(grace.user)
    restarted(daemon, storage={'fault.all': 'down 1s..15s', 'breaker.cooldown': '100ms', 'call.deadline': '1s'})
    daemon.wait_ready('unavailable')
    # One that the breaker lets through to look is held until its deadline, or until storage is back: it may be accepted.
    answers = []
    eventually(lambda: answers.append(ada.send(grace.user)) or answers[-1].status_code == 503, 'a message is refused')
    assert 'Retry-After' in answers[-1].headers
    daemon.wait_ready('ready')
    accepted = [before, ada.sent(grace.user)] + [answer.json()['id'] for answer in answers if answer.status_code == 202]
    assert set(accepted) <= {m['id'] for m in grace.wait_inbox(len(accepted))}


def test_dead_letters_and_redrive(make_daemon):
    daemon = make_daemon(daemon={'attempts': 1}).start()
    operator = daemon.add_operator()
    ada, grace = daemon.add_user('ada'), daemon.add_user('grace')
    fine = ada.sent(grace.user, 'fine')
    grace.wait_inbox(1)
    with contextlib.closing(sqlite3.connect(daemon.database, timeout=60)) as connection:
        # Storage itself refuses these deliveries, for good: a row that cannot be written is a permanent outcome.
        (user,) = connection.execute('SELECT user FROM storage_users WHERE name = ?', (grace.user,)).fetchone()
        connection.execute(f'CREATE UNIQUE INDEX one_only ON storage_recipients(user) WHERE state = 1 AND user = {user}')
        connection.commit()
        stuck = [ada.sent(grace.user, 'stuck') for _ in range(3)]
        other = ada.sent(ada.user, 'in the same batch')
        ada.wait_inbox(1)
        for message in stuck:
            assert ada.wait_status(message, 'dead')['recipients']['grace']['state'] == 'dead'
        assert [m['id'] for m in ada.inbox()] == [other]

        def letters():
            answer = operator.get('/v1/admin/dead-letters?limit=2').json()
            first, after = answer['dead_letters'], answer['next']
            return first + operator.get(f'/v1/admin/dead-letters?after={after}').json()['dead_letters']

        assert sorted(letter['id'] for letter in letters()) == sorted(stuck)
        for letter in letters():
            assert letter['attempts'] == 1
            assert letter['first_failed_at'] <= letter['last_failed_at']
        assert operator.get('/v1/admin/queue').json()['dead'] == 3
        assert [m['id'] for m in grace.inbox()] == [fine]
        connection.execute('DROP INDEX one_only')
        connection.commit()
    # A dead message is delivered by a redrive only, and once.
    assert operator.post('/v1/admin/dead-letters/redrive', {'ids': [stuck[0], fine]}).json() == {'redriven': 1}
    grace.wait_inbox(2)
    assert operator.post('/v1/admin/dead-letters/redrive', {'all': True}).json() == {'redriven': 2}
    assert operator.post('/v1/admin/dead-letters/redrive', {'all': True}).json() == {'redriven': 0}
    assert sorted(m['id'] for m in grace.wait_inbox(4)) == sorted([*stuck, fine])
    assert letters() == []
    assert ada.wait_status(stuck[0], 'delivered')['status'] == 'delivered'


def test_a_drain_finishes_what_has_begun(scene):
    daemon, ada, grace = scene
    restarted(daemon, storage={'fault.append': 'latency 4s', 'call.attempt': '30s'},
              daemon={'drain': '60s'}).wait_ready()
    answers = []

    def post(number):
        with contextlib.suppress(requests.ConnectionError):
            answers.append(ada.fork().send(grace.user, f'in flight {number}'))

    assert ada.get('/v1/sessions/current').status_code == 200  # known, so that sends go straight to storage
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        polls = [pool.submit(lambda: grace.fork().get('/v1/inbox?wait=20', timeout=100)) for _ in range(3)]
        posts = [pool.submit(post, number) for number in range(8)]
        # The request for the metrics counts itself.
        eventually(lambda: daemon.metrics()['posthouse_http_unanswered'] >= 12, 'all calls are in flight')
        daemon.process.send_signal(signal.SIGTERM)
        concurrent.futures.wait([*polls, *posts])
        assert daemon.wait() == 0
    for poll in polls:
        assert poll.result().status_code == 200, 'a long poll did not end as one'
    assert [answer.status_code for answer in answers] == [202] * 8
    daemon.start()
    accepted = {answer.json()['id'] for answer in answers}
    assert {m['id'] for m in grace.wait_inbox(8)} == accepted
    assert len(grace.inbox()) == 8


def test_a_second_signal_ends_at_once(scene):
    daemon, ada, grace = scene
    restarted(daemon, storage={'fault.append': 'latency 1h', 'call.attempt': '10m', 'call.deadline': '10m'},
              daemon={'drain': '1h'}).wait_ready()

    def post():
        with contextlib.suppress(requests.ConnectionError):
            ada.fork().send(grace.user)

    # Its session is known then, so that the send waits for storage's append and for nothing before it.
    assert ada.get('/v1/sessions/current').status_code == 200
    thread = threading.Thread(target=post)
    thread.start()
    eventually(lambda: daemon.metrics()['posthouse_http_unanswered'] >= 2, 'the call is in flight')
    daemon.process.send_signal(signal.SIGTERM)
    eventually(lambda: any(line['message'].startswith('draining') for line in daemon.log(whole=False)),
               'the drain has begun')
    assert daemon.running
    assert daemon.stop() == 0
    assert any('second signal' in line['message'] for line in daemon.log(whole=False))
    thread.join()


# Threads that are still at work may be inside a library then: OpenSSL in the HTTP client, above all.
def test_libraries_are_taken_down_only_after_a_whole_drain(make_daemon, plugins, tmp_path):
    (tmp_path / 'table-messages').touch()
    mark = tmp_path / 'taken-down'
    daemon = make_daemon('mock', daemon={'plugin_path': plugins, 'drain': '100ms'},
                         meta={'plugin': 'cloud', 'folder': tmp_path}).start()
    assert daemon.stop() == 0
    assert mark.exists()
    mark.unlink()
    daemon.sections['storage'].update({'fault.append': 'latency 1h', 'call.attempt': '10m', 'call.deadline': '10m'})
    daemon.start()
    ada = daemon.add_user('ada')

    def post():
        with contextlib.suppress(requests.ConnectionError):
            ada.fork().send(ada.user)

    assert ada.get('/v1/sessions/current').status_code == 200
    thread = threading.Thread(target=post)
    thread.start()
    eventually(lambda: daemon.metrics()['posthouse_http_unanswered'] >= 2, 'the call is in flight')
    assert daemon.stop() == 0
    thread.join()
    assert any('the drain took too long' in line['message'] for line in daemon.log(whole=False))
    assert not mark.exists()


def test_overload_is_refused_and_passes(make_daemon):
    daemon = make_daemon('mock', daemon={'memory': '8MiB'}, storage={'fault.append': 'latency 1500ms'}).start()
    ada = daemon.add_user()
    body = 'x' * 250_000

    def post(number):
        answer = ada.fork().send(ada.user, f'{number}', body)
        if answer.status_code == 503:
            assert int(answer.headers['Retry-After']) >= 1
            assert answer.json()['type'].startswith('urn:posthouse:problem:')
        return answer

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(post, range(64)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {202, 503}, codes
    assert daemon.readiness()[0] == 200
    last = ada.sent(ada.user, 'after the crowd')
    accepted = {answer.json()['id'] for answer in answers if answer.status_code == 202} | {last}
    assert {m['id'] for m in ada.wait_inbox(len(accepted))} == accepted


def test_logs_name_requests_and_keep_secrets(make_daemon):
    daemon = make_daemon('mock', alert={'fault.all': 'unavailable 100%'}).start(ready=False)
    ada = daemon.add_user()
    trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    answer = ada.post('/v1/messages', {'to': [ada.user], 'subject': 'secret subject', 'body': 'secret body'},
                      headers={'traceparent': trace, 'X-Request-Id': 'the-request-of-ada'})
    assert answer.headers['X-Request-Id'] == 'the-request-of-ada'
    other = ada.send('nobody')
    assert other.json()['request_id'] == other.headers['X-Request-Id']
    wrong = daemon.client()
    assert wrong.post('/v1/sessions', {'user': ada.user, 'password': 'a wrong guess'}).status_code == 401
    assert wrong.get('/v1/inbox?after=start', headers={'Authorization': 'Bearer not-a-token'}).status_code == 401
    daemon.stop()
    lines = daemon.log()
    mine = [line for line in lines if line.get('request_id') == 'the-request-of-ada']
    assert mine and all('0af7651916cd43dd8448eb211c80319c' in line['trace_id'] for line in mine)
    assert any(line.get('request_id') == other.headers['X-Request-Id'] for line in lines)
    text = daemon.log_text()
    for secret in (ada.token, daemon.sections['storage']['operator'].split(':')[1], 'secret subject', 'secret body',
                   'a wrong guess', 'not-a-token'):
        assert secret not in text
    assert OPERATOR not in [line.get('password') for line in lines]
