# SPDX-License-Identifier: Apache-2.0
"""Whatever a client sends is answered by a 4xx problem document, never by 5xx and never by silence.

Framing on raw sockets is in test_framing.py.
"""

import json
import uuid

import pytest
import requests

GOOD = {'to': ['postmaster'], 'subject': 's', 'body': 'b'}


def problem(answer, *codes):
    """The problem document of an answer that must have one of these codes."""
    assert answer.status_code in codes, f'{answer.status_code}: {answer.text}'
    assert answer.headers['Content-Type'] == 'application/problem+json'
    document = answer.json()
    # RFC 9457: about:blank says that the status says it all.
    assert document['type'] == 'about:blank' or document['type'].startswith('urn:posthouse:problem:')
    assert document['title'] and document['status'] == answer.status_code
    assert document['request_id'] == answer.headers['X-Request-Id']
    return document


def post(client, data, content_type='application/json', path='/v1/messages', **headers):
    headers = {key.replace('_', '-'): value for key, value in headers.items()}
    if content_type is not None:
        headers['Content-Type'] = content_type
    return client.request('POST', path, headers=headers, data=data)


BROKEN = [
    b'', b' ', b'{', b'}', b'[', b'nonsense', b'{"to":}', b'{"to":["a"],}', b"{'to': 1}", b'{"to":["a"]} x', b'{"a":1}{}',
    b'{"to":["a\n"]}', b'{"to":"\\x"}', b'{"to":"\\ud800"}', b'{"to":01}', b'{"to":1.}', b'{"to":NaN}', b'{"to":tru}',
    b'\xef\xbb\xbf{}', b'{"to":["\xff\xfe"]}', b'{"to":["\xc0\xaf"]}', b'{"to":["\xed\xa0\x80"]}', b'{"a":"\x00"}', b'\x00',
    b'{"to":["postmaster"],"to":["postmaster"],"subject":"s","body":"b"}', b'{"n":1' + b'0' * 400 + b'}',
    b'[' * 100000, b'{"a":' * 40 + b'1' + b'}' * 40, b'"' + b'x' * 100000, b'{"attributes":{"a":"b","a":"c"}}',
]


@pytest.mark.parametrize('data', BROKEN, ids=[str(number) for number in range(len(BROKEN))])
def test_broken_json(shared, data):
    document = problem(post(shared.operator, data), 400)
    assert 'line 1, column ' in document['detail'] or data == b'', document
    problem(post(shared.client(), data, path='/v1/sessions'), 400)


def test_position_of_a_mistake(shared):
    document = problem(post(shared.operator, b'{\n  "to": ["a"],\n  "subject": oops\n}'), 400)
    assert 'line 3, column 14' in document['detail'], document


WRONG = [
    ([], ''), ('text', ''), (None, ''), (5, ''), (True, ''), ({}, '/to'),
    ({**GOOD, 'to': 'postmaster'}, '/to'), ({**GOOD, 'to': [5]}, '/to/0'), ({**GOOD, 'to': [None]}, '/to/0'),
    ({**GOOD, 'to': {}}, '/to'), ({**GOOD, 'to': None}, '/to'), ({**GOOD, 'to': []}, '/to'),
    ({**GOOD, 'to': ['postmaster', '']}, '/to/1'), ({**GOOD, 'to': ['x' * 65]}, '/to/0'),
    ({**GOOD, 'to': ['nobody-at-all']}, '/to/0'), ({**GOOD, 'to': [f'u{n}' for n in range(101)]}, '/to'),
    ({**GOOD, 'subject': 1}, '/subject'), ({**GOOD, 'subject': None}, '/subject'), ({**GOOD, 'body': ['b']}, '/body'),
    ({**GOOD, 'body': 'x' * 262145}, '/body'), ({**GOOD, 'attributes': []}, '/attributes'),
    ({**GOOD, 'attributes': {'a': None}}, '/attributes/a'), ({**GOOD, 'attributes': {'a/b~c': 1}}, '/attributes/a~1b~0c'),
    ({**GOOD, 'priority': 1}, '/priority'), ({**GOOD, 'expires_at': '2020-01-01T00:00:00Z'}, '/expires_at'),
    ({**GOOD, 'deliver_at': '2026-13-01T00:00:00Z'}, '/deliver_at'), ({**GOOD, 'what': 1}, '/what'),
    ({**GOOD, 'idempotency_key': 'k'}, '/idempotency_key'), ({**GOOD, 'content_type': 'a\r\nb'}, '/content_type'),
]


