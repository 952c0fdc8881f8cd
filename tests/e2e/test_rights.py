# SPDX-License-Identifier: Apache-2.0
"""What an operator does about rights and missing things: posthouse iam-policy, posthouse setup, posthoused --check=deep;
on a plugin that is compiled here and keeps its cloud in a folder (plugins/meta-cloud.c)."""

import json
import os
import re
import subprocess

import pytest

from conftest import build_cloud
from harness import COMMAND, DAEMON, LIMIT, config_of, ini_text

FAILED, USAGE, UNAVAILABLE, CONFIG = 1, 64, 69, 78
TABLE = 'arn:aws:cloud:eu-west-1:123456789012:table/messages'
KEY = 'arn:aws:kms:eu-west-1:123456789012:key/7'
PLACE = {'region': 'eu-west-1', 'topic_arn': 'arn:aws:sns:eu-west-1:123456789012:alerts'}


class Cloud:
    def __init__(self, folder, plugins):
        self.folder = folder / 'cloud'
        self.folder.mkdir()
        self.ini = folder / 'posthouse.ini'
        self.sections = config_of('mock')
        self.sections['daemon']['plugin_path'] = plugins
        self.sections['meta'] = {'plugin': 'cloud', 'folder': self.folder, **PLACE}

    def run(self, program, *words, env=None):
        self.ini.write_text(ini_text(self.sections), encoding='utf-8')
        clean = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
        done = subprocess.run([str(program), *words, '-c', str(self.ini)], capture_output=True, text=True,
                              cwd=self.ini.parent, env={**clean, **(env or {})}, timeout=LIMIT, check=False)
        return done.returncode, done.stdout, done.stderr

    def policy(self, *words, env=None):
        """The statements by name, and what was said on the side."""
        code, out, notes = self.run(COMMAND, 'iam-policy', *words, env=env)
        assert code == 0, notes
        policy = json.loads(out)
        assert policy['Version'] == '2012-10-17'
        assert all(statement['Effect'] == 'Allow' for statement in policy['Statement'])
        statements = {statement.pop('Sid'): statement for statement in policy['Statement']}
        assert len(statements) == len(policy['Statement']), 'two statements of one name'
        return statements, notes

    def deny(self, *actions):
        (self.folder / 'denied').write_text(''.join(f'{action}\n' for action in actions), encoding='utf-8')

    def line(self, section):
        text = self.ini.read_text(encoding='utf-8').splitlines()
        return f'{self.ini}:{text.index(f"[{section}]") + 1}: '


@pytest.fixture
def cloud(tmp_path, plugins):
    return Cloud(tmp_path, plugins)


def allow(actions, *resources):
    return {'Effect': 'Allow', 'Action': actions, 'Resource': list(resources)}


def test_policy_is_exactly_what_the_configuration_needs(cloud):
    statements, notes = cloud.policy()
    assert statements == {'Documents': allow(['cloud:DescribeTable', 'cloud:GetItem', 'cloud:PutItem'], TABLE)}
    assert notes == ''
    cloud.sections['meta']['watch'] = 'yes'
    cloud.sections['meta']['table'] = 'others'
    statements, _ = cloud.policy('--setup')
    others = TABLE.replace('messages', 'others')
    assert statements == {
        'Documents': allow(['cloud:CreateTable', 'cloud:DescribeTable', 'cloud:GetItem', 'cloud:PutItem'], others),
        'Documents2': allow(['cloud:Watch'], '*'),
    }
    cloud.sections['meta']['table'] = 'arn:aws:cloud:us-east-2:999999999999:table/elsewhere'
    assert cloud.policy()[0]['Documents']['Resource'] == ['arn:aws:cloud:us-east-2:999999999999:table/elsewhere']


