#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An AWS of one's own: moto's server in a private process that checks every signature and every policy.

    local_aws.py serve FOLDER              until SIGTERM, or until who started it has ended
    local_aws.py user FOLDER NAME [POLICY] a user with this policy (a file; without one: everything); prints its keys
    local_aws.py policy FOLDER NAME POLICY gives the user another policy
    local_aws.py secret FOLDER NAME        makes or changes a secret; its value is read from standard input

FOLDER/aws.json holds the address and the administrator's keys; `serve` writes it last. A policy is AWS's own, such as
`posthouse iam-policy` prints; moto_policy.py tells how it becomes one of moto's. Tests use LocalAws.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

from moto_policy import translated

REGION = 'eu-west-1'
ACCOUNT = '123456789012'
EVERYTHING = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}
# Only a machine that is broken takes so long.
LIMIT = 120
PR_SET_PDEATHSIG = 1


def client(service, url, keys, **more):
    """A client of boto3; keys as an environment holds them."""
    return boto3.client(
        service, region_name=REGION, endpoint_url=url, aws_access_key_id=keys['AWS_ACCESS_KEY_ID'],
        aws_secret_access_key=keys['AWS_SECRET_ACCESS_KEY'], aws_session_token=keys.get('AWS_SESSION_TOKEN'),
        config=botocore.config.Config(retries={'total_max_attempts': 3}, proxies={}, **more))


class LocalAws:
    """A running server, as its folder describes it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        description = json.loads((self.folder / 'aws.json').read_text(encoding='utf-8'))
        self.url = description['url']
        self.admin_keys = description['admin']
        self._users = {}
        self._process = None

    @classmethod
    def start(cls, folder=None):
        """Starts a server that ends with this process."""
        folder = pathlib.Path(folder or tempfile.mkdtemp(prefix='posthouse-aws-'))
        with open(folder / 'log', 'ab') as log:
            process = subprocess.Popen([sys.executable, __file__, 'serve', str(folder)], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
        end = time.monotonic() + LIMIT
        while not (folder / 'aws.json').exists():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise AssertionError(f'moto did not start:\n{(folder / "log").read_text()}')
            time.sleep(0.02)
        running = cls(folder)
        running._process = process
        return running

    def stop(self):
        self._process.terminate()
        self._process.wait(LIMIT)

    def pause(self):
        """Whoever asks now hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def admin(self, service):
        return client(service, self.url, self.admin_keys)

    def user(self, name, policy=None):
        """Makes a user with a policy; returns its keys, as an environment holds them."""
        iam = self.admin('iam')
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=name)
        self.give(name, policy or EVERYTHING)
        key = iam.create_access_key(UserName=name)['AccessKey']
        return {'AWS_ACCESS_KEY_ID': key['AccessKeyId'], 'AWS_SECRET_ACCESS_KEY': key['SecretAccessKey']}

    def give(self, name, policy):
        """Puts this policy in the place of the user's own."""
        self.admin('iam').put_user_policy(UserName=name, PolicyName='only', PolicyDocument=json.dumps(translated(policy)))

    def secret(self, name, value):
        """Makes a secret, or gives it a new value; returns its ARN."""
        secrets = self.admin('secretsmanager')
        try:
            return secrets.create_secret(Name=name, SecretString=value)['ARN']
        except secrets.exceptions.ResourceExistsException:
            return secrets.put_secret_value(SecretId=name, SecretString=value)['ARN']

    def environment(self, keys):
        """What a program needs in order to be that user here and nowhere else."""
        return {'AWS_ENDPOINT_URL': self.url, 'AWS_REGION': REGION, 'AWS_EC2_METADATA_DISABLED': 'true', **keys}


# --- the process ---

def end_with_parent():
    """SIGTERM for this process when its parent ends, also if that happened just now."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def quick_clock():
    """moto asks the time for each message in a queue at each call for it, and takes 10 us to answer."""
    import moto.sqs.models
    moto.sqs.models.unix_time = time.time
    moto.sqs.models.unix_time_millis = lambda: time.time() * 1000


def sure_queues():
    """moto removes a job by copying the list of all of them: what was sent or removed by others while two copies were being made
    was undone by the later one. And a receive failed when another one changed the set of received jobs."""
    import moto.sqs.models
    queue = moto.sqs.models.Queue
    remove = queue.delete_message

    def delete_message(self, receipt_handle):
        with self._messages_lock:  # which sending takes too
            remove(self, receipt_handle)

    queue.delete_message = delete_message
    queue.pending_message_groups = property(
        lambda self: {message.group_id for message in list(self._pending_messages)} - {None})


def make_server():
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server as make_werkzeug

    class Handler(MotoRequestHandler):
        protocol_version = 'HTTP/1.1'  # keeps connections, as AWS does
        disable_nagle_algorithm = True
        wbufsize = 65536  # head and body in one packet

        def log_request(self, *arguments, **more):
            pass

    quick_clock()
    sure_queues()
    return make_werkzeug('127.0.0.1', 0, DomainDispatcherApplication(create_backend_app), threaded=True,
                         request_handler=Handler)


def verify(url):
    """From now on every request needs a signature and a policy."""
    request = urllib.request.Request(url + '/moto-api/reset-auth', data=b'0', headers={'Content-Type': 'text/plain'})
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()


def prepare(url):
    """An administrator; then verification is turned on. Returns the keys."""
    iam = client('iam', url, {'AWS_ACCESS_KEY_ID': 'nobody', 'AWS_SECRET_ACCESS_KEY': 'nothing'})
    iam.create_user(UserName='administrator')
    iam.put_user_policy(UserName='administrator', PolicyName='only', PolicyDocument=json.dumps(EVERYTHING))
    key = iam.create_access_key(UserName='administrator')['AccessKey']
    verify(url)
    return {'AWS_ACCESS_KEY_ID': key['AccessKeyId'], 'AWS_SECRET_ACCESS_KEY': key['SecretAccessKey']}


def serve(folder):
    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # nothing of it is kept
    server = make_server()
    if os.fork() == 0:
        # The server must run to be prepared: that is the child's work, which then ends.
        server.socket.close()
        url = f'http://127.0.0.1:{server.server_port}'
        text = json.dumps({'url': url, 'admin': prepare(url)})
        with open(os.open(folder / 'aws.new', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w', encoding='utf-8') as file:
            file.write(text)
        os.rename(folder / 'aws.new', folder / 'aws.json')
        print(f'listening on {url}', flush=True)
        os._exit(0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('command', choices=['serve', 'user', 'policy', 'secret'])
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('name', nargs='?')
    parser.add_argument('policy', nargs='?', type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.command == 'serve':
        serve(arguments.folder)
        return
    if arguments.name is None:
        parser.error('NAME is missing')
    aws = LocalAws(arguments.folder)
    policy = json.loads(arguments.policy.read_text(encoding='utf-8')) if arguments.policy else EVERYTHING
    if arguments.command == 'user':
        for name, value in aws.user(arguments.name, policy).items():
            print(f'{name}={value}')
    elif arguments.command == 'policy':
        aws.give(arguments.name, policy)
    else:
        aws.secret(arguments.name, sys.stdin.read())


if __name__ == '__main__':
    try:
        main()
    except (OSError, ValueError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.exit(f'local_aws: {error}')
