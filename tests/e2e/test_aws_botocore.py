# SPDX-License-Identifier: Apache-2.0
"""plugins/aws agrees with botocore: the signer on random requests and on the corners of the canonical form, and the
addresses of the services in every partition."""

import datetime
import itertools
import json
import random
import subprocess
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.session
import pytest
from botocore.credentials import Credentials
from botocore.endpoint_provider import EndpointProvider

from harness import BUILD

REFERENCE = BUILD / 'obj/tests/unit/aws_reference'
SERVICES = ('dynamodb', 'sqs', 'sns', 'secretsmanager', 'ssm', 'sts')
LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'


def ask(questions):
    """What plugins/aws says to each of the questions."""
    lines = ''.join(json.dumps(question) + '\n' for question in questions)
    answer = subprocess.run([REFERENCE], input=lines, capture_output=True, text=True, check=True, timeout=300)
    return [json.loads(line) for line in answer.stdout.splitlines()]


class Canonical(botocore.auth.SigV4Auth):
    """botocore's signer, at a given time, which keeps the canonical request."""

    canonical = None

    def canonical_request(self, request):
        self.canonical = super().canonical_request(request)
        return self.canonical


def expected(case, monkeypatch):
    """botocore's Authorization header and canonical request for a case."""
    moment = datetime.datetime.fromtimestamp(case['time_ms'] // 1000, datetime.timezone.utc)
    monkeypatch.setattr(botocore.auth, 'get_current_datetime', lambda: moment)
    host = dict(case['headers'])['Host']
    url = f'https://{host}{case["path"]}' + (f'?{case["query"]}' if case['query'] else '')
    request = botocore.awsrequest.AWSRequest(method=case['method'], url=url, data=bytes.fromhex(case['body']))
    for name, value in case['headers']:
        if name not in ('X-Amz-Date', 'X-Amz-Security-Token'):
            request.headers.add_header(name, value)
    signer = Canonical(Credentials(case['id'], case['secret'], case['token'] or None), case['service'], case['region'])
    signer.add_auth(request)
    return {'authorization': request.headers['Authorization'], 'canonical': signer.canonical}


def make_case(method='POST', path='/', query='', headers=(), body=b'', token='', time_ms=1800000000000, **more):
    """A request to sign, as plugins/aws is asked."""
    moment = datetime.datetime.fromtimestamp(time_ms // 1000, datetime.timezone.utc)
    all_headers = [['Host', 'sqs.eu-west-1.amazonaws.com'], ['X-Amz-Date', moment.strftime('%Y%m%dT%H%M%SZ')]]
    all_headers += [['X-Amz-Security-Token', token]] if token else []
    case = {'method': method, 'path': path, 'query': query, 'headers': all_headers + [list(pair) for pair in headers],
            'body': body.hex(), 'region': 'eu-west-1', 'service': 'sqs', 'id': 'AKIDEXAMPLE',
            'secret': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', 'token': token, 'time_ms': time_ms}
    return {**case, **more}


def random_text(dice, alphabet, most):
    return ''.join(dice.choice(alphabet) for _ in range(dice.randrange(most + 1)))


def random_case(dice):
    alphabet = LETTERS + '-_.~ /%+=&;:,@!$\'()*[]"äß€🐎'
    segments = [dice.choice(['', '.', '..', urllib.parse.quote(random_text(dice, alphabet, 12), safe=''),
                             random_text(dice, LETTERS + '-_.~:+*=,;@!$', 9)]) for _ in range(dice.randrange(6))]
    query = '&'.join(
        urllib.parse.quote(random_text(dice, alphabet, 8), safe='-_.~') + dice.choice(
            ['', '=' + urllib.parse.quote(random_text(dice, alphabet, 8), safe='-_.~')])
        for _ in range(dice.randrange(6)))
    names = dice.sample(['Content-Type', 'X-Amz-Target', 'x-amz-foo', 'X-Amz-Foo-Bar', 'x-amz-foo1', 'Accept', 'A', 'Zeta',
                         'x-amzn-b', 'My-Header'], dice.randrange(8))
    headers = [(name, random_text(dice, LETTERS + '  \t;,=/"()ä', 30)) for name in names]
    token = random_text(dice, LETTERS + '+/=', 400) if dice.random() < .5 else ''
    return make_case(
        method=dice.choice(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH']), path='/' + '/'.join(segments), query=query,
        headers=headers, body=dice.randbytes(dice.choice([0, 0, 1, 55, 64, 1000])), token=token,
        time_ms=dice.randrange(0, 4102444800000), region=dice.choice(['eu-west-1', 'us-gov-west-1', 'cn-north-1']),
        service=dice.choice(SERVICES), id=random_text(dice, LETTERS, 20) + 'A',
        secret=random_text(dice, LETTERS + '+/', 40) + 'A')


def test_random_requests(monkeypatch):
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    cases = [random_case(dice) for _ in range(2000)]
    for case, answer in zip(cases, ask({'sign': case} for case in cases), strict=True):
        assert answer == expected(case, monkeypatch), f'seed {seed}: {case}'


CORNERS = {
    'nothing': {},
    'empty path': {'path': ''},
    'dots': {'path': '/a/./b/../../c//d/'},
    'only dots': {'path': '/..'},
    'slashes': {'path': '///'},
    'escapes twice': {'path': '/a%20b/%C3%A4'},
    'bare': {'path': '/-_.~'},
    'query sorted by bytes': {'query': 'b=2&a=1&B=3&a=0&a-b=4&a.b=5'},
    'query without value': {'query': 'a&b=&c=1'},
    'query of one sign': {'query': '='},
    'names sorted': {'headers': [('x-amz-foo-bar', '1'), ('x-amz-foo', '2'), ('x-amz-foo1', '3')]},
    'values trimmed': {'headers': [('My-Header', '  a   b \t c  ')]},
    'empty value': {'headers': [('My-Header', '')]},
    'UTF-8': {'headers': [('My-Header', 'Größe 🐎')], 'body': 'Größe'.encode()},
    'token': {'token': 'AQoDYXdzEPT//////////wEXAMPLE'},
    'body': {'body': b'{"a": 1}'},
    'port': {'headers': [], 'token': ''},
    'last second of a day': {'time_ms': 1799999999999 // 86400000 * 86400000 + 86399999},
    'leap day': {'time_ms': 1709164800000},
}


@pytest.mark.parametrize('name', CORNERS)
def test_corner(name, monkeypatch):
    case = make_case(**CORNERS[name])
    if name == 'port':
        case['headers'][0][1] = 'localhost:4566'
    assert ask([{'sign': case}]) == [expected(case, monkeypatch)]


def test_key_is_derived_again(monkeypatch):
    """One after the other, so that the cached key meets everything that it depends on."""
    cases = [make_case(**changed) for changed in (
        {}, {}, {'time_ms': 1800000000000 + 86400000}, {'region': 'us-east-1'}, {'service': 'sns'}, {'secret': 'x'}, {})]
    assert ask({'sign': case} for case in cases) == [expected(case, monkeypatch) for case in cases]


@pytest.mark.parametrize('change', [{'id': ''}, {'secret': ''}, {'headers': [('A', 'a\r\nB: b')]}, {'headers': [('A', 'a\n')]},
                                    {'headers': [('A', 'a')] * 40}, {'query': '&' * 400}], ids=str)
def test_refuses_to_sign(change):
    assert ask([{'sign': make_case(**change)}]) == [{'authorization': None}]


def test_endpoints():
    loader = botocore.session.get_session().get_component('data_loader')
    partitions = loader.load_data('partitions')
    regions = ['eu-west-1', 'us-east-1', 'me-central-1', 'cn-north-1', 'us-gov-west-1', 'us-gov-east-1', 'eusc-de-east-1',
               'us-iso-east-1', 'us-isob-east-1', 'eu-isoe-west-1', 'us-isof-south-1', 'xx-nowhere-1']
    kinds = list(itertools.product(SERVICES, regions, (False, True), (False, True)))
    answers = ask({'endpoint': dict(zip(('service', 'region', 'fips', 'dual_stack'), kind))} for kind in kinds)
    wrong = []
    for (service, region, fips, dual_stack), answer in zip(kinds, answers, strict=True):
        rules = EndpointProvider(loader.load_service_model(service, 'endpoint-rule-set-1'), partitions)
        url = rules.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack).url
        if answer['url'] != url + '/':
            wrong.append((service, region, fips, dual_stack, answer['url'], url))
    assert not wrong, '\n'.join(map(str, wrong))
