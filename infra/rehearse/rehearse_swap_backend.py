# SPDX-License-Identifier: Apache-2.0
"""Swap a backend: alert, queue and metadata by a rolling deployment under messages, storage by a copy."""

import contextlib

from cluster import FAST, Cluster
from harness import eventually
from trouble import says

CONFIG = 78


def rehearse_alert(page, stack, on_call):
    page.not_here('terraform ', 'there is no account to apply to')
    topic = stack.sections['alert']['topic_arn']
    stack.account.aws.admin('sns').subscribe(TopicArn=topic, Protocol='email', Endpoint='ada@example.org')
    assert on_call.run('aws sns list-subscriptions-by-topic').split()[:2] == ['email', 'ada@example.org']
    with stack.carrying():
        # The old plugin's key is still there: the deployment does not start.
        stack.courier.env['POSTHOUSE_ALERT_PLUGIN'] = 'log'
        stack.courier.known_lines.append('alert.topic_arn: no such key')
        assert stack.courier.stop() == 0
        assert stack.courier.spawn().wait() == CONFIG
        says(stack.courier, 'alert', 'topic_arn')
        page.says('POSTHOUSE_ALERT_PLUGIN = "log"', 'POSTHOUSE_ALERT_TOPIC_ARN = null')
        del stack.courier.env['POSTHOUSE_ALERT_PLUGIN']
        stack.change('alert', plugin='log', topic_arn=None)
        stack.restart()
    on_call.run('posthouse backends')
    on_call.sees_state('alert', 'ready')


def rehearse_queue(stack):
    """Old and new side by side: the old courier leaves with jobs in its queue, whose marks come due again."""
    with stack.carrying():
        new = '/'.join([*stack.sections['queue']['queue_url'].split('/')[:-1], 'posthouse-jobs-2'])
        old_courier = stack.courier
        stack.change('queue', queue_url=new)
        stack.make()
        fresh = stack.another('courier', 'courier-2')
        assert old_courier.stop() == 0
        stack.restart(stack.api)
        assert fresh.running
        old_courier.start()


def rehearse_meta(page, stack):
    ada, grace = stack.api.add_user('ada'), stack.api.add_user('grace')
    with stack.carrying():
        before = ada.sent(grace.user)
        grace.wait_inbox(1)
        eventually(lambda: 'partial' not in ada.show(before), 'its document is there')
        stack.change('meta', table='posthouse-messages-2')
        stack.make()
        stack.restart()
        page.says('`"partial": true`')
        assert ada.show(before)['partial'] is True
        after = ada.sent(grace.user)
        eventually(lambda: 'partial' not in ada.show(after), 'a new document is in the new table')


def rehearse_storage(page, stack, on_call):
    page.not_here('infra/deploy', 'see the rehearsal of deploy')
    ada, grace = stack.api.add_user('ada'), stack.api.add_user('grace')
    with contextlib.ExitStack() as made:
        ids = [ada.sent(grace.user, f'number {number}') for number in range(5)]
        grace.wait_inbox(5)
        assert stack.courier.stop() == 0
        ids.append(ada.sent(grace.user, 'not delivered yet'))
        cursor = grace.page()['next']
        other = Cluster(*FAST)
        made.callback(other.remove)
        database = stack.api.database_name
        other.sql(f'CREATE DATABASE {database} OWNER posthouse')
        assert stack.api.stop() == 0
        on_call.words.update(OLD_URL=stack.cluster.url(database), NEW_URL=other.url(database))
        on_call.words['/tmp/posthouse.dump'] = on_call.folder / 'posthouse.dump'
        on_call.env['PATH'] += ':/usr/lib/postgresql/15/bin'
        on_call.run('pg_dump')
        on_call.run('pg_restore')
        assert on_call.run("psql 'OLD_URL'") == on_call.run("psql 'NEW_URL'")
        stack.change('storage', url=other.tcp_url(database))
        for daemon in stack.daemons:
            daemon.cluster = other
        stack.restart()
        on_call.run('posthouse health --wait')
        on_call.run('rm /tmp')
        assert [message['id'] for message in grace.wait_inbox(6)] == ids
        assert [message['id'] for message in grace.inbox(cursor)] == ids[5:]
        assert all(daemon.stop() == 0 for daemon in stack.daemons)
