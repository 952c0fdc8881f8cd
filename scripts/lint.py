# SPDX-License-Identifier: Apache-2.0
"""./dev lint: the rules of this tree that a machine can hold, each one a check that passes or fails.

A check takes the list of files and yields "file:line: what". Checks run side by side; the whole takes
seconds. The limits only ever get tighter. --deep adds clang-tidy and cppcheck, which take minutes.
"""

import argparse
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import c_source  # noqa: E402

# When the deep checks begin no further file (--budget), and how far the analyzer goes into one function (--nodes).
BUDGET = {'end': float('inf'), 'nodes': 0}

FILE_LINES = 800
FUNCTION_LINES = 80
# The one header of the plugin boundary is a single file by design; most of it is the contract in words.
FILE_LINES_OF = {'include/posthouse/plugin.h': 1000}

# A name that must not be called in C, and what to use.
BANNED = {
    'strcpy': 'snprintf or memcpy with a known size', 'strcat': 'snprintf', 'strncpy': 'snprintf',
    'strncat': 'snprintf', 'stpcpy': 'snprintf', 'sprintf': 'snprintf', 'vsprintf': 'vsnprintf',
    'gets': 'fgets', 'scanf': 'a parser that sees errors', 'sscanf': 'a parser that sees errors',
    'fscanf': 'a parser that sees errors', 'strtok': 'strtok_r or strcspn',
    'atoi': 'strtol with its errors', 'atol': 'strtol with its errors', 'atoll': 'strtoll with its errors',
    'atof': 'strtod with its errors', 'rand': 'RAND_bytes', 'srand': 'RAND_bytes', 'random': 'RAND_bytes',
    'drand48': 'RAND_bytes', 'system': 'posix_spawn', 'popen': 'posix_spawn', 'gmtime': 'gmtime_r',
    'localtime': 'localtime_r', 'ctime': 'strftime', 'asctime': 'strftime', 'ctime_r': 'strftime',
    'asctime_r': 'strftime', 'alloca': 'an arena or a fixed array', 'strdupa': 'strdup',
    'sleep': 'a timer or a condition', 'usleep': 'a timer or a condition', 'nanosleep': 'a timer or a condition',
    'gethostbyname': 'getaddrinfo', 'gethostbyaddr': 'getnameinfo', 'inet_ntoa': 'inet_ntop',
    'inet_addr': 'inet_pton', 'mktemp': 'mkstemp', 'tmpnam': 'mkstemp', 'tempnam': 'mkstemp',
    'vfork': 'posix_spawn', 'bzero': 'memset', 'bcopy': 'memmove', 'index': 'strchr', 'rindex': 'strrchr',
    'readdir_r': 'readdir', 'setjmp': 'a return value', 'longjmp': 'a return value',
}
# Plain calls of the C library have neither "." nor "->" before them, so members of these names are free.
_BANNED_CALL = re.compile(r'(?<![\w.>])(' + '|'.join(BANNED) + r')\s*\(')

# Written in two halves so that this file passes its own check.
_UNFINISHED = re.compile(r'\b(TO' + r'DO|FIX' + r'ME|XX' + r'X)\b')
_OF_ONE_MACHINE = re.compile(r'/wor' + r'k/|/roo' + r't/|/home/\w|/tmp/bui' r'ld-|\.py' + r'env|rust' + r'up')

TEXT = ('.c', '.h', '.py', '.sh', '.md', '.ini', '.yaml', '.yml', '.am', '.ac', '.in', '.txt', '.tf', '.html',
        '.js', '.css', '.sql', '.supp', '.1', '.5', '.8')


class Files:
    """The files of this tree: known to git or new, not ignored; all of them in an unpacked tarball."""

    def __init__(self, root):
        self.root = root
        os.chdir(root)
        answer = subprocess.run(
            ['git', '-c', 'safe.directory=*', 'ls-files', '-z', '-co', '--exclude-standard'],
            capture_output=True, check=False)
        if answer.returncode == 0 and answer.stdout:
            names = answer.stdout.decode().split('\0')
        else:
            names = [os.path.relpath(os.path.join(folder, name), root)
                     for folder, folders, files in os.walk(root) for name in files
                     if not _prune(folders)]
        self.all = sorted(name for name in set(names) if name and os.path.isfile(name) and not os.path.islink(name))
        self.text = [name for name in self.all if self._is_text(name)]
        self.c = [name for name in self.text if name.endswith(('.c', '.h'))]
        self.python = [name for name in self.text if name.endswith('.py') or self._runs(name, 'python')]
        self.shell = [name for name in self.text if name.endswith('.sh') or self._runs(name, 'sh')]

    @staticmethod
    def read(name):
        with open(name, encoding='utf-8', errors='replace') as file:
            return file.read()

    def _is_text(self, name):
        if 'corpus/' in name:
            return False
        if name.endswith(TEXT):
            return True
        with open(name, 'rb') as file:
            return b'\0' not in file.read(4096)

    @staticmethod
    def _runs(name, program):
        with open(name, 'rb') as file:
            first = file.readline(100)
        return first.startswith(b'#!') and re.search(rb'\b(ba)?' + program.encode(), first) is not None


