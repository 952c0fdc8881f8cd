# SPDX-License-Identifier: Apache-2.0
"""The configurations in etc/: what they say of keys and defaults is what the daemon and the plugins say; and the policy that
etc/aws.ini needs is the one that infra/ grants."""

import json
import os
import re
import subprocess

import pytest
import yaml

from harness import COMMAND, DAEMON, LIMIT, ROOT

FILES = {path.stem: path for path in sorted((ROOT / 'etc').glob('*.ini'))}
BACKENDS = ('storage', 'meta', 'queue', 'alert', 'secret')
# Keys whose line is an example, since they have no default.
EXAMPLES = {'region', 'endpoint', 'profile', 'rate_per_user', 'rate_per_address', 'loops', 'path', 'directory', 'operator',
            'password'}
KEY = 'arn:aws:kms:eu-west-1:123456789012:key/data'


def run(program, *words, **env):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(('AWS_', 'POSTHOUSE_'))}
    done = subprocess.run([str(program), *words], capture_output=True, text=True, timeout=LIMIT, check=False,
                          env={**clean, **env})
    return done.returncode, done.stdout, done.stderr


def options_of(kind, plugin):
    """Name → default of a plugin's options."""
    code, out, errors = run(COMMAND, 'plugin', 'describe', f'{kind}-{plugin}', '--json')
    assert code == 0, errors
    return {option['name']: option.get('default') for option in json.loads(out)['options']}


def own_options():
    """The same of the daemon's own sections, from docs/configuration.md (which a test compares with the tables)."""
    sections = {}
    for line in (ROOT / 'docs' / 'configuration.md').read_text(encoding='utf-8').splitlines():
        if heading := re.fullmatch(r'## \[(\w+)( NAME)?\]', line):
            section = sections.setdefault(heading[1], {})
        elif line.startswith('## '):
            section = {}
        elif row := re.match(r'\| `(\w+)` \| [^|]+ \| ([^|]*) \|', line):
            default = row[2].strip().strip('`')
            section[row[1]] = '' if default == 'none' else default
    return sections


def keys_of(path):
    """(section, key, value, whether it is set) of each line, those that are commented out too."""
    section, found = None, []
    for line in path.read_text(encoding='utf-8').splitlines():
        if heading := re.fullmatch(r'\[(.+)\]', line):
            section = heading[1].split()[0]
        elif key := re.fullmatch(r'(;?)(\w+) ?= ?(.*)', line):
            found.append((section, key[2], key[3], key[1] == ''))
    return found


def known_options(path):
    """Section → options, for the plugins that a file names."""
    known = own_options()
    for section, key, value, _ in keys_of(path):
        if key == 'plugin' and section in BACKENDS:
            known[section] = {'plugin': None, **options_of(section, value)}
    return known


@pytest.mark.parametrize('name', FILES)
def test_keys_and_defaults_are_true(name):
    known = known_options(FILES[name])
    for section, key, value, is_set in keys_of(FILES[name]):
        assert key in known[section], f'[{section}] has no key {key}'
        if not is_set and key not in EXAMPLES:
            assert value == (known[section][key] or ''), f'the default of {section}.{key}'


def test_aws_ini_names_every_option_of_its_plugins():
    known = known_options(FILES['aws'])
    shown = {}
    for section, key, _, _ in keys_of(FILES['aws']):
        shown.setdefault(section, set()).add(key)
    # What all backends on AWS have in common is told once, in [meta].
    common = set(known['meta']) & set(known['queue']) & set(known['alert']) & set(known['secret']) - {'plugin'}
    for section in BACKENDS:
        wanted = set(known[section]) - (common if section not in ('meta', 'storage') else set())
        assert wanted <= shown[section], f'[{section}] does not tell of {wanted - shown[section]}'


@pytest.mark.parametrize('name', FILES)
def test_files_are_good(name, tmp_path):
    env = {'POSTHOUSE_DAEMON_STATE_DIR': str(tmp_path)}
    if name == 'aws':  # nothing there to ask for the password, nor for keys
        env |= {'POSTHOUSE_STORAGE_PASSWORD': 'x', 'AWS_ACCESS_KEY_ID': 'x', 'AWS_SECRET_ACCESS_KEY': 'x',
                'AWS_REGION': 'eu-west-1', 'AWS_EC2_METADATA_DISABLED': 'true'}
    code, out, errors = run(DAEMON, '-c', str(FILES[name]), '--check', **env)
    assert (code, errors) == (0, ''), errors
    assert out.startswith(f'{FILES[name]}: good')


