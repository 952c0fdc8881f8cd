# SPDX-License-Identifier: Apache-2.0
"""Fixtures: daemons that are stopped and whose logs are searched when a test ends."""

import os
import pathlib
import random
import shutil
import subprocess

import pytest

from cloud import Cloud, StubCloud, lacks_names
from cluster import FAST, Cluster
from harness import BUILD, DAEMON, DURABLE, FULL, SETS, Daemon, config_of
from policed import PolicedAws
from proxy import Proxy

FAILED = pytest.StashKey()  # whether a phase of the test has failed


def pytest_configure(config):
    # Drawn once, so that all workers run the same tests.
    wanted = os.environ.get('POSTHOUSE_FAULT_SEEDS') or ''
    if wanted.startswith('+'):
        os.environ['POSTHOUSE_FAULT_SEEDS'] = ' '.join(str(random.randrange(1 << 32)) for _ in range(int(wanted)))


def pytest_sessionstart(session):
    if not DAEMON.exists():
        pytest.exit(f'{DAEMON} is not there; ./dev build makes it', returncode=4)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


def settle(daemon):
    """Stops a daemon that still runs and looks for what no daemon may do."""
    code = daemon.stop() if daemon.running else None
    assert code in (None, 0), f'the daemon ended with {code}:\n{daemon.log_text()[-4000:]}'
    strange = daemon.strange_lines()
    assert not strange, 'the daemon wrote:\n' + '\n'.join(strange[:60])


class Factory:
    """Makes daemons in a folder. `cluster` and `cloud`: functions that give the cluster and the AWS of those that use one."""

    def __init__(self, folder, cluster=None, cloud=None):
        self.folder = folder
        self.cluster = cluster
        self.cloud = cloud
        self.backend_set = 'sqlite'
        self.daemons = []

    def __call__(self, backend_set=None, name=None, cluster=None, **sections):
        """A daemon that is not started; keyword arguments are merged into its sections. On the set rds it gets a database of
        its own, in a cluster that may be given, unless it has a url."""
        config = config_of(backend_set or self.backend_set)
        daemon = self._add(config, name, sections)
        if config['storage']['plugin'] == 'rds' and 'url' not in config['storage']:
            daemon.cluster = cluster or self.cluster()
            daemon.database_name = daemon.cluster.make_database()
            config['storage']['url'] = daemon.cluster.url(daemon.database_name)
        if lacks_names(config):
            daemon.cloud = self.cloud()
            daemon.env.update(daemon.cloud.environment)
            daemon.cloud.furnish(config, daemon.folder)
        return daemon

    def _add(self, config, name, sections):
        for section, keys in sections.items():
            config.setdefault(section, {}).update(keys)
        self.daemons.append(Daemon(self.folder / (name or f'daemon{len(self.daemons)}'), config))
        return self.daemons[-1]

    def beside(self, other, **sections):
        """A daemon on the storage, meta and queue of another one; keyword arguments as above."""
        config = config_of('sqlite')
        for kind in ('storage', 'meta', 'queue') + (('alert',) if other.cloud is not None else ()):
            config[kind] = {**other.sections[kind]}
            if 'path' in config[kind]:
                config[kind]['path'] = str(other.folder / config[kind]['path'])
        daemon = self._add(config, None, sections)
        daemon.cluster, daemon.database_name = other.cluster, other.database_name
        daemon.cloud = other.cloud
        daemon.env.update(other.env)
        return daemon

    def end(self, keep=False):
        """Ends the daemons; `keep`: the folder stays, for whoever reads of a failure."""
        problems = []
        for daemon in self.daemons:
            if daemon.process is not None:
                try:
                    settle(daemon)
                except AssertionError as problem:
                    problems.append(str(problem))
                finally:
                    if daemon.running:
                        daemon.kill()
        # Clusters of a test's own are removed whole.
        for daemon in self.daemons:
            if daemon.cluster is not None and daemon.cluster.shared:
                daemon.cluster.drop_database(daemon.database_name)
        assert not problems, '\n'.join(problems)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def make_daemon(request, tmp_path):
    factory = Factory(tmp_path, lambda: request.getfixturevalue('cluster'), lambda: request.getfixturevalue('cloud'))
    yield factory
    factory.end(keep=request.node.stash.get(FAILED, False))