def test_policy_with_a_key_of_ones_own(cloud):
    statements, _ = cloud.policy('--key', KEY)
    assert statements['Key'] == {**allow(['kms:Decrypt', 'kms:GenerateDataKey'], KEY), 'Condition': {
        'StringEquals': {'kms:ViaService': ['cloud.eu-west-1.amazonaws.com']}}}


def test_places_come_from_where_the_header_says(cloud):
    meta = cloud.sections['meta']
    assert cloud.policy('--region', 'cn-north-1', '--account', '1')[0]['Documents']['Resource'] == [
        'arn:aws-cn:cloud:cn-north-1:1:table/messages'.replace('aws-cn', 'aws')], 'the partition is that of the ARN'
    del meta['region']
    assert cloud.policy()[0]['Documents']['Resource'] == [TABLE], 'the region of the ARN'
    meta['topic_arn'] = ''
    statements, notes = cloud.policy(env={'AWS_REGION': 'cn-north-1'})
    assert statements['Documents']['Resource'] == ['arn:aws-cn:cloud:cn-north-1:*:table/messages']
    assert notes.splitlines() == ['posthouse: note: [meta] does not tell the account, so its resources hold "*" instead; '
                                  'give --account']
    statements, notes = cloud.policy('--key', 'arn:aws:kms:eu-west-1:1:key/*')
    assert statements['Documents']['Resource'] == ['arn:aws:cloud:*:*:table/messages']
    assert len(notes.splitlines()) == 2


def test_policy_of_a_wrong_file(cloud):
    cloud.sections['meta']['tabel'] = 'x'
    code, out, errors = cloud.run(COMMAND, 'iam-policy')
    assert (code, out) == (CONFIG, '')
    assert 'nearest: table' in errors
    assert subprocess.run([str(COMMAND), 'iam-policy'], capture_output=True, check=False).returncode == USAGE
    assert subprocess.run([str(COMMAND), 'setup'], capture_output=True, check=False).returncode == USAGE


def test_policy_does_not_wait_for_secrets(cloud):
    cloud.sections['secret'] = {'plugin': 'env'}
    cloud.sections['meta']['table'] = '${secret:nowhere}'
    statements, notes = cloud.policy()
    assert statements['Documents']['Resource'] == [TABLE.replace('messages', '*')]
    assert notes == 'posthouse: note: meta.table holds a secret, so its resource is "*"\n'


def test_setup_makes_what_is_missing_once(cloud):
    code, out, errors = cloud.run(DAEMON, '--check=deep')
    assert code == UNAVAILABLE
    assert cloud.line('meta') + 'meta: cloud did not open: not_found: the table messages does not exist' in errors
    assert f'  if it does not exist: posthouse setup -c {cloud.ini} makes it' in errors
    code, out, errors = cloud.run(COMMAND, 'setup')
    assert (code, out) == (0, 'meta: the table: made\n')
    assert errors == 'warning: meta: expiry: skipped; documents stay for ever\n'
    assert cloud.run(COMMAND, 'setup')[:2] == (0, 'meta: the table: is there\n')
    code, out, errors = cloud.run(DAEMON, '--check=deep')
    assert code == 0, errors
    assert 'every backend opened' in out


def test_setup_that_is_denied(cloud):
    cloud.deny('cloud:CreateTable')
    code, out, errors = cloud.run(COMMAND, 'setup')
    assert (code, out) == (FAILED, '')
    assert errors == cloud.line('meta') + ('meta: cloud could not be set up: denied: cloud:CreateTable is not allowed\n')
    cloud.sections['meta'] = {'plugin': 'mock'}
    code, out, _ = cloud.run(COMMAND, 'setup')
    assert code == 0 and out.startswith('There is nothing to set up')


