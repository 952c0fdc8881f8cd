# SPDX-License-Identifier: Apache-2.0
"""The checker must see functions as the compiler does, whatever surrounds them."""

import c_source


def found(text):
    return list(c_source.functions(text))


def test_a_function_counts_from_its_declaration_to_its_brace():
    assert found('int a;\n\nstatic int\nadd(int x,\n    int y)\n{\n    return x + y;\n}\n') == [('add', 3, 8)]


def test_structs_and_initialisers_are_no_functions():
    assert found('struct x {\n int a;\n};\nstatic const int t[] = {1, 2};\nstatic struct x y = F(1) {\n};\n') == []


def test_nested_braces_stay_inside():
    assert found('void f(void)\n{\n  if (1) {\n    struct x y = {0};\n  }\n}\nvoid g(void)\n{\n}\n') == [
        ('f', 1, 6), ('g', 7, 9)]


def test_braces_in_text_do_not_count():
    text = 'void f(void)\n{\n  // {\n  /* } */\n  p("{", \'{\', "\\"{");\n}\nvoid g(void)\n{\n}\n'
    assert [name for name, _, _ in found(text)] == ['f', 'g']


def test_only_the_first_branch_of_an_if_is_followed():
    text = '#if A\nvoid f(int a)\n{\n#else\nvoid f(void)\n{\n#endif\n}\nvoid g(void)\n{\n}\n'
    assert found(text) == [('f', 2, 8), ('g', 9, 11)]


def test_macros_that_open_braces_do_not_count():
    text = '#define OPEN(x) { \\\n  x {\nvoid g(void)\n{\n}\n'
    assert found(text) == [('g', 3, 5)]


def test_extern_c_is_transparent():
    assert found('extern "C" {\nvoid g(void)\n{\n}\n}\nvoid h(void)\n{\n}\n') == [('g', 2, 4), ('h', 6, 8)]


def test_attributes_behind_the_parameters():
    text = 'static void say(const char *f, ...) __attribute__((format(printf, 1, 2)))\n{\n}\n'
    assert found(text) == [('say', 1, 3)]
