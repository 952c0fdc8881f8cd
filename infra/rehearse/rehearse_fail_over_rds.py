# SPDX-License-Identifier: Apache-2.0
"""Fail over RDS: a primary with a synchronous standby under messages; the primary is lost, the standby promoted."""

import pytest

from cluster import url_of
from rehearsal import Stack
from trouble import refused, synchronous_pair


@pytest.fixture
def pair():
    with synchronous_pair() as pair:
        yield pair


@pytest.fixture
def stack(make_daemon, account, pair, tmp_path):
    """Two hosts in the url stand for RDS's one name with two addresses."""
    primary, standby = pair
    return Stack(make_daemon, account, primary, tmp_path,
                 lambda database: url_of(['127.0.0.1'] * 2, [primary.port, standby.port], database, sslmode='disable'))


def rehearse(page, stack, pair, on_call):
    primary, standby = pair
    with stack.carrying() as traffic:
        on_call.run('aws rds reboot-db-instance')
        primary.kill()
        stack.api.wait_ready('unavailable')
        refused(traffic.people[0], traffic.people[1].user)
        on_call.run('posthouse health --wait https://NAME/readyz', code=5, more=' --wait 1')
        standby.promote()
        stack.api.cluster = stack.courier.cluster = standby
        on_call.run('posthouse health --wait https://NAME/readyz')
        on_call.sees_state('storage', 'ready')
        traffic.wait_accepted(20, 'messages are accepted by the other server')
    page.says('`the connection to the server was lost', '`dead-letters` is empty')
    assert any('was lost' in line.get('message', '') + line.get('detail', '') for line in stack.api.log())
    assert on_call.shell('posthouse dead-letters') == ''
    on_call.run('aws rds describe-events')
    on_call.run("aws rds describe-db-instances --query 'DBInstances[0].[Endpoint")
    on_call.run('aws ecs update-service')
