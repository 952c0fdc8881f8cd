# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL cluster under test: made, broken and mended by tests/cluster/postgres, asked by SQL.

It is removed when the process that made it ends, however that ends.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import uuid

import psycopg

from harness import LIMIT, ROOT

SCRIPT = ROOT / 'tests' / 'cluster' / 'postgres'
# What a test that pulls no plugs can do without.
FAST = ('fsync=off', 'full_page_writes=off')
# What a cluster needs to be restored to a point in time.
ARCHIVING = ('archive_mode=on', 'archive_command=mkdir -p ../archive && cp %p ../archive/%f')


def control(*arguments):
    """Runs the script; returns what it printed."""
    run = subprocess.run([str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT,
                         stdin=subprocess.DEVNULL, check=False)
    assert run.returncode == 0, f'postgres {" ".join(map(str, arguments))}: {run.stdout}{run.stderr}'
    return run.stdout.strip()


def url_of(host, port, database='posthouse', user='posthouse', **parameters):
    """A URI of libpq. `host` is a folder of sockets, a name, or a list of names with a list of ports."""
    parameters = {'host': host, 'port': port, **parameters}
    words = urllib.parse.urlencode({name: ','.join(map(str, value)) if isinstance(value, list) else value
                                    for name, value in parameters.items()}, safe='/,')
    return f'postgresql://{user}@/{database}?{words}'


class Cluster:
    """A cluster that runs. `settings`: lines NAME=VALUE; `standby_of`: a hot standby of another one instead; `restored`: what
    another one, with a backup and the settings ARCHIVING, was at a time."""

    def __init__(self, *settings, standby_of=None, restored=None):
        # Not under pytest's folder, which the server's own user may not enter.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='posthouse-pg-'))
        self._keeper = self._keep()
        try:
            if restored is not None:
                control('restored', self.folder, restored[0].folder, restored[1])
            elif standby_of is not None:
                control('standby', self.folder, standby_of.folder)
            else:
                control('make', self.folder, *settings)
        except BaseException:
            self.remove()
            raise
        self._databases = 0
        self.shared = False  # whether databases should be dropped one by one

    def _keep(self):
        """Removes the cluster when this process is gone: then the pipe to the keeper ends."""
        return subprocess.Popen(['sh', '-c', 'read -r _; exec "$0" remove "$1"', str(SCRIPT), str(self.folder)],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                start_new_session=True)

    def remove(self):
        self._keeper.communicate(timeout=LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def port(self):
        return int((self.folder / 'port').read_text())

    def log_text(self):
        return (self.folder / 'log').read_text(errors='replace')

    # Its process.

    def start(self):
        control('start', self.folder)

    def stop(self):
        """An orderly end: sessions are told."""
        control('stop', self.folder)

    def kill(self):
        """The end of a crash: sessions are cut off, and the next start recovers."""
        control('kill', self.folder)

    def restart(self):
        """An orderly end, if it runs, and a start."""
        control('restart', self.folder)

    def promote(self):
        control('promote', self.folder)

    def back_up(self):
        control('backup', self.folder)

    def set(self, **settings):
        """Settings for the running cluster and its next starts."""
        for name, value in settings.items():
            self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql('SELECT pg_reload_conf()')

    # Its contents. The superuser comes by the socket, where everybody is trusted.

    def url(self, database='posthouse', **parameters):
        """By the socket, without a password; other parameters as libpq names them."""
        return url_of(**{'host': self.folder, 'port': self.port, 'database': database, **parameters})

    def tcp_url(self, database='posthouse', **parameters):
        """By 127.0.0.1 in clear text, with a password to be given."""
        return self.url(database, **{'host': '127.0.0.1', 'sslmode': 'disable', **parameters})

    def make_database(self):
        self._databases += 1
        name = f'posthouse_{self._databases}_{uuid.uuid4().hex[:6]}'
        self.sql(f'CREATE DATABASE {name} OWNER posthouse')
        return name

    def drop_database(self, name):
        self.sql(f'DROP DATABASE IF EXISTS {name} WITH (FORCE)')

    @contextlib.contextmanager
    def session(self, database='postgres', user='postgres'):
        """A connection that commits each statement by itself."""
        with contextlib.closing(psycopg.connect(self.url(database, user=user), autocommit=True)) as connection:
            yield connection

    def sql(self, text, values=None, database='postgres'):
        """One statement by the superuser; returns its rows."""
        with self.session(database) as connection:
            cursor = connection.execute(text, values)
            return cursor.fetchall() if cursor.description is not None else []

    def store_user(self, database, name, password, operator):
        """Adds a user to the tables of storage-rds; `password` is its hash."""
        with self.session(database) as connection:
            connection.execute('INSERT INTO posthouse_users(name, request, password, roles, created_at)'
                               ' VALUES(%s, %s, %s, %s, %s)',
                               [name, uuid.uuid4(), password.encode(), int(operator), int(time.time() * 1000)])
            connection.execute('INSERT INTO posthouse_inboxes(name) VALUES(%s)', [name])
            connection.execute('INSERT INTO posthouse_senders(name) VALUES(%s)', [name])

    def backends(self, database):
        """The sessions of a database's daemons: pid → what pg_stat_activity says of its state."""
        return dict(self.sql("SELECT pid, state FROM pg_stat_activity WHERE datname = %s AND usename = 'posthouse'"
                             " AND backend_type = 'client backend'", [database]))


def openssl(folder, *arguments):
    """Runs openssl in a folder."""
    run = subprocess.run(['openssl', *arguments], cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False,
                         env={**os.environ, 'OPENSSL_CONF': '/dev/null'})
    assert run.returncode == 0, run.stderr
