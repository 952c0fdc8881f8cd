# SPDX-License-Identifier: Apache-2.0
"""What rehearsals share, a plugin of pytest: the page, and stand-ins for what the page is about.

A rehearsal is rehearse_NAME.py for docs/runbooks/NAME.md (`-` becomes `_`). Its fixtures, beside those of tests/e2e: `page`;
`account`, moto with what Terraform would have made; `stack`, two daemons on PostgreSQL and that account, an API and a courier,
whose rights are exactly what `posthouse iam-policy` prints; `operator`, who follows the page there.
"""

import contextlib
import json
import pathlib

import pytest

from cloud import ACCOUNT, REGION, LocalAws
from cluster import FAST, Cluster
from harness import OPERATOR
from page import Operator, Page
from traffic import Traffic

NAME = 'posthouse'


@pytest.fixture(scope='module')
def page(request):
    """The page; at the end of its rehearsal all of its commands must have been tried or left out."""
    page = Page(pathlib.Path(request.module.__file__).stem.removeprefix('rehearse_').replace('_', '-'))
    yield page
    if not request.session.testsfailed:
        assert not page.left(), f'{page.name}.md: not rehearsed and not left out: {page.left()}'


class Account:
    """moto, and in it what the stack of infra/ would have: database, services, log group, limits."""

    def __init__(self, aws):
        self.aws = aws
        self.environment = {**aws.environment(aws.admin_keys), 'AWS_DEFAULT_REGION': REGION}
        network = aws.admin('ec2')
        self.subnets = [subnet['SubnetId'] for subnet in network.describe_subnets()['Subnets']][:2]
        self.group = network.describe_security_groups()['SecurityGroups'][0]['GroupId']
        self._database()
        self._services()
        aws.admin('logs').create_log_group(logGroupName=f'/ecs/{NAME}-service')
        aws.admin('sqs').create_queue(QueueName=f'{NAME}-jobs-dead')

    def _database(self):
        rds = self.aws.admin('rds')
        rds.create_db_subnet_group(DBSubnetGroupName=NAME, DBSubnetGroupDescription='private', SubnetIds=self.subnets)
        rds.create_db_parameter_group(DBParameterGroupName=f'{NAME}-postgres15', DBParameterGroupFamily='postgres15',
                                      Description='as in infra/modules/data')
        kms = self.aws.admin('kms')
        kms.create_alias(AliasName=f'alias/{NAME}-data', TargetKeyId=kms.create_key()['KeyMetadata']['KeyId'])
        rds.create_db_instance(
            DBInstanceIdentifier=NAME, DBInstanceClass='db.m7g.large', Engine='postgres', EngineVersion='15.10',
            MasterUsername=NAME, ManageMasterUserPassword=True, AllocatedStorage=50, MultiAZ=True, BackupRetentionPeriod=14,
            DBSubnetGroupName=NAME, VpcSecurityGroupIds=[self.group], DBParameterGroupName=f'{NAME}-postgres15')

    def _services(self):
        ecs = self.aws.admin('ecs')
        ecs.create_cluster(clusterName=NAME)
        for role in ('courier', 'api'):
            ecs.register_task_definition(
                family=f'{NAME}-{role}', requiresCompatibilities=['FARGATE'], networkMode='awsvpc', cpu='256', memory='512',
                containerDefinitions=[{'name': NAME, 'image': f'{NAME}@sha256:1', 'essential': True, 'memory': 512}])
            ecs.create_service(
                cluster=NAME, serviceName=f'{NAME}-{role}', taskDefinition=f'{NAME}-{role}', desiredCount=2, launchType='FARGATE',
                networkConfiguration={'awsvpcConfiguration': {'subnets': self.subnets, 'securityGroups': [self.group]}})

    def database(self, name=NAME):
        """What RDS says of an instance."""
        return self.aws.admin('rds').describe_db_instances(DBInstanceIdentifier=name)['DBInstances'][0]

    def set_password(self, password):
        """What RDS's rotation would write into the secret of the database."""
        self.aws.admin('secretsmanager').put_secret_value(
            SecretId=self.database()['MasterUserSecret']['SecretArn'],
            SecretString=json.dumps({'username': NAME, 'password': password}))

    def sections(self, url):
        """The daemon's, as infra/modules/service writes them into the environment of tasks."""
        secret = self.database()['MasterUserSecret']['SecretArn']
        return {'storage': {'plugin': 'rds', 'url': url, 'password': f'${{secret:{secret}#password}}'},
                'meta': {'plugin': 'dynamodb', 'table': f'{NAME}-messages'},
                'queue': {'plugin': 'sqs', 'queue_url': f'{self.aws.url}/{ACCOUNT}/{NAME}-jobs'},
                'alert': {'plugin': 'sns', 'topic_arn': f'arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-alerts'},
                'secret': {'plugin': 'secretsmanager'}}