def test_the_policy_in_infra_is_what_aws_ini_needs():
    code, out, errors = run(COMMAND, 'iam-policy', '-c', str(FILES['aws']), '--key', KEY)
    assert (code, errors) == (0, ''), errors
    kept = (ROOT / 'infra' / 'tests' / 'policy.json').read_text(encoding='utf-8')
    assert out == kept, 'infra/tests/make-policy (or ./dev docs) makes it anew; then change infra/modules/security/roles.tf'


def test_setup_needs_more_rights():
    code, out, errors = run(COMMAND, 'iam-policy', '-c', str(FILES['aws']), '--setup')
    assert code == 0, errors
    actions = {action for statement in json.loads(out)['Statement'] for action in statement['Action']}
    assert {'dynamodb:CreateTable', 'sqs:CreateQueue', 'sns:CreateTopic'} <= actions
    assert not any('*' in action for action in actions)


# What infra/modules/service puts into a task's environment, with values as Terraform fills them in.
TASK = {
    'DAEMON_DRAIN': '10s', 'DAEMON_ROLES': 'api', 'HTTP_LISTEN': '0.0.0.0:8080',
    'HTTP_TRUSTED_PROXIES': '10.0.0.0/24 10.0.1.0/24',
    'STORAGE_URL': 'postgresql://posthouse@db.example:5432/posthouse?sslmode=verify-full&sslrootcert=/usr/share/ca.pem',
    'META_TABLE': 'posthouse-messages', 'METRICS_SERVICE': 'posthouse',
    'TRACING_SAMPLE': '5%', 'TRACING_SERVICE_NAME': 'posthouse',
    'QUEUE_QUEUE_URL': 'https://sqs.eu-west-1.amazonaws.com/123456789012/posthouse-jobs',
    'ALERT_TOPIC_ARN': 'arn:aws:sns:eu-west-1:123456789012:posthouse-alerts', 'STORAGE_PASSWORD': 'x',
}
IMAGE = ROOT / 'infra' / 'image' / 'posthouse.ini'


def check_environment(env, tmp_path):
    code, out, errors = run(DAEMON, '-c', str(IMAGE), '--check', **{
        **env, 'POSTHOUSE_DAEMON_STATE_DIR': str(tmp_path), 'AWS_ACCESS_KEY_ID': 'x', 'AWS_SECRET_ACCESS_KEY': 'x',
        'AWS_REGION': 'eu-west-1'})
    assert (code, errors) == (0, ''), errors
    return out


def test_the_environment_of_tasks_is_a_configuration(tmp_path):
    text = (ROOT / 'infra' / 'modules' / 'service' / 'tasks.tf').read_text(encoding='utf-8')
    names = set(re.findall(r'\bPOSTHOUSE_(\w+)\b', text))
    fixed = dict(re.findall(r'\bPOSTHOUSE_(\w+) += "([^"$]*)"', text))
    assert {'STORAGE_PLUGIN', 'METRICS_EMF', 'SECRET_PLUGIN'} <= set(fixed)
    assert names == set(fixed) | set(TASK), 'tasks.tf and this test know other keys'
    out = check_environment({f'POSTHOUSE_{name}': value for name, value in {**TASK, **fixed}.items()}, tmp_path)
    assert 'storage rds, meta dynamodb, queue sqs, alert sns, secret secretsmanager' in out


def test_the_environment_of_compose_is_a_configuration(tmp_path):
    compose = yaml.safe_load((ROOT / 'compose.yaml').read_text(encoding='utf-8'))
    for service in ('api', 'courier', 'setup'):
        environment = compose['services'][service]['environment']
        out = check_environment({name: str(value) for name, value in environment.items()}, tmp_path)
        assert 'storage rds, meta dynamodb, queue sqs, alert sns' in out
    command = compose['services']['setup']['command']
    assert command == ['/usr/bin/posthouse', 'setup', '-c', '/etc/posthouse/posthouse.ini']
