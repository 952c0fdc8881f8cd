# SPDX-License-Identifier: Apache-2.0
"""What the daemon measures: lines for CloudWatch against the published schema of its embedded metric format, /metrics and
infra/ against docs/metrics.md."""

import json
import pathlib
import re
import subprocess

import jsonschema
import pytest

from harness import DAEMON, LIMIT, ROOT, config_of, eventually, ini_text

SCHEMA = json.loads((pathlib.Path(__file__).parent / 'emf_schema.json').read_text(encoding='utf-8'))
PAGE = (ROOT / 'docs' / 'metrics.md').read_text(encoding='utf-8')
CONFIG = 78
LINE = 4096


def cells(line):
    return [cell.strip().strip('`') for cell in line.strip('|').split('|')]


def table(heading):
    """The rows of the first table below a heading of docs/metrics.md."""
    rows = []
    for line in PAGE.split(f'\n## {heading}\n', 1)[1].splitlines():
        if line.startswith('| `'):
            rows.append(cells(line))
        elif rows:
            break
    return rows


CLOUDWATCH = {name: (unit, dimensions) for name, unit, dimensions, *_ in table('CloudWatch')}
PROMETHEUS = {name: (kind, labels) for name, kind, labels, *_ in table('Prometheus')}


def documents(daemon):
    return [line for line in daemon.log() if '_aws' in line]


def check(document):
    """What the specification says of a document; the schema says nothing of the members that it refers to."""
    jsonschema.validate(document, SCHEMA)
    assert len(json.dumps(document)) < LINE
    members = set(document) - {'_aws'}
    for directive in document['_aws']['CloudWatchMetrics']:
        assert len(directive['Metrics']) > 0
        for dimensions in directive['Dimensions']:
            assert len(set(dimensions)) == len(dimensions)
            for dimension in dimensions:
                assert isinstance(document[dimension], str) and 0 < len(document[dimension]) <= 1024
                members.discard(dimension)
        for metric in directive['Metrics']:
            target = document[metric['Name']]
            values = target if isinstance(target, list) else [target]
            assert 0 < len(values) <= 100
            assert all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
            members.discard(metric['Name'])
            unit, names = CLOUDWATCH[metric['Name']]
            assert metric['Unit'] == unit
            assert ', '.join(directive['Dimensions'][0]) == names
    assert not members, f'nothing refers to {members}'


def total(daemon, name):
    return sum(document.get(name, 0) for document in documents(daemon))


def values(daemon, name):
    return [value for document in documents(daemon) for value in document.get(name, [])]


@pytest.mark.parametrize('backend_set', ['sqlite', 'mock'])
def test_lines_for_cloudwatch(make_daemon, backend_set):
    daemon = make_daemon(backend_set, metrics={'emf': 'yes', 'interval': '1s', 'service': 'north'}).start()
    daemon.add_operator()
    ada, bob = daemon.add_user('ada'), daemon.add_user('bob')
    for _ in range(7):
        ada.sent('bob')
    bob.wait_inbox(7)
    assert bob.get('/v1/inbox?after=end&wait=1').status_code == 200
    assert bob.get('/v1/nothing').status_code == 404
    eventually(lambda: total(daemon, 'delivered') == 7, 'all deliveries are told')
    eventually(lambda: total(daemon, 'http_4xx') >= 1, 'the 404 is told')
    states = eventually(lambda: [line for line in documents(daemon) if 'backend_state' in line], 'states are told')
    daemon.stop()
    for document in documents(daemon):
        check(document)
        assert document['service'] == 'north'
        assert document['_aws']['CloudWatchMetrics'][0]['Namespace'] == 'posthouse'
    assert total(daemon, 'accepted') == 7
    assert total(daemon, 'http_5xx') == 0
    assert len(values(daemon, 'delivery_latency_ms')) == 7
    assert {line['kind'] for line in states} == {'storage', 'meta', 'queue', 'alert'}
    assert {'couriers', 'outbox_oldest_seconds', 'queue_waiting', 'dead_letters', 'memory_bytes'} <= set().union(
        *documents(daemon))


def test_a_drain_tells_the_rest(make_daemon):
    daemon = make_daemon('mock', metrics={'emf': 'yes', 'interval': '1h', 'namespace': 'post/house'}).start()
    daemon.client('postmaster').sent('postmaster')
    assert documents(daemon) == []
    daemon.stop()
    assert total(daemon, 'accepted') == 1
    for document in documents(daemon):
        check(document)
        assert document['_aws']['CloudWatchMetrics'][0]['Namespace'] == 'post/house'


def test_a_backend_that_is_down_is_told(make_daemon):
    daemon = make_daemon('mock', metrics={'emf': 'yes', 'interval': '1s'},
                         queue={'plugin': 'mock', 'fault.all': 'unavailable 100%'}).start(ready=False)
    daemon.wait_ready('degraded')

    def queue_states():
        return [line['backend_state'] for line in documents(daemon) if line.get('kind') == 'queue']

    eventually(lambda: 2 in queue_states(), 'the queue is told to be down')
    daemon.stop()
    last = [line for line in documents(daemon) if 'accepted' in line][-1]
    assert 'queue_waiting' not in last, 'what is not known is left out'