def _prune(folders):
    folders[:] = [name for name in folders if name not in ('build', 'autom4te.cache', 'build-aux', '.git')]
    return False


def tool(name):
    """The path of a program that must be there."""
    path = shutil.which(name)
    if not path:
        raise RuntimeError(f'{name} is not installed')
    return path


def run(command, **options):
    """Runs a program; yields its output lines when it fails."""
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            errors='replace', stdin=subprocess.DEVNULL, check=False, **options)
    if answer.returncode != 0:
        yield from answer.stdout.splitlines() or [f'{command[0]} ended with {answer.returncode}']


def check_format(files):
    """clang-format: the layout of C"""
    if files.c:
        for line in run([tool('clang-format-14'), '--dry-run', '-Werror', *files.c]):
            if 'error:' in line:
                yield line + ' (./dev fmt mends it)'


def check_banned(files):
    """no banned function in C"""
    for name in files.c:
        for number, line in enumerate(c_source.code_only(files.read(name)).split('\n'), 1):
            for match in _BANNED_CALL.finditer(line):
                yield f'{name}:{number}: {match.group(1)} is banned; use {BANNED[match.group(1)]}'


def check_style(files):
    """no typedef on structs, no #include of a .c file"""
    for name in files.c:
        text = files.read(name)
        code = c_source.without_comments(text)
        for number, line in enumerate(code.split('\n'), 1):
            if re.match(r'\s*typedef\s+(struct|union)\b', line):
                yield f'{name}:{number}: typedef on a struct; write struct x out'
        for number, line in enumerate(text.split('\n'), 1):
            if re.match(r'\s*#\s*include\s*[<"][^>"]*\.c[>"]', line):
                yield f'{name}:{number}: a .c file is included'


def check_lengths(files):
    """files up to 800 lines, functions up to 80"""
    for name in files.text:
        if name == 'LICENSE' or not name.endswith(('.c', '.h', '.py', '.sh', '.am')):
            continue
        text = files.read(name)
        lines = text.count('\n')
        limit = FILE_LINES_OF.get(name, FILE_LINES)
        if lines > limit:
            yield f'{name}:{limit}: {lines} lines; it has at most {limit}'
        if name in files.c:
            for function, first, last in c_source.functions(text):
                if last - first + 1 > FUNCTION_LINES:
                    yield f'{name}:{first}: {function} has {last - first + 1} lines; at most {FUNCTION_LINES}'


def check_heads(files):
    """a licence line on top of every source, and what each C file is for below it"""
    sources = files.c + files.python + files.shell + [
        name for name in files.text if name.endswith(('.am', '.ac')) or name in ('dev',)]
    for name in dict.fromkeys(sources):
        lines = files.read(name).split('\n')[:8]
        if not any('SPDX-License-Identifier: Apache-2.0' in line for line in lines[:3]):
            yield f'{name}:1: no line "SPDX-License-Identifier: Apache-2.0" on top'
        elif name in files.c:
            if lines[0] != '// SPDX-License-Identifier: Apache-2.0' or lines[1] != '//':
                yield f'{name}:1: begin with "// SPDX-License-Identifier: Apache-2.0" and "//"'
            elif not re.match(r'// \S', lines[2]):
                yield f'{name}:3: say here what the file is for'


def check_unfinished(files):
    """no note about work to be done"""
    for name in files.text:
        for number, line in enumerate(files.read(name).split('\n'), 1):
            match = _UNFINISHED.search(line)
            if match:
                yield f'{name}:{number}: {match.group(1)}: do it, or write it in an issue'


def check_machine(files):
    """no path of one machine"""
    for name in files.text:
        for number, line in enumerate(files.read(name).split('\n'), 1):
            match = _OF_ONE_MACHINE.search(line)
            if match:
                yield f'{name}:{number}: "{match.group(0)}" belongs to one machine'


