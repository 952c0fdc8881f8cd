# SPDX-License-Identifier: Apache-2.0
"""Secrets Manager and the Parameter Store in trouble: at the start the daemon tries again for a while, or says what it could not
have and ends; later it keeps the value that it has, says so, and takes the new one when it can be had."""

import re

import pytest

from harness import FULL, OPERATOR, SCALE, eventually
from trouble import traffic_through

pytestmark = pytest.mark.skipif(SCALE < 1, reason='a sanitizer\'s shortened run leaves the set aws out')

CONFIG = 78
# Where the password is → the service, its operation, and the secret's name in the configuration.
PLACES = {'secret': ('secretsmanager', 'GetSecretValue', '/posthouse/db'), 'ssm': ('ssm', 'GetParameter', 'ssm:/posthouse/db')}
DENIED = {'kind': 'error', 'status': 400, 'code': 'AccessDeniedException'}
TROUBLES = {'throttled': {'kind': 'throttle'}, 'hanging': {'kind': 'hang'}, 'denied': DENIED}


@pytest.fixture(params=PLACES)
def place(request):
    return PLACES[request.param]


@pytest.fixture
def daemon(make_daemon, stub, cluster, place):
    """A daemon whose storage has its password from the place; not started."""
    daemon = make_daemon('aws', secret={'plugin': 'secretsmanager', 'refresh': '1s', 'timeout': '2s'})
    daemon.role = daemon.database_name + '_owner'
    cluster.sql(f"CREATE ROLE {daemon.role} LOGIN PASSWORD 'password 0'")
    cluster.sql(f'ALTER DATABASE {daemon.database_name} OWNER TO {daemon.role}')
    daemon.sections['storage'].update(url=cluster.tcp_url(daemon.database_name, user=daemon.role),
                                      password=f'${{secret:{place[2]}}}')
    stub.aws.secrets.put('/posthouse/db', 'password 0')
    yield daemon
    assert 'password 0' not in daemon.log_text() and 'password 1' not in daemon.log_text()


@pytest.mark.parametrize('name', ['throttled', 'hanging'])
def test_trouble_that_passes_at_the_start(daemon, stub, place, name):
    fault = stub.aws.faults.add(**{'service': place[0], **TROUBLES[name], 'times': 2})
    daemon.start()
    assert fault.hits == 2 and stub.aws.done[place[0], place[1]] >= 1


@pytest.mark.parametrize('name', TROUBLES if FULL else ['hanging', 'denied'])
def test_trouble_that_stays_at_the_start(daemon, stub, place, name):
    """The daemon ends, and says what it could not have."""
    fault = stub.aws.faults.add(**{'service': place[0], **TROUBLES[name]})
    daemon.known_lines.append(f'{daemon.ini}:')
    daemon.spawn()
    assert daemon.wait() == CONFIG
    assert fault.hits > 0
    (said,) = [line for line in daemon.log_text().splitlines() if line.startswith(f'{daemon.ini}:')]
    assert 'storage.password' in said and place[2] in said, said
    if name == 'denied':
        assert {'GetSecretValue': 'secretsmanager:GetSecretValue', 'GetParameter': 'ssm:GetParameter'}[place[1]] in said, said
    daemon.process = None


def secret_health(operator):
    (found,) = [one for one in operator.get('/v1/admin/backends').json()['backends'] if one['kind'] == 'secret']
    return found


def health_says(operator, words):
    try:
        eventually(lambda: re.search(words, secret_health(operator)['detail']), f'health says {words}')
    except AssertionError as problem:
        raise AssertionError(f'{problem}: {secret_health(operator)}') from None


def end_sessions(cluster, daemon):
    cluster.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s', [daemon.role])


def test_trouble_at_the_refresh(daemon, stub, cluster, place):
    """The value that is held stays in use, also for sessions that begin anew; a password that was changed in the meantime is
    taken when the trouble is over."""
    daemon.start()
    daemon.add_operator()
    operator = daemon.client(OPERATOR)
    with traffic_through(daemon) as traffic:
        health_says(operator, '^1 secret held; credentials from the environment, without an end$')
        for number, name in enumerate(TROUBLES, 1):
            stub.aws.faults.add(**{'service': place[0], **TROUBLES[name]})
            health_says(operator, '/posthouse/db: .*; 1 secret held; credentials from the environment')
            assert 'the last value is kept: ' in daemon.log_text()
            end_sessions(cluster, daemon)
            traffic.wait_accepted(20, f'messages are accepted while it is {name}')
            # Now the password is another one, which cannot be had yet.
            cluster.sql(f"ALTER ROLE {daemon.role} PASSWORD 'password {number}'")
            stub.aws.secrets.put('/posthouse/db', f'password {number}')
            end_sessions(cluster, daemon)
            daemon.wait_ready('unavailable')
            stub.aws.faults.clear()
            daemon.wait_ready()
            traffic.wait_accepted(20, 'messages are accepted with the new password')
            health_says(operator, '^1 secret held; ')
    assert 'the secret' in daemon.log_text() and 'has changed' in daemon.log_text()