def test_off_by_default(make_daemon):
    daemon = make_daemon('mock').start()
    daemon.client('postmaster').sent('postmaster')
    daemon.stop()
    assert documents(daemon) == []


@pytest.mark.parametrize('key,value', [
    ('namespace', 'a*b'), ('namespace', ':x'), ('namespace', 'x' * 256), ('service', 'ü'), ('service', ''),
    ('interval', '10ms'), ('emf', 'maybe')])
def test_wrong_names(tmp_path, key, value):
    file = tmp_path / 'posthouse.ini'
    file.write_text(ini_text({**config_of('mock'), 'metrics': {key: value}}), encoding='utf-8')
    done = subprocess.run([str(DAEMON), '-c', str(file), '--check'], capture_output=True, text=True, timeout=LIMIT,
                          check=False)
    assert done.returncode == CONFIG
    line = file.read_text(encoding='utf-8').splitlines().index(f'{key} = {value}') + 1
    assert f'{file}:{line}: metrics.{key}: ' in done.stderr


def test_every_metric_of_a_daemon_is_in_the_page(make_daemon):
    daemon = make_daemon('sqlite', meta={'plugin': 'sqlite', 'path': 'posthouse.db', 'fault.put': 'transient 50%'})
    daemon.start()
    daemon.add_operator()
    ada = daemon.add_user('ada')
    for _ in range(5):
        ada.sent('ada')
    ada.wait_inbox(5)
    text = ada.get('/metrics').text
    kinds = dict(re.findall(r'^# TYPE (\S+) (\S+)$', text, re.M))
    assert len(kinds) > 30
    for name, kind in kinds.items():
        if name.startswith('posthouse_plugin_'):
            continue
        assert name in PROMETHEUS, f'{name} is not in docs/metrics.md'
        assert PROMETHEUS[name][0] == kind
        for labels in re.findall(rf'^{name}(?:_sum)?{{(.*)}} ', text, re.M):
            names = re.findall(r'(\w+)="', labels)
            assert ', '.join(names) == PROMETHEUS[name][1], name
    daemon.stop()


def test_a_call_that_waits_is_a_route_of_its_own(make_daemon):
    daemon = make_daemon('mock').start()
    client = daemon.client('postmaster')
    client.get('/v1/inbox?wait=1&after=end')
    client.get('/v1/inbox')
    metrics = daemon.metrics()
    assert metrics['posthouse_http_request_seconds_count{route="GET /v1/inbox wait",status="2xx"}'] == 1
    assert metrics['posthouse_http_request_seconds_count{route="GET /v1/inbox",status="2xx"}'] == 1
    daemon.stop()


def test_infrastructure_uses_names_that_exist():
    used = set()
    for file in (ROOT / 'infra' / 'modules').glob('*/*.tf'):
        text = file.read_text(encoding='utf-8')
        used |= set(re.findall(r'namespace\s*=\s*"posthouse"\s+metric_name\s*=\s*"(\w+)"', text))
        used |= set(re.findall(r'namespace = "posthouse", name = "(\w+)"', text))
        used |= set(re.findall(r'\["posthouse", "(\w+)"', text))
        for names in re.findall(r'for name in \[([^]]*)\] : \["posthouse", name', text):
            used |= set(re.findall(r'"(\w+)"', names))
    assert len(used) >= 9, 'the patterns above do not fit infra/ any more'
    assert used <= set(CLOUDWATCH), used - set(CLOUDWATCH)


def test_saved_queries_ask_for_what_is_logged(make_daemon):
    """The fields and the levels that infra/ asks CloudWatch's logs for, against the lines of a daemon whose queue is away."""
    text = (ROOT / 'infra' / 'modules' / 'observability' / 'logs.tf').read_text(encoding='utf-8')
    queries = re.findall(r'= "(fields [^"]*)"', text)
    assert len(queries) == 3, 'the pattern above does not fit infra/ any more'
    daemon = make_daemon('mock', queue={'fault.all': 'unavailable 100%'}).start(ready=False)
    daemon.client('postmaster').sent('postmaster')
    daemon.wait_ready('degraded')
    lines = daemon.log()
    daemon.stop()
    for query in queries:
        asked = re.search(r'fields ([^|]*)', query).group(1).split(', ') + re.findall(r'ispresent\((\w+)\)', query)
        asked = {name.strip() for name in asked} - {'@timestamp', '@message'}
        asked |= set(re.findall(r'(\w+) = ', query))
        assert any(asked <= set(line) for line in lines), f'no line has all of {asked}'
    assert set(re.findall(r"level = '(\w+)'", text)) <= {'debug', 'info', 'warn', 'error'}
