# SPDX-License-Identifier: Apache-2.0
"""The region is lost: a replica in another region is promoted, and daemons with a new queue and a new table begin there. A
private primary with its standby stands for database and replica; moto answers the commands."""

import contextlib

from cluster import Cluster
from cloud import ACCOUNT
from harness import eventually

DR = 'eu-central-1'


def rehearse_the_commands(page, account, operator):
    aws = operator.shell
    source = account.database()['DBInstanceArn']
    aws(f'aws rds create-db-parameter-group --region {DR} --db-parameter-group-name posthouse-postgres15'
        ' --db-parameter-group-family postgres15 --description copied')
    aws(f'aws rds create-db-instance-read-replica --region {DR} --db-instance-identifier $CLUSTER-replica'
        f' --source-db-instance-identifier {source} --source-region eu-west-1')
    zone = aws('aws route53 create-hosted-zone --name example.org --caller-reference 1 --query HostedZone.Id'
               ' --output text').strip().rsplit('/', 1)[-1]
    operator.words.update(ZONE=zone, NAME='posthouse.example.org')
    operator.run('export DR=')
    assert 'ChangeInfo' in operator.run('192.0.2.1')
    operator.run('aws rds promote-read-replica')
    operator.well_formed('aws rds describe-db-instance-automated-backups')
    operator.well_formed('aws rds restore-db-instance-to-point-in-time')
    page.not_here('prod-dr', 'there is no account to apply to')
    page.not_here('infra/deploy', 'see the rehearsal of deploy')
    aws(f'aws elbv2 create-load-balancer --region {DR} --name posthouse-dr --subnets'
        f" $(aws ec2 describe-subnets --region {DR} --query 'Subnets[:2].SubnetId' --output text)")
    host, host_zone = operator.run('aws elbv2').split()
    operator.words.update(HOST=host, HOST_ZONE=host_zone)
    assert 'ChangeInfo' in operator.run('"HOST"')


def rehearse_the_daemons(page, stack):
    ada, grace = stack.api.add_user('ada'), stack.api.add_user('grace')
    replica = Cluster(standby_of=stack.cluster)
    with contextlib.ExitStack() as made:
        made.callback(replica.remove)
        ids = [ada.sent(grace.user, 'delivered')]
        grace.wait_inbox(1)
        cursor = grace.page()['next']
        assert stack.courier.stop() == 0
        ids.append(ada.sent(grace.user, 'not delivered yet', key='once'))
        database = stack.api.database_name
        count = 'SELECT count(*) FROM posthouse_messages'
        eventually(lambda: replica.sql(count, database=database) == [(2,)], 'the replica has it')
        stack.cluster.kill()
        stack.api.kill()
        replica.promote()
        # The stack of the other region: its database, an empty queue, an empty table, a topic.
        stack.change('storage', url=replica.tcp_url(database))
        stack.change('queue', queue_url=f'{stack.account.aws.url}/{ACCOUNT}/posthouse-dr-jobs')
        stack.change('meta', table='posthouse-dr-messages')
        stack.make()
        for daemon in stack.daemons:
            daemon.cluster = replica
        stack.restart()
        assert stack.api.client('grace').token
        assert [message['id'] for message in grace.wait_inbox(2)] == ids
        assert [message['id'] for message in grace.inbox(cursor)] == ids[1:]
        assert ada.sent(grace.user, 'not delivered yet', key='once') == ids[1]
        assert all(daemon.stop() == 0 for daemon in stack.daemons)
    page.says('a replica may be seconds behind', 'restore.md')
