# SPDX-License-Identifier: Apache-2.0
"""Drain dead letters: three messages that storage refuses for good, and a job in the queue's own dead-letter queue."""

import json

from harness import eventually


def make_dead_letters(stack, ada, grace):
    """Three messages to grace that the database will not deliver: a trigger refuses each of her inbox rows."""
    for daemon in stack.daemons:
        daemon.sections['daemon']['attempts'] = 1
    stack.restart()
    stack.cluster.sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                      " RAISE EXCEPTION 'no room' USING ERRCODE = '22023'; END $$", database=stack.api.database_name)
    stack.cluster.sql("CREATE TRIGGER refuse BEFORE INSERT ON posthouse_deliveries FOR EACH ROW WHEN (new.recipient = 'grace')"
                      ' EXECUTE FUNCTION refuse()', database=stack.api.database_name)
    ids = [ada.sent(grace.user, f'stuck {number}') for number in range(3)]
    for message in ids:
        ada.wait_status(message, 'dead')
    stack.cluster.sql('DROP TRIGGER refuse ON posthouse_deliveries', database=stack.api.database_name)
    return ids


def rehearse_messages_that_are_dead(page, stack, on_call):
    ada, grace = stack.api.add_user('ada'), stack.api.add_user('grace')
    ids = make_dead_letters(stack, ada, grace)
    listed = [json.loads(line) for line in on_call.run('posthouse dead-letters  ').splitlines()]
    assert sorted(letter['id'] for letter in listed) == sorted(ids)
    assert all(letter['attempts'] == 1 and letter['reason'] for letter in listed)
    on_call.words['ID'] = ids[0]
    assert 'no such message' in on_call.run('posthouse status ID', code=4)
    sender = on_call.login('ada')
    sender.words['ID'] = ids[0]
    assert '"status":"dead"' in sender.run('posthouse status ID')
    assert '"dead":3' in on_call.run('posthouse queue')
    reasons = on_call.run('posthouse dead-letters --all | jq')
    assert reasons.split()[0] == '3'
    page.says('`{"redriven":2}`')
    on_call.words['ID ID'] = ' '.join(ids[:2])
    assert on_call.run('posthouse redrive ID ID').startswith('{"redriven":2}')
    for message in ids[:2]:
        ada.wait_status(message, 'delivered', 45)
    assert '"status":"delivered"' in sender.run('posthouse status ID')
    assert '{"redriven":1}' in on_call.run('posthouse redrive --all')
    assert sorted(message['id'] for message in grace.wait_inbox(3)) == sorted(ids)
    assert '{"redriven":0}' in on_call.run('posthouse redrive --all')
    assert '"dead":0' in on_call.run('posthouse queue')
    assert on_call.run('posthouse dead-letters  ') == ''
    assert len(grace.inbox()) == 3


def rehearse_jobs_in_the_dead_letter_queue(page, stack, on_call):
    sqs = stack.account.aws.admin('sqs')
    dead = sqs.get_queue_url(QueueName='posthouse-jobs-dead')['QueueUrl']
    sqs.send_message(QueueUrl=dead, MessageBody='{"id": "01a20550-3fb3-7750-96d0-ae35b3d58f25"}')
    assert '"1"' in on_call.run('aws sqs get-queue-attributes')
    page.not_here('aws logs tail', 'moto keeps no logs of ours, and only AWS CLI 2 has this command')
    on_call.run('aws sqs purge-queue')
    eventually(lambda: '"0"' in on_call.run('aws sqs get-queue-attributes'), 'the dead-letter queue is empty')