@pytest.fixture(params=DURABLE)
def durable_set(request, make_daemon):
    """Runs a test on every set that keeps what it has; make_daemon makes daemons on that set."""
    make_daemon.backend_set = request.param
    return request.param


@pytest.fixture(params=DURABLE if FULL else DURABLE[:1])
def durable_set_in_full(request, make_daemon):
    """The same in full; else on SQLite alone, for tests that ask little of storage."""
    make_daemon.backend_set = request.param
    return request.param


@pytest.fixture(scope='module', params=SETS)
def shared(request, tmp_path_factory):
    """A daemon for all tests of a module, on each set; tests make their own users."""
    factory = Factory(tmp_path_factory.mktemp(request.param), lambda: request.getfixturevalue('cluster'),
                      lambda: request.getfixturevalue('cloud'))
    daemon = factory(request.param).start()
    daemon.operator = daemon.add_operator()
    daemon.backend_set = request.param
    yield daemon
    factory.end()


@pytest.fixture
def users(shared):
    """Makes users of the shared daemon: users(3) → three clients."""
    return lambda count: [shared.add_user() for _ in range(count)]


@pytest.fixture(scope='session')
def cluster():
    """A PostgreSQL cluster that the tests of a worker share, each with a database of its own; nobody stops it."""
    cluster = Cluster(*FAST)
    cluster.shared = True
    yield cluster
    cluster.remove()


@pytest.fixture(scope='session')
def cloud(tmp_path_factory):
    """moto, which the tests of a worker share; each daemon has a queue, a table and a topic of its own there."""
    cloud = Cloud(tmp_path_factory.mktemp('aws'))
    yield cloud
    cloud.stop()


@pytest.fixture
def stub(make_daemon):
    """A stub of AWS that a test may break; make_daemon makes daemons on the set aws, with the stub as its AWS."""
    stub = StubCloud()
    make_daemon.cloud = lambda: stub
    make_daemon.backend_set = 'aws'
    yield stub
    stub.stop()


@pytest.fixture
def own_cluster():
    """Makes clusters that a test may break."""
    made = []

    def make(*settings, **more):
        made.append(Cluster(*settings, **more))
        return made[-1]

    yield make
    for each in reversed(made):
        each.remove()


@pytest.fixture
def make_proxy():
    """Makes proxies in front of a port."""
    made = []

    def make(port):
        made.append(Proxy(port))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture(scope='module')
def policed_aws(tmp_path_factory):
    aws = PolicedAws(tmp_path_factory.mktemp('aws'))
    yield aws
    aws.local.stop()


@pytest.fixture
def granted(policed_aws, make_daemon):
    """A PolicedAws whose daemon has exactly its policy."""
    if policed_aws.policy is None:
        policed_aws.prepare(make_daemon)
    policed_aws.local.give('daemon', policed_aws.policy)
    return policed_aws


def build_cloud(folder, *flags):
    """Compiles meta-cloud into a folder, and returns the folder."""
    source = pathlib.Path(__file__).parent / 'plugins' / 'meta-cloud.c'
    compiler = os.environ.get('CC') or shutil.which('cc')
    subprocess.run([compiler, '-std=c11', '-Wall', '-Wextra', '-Werror', *flags, '-fPIC', '-shared', f'-I{BUILD}/include',
                    '-o', folder / 'meta-cloud.so', source], check=True)
    return folder


@pytest.fixture(scope='session')
def plugins(tmp_path_factory):
    """A folder with meta-cloud, compiled as a plugin's author would."""
    return build_cloud(tmp_path_factory.mktemp('plugins'))
