# SPDX-License-Identifier: Apache-2.0
"""AWS for a daemon that has exactly the policy of its configuration: moto with signatures and policies checked, for tests
that take actions away. POSTHOUSE_TASK_POLICY names another policy for it: infra/check gives the one that Terraform
makes."""

import json
import os
import pathlib
import subprocess

from cloud import ACCOUNT, REGION, LocalAws
from harness import COMMAND, LIMIT

SECRET = 'posthouse/names'
GIVEN = os.environ.get('POSTHOUSE_TASK_POLICY')


def posthouse(*words, **env):
    done = subprocess.run([str(COMMAND), *words], capture_output=True, text=True, timeout=LIMIT, check=False,
                          env={**os.environ, **env})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class PolicedAws:
    """moto with the daemon's table, queue, topic and secret, and its policy."""

    def __init__(self, folder):
        self.local = LocalAws.start(folder)
        self.local.secret(SECRET, json.dumps({'storage': 'posthouse.db'}))
        # Storage is a file: the policy is about the others. Its path is a secret, so that there is one to fetch.
        self.sections = {
            'storage': {'plugin': 'sqlite', 'path': f'${{secret:{SECRET}#storage}}'},
            'meta': {'plugin': 'dynamodb', 'table': 'posthouse-messages'},
            'queue': {'plugin': 'sqs', 'queue_url': f'{self.local.url}/{ACCOUNT}/posthouse-jobs', 'path': None},
            'alert': {'plugin': 'sns', 'topic_arn': f'arn:aws:sns:{REGION}:{ACCOUNT}:posthouse-alerts', 'path': None},
            'secret': {'plugin': 'secretsmanager'},
        }
        self.admin = self.local.environment(self.local.admin_keys)
        self.policy = None
        self.keys = None

    def daemon(self, make_daemon, **more):
        daemon = make_daemon('sqlite', **{kind: {**keys} for kind, keys in self.sections.items()}, **more)
        for kind in daemon.sections:  # what config_of() says of other plugins
            daemon.sections[kind] = {key: value for key, value in daemon.sections[kind].items()
                                     if value is not None and not (kind == 'meta' and key == 'path')}
        daemon.env = self.local.environment(self.keys) if self.keys else self.admin
        daemon.write()
        return daemon

    def prepare(self, make_daemon):
        """Sets up as an administrator, and makes the daemon's user with the policy of its configuration."""
        daemon = self.daemon(make_daemon)
        posthouse('setup', '-c', str(daemon.ini), **self.admin)
        self.policy = json.loads(pathlib.Path(GIVEN).read_text() if GIVEN else posthouse('iam-policy', '-c', str(daemon.ini)))
        self.keys = self.local.user('daemon', self.policy)
