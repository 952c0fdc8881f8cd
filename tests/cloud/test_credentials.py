# SPDX-License-Identifier: Apache-2.0
"""The chain of credentials and the clock of plugins/aws, with a plugin on real HTTP: each source gives keys, keys that have
expired are fetched anew, and a clock that is off harms nobody."""

import json
import os
import subprocess

import pytest

from stub import StubAws

BIN = os.path.join(os.environ.get('POSTHOUSE_BUILD') or os.path.join(os.path.dirname(__file__), '../../build'), 'bin')
SECRET = '{"password": "first"}'


@pytest.fixture
def aws():
    with StubAws() as stub:
        stub.sns.make('alerts')
        stub.secrets.put('db', SECRET)
        yield stub


def conformance(aws, folder, plugin, environment, only):
    """Runs checks of a plugin; the names of those that passed."""
    file = folder / 'conformance.ini'
    file.write_text(f'[alert]\nplugin = sns\ntopic_arn = {aws.sns.prefix}alerts\n[secret]\nplugin = secretsmanager\n'
                    f'[conformance]\nsecret_name = db\nsecret_value = {SECRET}\n')
    clean = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
    answer = subprocess.run(
        [os.path.join(BIN, 'posthouse'), 'plugin', 'test', plugin, '-c', file, '--json', *[f'--only={name}' for name in only]],
        env={**clean, 'HOME': '/nowhere', **environment}, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.parametrize('source', ['static', 'container', 'imds', 'web'])
@pytest.mark.parametrize('plugin, only', [('alert-sns', ['alert.publishes']), ('secret-secretsmanager', ['secret.found'])])
def test_every_source(aws, tmp_path, source, plugin, only):
    environment = aws.environment(source)
    if source == 'web':
        token = tmp_path / 'token'
        token.write_text(aws.credentials.web_identity)
        environment['AWS_WEB_IDENTITY_TOKEN_FILE'] = str(token)
    before = aws.credentials.given
    conformance(aws, tmp_path, plugin, environment, only)
    assert (aws.credentials.given > before) == (source != 'static')


def test_profile(aws, tmp_path):
    keys = aws.credentials.environment()
    file = tmp_path / 'credentials'
    file.write_text(f'[default]\naws_access_key_id = {keys["AWS_ACCESS_KEY_ID"]}\n'
                    f'aws_secret_access_key = {keys["AWS_SECRET_ACCESS_KEY"]}\n')
    environment = {name: value for name, value in aws.environment().items() if name not in keys}
    conformance(aws, tmp_path, 'alert-sns', {**environment, 'AWS_SHARED_CREDENTIALS_FILE': str(file)}, ['alert.publishes'])


@pytest.mark.parametrize('skew', [-3600, 3600])
def test_clock_that_is_off(aws, tmp_path, skew):
    aws.skew = skew
    conformance(aws, tmp_path, 'alert-sns', aws.environment(), ['alert.publishes'])
    conformance(aws, tmp_path, 'secret-secretsmanager', aws.environment(), ['secret.found'])


def test_short_lived_keys(aws, tmp_path):
    aws.credentials.lifetime = 5
    conformance(aws, tmp_path, 'alert-sns', aws.environment('container'), ['alert.'])


def test_whole_suites(aws, tmp_path):
    for plugin in ('alert-sns', 'secret-secretsmanager'):
        report = json.loads(conformance(aws, tmp_path, plugin, aws.environment('container'), []))
        assert report['failed'] == 0 and report['passed'] > 15
