# SPDX-License-Identifier: Apache-2.0
"""A network of its own for a daemon, joined to this one by a cable that can be pulled: then packets are dropped and nobody is
told, which no proxy can do.

It takes the right to make network namespaces (root in most containers, not everywhere): `possible()`.
"""

import ctypes
import functools
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000
LIMIT = 30


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, f'{" ".join(words)}: {done.stdout}{done.stderr}'


class Namespace:
    """`here` and `there`: the addresses at both ends of the cable."""

    def __init__(self):
        number = os.getpid()
        network = f'10.203.{number // 64 % 256}.{number % 64 * 4}'.rsplit('.', 1)
        self.here, self.there = (f'{network[0]}.{int(network[1]) + end}' for end in (1, 2))
        self._end = f'ph{number}'
        # The namespace lives as long as somebody is in it: until remove(), or until this process ends.
        self._holder = subprocess.Popen(['unshare', '--net', 'sh', '-c', 'echo; exec cat'], stdout=subprocess.PIPE,
                                        stdin=subprocess.PIPE)
        try:
            assert self._holder.stdout.readline() == b'\n', 'there is no namespace'
            run('ip', 'link', 'add', self._end, 'type', 'veth', 'peer', 'name', 'far', 'netns', str(self._holder.pid))
            run('ip', 'address', 'add', f'{self.here}/30', 'dev', self._end)
            run('ip', 'link', 'set', self._end, 'up')
            for words in (('link', 'set', 'lo', 'up'), ('address', 'add', f'{self.there}/30', 'dev', 'far'),
                          ('link', 'set', 'far', 'up')):
                run('nsenter', f'--net=/proc/{self._holder.pid}/ns/net', 'ip', *words)
        except BaseException:
            self.remove()
            raise

    def enter(self):
        """What a process calls to be there: a preexec."""
        file = os.open(f'/proc/{self._holder.pid}/ns/net', os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(file, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'setns')
        os.close(file)

    def pull(self):
        """Pulls the cable."""
        run('nsenter', f'--net=/proc/{self._holder.pid}/ns/net', 'ip', 'link', 'set', 'far', 'down')

    def remove(self):
        self._holder.kill()
        self._holder.communicate()


@functools.cache
def possible():
    """Whether this machine lets us do so."""
    if any(shutil.which(tool) is None for tool in ('ip', 'unshare', 'nsenter')):
        return False
    try:
        Namespace().remove()
    except (AssertionError, OSError, subprocess.TimeoutExpired):
        return False
    return True
