# SPDX-License-Identifier: Apache-2.0
"""Sessions, cookies, origins, users, rates; the operators' calls; health, metrics, the contract itself."""

import re
import uuid

import requests
import yaml

from harness import OPERATOR, PASSWORD, ROOT, eventually, in_seconds

TOKEN = re.compile(r'[A-Za-z0-9_-]{43}')


def test_session(shared, users):
    (ada,) = users(1)
    answer = ada.post('/v1/sessions', {'user': ada.user, 'password': PASSWORD})
    assert answer.status_code == 201
    body = answer.json()
    assert TOKEN.fullmatch(body['token'])
    cookie = answer.headers['Set-Cookie']
    assert cookie.startswith(f'posthouse={body["token"]};')
    assert 'HttpOnly' in cookie and 'SameSite=Strict' in cookie and 'Secure' not in cookie
    shown = ada.get('/v1/sessions/current').json()
    assert (shown['user'], shown['roles']) == (ada.user, [])
    assert shared.operator.get('/v1/sessions/current').json()['roles'] == ['operator']
    for user, password in ((ada.user, 'wrong password'), ('nobody-at-all', PASSWORD), (ada.user, ''), ('', '')):
        wrong = ada.post('/v1/sessions', {'user': user, 'password': password})
        assert wrong.status_code == 401, wrong.text
        assert 'WWW-Authenticate' in wrong.headers
    assert ada.delete('/v1/sessions/current').status_code == 204
    assert ada.get('/v1/sessions/current').status_code == 401
    assert ada.get('/v1/inbox').status_code == 401
    for value in ('', 'Bearer', 'Bearer ', 'Basic eDp5', 'Bearer ' + 'A' * 43, 'Bearer ' + 'ä' * 10):
        answer = requests.get(shared.url + '/v1/inbox', headers={'Authorization': value.encode()}, timeout=30)
        assert answer.status_code == 401, value


def test_a_session_ends_in_other_processes(make_daemon, durable_set):
    one = make_daemon().start()
    two = make_daemon.beside(one).start()
    ada = one.add_user('ada')
    there = ada.fork(two)
    assert there.get('/v1/sessions/current').status_code == 200
    assert ada.delete('/v1/sessions/current').status_code == 204
    eventually(lambda: there.get('/v1/sessions/current').status_code == 401, 'the session has ended there too', 30)


def test_cookies_and_origins(shared, users):
    (ada,) = users(1)
    host = shared.url.removeprefix('http://')
    cookie = {'Cookie': f'other=1; posthouse={ada.token}'}
    message = {'to': [ada.user], 'subject': 's', 'body': 'b'}

    def post(**headers):
        return requests.post(shared.url + '/v1/messages', json=message, timeout=30,
                             headers={**cookie, **{key.replace('_', '-'): value for key, value in headers.items()}})

    assert requests.get(shared.url + '/v1/inbox', headers=cookie, timeout=30).status_code == 200
    assert post().status_code == 403
    assert post(Origin='http://evil.example').status_code == 403
    assert post(Origin='null').status_code == 403
    assert post(Origin=f'http://{host}.evil.example').status_code == 403
    assert post(Sec_Fetch_Site='cross-site').status_code == 403
    assert post(Sec_Fetch_Site='same-site').status_code == 403
    assert post(Origin='http://evil.example', Sec_Fetch_Site='same-origin').status_code == 403
    assert ada.inbox() == []
    assert post(Origin=f'http://{host}').status_code == 202
    assert post(Sec_Fetch_Site='same-origin').status_code == 202


def test_users(shared):
    operator = shared.operator
    name = 'u' + uuid.uuid4().hex[:10]
    made = operator.post('/v1/users', {'user': name, 'password': PASSWORD, 'roles': []})
    assert made.status_code == 201, made.text
    assert (made.json()['user'], made.headers['Location']) == (name, f'/v1/users/{name}')
    assert operator.post('/v1/users', {'user': name, 'password': PASSWORD, 'roles': []}).status_code == 409
    user = shared.client(name)
    for method, path, body in (('POST', '/v1/users', {'user': 'x', 'password': PASSWORD, 'roles': []}),
                               ('GET', '/v1/users', None), ('DELETE', f'/v1/users/{name}', None),
                               ('GET', '/v1/admin/queue', None), ('GET', '/v1/admin/backends', None),
                               ('GET', '/v1/admin/dead-letters', None),
                               ('POST', '/v1/admin/dead-letters/redrive', {'all': True})):
        assert user.request(method, path, body).status_code == 403, path
    for bad in ({'user': 'Name'}, {'user': ''}, {'user': 'x' * 65}, {'password': 'short'}, {'password': 'x' * 201},
                {'roles': ['king']}, {'roles': 'operator'}):
        answer = operator.post('/v1/users', {'user': 'fine', 'password': PASSWORD, 'roles': [], **bad})
        assert answer.status_code == 422, bad
        assert answer.json()['errors'][0]['pointer'].startswith('/' + next(iter(bad)))

    names, after = [], None
    while True:
        page = operator.get('/v1/users?limit=3' + (f'&after={after}' if after else '')).json()
        if not page['users']:
            break
        names += [user['user'] for user in page['users']]
        after = page['next']
    assert names == sorted(set(names))
    assert {OPERATOR, name} <= set(names)


