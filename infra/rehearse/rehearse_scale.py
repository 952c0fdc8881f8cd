# SPDX-License-Identifier: Apache-2.0
"""Scale: the commands in moto, and a courier more and a courier less while messages go through."""

import json


def rehearse(page, stack, on_call):
    on_call.run('posthouse backends')
    on_call.sees_state('storage', 'ready')
    assert json.loads(on_call.run('curl -s https://NAME/readyz'))['status'] == 'ready'
    on_call.run('aws cloudwatch get-metric-statistics')
    on_call.run('aws application-autoscaling register-scalable-target')
    limits = stack.account.aws.admin('application-autoscaling').describe_scalable_targets(ServiceNamespace='ecs')
    assert [(target['MinCapacity'], target['MaxCapacity']) for target in limits['ScalableTargets']] == [(3, 40)]
    assert json.loads(on_call.run('aws ecs describe-services'))[0] == 2
    on_call.run('aws rds modify-db-instance')
    assert stack.account.database()['DBInstanceClass'] == 'db.m7g.xlarge'
    on_call.run('aws dynamodb update-table')
    with stack.carrying() as traffic:
        second = stack.another('courier', 'courier-2')
        traffic.wait_accepted(20, 'with two couriers')
        assert stack.courier.stop() == 0
        traffic.wait_accepted(20, 'with the second one alone')
        assert second.metrics()['posthouse_messages_delivered_total'] > 0
