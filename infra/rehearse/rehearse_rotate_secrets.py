# SPDX-License-Identifier: Apache-2.0
"""Rotate secrets: the database password changes under messages; a user's password ends her sessions."""

from harness import eventually


def rehearse_the_database_password(page, stack, own_database, on_call):
    on_call.run('ARN=$(aws rds describe-db-instances')
    on_call.run('aws secretsmanager rotate-secret')
    on_call.run('aws secretsmanager describe-secret')
    with stack.carrying() as traffic:
        # What RDS does then: the server first, or the secret first; the daemon bears both.
        for password, secret_first in (('second', True), ('third', False)):
            if secret_first:
                stack.account.set_password(password)
            own_database.sql(f"ALTER ROLE posthouse PASSWORD '{password}'")
            own_database.sql(page.command('select pg_terminate_backend'))
            if not secret_first:
                stack.account.set_password(password)
            traffic.wait_accepted(20, 'messages are accepted with the new password')
            on_call.sees_state('storage', 'ready')
    line = 'the password was fetched again and has changed'
    page.says(line)
    for daemon in stack.daemons:
        assert any(entry.get('message') == line for entry in daemon.log())
        assert 'second' not in daemon.log_text() and 'third' not in daemon.log_text()
    on_call.run('aws ecs update-service')


def rehearse_a_users_password(page, stack, on_call):
    ada = stack.api.add_user('ada')
    assert ada.get('/v1/inbox').status_code == 200
    on_call.words['NAME'] = 'ada'
    on_call.run('posthouse user password NAME', more=' --password-stdin', text='a completely new one\n')
    eventually(lambda: ada.get('/v1/inbox').status_code == 401, "ada's session has ended", 5)
    again = stack.api.client('ada', 'a completely new one')
    page.says('`DELETE /v1/sessions/current`')
    assert again.delete('/v1/sessions/current').status_code == 204
    assert again.get('/v1/inbox').status_code == 401
