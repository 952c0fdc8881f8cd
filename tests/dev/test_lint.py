# SPDX-License-Identifier: Apache-2.0
"""Each rule must be able to fail: a file that breaks it is named with its line."""

import lint
import pytest

HEAD = '// SPDX-License-Identifier: Apache-2.0\n//\n// A file.\n'


class Tree:
    """A tree with one file."""

    def __init__(self, name, text):
        self.name, self.content = name, text
        self.all = self.text = [name]
        self.c = [name] if name.endswith(('.c', '.h')) else []
        self.python = [name] if name.endswith('.py') else []
        self.shell = []

    def read(self, name):
        return self.content if name == self.name else ''


@pytest.mark.parametrize('check, name, text, line', [
    (lint.check_banned, 'a.c', HEAD + 'void f(void)\n{\n    strcpy(a, b);\n}\n', 6),
    (lint.check_banned, 'a.c', HEAD + 'int n = atoi (x);\n', 4),
    (lint.check_style, 'a.h', HEAD + 'typedef struct x x;\n', 4),
    (lint.check_style, 'a.c', HEAD + '#include "b.c"\n', 4),
    (lint.check_heads, 'a.c', '// A file.\n', 1),
    (lint.check_heads, 'a.c', '// SPDX-License-Identifier: Apache-2.0\n//\nint a;\n', 3),
    (lint.check_heads, 'a.py', 'import os\n', 1),
    (lint.check_lengths, 'a.c', HEAD + '\n' * 800, 800),
    (lint.check_lengths, 'a.c', HEAD + 'void f(void)\n{\n' + '    g();\n' * 78 + '}\n', 4),
    (lint.check_unfinished, 'a.md', 'one\nTO' + 'DO: two\n', 2),
    (lint.check_machine, 'a.md', 'see /wor' + 'k/main\n', 1),
    (lint.check_white_space, 'a.md', 'one \n', 1),
    (lint.check_white_space, 'a.md', 'one\ntwo', 2),
    (lint.check_lists, 'core/a.c', HEAD, None),
])
def test_a_broken_rule_is_named(check, name, text, line):
    found = list(check(Tree(name, text)))
    where = f'{name}:' if line is None else f'{name}:{line}: '
    assert len(found) == 1 and found[0].startswith(where), found


@pytest.mark.parametrize('text', [
    '// do not call strcpy(a, b)\n',
    'const char *advice = "use strcpy(a, b)";\n',
    'int n = call->system(x) + call.index(y) + my_atoi(z);\n',
    'struct tm *t = gmtime_r(&now, &buffer);\n',
])
def test_what_only_looks_banned_is_free(text):
    assert list(lint.check_banned(Tree('a.c', HEAD + text))) == []


def test_a_function_at_the_limit_is_free():
    text = HEAD + 'void f(void)\n{\n' + '    g();\n' * 77 + '}\n'
    assert list(lint.check_lengths(Tree('a.c', text))) == []


def test_the_files_of_this_tree_are_found():
    files = lint.Files(lint.os.path.dirname(lint.os.path.dirname(lint.os.path.abspath(lint.__file__))))
    assert {'dev', 'scripts/build.sh', 'scripts/tree-files'} <= set(files.shell)
    assert 'include/posthouse/plugin.h' in files.c
    assert 'scripts/lint.py' in files.python
    assert not any(name.startswith('build/') for name in files.all)