def test_a_removed_user(shared, users):
    ada, gone, stays = users(3)
    before = ada.sent([gone.user, stays.user])
    gone.wait_inbox(1)
    later = ada.sent([gone.user], deliver_at=in_seconds(3))
    assert shared.operator.delete(f'/v1/users/{gone.user}').status_code == 204
    assert gone.get('/v1/inbox').status_code == 401
    assert shared.operator.delete(f'/v1/users/{gone.user}').status_code == 404
    assert shared.operator.post('/v1/users', {'user': gone.user, 'password': PASSWORD}).status_code == 409
    assert ada.send(gone.user).status_code == 422
    assert ada.wait_status(before, 'delivered')['recipients'][stays.user]['state'] == 'delivered'
    assert ada.wait_status(later, 'failed')['recipients'][gone.user]['state'] == 'failed'
    assert shared.operator.delete(f'/v1/users/{OPERATOR}').status_code == 409


def test_passwords(shared, users):
    (ada,) = users(1)
    other = shared.client(ada.user)
    path = f'/v1/users/{ada.user}/password'
    fresh = 'another password'
    assert ada.put(path, {'password': fresh, 'current': 'wrong wrong'}).status_code == 403
    assert ada.put(path, {'password': fresh}).status_code in (403, 422)
    assert ada.put(path, {'password': 'short', 'current': PASSWORD}).status_code == 422
    assert other.get('/v1/inbox').status_code == 200
    assert ada.put(path, {'password': fresh, 'current': PASSWORD}).status_code == 204
    assert ada.get('/v1/inbox').status_code == 200
    assert other.get('/v1/inbox').status_code == 401, 'other sessions end'
    assert ada.post('/v1/sessions', {'user': ada.user, 'password': PASSWORD}).status_code == 401
    shared.client(ada.user, fresh)
    assert shared.operator.put(path, {'password': PASSWORD}).status_code == 204
    assert ada.get('/v1/inbox').status_code == 401
    assert shared.operator.put('/v1/users/nobody-at-all/password', {'password': PASSWORD}).status_code == 404
    assert shared.client(ada.user).put(f'/v1/users/{OPERATOR}/password', {'password': PASSWORD}).status_code == 403


def test_rates(make_daemon):
    daemon = make_daemon(http={'rate_per_user': '1/s 3'}).start()
    ada, grace = daemon.add_user('ada'), daemon.add_user('grace')
    answers = [ada.get('/v1/inbox') for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and answers[0].status_code == 200
    assert int(refused[0].headers['Retry-After']) >= 1
    assert refused[0].json()['type'] == 'urn:posthouse:problem:too-many-requests'
    assert grace.get('/v1/inbox').status_code == 200, 'another user is not held up'
    eventually(lambda: ada.get('/v1/inbox').status_code == 200, 'it passes')
    address = make_daemon(http={'rate_per_address': '1/s 3'}).start(ready=False)
    anonymous = address.client()
    assert 429 in [anonymous.get('/v1/inbox').status_code for _ in range(20)]
    assert anonymous.get('/healthz').status_code == 200, 'health is never refused'


def test_operators_calls(shared):
    operator = shared.operator
    backends = operator.get('/v1/admin/backends').json()['backends']
    assert [backend['kind'] for backend in backends] == ['storage', 'meta', 'queue', 'alert']
    for backend in backends:
        assert (backend['state'], backend['usable'], backend['faults']) == ('ready', True, False)
    eventually(lambda: operator.get('/v1/admin/queue').json()['waiting'] == 0, 'nothing waits')
    assert operator.get('/v1/admin/queue').json()['dead'] == 0
    assert operator.get('/v1/admin/dead-letters').json()['dead_letters'] == []
    for body in ({}, {'all': False}, {'all': True, 'ids': [str(uuid.uuid4())]}, {'ids': []}, {'ids': ['x']}):
        assert operator.post('/v1/admin/dead-letters/redrive', body).status_code == 422, body


def test_health_and_metrics(shared, users):
    for path in ('/healthz', '/healthz?probe=1&probe=2', '/readyz?x', '/metrics?y=z'):
        assert requests.get(shared.url + path, timeout=30).status_code == 200
    assert requests.get(shared.url + '/healthz', timeout=30).json() == {'status': 'alive'}
    ready = requests.get(shared.url + '/readyz', timeout=30).json()
    assert ready['status'] == 'ready'
    assert [backend['kind'] for backend in ready['backends']] == ['storage', 'meta', 'queue', 'alert']
    ada, grace = users(2)
    before = shared.metrics()
    ada.sent(grace.user)
    grace.wait_inbox(1)
    eventually(lambda: shared.metrics()['posthouse_inbox_rows_total'] > before['posthouse_inbox_rows_total'], 'counted')
    after = shared.metrics()
    assert after['posthouse_messages_accepted_total'] == before['posthouse_messages_accepted_total'] + 1
    text = requests.get(shared.url + '/metrics', timeout=30)
    assert text.headers['Content-Type'].startswith('text/plain')
    for name in ('posthouse_http_request_seconds_bucket', 'posthouse_backend_call_seconds_bucket',
                 'posthouse_outbox_waiting', 'posthouse_queue_waiting', 'posthouse_loop_lag_seconds_bucket'):
        assert name in text.text
    assert 'route="POST /v1/messages"' in text.text
    for line in text.text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .*|\w+(\{.*\})? [-+0-9.eE]+(inf|nan)?', line), line


def test_the_contract_is_served(shared):
    served = requests.get(shared.url + '/openapi.json', timeout=30)
    assert served.headers['Content-Type'] == 'application/json'
    assert served.json() == yaml.safe_load((ROOT / 'docs' / 'openapi.yaml').read_text(encoding='utf-8'))
