# SPDX-License-Identifier: Apache-2.0
"""Fixtures: daemons that are stopped and whose logs are searched when a test ends."""

import os
import random
import shutil

import pytest

from cluster import FAST, Cluster
from harness import DAEMON, DURABLE, KINDS, SETS, Daemon, config_of
from proxy import Proxy


def pytest_configure(config):
    # Drawn once, so that all workers run the same tests.
    wanted = os.environ.get('POSTHOUSE_FAULT_SEEDS') or ''
    if wanted.startswith('+'):
        os.environ['POSTHOUSE_FAULT_SEEDS'] = ' '.join(str(random.randrange(1 << 32)) for _ in range(int(wanted)))


def pytest_sessionstart(session):
    if not DAEMON.exists():
        pytest.exit(f'{DAEMON} is not there; ./dev build makes it', returncode=4)


def settle(daemon):
    """Stops a daemon that still runs and looks for what no daemon may do."""
    code = daemon.stop() if daemon.running else None
    assert code in (None, 0), f'the daemon ended with {code}:\n{daemon.log_text()[-4000:]}'
    strange = daemon.strange_lines()
    assert not strange, 'the daemon wrote:\n' + '\n'.join(strange[:60])


class Factory:
    """Makes daemons in a folder. `cluster`: a function that gives the cluster for those on the set rds."""

    def __init__(self, folder, cluster=None):
        self.folder = folder
        self.cluster = cluster
        self.backend_set = 'sqlite'
        self.daemons = []
        self.databases = []

    def __call__(self, backend_set=None, name=None, **sections):
        """A daemon that is not started; keyword arguments are merged into its sections."""
        config = config_of(backend_set or self.backend_set)
        for section, keys in sections.items():
            config.setdefault(section, {}).update(keys)
        if config['storage']['plugin'] == 'rds' and 'url' not in config['storage']:
            self.databases.append(self.cluster().make_database())
            config['storage']['url'] = self.cluster().url(self.databases[-1])
        daemon = Daemon(self.folder / (name or f'daemon{len(self.daemons)}'), config)
        self.daemons.append(daemon)
        return daemon

    def beside(self, other, **sections):
        """A daemon on the storage, meta and queue of another one; keyword arguments as above."""
        backends = {kind: {**other.sections[kind]} for kind in KINDS if kind != 'alert'}
        for kind, keys in backends.items():
            if 'path' in keys:
                keys['path'] = str(other.folder / keys['path'])
            keys.update(sections.pop(kind, {}))
        return self(None, **backends, **sections)

    def end(self):
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
        for database in self.databases:
            self.cluster().drop_database(database)
        assert not problems, '\n'.join(problems)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def make_daemon(request, tmp_path):
    factory = Factory(tmp_path, lambda: request.getfixturevalue('cluster'))
    yield factory
    factory.end()


@pytest.fixture(params=DURABLE)
def durable_set(request, make_daemon):
    """Runs a test on every set that keeps what it has; make_daemon makes daemons on that set."""
    make_daemon.backend_set = request.param
    return request.param


@pytest.fixture(scope='module', params=SETS)
def shared(request, tmp_path_factory):
    """A daemon for all tests of a module, on each set; tests make their own users."""
    factory = Factory(tmp_path_factory.mktemp(request.param), lambda: request.getfixturevalue('cluster'))
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
    yield cluster
    cluster.remove()


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