def check_white_space(files):
    """no white space at ends of lines, no tabs in C, a newline at the end of files"""
    for name in files.text:
        if name.endswith('.patch'):
            continue
        text = files.read(name)
        if text and not text.endswith('\n'):
            yield f'{name}:{text.count(chr(10)) + 1}: no newline at the end of the file'
        if text.endswith('\n\n'):
            yield f'{name}:{text.count(chr(10))}: empty lines at the end of the file'
        for number, line in enumerate(text.split('\n'), 1):
            if line != line.rstrip() and not line.endswith('\f'):
                yield f'{name}:{number}: white space at the end of the line'
            if '\t' in line and name in files.c:
                yield f'{name}:{number}: a tab'


def check_readmes(files):
    """a README.md in every folder with sources, and none of its links dead"""
    folders = {os.path.dirname(name) for name in files.c + files.python + files.shell}
    for folder in sorted(folders):
        # A public header folder is described by the folder that holds it; infra/ has one page for all of it.
        if folder.startswith('include') or folder.startswith('.'):
            continue
        if folder.startswith('infra/'):
            folder = 'infra'
        if not os.path.isfile(os.path.join(folder, 'README.md')):
            yield f'{folder or "."}: no README.md'
    for name in files.all:
        if name.endswith('.md'):
            yield from _dead_links(files, name)


def _dead_links(files, name):
    text = re.sub(r'```.*?```', lambda match: re.sub(r'[^\n]', '', match.group(0)), files.read(name), flags=re.DOTALL)
    for number, line in enumerate(text.split('\n'), 1):
        for target in re.findall(r'\]\(([^)\s]+)\)', line):
            path = target.split('#')[0]
            if path and '://' not in path and not path.startswith('mailto:'):
                if not os.path.exists(os.path.join(os.path.dirname(name), path)):
                    yield f'{name}:{number}: {target} is not there'


def check_spelling(files):
    """codespell"""
    names = [name for name in files.text if name not in ('LICENSE', 'scripts/words') and 'corpus/' not in name]
    yield from run([tool('codespell'), '--ignore-words', 'scripts/words', *names])


def check_shell(files):
    """shellcheck"""
    if files.shell:
        yield from run([tool('shellcheck'), '-x', '--format=gcc', *files.shell])


def check_python(files):
    """pyflakes, and lines up to 130 columns"""
    if files.python:
        yield from run([tool('pyflakes3'), *files.python])
    for name in files.python:
        for number, line in enumerate(files.read(name).split('\n'), 1):
            if len(line) > 130:
                yield f'{name}:{number}: {len(line)} columns; at most 130'


def check_lists(files):
    """every C source is named in an include.am"""
    rules = '\n'.join(files.read(name) for name in files.all if name.endswith('.am'))
    for name in files.c:
        folders = ('core/', 'plugins/', 'cli/', 'conformance/', 'tests/unit/')
        must = name.startswith('include/') or (name.endswith('.c') and name.startswith(folders))
        if must and not re.search(r'(?<![\w/.-])' + re.escape(name) + r'(?![\w.-])', rules):
            yield f'{name}: no include.am names it, so nothing builds it'


def deep_cppcheck(files):
    """cppcheck"""
    sources = [name for name in files.c if name.endswith('.c') and not name.startswith('examples/')]
    # Without the lists' macros cppcheck takes their uses for syntax errors.
    queue = glob.glob('/usr/include/*/sys/queue.h')[:1]
    if sources:
        yield from run([
            tool('cppcheck'), *[f'--include={name}' for name in queue],
            '--quiet', '--error-exitcode=1', '--inline-suppr', '--std=c11', f'-j{os.cpu_count()}',
            '--enable=warning,performance,portability', '--suppressions-list=scripts/cppcheck.suppressions',
            '--template={file}:{line}: {severity}: {message} [{id}]', '-Iinclude', '-I.', '-D__GNUC__', *sources])


def tidy_seal(name, flags):
    """Where a pass of clang-tidy is remembered: by all that it read, so that only what changed runs again."""
    text = subprocess.run(['clang-14', '-E', '-C', *flags, name], capture_output=True, check=False).stdout
    configs = [Files.read(config) for config in ('.clang-tidy', 'tests/.clang-tidy') if os.path.exists(config)]
    whole = b'\0'.join([text, '\0'.join([name, *flags, *configs]).encode()])
    return os.path.join('build/tidy', hashlib.sha256(whole).hexdigest())