@pytest.mark.parametrize(('value', 'pointer'), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_wrong_values(shared, value, pointer):
    document = problem(post(shared.operator, json.dumps(value)), 422)
    assert pointer in [error['pointer'] for error in document['errors']], document
    assert all(error['detail'] for error in document['errors'])


def test_all_wrong_values_are_named(shared):
    answer = post(shared.operator, json.dumps({'to': [], 'subject': 1, 'priority': 1, 'nonsense': 1}))
    named = {error['pointer'] for error in problem(answer, 422)['errors']}
    assert named >= {'/to', '/subject', '/body', '/priority', '/nonsense'}


def test_nul_and_unusual_text(shared, users):
    (ada,) = users(1)
    for member in ('subject', 'body'):
        answer = ada.post('/v1/messages', {'to': [ada.user], 'subject': 's', 'body': 'b', member: 'a\0b'})
        # NUL is either refused or kept, never cut.
        assert answer.status_code in (202, 400, 422), answer.text
        if answer.status_code == 202:
            assert ada.wait_inbox(1)[-1][member] == 'a\0b'
    assert ada.get('/v1/messages/' + str(uuid.uuid4())).status_code == 404


def test_content_types(shared):
    data = json.dumps(GOOD)
    for content_type in (None, '', 'text/plain', 'application/json; charset=latin-1', 'application/jsonp', 'json',
                         'application/x-www-form-urlencoded', 'multipart/form-data'):
        problem(post(shared.operator, data, content_type), 415)
    for content_type in ('application/json', 'Application/JSON; charset=utf-8', 'application/json;charset="UTF-8"'):
        assert post(shared.operator, data, content_type).status_code == 202, content_type


def test_sizes(shared):
    problem(post(shared.operator, b'{"body":"' + b'x' * (1 << 20) + b'"}'), 413)
    problem(post(shared.operator, iter([b' ' * 65536] * 20)), 413)
    problem(shared.operator.get('/v1/inbox', headers={'X-Long': 'x' * 20000}), 431)
    problem(shared.operator.get('/v1/inbox?after=' + 'x' * 9000), 414)
    problem(shared.operator.get('/v1/inbox', headers={f'X-{n}': 'x' for n in range(400)}), 400, 431)


def test_methods_and_paths(shared):
    operator = shared.operator
    for method, path, allowed in [('PUT', '/v1/messages', {'GET', 'POST'}), ('DELETE', '/v1/inbox', {'GET'}),
                                  ('PATCH', '/v1/users/x', {'DELETE'}), ('POST', '/healthz', {'GET'}),
                                  ('GET', '/v1/inbox/ack', {'POST'}), ('POST', '/openapi.json', {'GET'})]:
        answer = operator.request(method, path)
        problem(answer, 405)
        assert allowed <= {name.strip() for name in answer.headers['Allow'].split(',')}, answer.headers['Allow']
    problem(operator.request('BREW', '/v1/messages'), 405, 501)
    for path in ('/', '/v1', '/v1/', '/v1/inbox/', '/v1//inbox', '/v2/inbox', '/v1/inbox/x/y', '/.git/config',
                 '/v1/messages/%2e%2e/users', '/%00', '/v1/messages/%zz', '/v1/inbox%2fack'):
        problem(requests.Session().request('GET', shared.url + path, timeout=30,
                                           headers={'Authorization': f'Bearer {operator.token}'}), 400, 404, 405)
    for bad in ('x', '1', str(uuid.uuid4()) + '0', str(uuid.uuid4()).replace('-', '_'), '%20', 'ä'):
        problem(operator.get(f'/v1/messages/{bad}'), 404, 422)
        problem(operator.delete(f'/v1/inbox/{bad}'), 404, 422)
        problem(operator.post('/v1/inbox/ack', {'ids': [bad]}), 422)
    problem(operator.get('/v1/messages'), 422)
    problem(operator.get('/v1/messages?box=trash'), 422)
    problem(operator.request('GET', '/v1/inbox', data=b'{}', headers={'Content-Type': 'application/json'}), 400)


def test_sessions_that_are_none(shared):
    for headers in ({}, {'Authorization': 'Bearer ' + 'A' * 43}, {'Cookie': 'posthouse=' + 'A' * 43},
                    {'Authorization': 'Bearer ' + 'x' * 8000}, {'Cookie': 'posthouse=;;;=;'}):
        for method, path in (('GET', '/v1/inbox'), ('POST', '/v1/messages'), ('GET', '/v1/admin/queue'),
                             ('GET', '/v1/messages/' + str(uuid.uuid4())), ('DELETE', '/v1/sessions/current')):
            # A write by cookie is refused for its origin first.
            codes = (401, 403) if 'Cookie' in headers and method != 'GET' else (401,)
            problem(requests.request(method, shared.url + path, headers=headers, timeout=30), *codes)


def test_nothing_of_it_hurt(shared):
    """After all of the above the daemon is as before, and no answer was its own fault."""
    assert shared.readiness()[1]['status'] == 'ready'
    faults = [line for line in shared.log() if line.get('message') == 'answered' and line['status'] >= 500
              and line['status'] != 501 and line['path'] != '/readyz']
    assert not faults, faults[:5]
