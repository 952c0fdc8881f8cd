# SPDX-License-Identifier: Apache-2.0
"""Getting into PostgreSQL: passwords that change, TLS, users and databases that are refused, schemas of other versions."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from cluster import FAST, Cluster, openssl
from harness import COMMAND, eventually
from trouble import long_under_a_sanitizer, refused, says, traffic_through

pytestmark = long_under_a_sanitizer


# Passwords.

@pytest.fixture
def role(make_daemon, cluster):
    """A daemon whose database belongs to a role of its own, with a password from a file; not started."""
    daemon = make_daemon('rds')
    daemon.role = daemon.database_name + '_owner'
    daemon.secret = daemon.folder / 'secrets' / 'db'
    daemon.secret.parent.mkdir()
    cluster.sql(f"CREATE ROLE {daemon.role} LOGIN PASSWORD 'the first one'")
    cluster.sql(f'ALTER DATABASE {daemon.database_name} OWNER TO {daemon.role}')
    write_secret(daemon, 'the first one')
    daemon.sections['storage'].update(url=cluster.tcp_url(daemon.database_name, user=daemon.role),
                                      password='${secret:db#password}')
    daemon.sections['secret'] = {'plugin': 'env', 'directory': str(daemon.secret.parent)}
    return daemon


def write_secret(daemon, password):
    fresh = daemon.secret.with_suffix('.new')
    fresh.write_text(json.dumps({'password': password}))
    fresh.rename(daemon.secret)


def rotate(cluster, daemon, password):
    """A new password at the server, which ends the sessions too, as a fail-over would."""
    cluster.sql(f"ALTER ROLE {daemon.role} PASSWORD '{password}'")
    cluster.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s', [daemon.role])


def test_the_password_is_rotated_while_running(role, cluster):
    daemon = role.start()
    daemon.add_operator()
    with traffic_through(daemon) as traffic:
        for number in range(3):
            write_secret(daemon, f'number {number}')
            rotate(cluster, daemon, f'number {number}')
            daemon.wait_ready('ready')
            traffic.wait_accepted(20, 'messages are accepted with the new password')
    text = daemon.log_text()
    assert 'the first one' not in text and 'number 1' not in text


def test_the_secret_follows_after_the_password(role, cluster):
    """For a while nobody has the right password: storage is away, says why, and comes back by itself."""
    daemon = role.start()
    daemon.add_operator()
    ada = daemon.add_user()
    rotate(cluster, daemon, 'another')
    daemon.wait_ready('unavailable')
    says(daemon, '28P01')
    refused(ada, ada.user)
    write_secret(daemon, 'another')
    daemon.wait_ready('ready')
    ada.sent(ada.user)
    ada.wait_inbox(1)
    assert 'another' not in daemon.log_text()


def test_the_secret_is_gone_for_a_while(role, cluster):
    daemon = role.start()
    daemon.add_operator()
    ada = daemon.add_user()
    daemon.secret.unlink()
    rotate(cluster, daemon, 'third')
    daemon.wait_ready('unavailable')
    refused(ada, ada.user)
    write_secret(daemon, 'third')
    daemon.wait_ready('ready')
    ada.sent(ada.user)
    ada.wait_inbox(1)


# Refusals at the start.

def ends_with(daemon, code, *words):
    daemon.spawn()
    assert daemon.wait() == code, daemon.log_text()
    says(daemon, *words)


def test_a_wrong_password_ends_the_start(role):
    write_secret(role, 'a wrong guess')
    ends_with(role, 69, '28P01', 'password')
    assert 'a wrong guess' not in role.log_text()


def test_no_password_ends_the_start(role):
    del role.sections['storage']['password']
    ends_with(role, 69, 'password')


def test_no_such_database(make_daemon, cluster):
    daemon = make_daemon('rds', storage={'url': cluster.url('nowhere_at_all')})
    ends_with(daemon, 69, '3D000', 'does not exist')


def test_no_right_to_make_tables(role, cluster):
    cluster.sql(f'ALTER DATABASE {role.database_name} OWNER TO postgres')
    cluster.sql('REVOKE CREATE ON SCHEMA public FROM PUBLIC', database=role.database_name)
    ends_with(role, 69, '42501')


def test_a_url_that_is_none(make_daemon):
    daemon = make_daemon('rds', storage={'url': 'postgresql://[broken'})
    daemon.spawn()
    assert daemon.wait() in (69, 78)
    says(daemon, 'url')


# Schemas.

@pytest.fixture
def tables(make_daemon, cluster):
    """A daemon that has made its tables and holds a message, stopped."""
    daemon = make_daemon('rds').start()
    daemon.add_operator()
    daemon.ada = daemon.add_user()
    daemon.message = daemon.ada.sent(daemon.ada.user)
    daemon.ada.wait_inbox(1)
    assert daemon.stop() == 0
    return daemon


def test_a_newer_schema_is_refused(tables, cluster):
    cluster.sql("UPDATE posthouse_schema SET version = version + 1, oldest_program = '99.0.0'", database=tables.database_name)
    ends_with(tables, 69, 'schema', '99.0.0')
    run = subprocess.run([str(COMMAND), 'user', 'add', 'late', '--password-stdin', '-c', str(tables.ini)], timeout=60,
                         input='a long password\n', capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert '99.0.0' in run.stderr


def test_a_newer_schema_that_this_version_can_use(tables, cluster):
    """After a rollback to the previous release, say."""
    cluster.sql("UPDATE posthouse_schema SET version = version + 1", database=tables.database_name)
    tables.start()
    assert [m['id'] for m in tables.ada.inbox()] == [tables.message]
    newest = cluster.sql('SELECT max(version) FROM posthouse_schema', database=tables.database_name)[0][0]
    tables.ada.sent(tables.ada.user)
    tables.ada.wait_inbox(2)
    assert cluster.sql('SELECT max(version) FROM posthouse_schema', database=tables.database_name) == [(newest,)]


def test_a_daemon_waits_for_another_that_migrates(tables, cluster):
    with cluster.session(tables.database_name) as session:
        session.execute('BEGIN')
        session.execute('SELECT pg_advisory_xact_lock(8101821198468347251)')
        tables.start(ready=False)
        assert tables.readiness()[0] == 503
        eventually(lambda: session.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                   .fetchone()[0] > 0, 'the daemon waits for the lock')
        session.execute('COMMIT')
    tables.wait_ready('ready')


# TLS.

@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    """Certificates: a right authority, a wrong one, and the server's, for the name localhost."""
    folder = tmp_path_factory.mktemp('authority')
    for name in ('right', 'wrong'):
        openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                '-keyout', f'{name}.key', '-out', f'{name}.crt', '-subj', f'/CN=The {name} authority')
    openssl(folder, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'server.key',
            '-out', 'server.csr', '-subj', '/CN=localhost')
    (folder / 'names').write_text('subjectAltName = DNS:localhost\n')
    openssl(folder, 'x509', '-req', '-in', 'server.csr', '-CA', 'right.crt', '-CAkey', 'right.key', '-CAcreateserial',
            '-days', '2', '-extfile', 'names', '-out', 'server.crt')
    return folder


