# SPDX-License-Identifier: Apache-2.0
"""Restore to a point in time: a base backup and archived WAL of a private server stand for RDS's, and moto answers the
commands. What a daemon does with a database that has forgotten its last minutes is seen on the real thing."""

import contextlib
import json

import pytest

from cluster import ARCHIVING, FAST, Cluster
from harness import eventually

LATER = 'accepted after the moment that is restored'


@pytest.fixture
def own_database():
    cluster = Cluster(*FAST, *ARCHIVING)
    yield cluster
    cluster.remove()


def flush_archive(cluster):
    """Makes sure that all that was written so far is in the archive."""
    (name,) = cluster.sql('SELECT pg_walfile_name(pg_switch_wal())')[0]
    archived = "SELECT coalesce(last_archived_wal, '') >= %s FROM pg_stat_archiver"
    eventually(lambda: cluster.sql(archived, [name]) == [(True,)], 'the WAL is archived')


def history(stack, people):
    """Three messages that arrive, one that is accepted and not delivered yet; then the moment; then two more, one delivered,
    one still a job in the queue; then the damage. Returns the moment, the ids in this order, and from before the damage grace's
    cursor and that of ada's sent list."""
    ada, grace = people
    ids = [ada.sent(grace.user, f'early {number}') for number in range(3)]
    grace.wait_inbox(3)
    assert stack.courier.stop() == 0
    ids.append(ada.sent(grace.user, 'in between'))
    (at,) = stack.cluster.sql('SELECT clock_timestamp()::text')[0]
    ids.append(ada.sent(grace.user, LATER, key='later'))
    stack.courier.start()
    grace.wait_inbox(5)
    assert stack.courier.stop() == 0
    ids.append(ada.sent(grace.user, LATER))
    eventually(lambda: jobs(stack) > 0, 'its job is in the queue')
    cursors = grace.page()['next'], ada.get('/v1/messages?box=sent&after=end').json()['next']
    stack.cluster.sql('DELETE FROM posthouse_deliveries', database=stack.api.database_name)
    flush_archive(stack.cluster)
    return at, ids, *cursors


def jobs(stack):
    answer = stack.account.aws.admin('sqs').get_queue_attributes(
        QueueUrl=stack.api.sections['queue']['queue_url'], AttributeNames=['All'])
    return sum(int(value) for name, value in answer['Attributes'].items() if name.startswith('ApproximateNumberOfMessages'))


def in_aws(page, on_call, account, at):
    """The commands of RDS in moto."""
    on_call.words.update({'2026-11-22T10:41:00Z': at, 'SG': account.group})
    on_call.run('AT=')
    on_call.run('aws rds describe-db-instances')
    on_call.run('for role in api courier')
    limits = account.aws.admin('application-autoscaling').describe_scalable_targets(ServiceNamespace='ecs')['ScalableTargets']
    assert [(target['MinCapacity'], target['MaxCapacity']) for target in limits] == [(0, 0)] * 2
    on_call.run('aws rds restore-db-instance-to-point-in-time')
    on_call.run('aws rds wait db-instance-available --db-instance-identifier $CLUSTER-restored')
    on_call.run('aws rds modify-db-instance --db-instance-identifier $CLUSTER --new')
    on_call.run('aws rds wait db-instance-available --db-instance-identifier $CLUSTER-damaged')
    on_call.run('aws rds modify-db-instance --db-instance-identifier $CLUSTER-restored')
    assert account.database()['DBInstanceStatus'] == 'available'
    page.not_here('terraform ', 'there is no account to apply to')
    page.not_here('infra/deploy', 'see the rehearsal of deploy')


def rehearse_rds(page, stack, on_call):
    people = stack.api.add_user('ada'), stack.api.add_user('grace')
    ada, grace = people
    stack.cluster.back_up()
    at, ids, cursor, cursor_of_sent = history(stack, people)
    in_aws(page, on_call, stack.account, '2026-11-30T08:00:00Z')
    for daemon in stack.daemons:
        if daemon.running:
            assert daemon.stop() == 0
    restored = Cluster(restored=(stack.cluster, at))
    with contextlib.ExitStack() as made:
        made.callback(restored.remove)
        eventually(lambda: restored.sql('SELECT pg_is_in_recovery()') == [(False,)], 'the restored server takes writes')
        database = stack.api.database_name
        # The statements of the page: without them, the cursors would hide what comes now.
        stack.account.set_password('first')
        on_call.words['-d posthouse'] = f'-d {database}'
        on_call.env.update(PGHOSTADDR='127.0.0.1', PGPORT=str(restored.port))
        assert on_call.run('PGPASSWORD=').split()[:3] == ['UPDATE', '3', 'setval']
        stack.change('storage', url=restored.tcp_url(database))
        for daemon in stack.daemons:
            daemon.cluster = restored
        stack.restart()
        on_call.run('posthouse health --wait')
        assert [message['id'] for message in grace.wait_inbox(4)] == ids[:4]
        eventually(lambda: jobs(stack) == 0, 'jobs of messages that are not there are dropped')
        assert ada.get(f'/v1/messages/{ids[4]}').status_code == 404
        again = ada.sent(grace.user, LATER, key='later')
        assert again not in ids
        seen = eventually(lambda: (lambda new: len(new) >= 2 and new)(grace.inbox(cursor)), 'an old cursor sees what is new')
        assert [message['id'] for message in seen] == [ids[3], again]
        sent = ada.get(f'/v1/messages?box=sent&after={cursor_of_sent}').json()['messages']
        assert [message['id'] for message in sent] == [again]
        assert len({message['id'] for message in grace.inbox()}) == len(grace.inbox()) == 5
        assert all(daemon.stop() == 0 for daemon in stack.daemons)


def rehearse_dynamodb(page, stack, on_call):
    aws = stack.account.aws.admin('dynamodb')
    ada, grace = stack.api.add_user('ada'), stack.api.add_user('grace')
    message = ada.sent(grace.user)
    grace.wait_inbox(1)
    aws.update_continuous_backups(TableName='posthouse-messages',
                                  PointInTimeRecoverySpecification={'PointInTimeRecoveryEnabled': True})
    eventually(lambda: 'partial' not in ada.show(message), 'its document is there')
    on_call.words['$AT'] = '2026-11-30T08:00:00Z'
    on_call.run('aws dynamodb describe-continuous-backups')
    on_call.run('aws dynamodb restore-table-to-point-in-time')
    on_call.run('aws dynamodb wait table-exists')
    on_call.run('aws dynamodb update-time-to-live')
    on_call.run('aws dynamodb update-continuous-backups')
    page.says('POSTHOUSE_META_TABLE = "…-restored"')
    stack.change('meta', table='posthouse-messages-restored')
    stack.make()
    stack.restart()
    assert 'partial' not in ada.show(message)
    second = ada.sent(grace.user)
    eventually(lambda: aws.get_item(TableName='posthouse-messages-restored', Key={'id': {'S': second}}).get('Item'),
               'new documents go to the restored table')
    on_call.run('aws backup list-restore-jobs', code=255)
    assert json.dumps(stack.api.readiness()[1]).count('"ready"') >= 5
