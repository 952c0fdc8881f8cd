# SPDX-License-Identifier: Apache-2.0
"""A message's way: sent, delivered, read, acknowledged, removed."""


def test_message_arrives(shared, users):
    ada, grace = users(2)
    answer = ada.send(grace.user, 'The first letter', 'by the mail coach')
    assert answer.status_code == 202, answer.text
    message = answer.json()['id']
    assert answer.headers['Location'] == f'/v1/messages/{message}'

    page = grace.page(wait=20)
    assert [item['id'] for item in page['messages']] == [message]
    item = page['messages'][0]
    assert (item['from'], item['to'], item['subject']) == (ada.user, [grace.user], 'The first letter')
    assert item['read_at'] is None

    assert grace.post('/v1/inbox/ack', {'ids': [message]}).json() == {'acked': 1}
    assert grace.inbox()[0]['read_at'] is not None
    assert ada.wait_status(message, 'delivered')['recipients'][grace.user]['state'] == 'delivered'

    assert grace.delete(f'/v1/inbox/{message}').status_code == 204
    assert grace.delete(f'/v1/inbox/{message}').status_code == 404
    assert grace.inbox() == []
