# SPDX-License-Identifier: Apache-2.0
"""README.md word by word on a clean clone: its commands as they stand, its curl examples, their answers.

POSTHOUSE_README_CLONE names a clone that is built already and is used as it is.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from harness import ROOT, SANITIZED, eventually

BUILDING = 1100  # seconds: the clone is built from nothing on what may be a busy machine


def fences(text):
    """(language, content) of every fenced block."""
    return re.findall(r'^```(\w*)\n(.*?)^```', text, re.MULTILINE | re.DOTALL)


def git(*arguments):
    return subprocess.run(['git', '-c', 'safe.directory=*', *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def clone(tmp_path):
    ready = os.environ.get('POSTHOUSE_README_CLONE')
    if ready:
        yield pathlib.Path(ready)
        return
    folder = tmp_path / 'posthouse'
    git('clone', '-q', '--no-hardlinks', f'file://{ROOT}', str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(command, folder):
    """Runs the README's command in a process group of its own; ends it by Ctrl-C, as its reader would."""
    log = folder / 'dev-run.log'
    with open(log, 'wb') as out:
        process = subprocess.Popen(['bash', '-c', command], cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=out, start_new_session=True)
    try:
        yield process, log
        os.killpg(process.pid, signal.SIGINT)
        process.wait(120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


def agree(shown, answer):
    """The answer fits what the README shows; … there stands for anything."""
    pattern = re.escape(shown.strip()).replace('…', '.*')
    pattern = re.sub(r'[0-9a-f]{8}(\\-[0-9a-f]{4}){3}\\-[0-9a-f]{12}', '[0-9a-f-]{36}', pattern)
    pattern = re.sub(r'\d{4}\\-\d\d\\-\d\dT[0-9:\\.]+Z', '[0-9T:.Z-]{24}', pattern)
    pattern = re.sub(r'"next":"[^"]*"', '"next":"[A-Za-z0-9_-]+"', pattern)
    assert re.fullmatch(pattern, answer.strip(), re.DOTALL), f'README.md shows\n{shown}\nthe daemon answered\n{answer}'


@pytest.mark.skipif(SANITIZED, reason='it builds its own tree, without sanitizers')
def test_the_readme(clone):
    blocks = fences((clone / 'README.md').read_text(encoding='utf-8'))
    shell = [content for language, content in blocks if language == 'sh']
    assert shell[:2] == ['./dev run\n', './dev test\n'], 'the two commands of the README'
    with running(shell[0], clone) as (process, log):
        def started():
            assert process.poll() is None, log.read_text()
            return re.search(r'^posthouse listens at (http://\S+) ', log.read_text(), re.MULTILINE)

        url = eventually(started, './dev run has sent its first message', BUILDING)[1]
        assert 'read:' in log.read_text(), 'the first message was read back'
        follow_the_fences(clone, blocks, url)


def follow_the_fences(clone, blocks, url):
    """Runs each block after ./dev test in one shell's state; a json block after it is its answer."""
    state = []  # blocks that set variables, which later ones need
    compared = 0
    for number, (language, content) in enumerate(blocks):
        if language != 'sh' or content.startswith('./dev'):
            continue
        # Another daemon may hold 8080 here; ./dev run has said where this one listens.
        script = content.replace('http://127.0.0.1:8080', url)
        done = subprocess.run(['bash', '-euo', 'pipefail', '-c', '\n'.join([*state, script])], cwd=clone, check=False,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f'{content}\n{done.stdout}{done.stderr}'
        if 'TOKEN=' in content:
            state.append(script)
        if number + 1 < len(blocks) and blocks[number + 1][0] == 'json':
            agree(blocks[number + 1][1], done.stdout if '/v1/inbox' not in content else only_mine(done.stdout))
            compared += 1
    assert compared >= 3, 'the README shows answers'


def only_mine(text):
    """The inbox with the last message alone: ./dev run's own first message is in it, too."""
    page = json.loads(text)
    page['messages'] = page['messages'][-1:]
    return json.dumps(page, separators=(',', ':'), ensure_ascii=False)
