# SPDX-License-Identifier: Apache-2.0
"""Incident review: the four commands. moto answers two of them; the others are held against the service's description."""


def rehearse(operator):
    assert 'queryId' in operator.run('aws logs start-query')
    operator.run('aws ecs describe-services')
    operator.well_formed('aws cloudwatch describe-alarm-history')
    operator.well_formed('aws cloudtrail lookup-events')