@pytest.fixture
def account(tmp_path):
    aws = LocalAws.start(tmp_path)
    yield Account(aws)
    aws.stop()


class Stack:
    """An API and a courier. `restart()` is a deployment of what was changed in their sections or environments."""

    def __init__(self, make_daemon, account, cluster, folder, url_of_database=None):
        self.account = account
        self.cluster = cluster
        account.set_password('first')
        database = cluster.make_database()
        self.sections = account.sections((url_of_database or cluster.tcp_url)(database))
        self.daemons = [make_daemon('aws', name=role, daemon={'roles': role},
                                    **{kind: {**keys} for kind, keys in self.sections.items()})
                        for role in ('courier', 'api')]
        self.courier, self.api = self.daemons
        self.make_daemon = make_daemon
        self.terraform = Operator(None, folder / 'terraform', account.environment)
        self.make()
        for daemon in self.daemons:
            daemon.cluster, daemon.database_name = cluster, database
            self.pin(daemon.start())
        self.api.add_operator()

    def make(self):
        """Makes what the configuration names, and gives the daemons exactly the rights that it needs."""
        self.api.write()
        self.terraform.shell(f'posthouse setup -c {self.api.ini}')
        shown = self.terraform.shell(f'posthouse iam-policy -c {self.api.ini}')
        keys = self.account.aws.user('task', json.loads(shown))
        for daemon in self.daemons:
            daemon.env.update(self.account.aws.environment(keys))

    @staticmethod
    def pin(daemon):
        """Keeps the daemon's address over its next starts: operators are logged in there."""
        daemon.sections['http']['listen'] = daemon.url.removeprefix('http://')
        return daemon

    def restart(self, *daemons, status='ready'):
        """The couriers first, then the API, as infra/deploy does."""
        for daemon in daemons or self.daemons:
            if daemon.running:
                assert daemon.stop() == 0
            daemon.start(ready=False).wait_ready(status)

    def change(self, kind, **keys):
        """Other keys in a section of both; None takes a key out."""
        for daemon in self.daemons:
            section = {**daemon.sections[kind], **keys}
            daemon.sections[kind] = {key: value for key, value in section.items() if value is not None}

    def another(self, role, name):
        """One more task of a role."""
        sections = {kind: {**keys} for kind, keys in self.courier.sections.items() if kind not in ('daemon', 'http')}
        daemon = self.make_daemon('aws', name=name, daemon={'roles': role}, **sections)
        daemon.env.update(self.courier.env)
        daemon.cluster, daemon.database_name = self.courier.cluster, self.courier.database_name
        return daemon.start()

    @contextlib.contextmanager
    def carrying(self, pause=0.05):
        """Messages all the while; after it, each that was accepted must be in its inbox once, none missing."""
        ada, grace = self.api.add_user(), self.api.add_user()
        traffic = Traffic([ada], [grace], 'rehearsal', pause=pause)
        traffic.people = ada, grace
        traffic.wait_accepted(5, 'messages are accepted before')
        yield traffic
        self.api.wait_ready('ready')
        traffic.wait_accepted(5, 'messages are accepted after')
        traffic.end_writers()
        traffic.reckon()


@pytest.fixture
def own_database():
    """A cluster that the rehearsal may break."""
    cluster = Cluster(*FAST)
    yield cluster
    cluster.remove()


@pytest.fixture
def stack(make_daemon, account, own_database, tmp_path):
    return Stack(make_daemon, account, own_database, tmp_path)


@pytest.fixture
def operator(page, account, tmp_path):
    """Somebody with the administrator's rights in the account, and no daemon yet."""
    return Operator(page, tmp_path / 'operator', account.environment)


@pytest.fixture
def on_call(stack, operator):
    """The same, logged in at the stack's API."""
    operator.words['https://NAME'] = stack.api.url
    return operator.login(OPERATOR)
