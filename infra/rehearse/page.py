# SPDX-License-Identifier: Apache-2.0
"""A runbook as something that can be executed.

`Page` finds the commands in the fences marked `sh` of a page, and those in its prose. `Operator` follows the page: a shell
that keeps what earlier commands set, and that has something to put where the page leaves a gap (NAME, ARN, ID). A command of a
fence that was neither run nor left out with a reason fails the rehearsal, so that a page cannot grow away from it.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

from harness import BUILD, LIMIT, PASSWORD, ROOT, eventually

RUNBOOKS = ROOT / 'docs' / 'runbooks'
FENCE = re.compile(r'^```sh\n(.*?)^```$', re.DOTALL | re.MULTILINE)
ANY_FENCE = re.compile(r'^```.*?^```$', re.DOTALL | re.MULTILINE)
SPAN = re.compile(r'`([^`]+)`')


def is_whole(text):
    """Whether a shell would begin to execute this, and not wait for more lines."""
    if text.endswith('\\'):
        return False
    run = subprocess.run(['bash', '-n', '-c', text], capture_output=True, check=False, timeout=LIMIT)
    return run.returncode == 0


def commands_of(block):
    """The commands of a fence; lines of comment alone are left out."""
    found, lines = [], []
    for line in block.splitlines():
        if not lines and (not line.strip() or line.startswith('#')):
            continue
        lines.append(line)
        if is_whole('\n'.join(lines)):
            found.append('\n'.join(lines))
            lines = []
    assert not lines, f'a command without an end: {lines}'
    return found


class Page:
    """A page of docs/runbooks."""

    def __init__(self, name):
        self.name = name
        self.text = (RUNBOOKS / f'{name}.md').read_text(encoding='utf-8')
        self.commands = [command for block in FENCE.findall(self.text) for command in commands_of(block)]
        self._seen = set()

    def command(self, words):
        """The first command that holds these words, of a fence or else of the prose."""
        for command in self.commands:
            if words in command:
                self._seen.add(command)
                return command
        prose = ANY_FENCE.sub('', self.text)
        for span in SPAN.findall(prose):
            flat = ' '.join(span.split())
            if words in flat:
                return flat
        raise AssertionError(f'{self.name}.md has no command with: {words}')

    def not_here(self, words, reason):
        """Leaves commands out, all that hold the words, because of something that this machine does not have."""
        left = [command for command in self.commands if words in command]
        assert left, f'{self.name}.md has no command with: {words}'
        self._seen.update(left)
        print(f'not rehearsed: {words}: {reason}')

    def says(self, *texts):
        """What one sees according to the page: each text must be there, its white space aside."""
        flat = ' '.join(self.text.split())
        for text in texts:
            assert text in flat, f'{self.name}.md does not say: {text}'

    def left(self):
        return [command for command in self.commands if command not in self._seen]


class Operator:
    """Somebody at a terminal. `words`: what stands where the page has a gap, such as {'https://NAME': 'http://…'}."""

    def __init__(self, page, folder, environment, words=None):
        self.page = page
        self.words = dict(words or {})
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.env = {**os.environ, 'POSTHOUSE_CREDENTIALS': str(self.folder / 'credentials'), 'AWS_PAGER': '',
                    'AWS_MAX_ATTEMPTS': '2', 'CLUSTER': 'posthouse',
                    **environment}
        self.env['PATH'] = f'{self.folder}:{BUILD / "bin"}:{self.env["PATH"]}'
        # By the option: not every version of the command, nor every service of it, heeds AWS_ENDPOINT_URL.
        aws = self.folder / 'aws'
        aws.write_text(f'#!/bin/sh\nexec {shutil.which("aws")} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n')
        aws.chmod(0o755)
        # These would reach beyond this machine.
        for name in ('terraform', 'gh'):
            (self.folder / name).write_text('#!/bin/sh\nexit 97\n')
            (self.folder / name).chmod(0o755)

    def filled(self, command):
        """The command with its gaps filled; the longest first."""
        for word in sorted(self.words, key=len, reverse=True):
            command = re.sub(rf'(?<![\w$-]){re.escape(word)}(?!\w)', lambda _, w=word: str(self.words[w]), command)
        return command

    def run(self, words, code=0, text='', more=''):
        """Runs the page's command that holds the words, with `more` behind it; returns what it printed on both outputs."""
        return self.shell(self.filled(self.page.command(words)) + more, code, text)

    def shell(self, command, code=0, text=''):
        """Runs any command; variables that it sets are there for the next one. `code` None: however it ends."""
        kept = self.folder / 'environment'
        run = subprocess.run(['bash', '-c', f'set -a -o pipefail\n{command}\nresult=$?\nenv -0 >"$KEPT"\nexit $result'],
                             input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT, cwd=ROOT,
                             env={**self.env, 'KEPT': str(kept)}, check=False)
        print(f'$ {command}\n{run.stdout}')
        assert code is None or run.returncode == code, f'{command}\nended with {run.returncode}:\n{run.stdout}'
        if kept.exists():
            self.env = dict(entry.split('=', 1) for entry in kept.read_text().split('\0') if '=' in entry)
            kept.unlink()
        return run.stdout

    def beside(self, name):
        """Another one, at another terminal."""
        folder = self.folder / name
        return Operator(self.page, folder, {**self.env, 'POSTHOUSE_CREDENTIALS': str(folder / 'credentials')}, self.words)

    def login(self, user, password=PASSWORD):
        """Another one beside this one, logged in at the same server."""
        other = self.beside(user)
        other.shell(f'posthouse login --server {self.words["https://NAME"]} --user {user} --password-stdin', text=password + '\n')
        return other

    def sees_state(self, kind, state):
        """Looks at the backends until one is in this state."""
        def is_so():
            lines = map(json.loads, self.shell('posthouse backends').splitlines())
            return any(line['kind'] == kind and line['state'] == state for line in lines)

        eventually(is_so, f'{kind} is {state}')

    def well_formed(self, words):
        """Asks the command line of AWS about a call that no stand-in answers: whether there is such a call with such
        parameters, and whether its answer has what the page's --query takes out of it."""
        shown = self.run(words, code=None, more=' --generate-cli-skeleton output')
        if 'Parameter validation failed' in shown:
            # It finds fault with the answer that it makes up for some calls. Parameters are checked before moto says that it
            # knows no such call.
            shown = self.run(words, code=255)
            assert '(500)' in shown or '(404)' in shown, shown
            return shown
        assert shown.strip() not in ('', 'null', 'None', '[]'), f'{words}: the query finds nothing: {shown}'
        return shown
