// SPDX-License-Identifier: Apache-2.0
//
// cli/options: arguments by a table.
#include "tests/unit/unit.h"

#include "cli/exit_codes.h"
#include "cli/options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct arguments {
    bool json, waiting;
    const char *subject;
    long limit, wait_s;
    struct options_list to, attributes, operands;
    int code;
};

// Reads `line`, words separated by one space; "''" is an empty word.
static bool read_line(const char *line, struct arguments *read)
{
    static char words[512];
    char *argv[32];
    int argc = 0;
    memset(read, 0, sizeof *read);
    read->limit = read->wait_s = -1;
    const struct options_entry entries[] = {
        {.name = "json", .flag = &read->json, .help = "h"},
        {.name = "subject", .letter = 's', .argument = "TEXT", .text = &read->subject, .help = "h"},
        {.name = "limit", .argument = "N", .number = &read->limit, .minimum = 1, .maximum = 100, .help = "h"},
        {.name = "wait",
         .argument = "SECONDS",
         .optional = true,
         .number = &read->wait_s,
         .maximum = 60,
         .given = &read->waiting,
         .help = "h"},
        {.name = "to", .argument = "NAME", .greedy = true, .list = &read->to, .help = "h"},
        {.name = "attribute", .argument = "A=B", .list = &read->attributes, .help = "h"}};
    const struct options_command command = {.name = "try",
                                            .operands = "[A] [B]",
                                            .about = "Tries.",
                                            .entries = entries,
                                            .count = sizeof entries / sizeof entries[0],
                                            .operands_max = 2};
    snprintf(words, sizeof words, "%s", line);
    for (char *at = words, *end; at != NULL; at = end) {
        end = strchr(at, ' ');
        if (end != NULL) {
            *end++ = '\0';
        }
        argv[argc++] = strcmp(at, "''") == 0 ? at + 2 : at;
    }
    argv[argc] = NULL;
    return options_read(&command, argc, argv, &read->operands, &read->code);
}

static void test_good(void **state)
{
    (void)state;
    struct arguments read;
    assert_true(read_line("try", &read));
    assert_false(read.json || read.waiting);
    assert_null(read.subject);

    assert_true(read_line("try --json --subject Hello --limit=7 one -", &read));
    assert_true(read.json);
    assert_string_equal(read.subject, "Hello");
    assert_int_equal(read.limit, 7);
    assert_int_equal(read.operands.count, 2);
    assert_string_equal(read.operands.items[0], "one");
    assert_string_equal(read.operands.items[1], "-");

    assert_true(read_line("try one -s --json two", &read)); // a value may look like an option
    assert_string_equal(read.subject, "--json");
    assert_false(read.json);
    assert_int_equal(read.operands.count, 2);

    assert_true(read_line("try --subject= --limit 100", &read));
    assert_string_equal(read.subject, "");
    assert_int_equal(read.limit, 100);

    assert_true(read_line("try -- --json -s", &read));
    assert_false(read.json);
    assert_string_equal(read.operands.items[1], "-s");
}

static void test_lists(void **state)
{
    (void)state;
    struct arguments read;
    assert_true(read_line("try --to ada grace - --to=alan joan --attribute a=b word", &read));
    assert_int_equal(read.to.count, 4);
    assert_string_equal(read.to.items[1], "grace");
    assert_string_equal(read.to.items[3], "joan");
    assert_int_equal(read.attributes.count, 1);
    assert_int_equal(read.operands.count, 2);
    assert_string_equal(read.operands.items[0], "-");
    assert_string_equal(read.operands.items[1], "word");
}

static void test_optional_number(void **state)
{
    (void)state;
    struct arguments read;
    assert_true(read_line("try --wait http://127.0.0.1:1", &read));
    assert_true(read.waiting);
    assert_int_equal(read.wait_s, -1);
    assert_int_equal(read.operands.count, 1);
    assert_true(read_line("try --wait 5 there", &read));
    assert_int_equal(read.wait_s, 5);
    assert_int_equal(read.operands.count, 1);
    assert_true(read_line("try --wait=6", &read));
    assert_int_equal(read.wait_s, 6);
    assert_true(read_line("try there --wait", &read));
    assert_true(read.waiting);
    assert_false(read_line("try --wait 61", &read));
    assert_false(read_line("try --wait=soon", &read));
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "try --jason",     "try -x",         "try -sj",         "try --json=1",   "try --subject",
        "try -s",          "try --limit 0",  "try --limit 101", "try --limit -1", "try --limit 99999999999999999999",
        "try --limit ten", "try --limit ''", "try a b c",       "try --to",       "try --limit 4294967297"};
    struct arguments read;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_false(read_line(lines[i], &read));
        assert_int_equal(read.code, EXIT_WRONG_USAGE);
    }
}

static void test_too_few(void **state)
{
    (void)state;
    struct options_list operands;
    char name[] = "ack", id[] = "id", json[] = "--json";
    char *none[] = {name, NULL}, *one[] = {name, id, NULL}, *option[] = {name, json, NULL};
    const struct options_command command = {
        .name = "ack", .operands = "ID…", .about = "Acks.", .operands_min = 1, .operands_max = OPTIONS_LIST_MAX};
    int code = -1;
    assert_false(options_read(&command, 1, none, &operands, &code));
    assert_int_equal(code, EXIT_WRONG_USAGE);
    assert_true(options_read(&command, 2, one, &operands, &code));
    assert_string_equal(operands.items[0], "id");
    assert_false(options_read(&command, 2, option, &operands, &code));
    // A command without operands needs no list.
    const struct options_command bare = {.name = "logout", .operands = "", .about = "Ends."};
    assert_true(options_read(&bare, 1, none, NULL, &code));
    assert_false(options_read(&bare, 2, one, NULL, &code));
}

static void test_too_many(void **state)
{
    (void)state;
    static char *argv[OPTIONS_LIST_MAX + 2];
    static struct options_list operands;
    char word[] = "x";
    int code;
    for (size_t i = 0; i < OPTIONS_LIST_MAX + 2; i++) {
        argv[i] = word;
    }
    const struct options_command command = {
        .name = "ack", .operands = "ID…", .about = "Acks.", .operands_max = OPTIONS_LIST_MAX};
    assert_true(options_read(&command, OPTIONS_LIST_MAX + 1, argv, &operands, &code));
    assert_int_equal(operands.count, OPTIONS_LIST_MAX);
    assert_false(options_read(&command, OPTIONS_LIST_MAX + 2, argv, &operands, &code));
    assert_int_equal(code, EXIT_WRONG_USAGE);
}

static void test_help(void **state)
{
    (void)state;
    struct arguments read;
    assert_false(read_line("try --help", &read));
    assert_int_equal(read.code, EXIT_GOOD);
    assert_false(read_line("try --json one -h", &read));
    assert_int_equal(read.code, EXIT_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_lists),   cmocka_unit_test(test_optional_number),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_too_few), cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
