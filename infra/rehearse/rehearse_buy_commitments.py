# SPDX-License-Identifier: Apache-2.0
"""Buy commitments: nothing is bought, and no stand-in knows these calls. Each command is held against the service's
description, which names its parameters."""

import pytest


@pytest.mark.parametrize('command', ['aws compute-optimizer', 'aws ce get-savings-plans', 'aws ce get-reservation'])
def rehearse(operator, command):
    operator.well_formed(command)
