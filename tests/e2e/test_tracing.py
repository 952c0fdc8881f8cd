# SPDX-License-Identifier: Apache-2.0
"""Spans of messages at a receiver of the tests' own: whose child each is, which traces are recorded, and that no message is
lost or late because of a receiver that is dead, hangs, refuses or is slow."""

import socket
import subprocess

import pytest

from collector import Collector
from harness import DAEMON, LIMIT, OPERATOR, config_of, eventually, ini_text

CONFIG = 78
TRACE = '0af7651916cd43dd8448eb211c80319c'
PARENT = 'b7ad6b7169203331'
SAMPLED = {'traceparent': f'00-{TRACE}-{PARENT}-01'}
NOT_SAMPLED = {'traceparent': f'00-{TRACE}-{PARENT}-00'}
# What one message makes, and below which of them.
CALLS = {'storage append': 'POST /v1/messages', 'queue send': 'POST /v1/messages', 'meta put': 'POST /v1/messages',
         'storage deliver': 'deliver', 'queue remove': 'deliver'}


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


def tracing(collector, **more):
    return {'endpoint': collector.url, 'interval': '100ms', 'sample': '0%', **more}


def post(client, to, headers=None, **more):
    """Sends a message with headers; returns its id."""
    answer = client.post('/v1/messages', {'to': [to], 'subject': 'a secret subject', 'body': 'a secret body', **more},
                         headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()['id']


def whole(collector, count=1):
    """Waits until all spans of `count` messages are there."""
    def there():
        return all(len(collector.named(name)) >= count for name in ('POST /v1/messages', 'deliver', *CALLS))

    eventually(there, 'all spans of the messages have come')
    return {span['name']: span for span in collector.spans}


@pytest.mark.parametrize('backend_set', ['mock', 'sqlite'])
@pytest.mark.parametrize('loops', [0, 2])
def test_a_message_is_one_trace(make_daemon, collector, backend_set, loops):
    daemon = make_daemon(backend_set, tracing=tracing(collector, service_name='north'), http={'loops': loops}).start()
    daemon.add_operator()
    # Not to be in what is sent: names that cannot stand in the hexadecimal digits of its ids by chance.
    vera, bob = daemon.add_user('vera'), daemon.add_user('bob')
    vera.get('/v1/inbox')  # her session is known from now on
    message = post(vera, 'bob', SAMPLED)
    bob.wait_inbox(1)
    spans = whole(collector)
    assert len(spans) == len(collector.spans) == 2 + len(CALLS), 'once each, and nothing else'
    assert {span['traceId'] for span in collector.spans} == {TRACE}
    ids = {name: span['spanId'] for name, span in spans.items()}
    assert len(set(ids.values()) | {PARENT}) == len(ids) + 1
    request, delivery = spans['POST /v1/messages'], spans['deliver']
    assert request['parentSpanId'] == PARENT and delivery['parentSpanId'] == ids['POST /v1/messages']
    assert (request['kind'], delivery['kind']) == (2, 5)
    assert request['attributes'] == {
        'http.request.method': 'POST', 'http.route': '/v1/messages', 'url.path': '/v1/messages', 'url.scheme': 'http',
        'messaging.system': 'posthouse', 'messaging.operation.type': 'send', 'messaging.message.id': message,
        'http.response.status_code': 202}
    assert delivery['attributes'] == {
        'messaging.system': 'posthouse', 'messaging.operation.name': 'deliver', 'messaging.operation.type': 'process',
        'messaging.message.id': message}
    for name, parent in CALLS.items():
        kind, operation = name.split()
        assert spans[name]['parentSpanId'] == ids[parent] and spans[name]['kind'] == 3
        assert spans[name]['attributes'] == {'posthouse.backend': kind, 'posthouse.operation': operation,
                                             'posthouse.plugin': daemon.sections[kind]['plugin'],
                                             'posthouse.batch.entries': 1}
    for span in collector.spans:
        assert 'status' not in span
        assert int(span['startTimeUnixNano']) <= int(span['endTimeUnixNano'])
    assert int(request['startTimeUnixNano']) <= int(delivery['startTimeUnixNano'])
    assert {resource['service.name'] for resource in collector.resources} == {'north'}
    text = ''.join(collector.requests)
    for secret in ('secret', 'vera', 'bob', vera.token):
        assert secret not in text
    eventually(lambda: daemon.metrics()['posthouse_spans_sent_total'] == len(spans), 'all are counted')


def test_who_decides(make_daemon, collector):
    daemon = make_daemon('mock', tracing=tracing(collector, sample='100%')).start()
    ada = daemon.client(OPERATOR)
    post(ada, OPERATOR, NOT_SAMPLED)
    post(ada, OPERATOR, SAMPLED)
    post(ada, OPERATOR)
    post(ada, OPERATOR, {'traceparent': f'00-{TRACE}-{PARENT}-01-'})  # not well formed: as if there were none
    whole(collector, 3)
    requests = collector.named('POST /v1/messages')
    own = [span for span in requests if 'parentSpanId' not in span]
    assert len(requests) == 3 and len(own) == 2
    assert len({span['traceId'] for span in own} | {TRACE}) == 3
    for span in collector.named('deliver'):
        assert span['traceId'] in {request['traceId'] for request in requests}
        assert span['parentSpanId'] in {request['spanId'] for request in requests}
    trace_ids = [line.get('trace_id', '') for line in daemon.log() if line.get('path') == '/v1/messages']
    assert all(any(span['traceId'] in trace for trace in trace_ids) for span in own), 'the log names new traces'


def test_a_share_of_none_is_none(make_daemon, collector):
    daemon = make_daemon('mock', tracing=tracing(collector)).start()
    ada = daemon.client(OPERATOR)
    for _ in range(20):
        post(ada, OPERATOR)
    post(ada, OPERATOR, SAMPLED)
    ada.wait_inbox(21)
    whole(collector)
    daemon.stop()
    assert {span['traceId'] for span in collector.spans} == {TRACE}


def test_a_share_is_about_that_share(make_daemon, collector):
    daemon = make_daemon('mock', tracing=tracing(collector, sample='50%')).start()
    ada = daemon.client(OPERATOR)
    for _ in range(200):
        post(ada, OPERATOR)
    daemon.stop()
    assert 50 < len(collector.named('POST /v1/messages')) < 150  # a fair coin goes beyond in one of 10^12 runs


def test_what_is_no_call_of_the_api_begins_no_trace(make_daemon, collector):
    daemon = make_daemon('mock', tracing=tracing(collector, sample='100%')).start()
    ada = daemon.client(OPERATOR)
    for path in ('/healthz', '/readyz', '/metrics', '/v1/nothing', '/v1/inbox?wait=1&after=end'):
        ada.get(path)
    ada.get('/v1/inbox?wait=1&after=end', headers=SAMPLED)
    ada.delete('/v1/users/not-there')
    daemon.stop()
    requests = [span for span in collector.spans if span['kind'] == 2]
    assert [(span['name'], span.get('parentSpanId')) for span in requests] == [
        ('POST /v1/sessions', None), ('GET /v1/inbox', PARENT), ('DELETE /v1/users/{user}', None)]
    assert 'not-there' not in ''.join(collector.requests)


def test_a_batch_is_one_request_with_a_delivery_each(make_daemon, collector):
    daemon = make_daemon('mock', tracing=tracing(collector)).start()
    ada = daemon.client(OPERATOR)
    messages = [{'to': [OPERATOR], 'subject': f'{number}', 'body': 'x'} for number in range(3)]
    ids = {result['id'] for result in
           ada.post('/v1/messages/batch', {'messages': messages}, headers=SAMPLED).json()['results']}
    eventually(lambda: len(collector.named('deliver')) == 3, 'three deliveries')
    request, = collector.named('POST /v1/messages/batch')
    assert request['attributes']['messaging.batch.message_count'] == 3
    assert {span['parentSpanId'] for span in collector.named('deliver')} == {request['spanId']}
    assert {span['attributes']['messaging.message.id'] for span in collector.named('deliver')} == ids
    assert {span['attributes']['posthouse.batch.entries'] for span in collector.named('storage append')} == {3}


def test_what_fails_says_so(make_daemon, collector):
    daemon = make_daemon('mock', tracing=tracing(collector),
                         storage={'fault.append': 'unavailable 100%', 'fault.deliver': 'unavailable 100%',
                                  'breaker.failures': '1000'}).start()
    ada = daemon.client(OPERATOR)
    assert ada.post('/v1/messages', {'to': [OPERATOR], 'subject': 's', 'body': 'b'}, headers=SAMPLED).status_code == 503
    eventually(lambda: collector.named('storage append'), 'the call is there')
    request = eventually(lambda: collector.named('POST /v1/messages'), 'the request is there')[0]
    assert request['status'] == {'code': 2}
    assert request['attributes']['error.type'] == '503'
    append = collector.named('storage append')[0]
    assert append['status'] == {'code': 2} and append['attributes']['error.type'] == 'unavailable'
    # What a client got wrong is no failure of the daemon's.
    assert ada.post('/v1/messages', {'to': 7}, headers=SAMPLED).status_code == 422
    eventually(lambda: 422 in [span['attributes']['http.response.status_code']
                               for span in collector.named('POST /v1/messages')], 'the 422 is there')
    for span in collector.named('POST /v1/messages'):
        assert ('status' in span) == (span['attributes']['http.response.status_code'] >= 500)


def test_another_daemon_delivers(make_daemon, collector):
    api = make_daemon('sqlite', tracing=tracing(collector), daemon={'roles': 'api'}).start()
    api.add_operator()
    ada = api.add_user('ada')
    message = post(ada, 'ada', SAMPLED)
    courier = make_daemon.beside(api, tracing=tracing(collector), daemon={'roles': 'courier'})
    courier.start()
    ada.wait_inbox(1)
    spans = whole(collector)
    assert spans['deliver']['parentSpanId'] == spans['POST /v1/messages']['spanId']
    assert spans['deliver']['attributes']['messaging.message.id'] == message
    assert len({resource['service.instance.id'] for resource in collector.resources}) == 2


def test_the_context_is_kept_where_tracing_is_off(make_daemon, collector):
    api = make_daemon('sqlite', daemon={'roles': 'api'}).start()
    api.add_operator()
    ada = api.add_user('ada')
    post(ada, 'ada', SAMPLED)
    courier = make_daemon.beside(api, tracing=tracing(collector), daemon={'roles': 'courier'})
    courier.start()
    delivery = eventually(lambda: collector.named('deliver'), 'the delivery is there')[0]
    assert (delivery['traceId'], delivery['parentSpanId']) == (TRACE, PARENT)
    assert 'posthouse_spans_sent_total' not in api.metrics()


def test_a_drain_sends_the_rest(make_daemon, collector):
    daemon = make_daemon('mock', tracing=tracing(collector, interval='10m', timeout='1m'),
                         daemon={'drain': '2m'}).start()
    ada = daemon.client(OPERATOR)
    for _ in range(40):  # more than one batch of spans
        post(ada, OPERATOR, SAMPLED)
    ada.wait_inbox(40)
    daemon.stop()
    assert len(collector.named('POST /v1/messages')) == len(collector.named('deliver')) == 40


def test_a_receiver_that_takes_it_later(make_daemon, collector):
    collector.status, collector.headers = 503, {'Retry-After': '1'}
    daemon = make_daemon('mock', tracing=tracing(collector)).start()
    ada = daemon.client(OPERATOR)
    post(ada, OPERATOR, SAMPLED)
    eventually(lambda: collector.refused >= 2, 'it was asked again')
    collector.status, collector.headers = 200, {}
    spans = whole(collector)
    assert len(collector.spans) == len(spans)
    eventually(lambda: daemon.metrics()['posthouse_spans_sent_total'] == len(spans), 'all are counted')
    assert daemon.metrics()['posthouse_spans_failed_total'] == 0
    texts = [line['message'] for line in daemon.log() if 'spans are' in line['message']]
    assert len(texts) == 2 and 'not taken' in texts[0] and 'again' in texts[1]


def dead_url():
    """Where nobody listens: a port that was just given back."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return f'http://127.0.0.1:{probe.getsockname()[1]}'


@pytest.mark.parametrize('trouble', ['dead', 'hangs', 'refuses', 'busy', 'no name'])
def test_a_receiver_in_trouble_costs_no_message(make_daemon, collector, trouble):
    collector.hangs = trouble == 'hangs'
    collector.status = {'refuses': 400, 'busy': 503}.get(trouble, 200)
    endpoint = {'dead': dead_url(), 'no name': 'http://nobody.invalid:4318'}.get(trouble, collector.url)
    daemon = make_daemon('mock', tracing={'endpoint': endpoint, 'interval': '100ms', 'timeout': '1s', 'sample': '100%',
                                          'queue': '128'}).start()
    ada = daemon.client(OPERATOR)
    sent = [post(ada, OPERATOR) for _ in range(150)]
    assert {message['id'] for message in ada.wait_inbox(150)} == set(sent)

    def lost():
        metrics = daemon.metrics()
        assert metrics['posthouse_spans_sent_total'] == 0
        return metrics['posthouse_spans_dropped_total'] + metrics['posthouse_spans_failed_total'] > 128

    eventually(lost, 'spans are lost, and counted')
    assert daemon.readiness()[0] == 200

    def texts():
        return [line['message'] for line in daemon.log()]

    eventually(lambda: any('spans are not taken' in text for text in texts()), 'the operator is told')
    assert daemon.stop() == 0
    assert sum('spans are not taken' in text for text in texts()) == 1, 'told once'
    assert not any('took too long' in text for text in texts()), 'spans are no part of the drain'


def test_off_by_default(make_daemon):
    daemon = make_daemon('mock').start()
    ada = daemon.client(OPERATOR)
    post(ada, OPERATOR, SAMPLED)
    ada.wait_inbox(1)
    assert not any('spans' in name for name in daemon.metrics())


@pytest.mark.parametrize('key,value,text', [
    ('endpoint', '127.0.0.1:4318', 'absolute URL'), ('endpoint', 'ftp://x', 'absolute URL'),
    ('endpoint', 'http://me:hunter2@collector:4318', 'user or password'),
    ('endpoint', 'http://collector:4318/v1/traces', 'by itself'), ('endpoint', 'http://collector:4318/?x=1', 'query'),
    ('endpoint', 'http://collector/' + 'x' * 1024, '1024'), ('sample', '0.05', 'share'), ('sample', '101%', 'share'),
    ('sample', '', 'share'), ('service_name', '', 'bytes'), ('interval', '1ms', 'out of range'), ('queue', '1', 'out of range')])
def test_wrong_values(tmp_path, key, value, text):
    file = tmp_path / 'posthouse.ini'
    file.write_text(ini_text({**config_of('mock'), 'tracing': {key: value}}), encoding='utf-8')
    done = subprocess.run([str(DAEMON), '-c', str(file), '--check'], capture_output=True, text=True, timeout=LIMIT,
                          check=False)
    assert done.returncode == CONFIG
    line = file.read_text(encoding='utf-8').splitlines().index(f'{key} = {value}') + 1
    assert f'{file}:{line}: tracing.{key}: ' in done.stderr and text in done.stderr
    assert 'hunter2' not in done.stderr
