# SPDX-License-Identifier: Apache-2.0
"""A policy of AWS in the words of moto, which reads some of them otherwise.

moto matches resources for SQS alone, so that statements of other services hold for it only with `*`; it has an action for
each batch call, where AWS authorises the single action; and it looks at no condition.
"""

BATCH = {
    'sqs:SendMessage': 'sqs:SendMessageBatch',
    'sqs:DeleteMessage': 'sqs:DeleteMessageBatch',
    'sqs:ChangeMessageVisibility': 'sqs:ChangeMessageVisibilityBatch',
    'sns:Publish': 'sns:PublishBatch',
}


def as_list(value):
    return value if isinstance(value, list) else [value]


def actions(policy):
    """Every action that a policy allows, in its order."""
    return [action for statement in as_list(policy['Statement']) for action in as_list(statement['Action'])]


def without(policy, action):
    """The policy less one action."""
    statements = []
    for statement in as_list(policy['Statement']):
        left = [name for name in as_list(statement['Action']) if name != action]
        if left:
            statements.append({**statement, 'Action': left})
    return {**policy, 'Statement': statements}


def translated(policy):
    """The policy for moto."""
    statements = []
    for statement in as_list(policy['Statement']):
        names = as_list(statement['Action'])
        names = names + [BATCH[name] for name in names if name in BATCH]
        for of_sqs in (True, False):
            some = [name for name in names if name.startswith('sqs:') == of_sqs]
            if some:
                statements.append({'Effect': statement['Effect'], 'Action': some,
                                   'Resource': statement['Resource'] if of_sqs else '*'})
    return {'Version': '2012-10-17', 'Statement': statements}