def newest_first(names):
    """The files in the order of their last change."""
    answer = subprocess.run(['git', '-c', 'safe.directory=*', 'log', '--format=', '--name-only', '-n', '500'],
                            capture_output=True, text=True, check=False)
    order = {name: place for place, name in enumerate(dict.fromkeys(answer.stdout.split('\n')))}
    return sorted(names, key=lambda name: order.get(name, len(order)))


def tidy_one(name, flags):
    """clang-tidy on one file: its complaints, one a line; None when the time is up."""
    if time.monotonic() > BUDGET['end']:
        return None
    seal = tidy_seal(name, flags)
    if os.path.exists(seal):
        return []
    answer = subprocess.run([tool('clang-tidy-14'), '--quiet', name, '--', *flags], capture_output=True, text=True,
                            errors='replace', check=False)
    found = [line for line in answer.stdout.splitlines() if re.search(r': (warning|error): ', line)]
    if answer.returncode != 0 and not found:
        found = answer.stderr.splitlines()[:5] or [f'{name}: clang-tidy ended with {answer.returncode}']
    if not found:
        os.makedirs('build/tidy', exist_ok=True)
        with open(seal, 'w', encoding='utf-8'):
            pass
    return found


def deep_tidy(files):
    """clang-tidy"""
    folder = 'build/obj'
    rules = '\n'.join(files.read(name) for name in files.all if name.endswith('.am'))
    # What the rules define: a text is empty here, anything else is its first value.
    defined = {name: '""' if value[0] in '\'"\\' else value
               for name, value in reversed(re.findall(r'-D([A-Z_]+)=(\S+)', rules))}
    flags = ['-std=gnu11', '-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wstrict-prototypes',
             '-Wmissing-prototypes', '-Wvla', '-Wformat=2', '-Iinclude', '-I.', f'-I{folder}', '-DHAVE_CONFIG_H', '-D_GNU_SOURCE',
             *[f'-D{name}={value}' for name, value in sorted(defined.items())]]
    packages = subprocess.run(['pkg-config', '--cflags', 'libevent', 'jansson', 'libcurl', 'libpq', 'sqlite3', 'inih',
                               'expat', 'cmocka'], capture_output=True, text=True, check=False)
    flags += packages.stdout.split()
    if BUDGET['nodes']:
        flags += ['-Xclang', '-analyzer-config', '-Xclang', f'max-nodes={BUDGET["nodes"]}']
    sources = newest_first([name for name in files.c if name.endswith('.c') and not name.startswith('examples/')])
    unread = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, found in zip(sources, pool.map(lambda name: tidy_one(name, flags), sources)):
            if found is None:
                unread.append(name)
            else:
                yield from found
    if unread:
        print(f'note clang-tidy had no time left for {len(unread)} of {len(sources)} files, those that changed longest ago')


def all_of(prefix):
    return [value for name, value in globals().items() if name.startswith(prefix) and callable(value)]


def run_check(check, files):
    try:
        return check, list(dict.fromkeys(check(files)))
    except RuntimeError as error:
        return check, [str(error)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--deep', action='store_true')
    parser.add_argument('--only-deep', action='store_true')
    parser.add_argument('--budget', type=float, default=float('inf'),
                        help='seconds after which clang-tidy begins no further file')
    parser.add_argument('--nodes', type=int, default=0, help="the analyzer's max-nodes, in place of its own 225,000: a third "
                        'takes less than half the time, and what is lost are the longest paths of the longest functions')
    parser.add_argument('--counts', help='write the numbers of passed and failed checks to this file as JSON')
    parser.add_argument('--list-c', action='store_true', help='print the C files and end')
    arguments = parser.parse_args()
    BUDGET.update(end=time.monotonic() + arguments.budget, nodes=arguments.nodes)
    files = Files(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if arguments.list_c:
        print('\n'.join(files.c))
        return 0
    checks = [] if arguments.only_deep else all_of('check_')
    if arguments.deep or arguments.only_deep:
        checks += all_of('deep_')
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for check, found in pool.map(lambda each: run_check(each, files), checks):
            failed += bool(found)
            print(f'{"FAIL" if found else "ok  "} {check.__doc__}', flush=True)
            for line in found[:40]:
                print(f'     {line}')
            if len(found) > 40:
                print(f'     and {len(found) - 40} more')
    print(f'lint: {len(checks) - failed} passed, {failed} failed')
    if arguments.counts:
        with open(arguments.counts, 'w', encoding='utf-8') as file:
            json.dump({'passed': len(checks) - failed, 'failed': failed, 'skipped': 0}, file)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