@pytest.mark.parametrize('action,what', [
    ('cloud:DescribeTable', 'cloud did not open: denied: '),
    ('cloud:GetItem', 'cloud opened, but get ended denied: '),
])
def test_deep_check_names_the_right_that_is_missing(cloud, action, what):
    cloud.run(COMMAND, 'setup')
    cloud.deny(action)
    code, _, errors = cloud.run(DAEMON, '--check=deep')
    assert code == UNAVAILABLE
    assert f'{cloud.line("meta")}meta: {what}{action} is not allowed' in errors
    assert f'  it needs the right {action} on {TABLE}\n' in errors
    assert f'  posthouse iam-policy -c {cloud.ini} prints all rights' in errors
    assert errors.count('it needs the right') == 1


def test_deep_check_tries_what_has_an_effect(cloud):
    cloud.run(COMMAND, 'setup')
    code, out, errors = cloud.run(DAEMON, '--check=deep')
    assert (code, errors) == (0, '')
    assert 'meta: the right cloud:PutItem is there\n' in out
    assert 'GetItem' not in out and 'DescribeTable' not in out, 'what was used need not be tried'
    assert out.splitlines()[-2] == ('not tried, needed where a key of your own encrypts, and used by the services alone: '
                                    'kms:Decrypt, kms:GenerateDataKey')
    cloud.deny('cloud:PutItem')
    code, _, errors = cloud.run(DAEMON, '--check=deep')
    assert code == UNAVAILABLE
    assert cloud.line('meta') + 'meta: cloud is denied cloud:PutItem, so put will fail: cloud:PutItem is not allowed\n' in errors
    assert f'  it needs the right cloud:PutItem on {TABLE}\n' in errors
    assert f'  posthouse iam-policy -c {cloud.ini} prints all rights' in errors
    cloud.deny('cloud:PutItem', 'cloud:GetItem')
    _, _, errors = cloud.run(DAEMON, '--check=deep')
    assert re.findall('it needs the right (.*) on', errors) == ['cloud:GetItem', 'cloud:PutItem'], 'all at once'
    assert errors.count('posthouse iam-policy') == 1


def test_deep_check_says_what_it_could_not_try(cloud):
    cloud.run(COMMAND, 'setup')
    (cloud.folder / 'unclear').write_text('cloud:PutItem\n', encoding='utf-8')
    code, out, errors = cloud.run(DAEMON, '--check=deep')
    assert code == 0 and 'cloud:PutItem is there' not in out
    assert errors.splitlines()[-1] == (f'{cloud.line("meta")}warning: meta: cloud opened, but whether it has the right '
                                       f'cloud:PutItem on {TABLE} could not be tried: the cloud does not tell')


def test_deep_check_with_a_plugin_that_tries_nothing(tmp_path):
    (tmp_path / 'plugins').mkdir()
    cloud = Cloud(tmp_path, build_cloud(tmp_path / 'plugins', '-DCLOUD_CANNOT_TRY', '-Wno-unused-function'))
    cloud.run(COMMAND, 'setup')
    code, out, errors = cloud.run(DAEMON, '--check=deep')
    assert code == 0 and 'is there' not in out
    assert 'cloud:PutItem' in errors and 'the plugin has no way to try it without an effect' in errors
    assert len(errors.splitlines()) == 1


def test_describe_tells_the_rights(plugins):
    done = subprocess.run([str(COMMAND), 'plugin', 'describe', str(plugins / 'meta-cloud.so'), '--json'],
                          capture_output=True, text=True, check=True)
    rights = json.loads(done.stdout)['rights']
    assert [(right['action'], right['operation']) for right in rights[:3]] == [
        ('cloud:DescribeTable', 'open'), ('cloud:DescribeTable', 'health'), ('cloud:PutItem', 'put')]
    assert rights[5] == {'action': 'kms:Decrypt', 'operation': 'get', 'resource': '{key}', 'via': 'cloud',
                         'purpose': 'Reads what is encrypted.'}
    text = subprocess.run([str(COMMAND), 'plugin', 'describe', str(plugins / 'meta-cloud.so')],
                          capture_output=True, text=True, check=True).stdout
    assert '  cloud:Watch for health, with watch\n      on *\n' in text