@pytest.fixture(scope='module')
def tls_cluster(authority):
    cluster = Cluster(*FAST)
    owner = (cluster.folder / 'data').stat()
    for name in ('server.crt', 'server.key'):
        target = pathlib.Path(shutil.copy(authority / name, cluster.folder / 'data' / name))
        os.chown(target, owner.st_uid, owner.st_gid)
        target.chmod(0o600)
    cluster.set(ssl='on')
    rules = cluster.folder / 'data' / 'pg_hba.conf'
    rules.write_text('local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n')
    cluster.sql('SELECT pg_reload_conf()')
    yield cluster
    cluster.remove()


@pytest.fixture
def tls_daemon(make_daemon, tls_cluster, authority):
    def make(**parameters):
        daemon = make_daemon('rds', cluster=tls_cluster)
        parameters = {'host': 'localhost', 'sslmode': 'verify-full', 'sslrootcert': authority / 'right.crt', **parameters}
        daemon.sections['storage'].update(url=tls_cluster.url(daemon.database_name, **parameters), password='first')
        return daemon

    return make


def test_tls_is_verified(tls_daemon, tls_cluster):
    daemon = tls_daemon().start()
    daemon.add_operator()
    with traffic_through(daemon):
        encrypted = tls_cluster.sql('SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING(pid) WHERE datname = %s'
                                    " AND usename = 'posthouse'", [daemon.database_name])
        assert encrypted == [(True,)]


def test_the_wrong_authority_is_refused(tls_daemon, authority):
    ends_with(tls_daemon(sslrootcert=authority / 'wrong.crt'), 69, 'certificate', 'not signed by')


def test_the_wrong_name_is_refused(tls_daemon):
    ends_with(tls_daemon(host='127.0.0.1'), 69, 'certificate', 'another host name')


def test_no_authority_is_refused(tls_daemon):
    ends_with(tls_daemon(sslrootcert='/nowhere/authority.crt'), 69, 'certificate authority', 'sslrootcert')


def test_a_server_without_tls_is_refused(make_daemon, cluster, authority):
    daemon = make_daemon('rds')
    daemon.sections['storage'].update(
        url=cluster.tcp_url(daemon.database_name, host='localhost', sslmode='verify-full', sslrootcert=authority / 'right.crt'),
        password='first')
    ends_with(daemon, 69, 'TLS')


def test_clear_text_is_refused_by_the_server(tls_daemon):
    ends_with(tls_daemon(sslmode='disable', host='127.0.0.1'), 69, '28000')
