// SPDX-License-Identifier: Apache-2.0
//
// cli/output: tables, lines of JSON, and texts that must not reach a terminal as they are.
#include "tests/unit/unit.h"

#include "cli/exit_codes.h"
#include "cli/output.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *catcher;
static int kept;

static void catch_begin(void)
{
    fflush(stdout);
    kept = dup(STDOUT_FILENO);
    catcher = tmpfile();
    assert_non_null(catcher);
    dup2(fileno(catcher), STDOUT_FILENO);
}

// What was printed since catch_begin().
static const char *catch_end(void)
{
    static char text[65536];
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    rewind(catcher);
    text[fread(text, 1, sizeof text - 1, catcher)] = '\0';
    fclose(catcher);
    return text;
}

static const struct output_column columns[] = {{.title = "NAME", .member = "name", .limit = 8},
                                               {.title = "N", .member = "in/n"},
                                               {.title = "READ", .member = "read", .present = true},
                                               {.title = "TO", .member = "to"}};

static void test_table(void **state)
{
    (void)state;
    json_t *rows = json_pack("[{s:s, s:{s:i}, s:s, s:[s,s]}, {s:s, s:{}, s:n, s:[]}, {}]", "name", "ada", "in", "n",
                             12345, "read", "2026", "to", "x", "y", "name", "Zoë the second", "in", "read", "to");
    assert_non_null(rows);
    catch_begin();
    output_rows(rows, columns, 4, false, "none");
    assert_string_equal(catch_end(), "NAME      N      READ  TO\n"
                                     "ada       12345  yes   x y\n"
                                     "Zoë the…  -      -     -\n"
                                     "-         -      -     -\n");
    json_decref(rows);
}

static void test_empty(void **state)
{
    (void)state;
    json_t *rows = json_array();
    catch_begin();
    output_rows(rows, columns, 4, false, "none");
    output_rows(rows, columns, 4, true, "none");
    output_rows(NULL, columns, 4, false, "nothing");
    assert_string_equal(catch_end(), "none\nnothing\n");
    json_decref(rows);
}

static void test_json_lines(void **state)
{
    (void)state;
    json_t *rows = json_pack("[{s:s}, {s:b}]", "a", "é\x1b", "b", 1);
    catch_begin();
    output_rows(rows, columns, 4, true, "none");
    assert_string_equal(catch_end(), "{\"a\":\"é\\u001B\"}\n{\"b\":true}\n");
    json_decref(rows);
}

static void test_members(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:s, s:{s:i}}", "name", "a\tb\nc", "in", "n", 0);
    catch_begin();
    output_members(object, columns, 2);
    assert_string_equal(catch_end(), "NAME  a?b?c\nN     0\n");
    json_decref(object);
}

static void test_hostile_cells(void **state)
{
    (void)state;
    char text[5001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    json_t *rows = json_pack("[{s:s, s:s}, {s:[s,s], s:s}]", "name", "\x1b]0;t\x07\xc2\x9b", "to", text, "to", text,
                             text, "name", "\xe2\x80\xae");
    catch_begin();
    output_rows(rows, columns, 4, false, "none");
    const char *shown = catch_end();
    assert_non_null(strstr(shown, "?]0;t??"));
    for (const char *at = shown; *at != '\0'; at++) {
        assert_true(*at == '\n' || (unsigned char)*at >= ' ');
    }
    assert_null(strstr(shown, "\xe2\x80\xae"));
    assert_true(strlen(shown) < 2000);
    json_decref(rows);
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        const char *shown;
    } cases[] = {
        {"", 0, ""},
        {"one", 3, "> one\n"},
        {"one\n", 4, "> one\n"},
        {"one\n\ntwo", 8, "> one\n> \n> two\n"},
        {"one\r\ntwo\r", 9, "> one\n> two?\n"},
        {"\r\n", 2, "> \n"},
        {"a\tb", 3, "> a    b\n"},
        {"\t", 1, ">     \n"},
        {"a\0b", 3, "> a?b\n"},
        {"\x1b[2J", 4, "> ?[2J\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *string = json_stringn(cases[i].text, cases[i].length);
        catch_begin();
        output_text(stdout, string, "> ");
        assert_string_equal(catch_end(), cases[i].shown);
        json_decref(string);
    }
}

static void test_clean(void **state)
{
    (void)state;
    char text[10001];
    for (size_t i = 0; i < 10000; i += 2) {
        memcpy(text + i, "é", 2);
    }
    text[10000] = '\0';
    catch_begin();
    output_clean(stdout, NULL);
    output_clean(stdout, "\n");
    output_clean(stdout, text);
    const char *shown = catch_end();
    assert_memory_equal(shown, "-?", 2);
    assert_string_equal(shown + 2, text);
}

static void test_is_json(void **state)
{
    (void)state;
    catch_begin();
    const bool json = output_is_json(false);
    const int code = output_end();
    catch_end();
    assert_true(json);
    assert_true(output_is_json(true));
    assert_int_equal(code, EXIT_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_empty),         cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_members), cmocka_unit_test(test_hostile_cells), cmocka_unit_test(test_text),
        cmocka_unit_test(test_clean),   cmocka_unit_test(test_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
