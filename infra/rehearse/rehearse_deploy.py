# SPDX-License-Identifier: Apache-2.0
"""Deploy and roll back: infra/deploy against the stub of infra/tests/deploy (moto does not roll a deployment out), the checks of
a configuration on the real set, what a refused start says, and the first operator by the task that the page runs."""

import json

from harness import ROOT, eventually

STUB = ROOT / 'infra' / 'tests' / 'deploy'


def rehearse_a_version_and_back(page, operator):
    page.not_here('gh workflow', 'there is no GitHub here')
    service = {name: {'running': f'{name}:1', 'deployments': []} for name in ('posthouse-api', 'posthouse-courier')}
    families = {name: [{'family': name, 'taskDefinitionArn': f'{name}:1', 'cpu': '256',
                        'containerDefinitions': [{'name': 'posthouse', 'image': 'r@sha256:1'}]}] for name in service}
    state = operator.folder / 'state'
    state.write_text(json.dumps({'services': service, 'families': families, 'tags': {}, 'calls': []}))
    operator.env.update(PATH=f'{STUB}:{operator.env["PATH"]}', STUB_STATE=str(state), DEPLOY_PAUSE='0', DEPLOY_TRIES='3')
    operator.words['sha256:…'] = 'sha256:2'
    shown = operator.run('infra/deploy posthouse ACCOUNT')
    assert shown.splitlines() == ['posthouse-courier runs posthouse-courier:2', 'posthouse-api runs posthouse-api:2']
    page.says('posthouse-courier runs posthouse-courier:', '`infra/deploy` then says `the deployment of … did not succeed`')
    assert 'runs posthouse-courier:1' in operator.run('infra/deploy $CLUSTER --back')
    operator.words['sha256:…'] = 'sha256:bad'
    operator.env['STUB_BAD'] = f'ACCOUNT.dkr.ecr.{operator.env["AWS_REGION"]}.amazonaws.com/posthouse@sha256:bad'
    assert 'did not succeed' in operator.run('infra/deploy posthouse ACCOUNT', code=1)


def rehearse_a_configuration(page, stack, on_call):
    on_call.words.update(FILE=stack.api.ini, KEY_ARN='arn:aws:kms:eu-west-1:123456789012:key/1')
    on_call.env.update(stack.api.env)
    on_call.run('posthoused --check=deep')
    assert 'kms:Decrypt' in on_call.run('posthouse iam-policy')
    on_call.run('posthouse health --wait https://NAME/readyz')
    # What the table of exit codes says.
    wrong = on_call.folder / 'wrong.ini'
    wrong.write_text(stack.api.ini.read_text().replace('[meta]', '[meta]\nno_such_key = 1\n'))
    assert 'no_such_key' in on_call.shell(f'posthoused -c {wrong}', code=78)
    stack.api.write()  # with the address that it has taken
    assert 'in use' in on_call.shell(f'posthoused -c {stack.api.ini}', code=69)


def rehearse_why_it_went_wrong(page, operator):
    operator.run('aws ecs describe-services')
    operator.well_formed('aws ecs describe-tasks')
    page.not_here('aws logs tail', 'only AWS CLI 2 has this command')


def rehearse_the_first_operator(page, stack, operator):
    """The task that moto takes, executed here: its command, with its environment beside that of the service."""
    operator.words['https://NAME'] = stack.api.url
    operator.run('PASSWORD=')
    answer = json.loads(operator.run('aws ecs run-task'))
    task = answer['tasks'][0]
    (override,) = task['overrides']['containerOverrides']
    assert override['command'][:2] == ['/bin/sh', '-c']
    command = override['command'][2].replace('/usr/bin/posthouse', 'posthouse').replace('/etc/posthouse/posthouse.ini',
                                                                                        str(stack.api.ini))
    container = operator.beside('container')
    container.env.update(stack.api.env)
    container.env.update({pair['name']: pair['value'] for pair in override['environment']})
    container.shell(command)
    operator.run('posthouse login')
    operator.run('posthouse user password', text=f'{operator.env["PASSWORD"]}\nanother long one\n')
    assert stack.api.client('root', 'another long one').get('/v1/admin/queue').status_code == 200
    eventually(lambda: stack.api.client().post('/v1/sessions', {'user': 'root', 'password': operator.env['PASSWORD']})
               .status_code == 401, 'the first password is of no use')
