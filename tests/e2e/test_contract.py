# SPDX-License-Identifier: Apache-2.0
"""Requests that schemathesis makes up from docs/openapi.yaml, right and wrong ones, by an operator and by a stranger.

Every answer must be one that the contract documents, in the documented shape, and none may be 5xx. The numbers of examples
grow with POSTHOUSE_TEST_SCALE.
"""

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import checks

from harness import ROOT, SCALE, SANITIZED, Daemon, config_of

EXAMPLES = max(3, round((3 if SANITIZED else 6) * SCALE))
CHECKS = (checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
          checks.response_schema_conformance)
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS')
schema = schemathesis.openapi.from_path(ROOT / 'docs' / 'openapi.yaml')


@pytest.fixture(scope='module', params=['operator', 'stranger'])
def caller(request, tmp_path_factory):
    daemon = Daemon(tmp_path_factory.mktemp('contract'), config_of('sqlite')).start()
    operator = daemon.add_operator()
    session = requests.Session()
    session.trust_env = False
    daemon.token = operator.token if request.param == 'operator' else None
    daemon.session = session
    daemon.renew = lambda: setattr(daemon, 'token', daemon.client('postmaster').token)
    yield daemon
    assert daemon.stop() == 0
    assert not daemon.strange_lines()


@schema.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
                     suppress_health_check=list(hypothesis.HealthCheck))
def test_contract(case, caller):
    if caller.token is not None and case.operation.label == 'DELETE /v1/sessions/current':
        caller.renew()
    headers = {'Authorization': f'Bearer {caller.token}'} if caller.token is not None else {}
    answer = case.call(base_url=caller.url, session=caller.session, headers=headers, timeout=60)
    if case.method.upper() not in METHODS:
        # One that this server knows nowhere, which HTTP answers with 501.
        assert answer.status_code == 501
        return
    case.validate_response(answer, checks=CHECKS)
    caller.session.cookies.clear()
