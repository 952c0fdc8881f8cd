# SPDX-License-Identifier: Apache-2.0
"""Just enough of C's grammar for ./dev lint: which text is code, and where functions begin and end.

Comments, strings and character constants are blanked (line ends stay), so that a word in a comment is
never taken for a call. Of an #if with alternatives only the first is followed, so that braces stay
balanced whatever the branches open.
"""

import re

_TOKEN = re.compile(
    r'//(?:\\\n|[^\n])*'          # a comment to the end of the line
    r'|/\*.*?(?:\*/|\Z)'          # a comment in between
    r'|"(?:\\.|[^"\\\n])*"?'      # a string
    r"|'(?:\\.|[^'\\\n])*'?",     # a character
    re.DOTALL)


def _blank(text):
    return re.sub(r'[^\n]', ' ', text)


def without_comments(text):
    """The text with comments blanked and the inside of strings and characters blanked."""
    def replace(match):
        token = match.group(0)
        if token.startswith('/'):
            return _blank(token)
        inner = _blank(token[1:-1]) if len(token) > 1 else ''
        return token[0] + inner + (token[-1] if len(token) > 1 else '')
    return _TOKEN.sub(replace, text)


def code_only(text):
    """The text without comments, strings, preprocessor lines and second branches of #if."""
    lines = without_comments(text).split('\n')
    kept = []
    skipped = []  # one entry an open #if: is this branch left out?
    continued = False
    for line in lines:
        directive = re.match(r'\s*#\s*(\w*)', line) if not continued else None
        is_preprocessor = continued or directive is not None
        continued = is_preprocessor and line.endswith('\\')
        if directive:
            word = directive.group(1)
            if word in ('if', 'ifdef', 'ifndef'):
                skipped.append(False)
            elif word in ('else', 'elif') and skipped:
                skipped[-1] = True
            elif word == 'endif' and skipped:
                skipped.pop()
        kept.append('' if is_preprocessor or any(skipped) else line)
    return '\n'.join(kept)


def _function_name(head):
    """The name of the function that a text before a brace declares; None when it is no function."""
    head = re.sub(r'__attribute__\s*\(\(.*?\)\)', ' ', head, flags=re.DOTALL).rstrip()
    if not head.endswith(')') or re.search(r'(?<![=!<>])=(?!=)', head):
        return None
    match = re.search(r'(\w+)\s*\(', head)
    return match.group(1) if match else None


def functions(text):
    """Yields (name, first line, last line) for each function, from its declaration to its closing brace."""
    code = code_only(text)
    depth = 0
    start = 0      # where the declaration before the current brace begins
    current = None
    line_of = _line_counter(code)
    for match in re.finditer(r'[{};]', code):
        at = match.start()
        char = match.group(0)
        if char == ';':
            if depth == 0:
                start = at + 1
        elif char == '{':
            if depth == 0:
                head = code[start:at]
                if re.search(r'\bextern\s*"[^"]*"\s*$', head):
                    start = at + 1
                    continue
                name = _function_name(head)
                first = start + len(head) - len(head.lstrip())
                current = (name, line_of(first)) if name else None
            depth += 1
        elif depth > 0:
            depth -= 1
            if depth == 0:
                if current:
                    yield current[0], current[1], line_of(at)
                current = None
                start = at + 1
        else:
            start = at + 1  # the end of extern "C"


def _line_counter(text):
    ends = [match.start() for match in re.finditer('\n', text)]

    def line_of(position):
        low, high = 0, len(ends)
        while low < high:
            middle = (low + high) // 2
            if ends[middle] < position:
                low = middle + 1
            else:
                high = middle
        return low + 1
    return line_of
