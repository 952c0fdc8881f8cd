// SPDX-License-Identifier: Apache-2.0
//
// core/options and core/options_describe: every type, every refusal, and that a secret never shows.
#include "tests/unit/unit.h"

#include "core/arena.h"
#include "core/buffer.h"
#include "core/options.h"
#include "core/options_describe.h"

#include <jansson.h>
#include <string.h>

struct sample {
    const char *text;
    const char *path;
    const char *password;
    int64_t number;
    uint64_t size;
    int64_t duration;
    bool boolean;
    uint32_t choice;
    const char *url;
    struct ph_list list;
    struct ph_list roles;
    struct ph_list folders;
};

static const char *const CHOICES[] = {"debug", "info", "warn", NULL};
static const char *const ROLES[] = {"api", "courier", NULL};

static const struct ph_option OPTIONS[] = {
    PH_TEXT(struct sample, text, PH_OPTION_REQUIRED, NULL, "Some text."),
    PH_TEXT(struct sample, path, PH_OPTION_PATH, "posthouse.db", "A file."),
    PH_TEXT(struct sample, password, PH_OPTION_SECRET | PH_OPTION_RELOADABLE, NULL, "A password."),
    PH_INTEGER(struct sample, number, PH_OPTION_RELOADABLE, "7", -5, 100, "A number."),
    PH_SIZE(struct sample, size, 0, "1MiB", 1024, 1073741824, "A size."),
    PH_DURATION(struct sample, duration, 0, "10s", 0, INT64_MAX, "A duration | with a bar."),
    PH_BOOLEAN(struct sample, boolean, 0, "yes", "Yes or no."),
    PH_CHOICE(struct sample, choice, 0, "info", CHOICES, "A choice."),
    PH_URL(struct sample, url, 0, NULL, "A URL."),
    PH_LIST(struct sample, list, 0, "a b", "A list."),
    {"roles", PH_OPTION_LIST, 0, PH_MEMBER(struct ph_list, struct sample, roles), "api courier", 0, 0, ROLES, "Roles."},
    PH_LIST(struct sample, folders, PH_OPTION_PATH, NULL, "Folders."),
};
static const struct options_table TABLE = OPTIONS_TABLE(OPTIONS);

struct fixture {
    struct arena *arena;
    struct buffer error;
    struct sample sample;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new((size_t)1024 * 1024)};
    buffer_init(&fixture.error, 8192);
    options_set_defaults(&TABLE, fixture.arena, &fixture.sample);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    arena_free(fixture->arena);
    buffer_free(&fixture->error);
    return 0;
}

static bool set(struct fixture *fixture, const char *name, const char *text)
{
    buffer_clear(&fixture->error);
    return options_set(options_find(&TABLE, name, NULL), text, false, "/var/lib/posthouse", fixture->arena,
                       &fixture->sample, &fixture->error);
}

static void test_defaults(void **state)
{
    const struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    assert_null(sample->text);
    assert_string_equal(sample->path, "posthouse.db");
    assert_int_equal(sample->number, 7);
    assert_int_equal(sample->size, 1048576);
    assert_int_equal(sample->duration, 10000);
    assert_true(sample->boolean);
    assert_int_equal(sample->choice, 1);
    assert_null(sample->url);
    assert_int_equal(sample->list.count, 2);
    assert_string_equal(sample->list.items[1], "b");
    assert_int_equal(sample->folders.count, 0);
}

static void test_values(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    assert_true(set(fixture, "text", " a b "));
    assert_string_equal(sample->text, " a b ");
    assert_true(set(fixture, "path", "x.db"));
    assert_string_equal(sample->path, "/var/lib/posthouse/x.db");
    assert_true(set(fixture, "path", "/x.db"));
    assert_string_equal(sample->path, "/x.db");
    assert_true(set(fixture, "number", "-5"));
    assert_int_equal(sample->number, -5);
    assert_true(set(fixture, "size", "1GiB"));
    assert_int_equal(sample->size, 1073741824);
    assert_true(set(fixture, "duration", "9223372036854775807ms"));
    assert_true(set(fixture, "boolean", "no"));
    assert_false(sample->boolean);
    assert_true(set(fixture, "choice", "warn"));
    assert_int_equal(sample->choice, 2);
    assert_true(set(fixture, "url", "https://sqs.eu-west-1.amazonaws.com/1/q?x=y#z"));
    assert_true(set(fixture, "url", "http://h"));
    assert_true(set(fixture, "list", " a,b ,, c\td,"));
    assert_int_equal(sample->list.count, 4);
    assert_string_equal(sample->list.items[3], "d");
    assert_true(set(fixture, "list", " , "));
    assert_int_equal(sample->list.count, 0);
    assert_true(set(fixture, "roles", "courier"));
    assert_true(set(fixture, "folders", "lib /usr/lib"));
    assert_string_equal(sample->folders.items[0], "/var/lib/posthouse/lib");
    assert_string_equal(sample->folders.items[1], "/usr/lib");
}

static void test_refusals(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *error;
    } cases[] = {
        {"text", "", "an empty value is not enough; expected text"},
        {"password", "", ""},
        {"number", "12x", "\"12x\" is not a whole number; expected a whole number from -5 to 100"},
        {"number", "", "an empty value is not a whole number; expected a whole number from -5 to 100"},
        {"number", "+1", "\"+1\" is not a whole number; expected a whole number from -5 to 100"},
        {"number", "--1", "\"--1\" is not a whole number; expected a whole number from -5 to 100"},
        {"number", "101", "\"101\" is out of range; expected a whole number from -5 to 100"},
        {"number", "-6", "\"-6\" is out of range; expected a whole number from -5 to 100"},
        {"number", "9223372036854775808",
         "\"9223372036854775808\" is out of range; expected a whole number from -5 to 100"},
        {"number", "99999999999999999999",
         "\"99999999999999999999\" is not a whole number; expected a whole number from -5 to 100"},
        {"size", "12 parsecs",
         "\"12 parsecs\" is not a size; expected a size from 1KiB to 1GiB, such as 1500, 64KiB or 10MB"},
        {"size", "1023", "\"1023\" is out of range; expected a size from 1KiB to 1GiB, such as 1500, 64KiB or 10MB"},
        {"size", "18446744073709551615",
         "\"18446744073709551615\" is out of range; expected a size from 1KiB to 1GiB, such as 1500, 64KiB or 10MB"},
        {"duration", "10",
         "\"10\" is not a duration; expected a duration of at least 0s, such as 500ms, 10s, 5m, 12h or 30d"},
        {"boolean", "true", "\"true\" is neither yes nor no; expected yes or no"},
        {"choice", "inof", "\"inof\" is unknown; expected debug, info or warn; nearest: info"},
        {"choice", "", "an empty value is unknown; expected debug, info or warn"},
        {"url", "ftp://h", "\"ftp://h\" is not an absolute URL; expected a URL such as https://host/path"},
        {"url", "https:///x", "\"https:///x\" is not an absolute URL; expected a URL such as https://host/path"},
        {"url", "https://h/a b",
         "\"https://h/a b\" holds characters that no URL may hold; expected a URL such as https://host/path"},
        {"roles", "api curier",
         "\"curier\" is unknown; expected a list of api or courier, apart by spaces or commas; nearest: courier"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sample before = fixture->sample;
        bool good = set(fixture, cases[i].name, cases[i].text);
        assert_int_equal(good, cases[i].error[0] == '\0');
        if (!good) {
            assert_string_equal(buffer_string(&fixture->error), cases[i].error);
            assert_memory_equal(&before, &fixture->sample, sizeof before);
        }
    }
}

static void test_hidden(void **state)
{
    struct fixture *fixture = *state;
    const struct ph_option *number = options_find(&TABLE, "number", NULL);
    assert_false(options_set(number, "hunter2", true, NULL, fixture->arena, &fixture->sample, &fixture->error));
    assert_null(strstr(buffer_string(&fixture->error), "hunter2"));
    const struct ph_option *choice = options_find(&TABLE, "choice", NULL);
    buffer_clear(&fixture->error);
    assert_false(options_set(choice, "inof", true, NULL, fixture->arena, &fixture->sample, &fixture->error));
    assert_null(strstr(buffer_string(&fixture->error), "inof"));
    assert_true(set(fixture, "password", "hunter2"));
    buffer_clear(&fixture->error);
    options_write_value(options_find(&TABLE, "password", NULL), false, &fixture->sample, &fixture->error);
    assert_string_equal(buffer_string(&fixture->error), "***");
    options_wipe(&TABLE, NULL, &fixture->sample);
    assert_string_equal(fixture->sample.password, "");
    assert_string_equal(fixture->sample.path, "posthouse.db");
}

static void test_limits(void **state)
{
    struct fixture *fixture = *state;
    static char text[OPTIONS_TEXT_MAX + 2];
    memset(text, 'x', OPTIONS_TEXT_MAX + 1);
    assert_false(set(fixture, "text", text));
    text[OPTIONS_TEXT_MAX] = '\0';
    assert_true(set(fixture, "text", text));
    for (size_t i = 0; i < 2 * OPTIONS_LIST_MAX; i += 2) {
        memcpy(text + i, "a ", 2);
    }
    text[2 * OPTIONS_LIST_MAX] = '\0';
    assert_true(set(fixture, "list", text));
    assert_int_equal(fixture->sample.list.count, OPTIONS_LIST_MAX);
    memcpy(text + 2 * OPTIONS_LIST_MAX, "b", 2);
    assert_false(set(fixture, "list", text));
    struct arena *small = arena_new(64);
    buffer_clear(&fixture->error);
    assert_false(options_set(&OPTIONS[0], text, false, NULL, small, &fixture->sample, &fixture->error));
    assert_string_equal(buffer_string(&fixture->error), "all values together are too long");
    arena_free(small);
}

static void test_compare(void **state)
{
    struct fixture *fixture = *state;
    struct options_difference difference;
    struct sample other = {0};
    options_set_defaults(&TABLE, fixture->arena, &other);
    options_compare(&TABLE, &fixture->sample, &other, &difference);
    assert_int_equal(difference.count, 0);
    assert_true(difference.reloadable);
    other.password = "x";
    other.number = 8;
    options_compare(&TABLE, &fixture->sample, &other, &difference);
    assert_int_equal(difference.count, 2);
    assert_true(difference.reloadable);
    assert_string_equal(difference.names, "password, number");
    const char *items[] = {"a", "c"};
    other.list = (struct ph_list){items, 2};
    options_compare(&TABLE, &fixture->sample, &other, &difference);
    assert_false(difference.reloadable);
    char names[16] = "";
    options_add_name(names, sizeof names, "first");
    options_add_name(names, sizeof names, "second");
    options_add_name(names, sizeof names, "third");
    assert_string_equal(names, "first, …");
}

// A plugin whose entries are larger than ours: read by their stride.
static void test_stride(void **state)
{
    struct wide {
        struct ph_option option;
        char more[24];
    };
    struct fixture *fixture = *state;
    struct wide wide[] = {{.option = PH_TEXT(struct sample, text, 0, "one", "One.")},
                          {.option = PH_INTEGER(struct sample, number, 0, "2", 0, 0, "Two.")}};
    struct options_table table = {&wide[0].option, 2, sizeof(struct wide)};
    size_t index = 0;
    options_set_defaults(&table, fixture->arena, &fixture->sample);
    assert_string_equal(fixture->sample.text, "one");
    assert_int_equal(fixture->sample.number, 2);
    assert_ptr_equal(options_find(&table, "number", &index), &wide[1].option);
    assert_int_equal(index, 1);
}

static void test_table_check(void **state)
{
    static const struct ph_option bad[] = {
        {.name = "Upper", .type = PH_OPTION_TEXT, .help = "x"},
        {.name = "type", .type = 99, .help = "x"},
        {.name = "offset", .type = PH_OPTION_TEXT, .offset = sizeof(struct sample) - 4, .help = "x"},
        {.name = "choices", .type = PH_OPTION_CHOICE, .help = "x"},
        {.name = "range", .type = PH_OPTION_INTEGER, .minimum = 2, .maximum = 1, .help = "x"},
        {.name = "standard", .type = PH_OPTION_INTEGER, .default_value = "x", .help = "x"},
        {.name = "both", .type = PH_OPTION_TEXT, .flags = PH_OPTION_REQUIRED, .default_value = "x", .help = "x"},
        {.name = "help", .type = PH_OPTION_TEXT},
    };
    struct fixture *fixture = *state;
    assert_true(options_table_check(&TABLE, sizeof(struct sample), &fixture->error));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct options_table table = {&bad[i], 1, sizeof bad[0]};
        buffer_clear(&fixture->error);
        assert_false(options_table_check(&table, sizeof(struct sample), &fixture->error));
        assert_non_null(strstr(buffer_string(&fixture->error), bad[i].name));
    }
    struct ph_option twice[] = {OPTIONS[0], OPTIONS[0]};
    struct options_table table = OPTIONS_TABLE(twice);
    assert_false(options_table_check(&table, sizeof(struct sample), &fixture->error));
}

static void test_describe(void **state)
{
    struct fixture *fixture = *state;
    options_describe_text(&TABLE, &fixture->error);
    assert_non_null(
        strstr(buffer_string(&fixture->error), "  password\n      A password.\n      text; secret; reloadable\n"));
    buffer_clear(&fixture->error);
    options_describe_markdown(&TABLE, &fixture->error);
    assert_non_null(strstr(buffer_string(&fixture->error), "| `text` | text | required | Some text. |\n"));
    assert_non_null(strstr(buffer_string(&fixture->error), "`10s` | A duration \\| with a bar. |\n"));
    buffer_clear(&fixture->error);
    options_describe_json(&TABLE, &fixture->error);
    json_t *array = json_loads(buffer_string(&fixture->error), 0, NULL);
    assert_int_equal(json_array_size(array), TABLE.count);
    const json_t *size = json_array_get(array, 4);
    assert_string_equal(json_string_value(json_object_get(size, "name")), "size");
    assert_string_equal(json_string_value(json_object_get(size, "default")), "1MiB");
    assert_int_equal(json_integer_value(json_object_get(size, "maximum")), 1073741824);
    json_decref(array);
}

static void test_write_value(void **state)
{
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {{"text", ""},       {"number", "7"},    {"size", "1MiB"}, {"duration", "10s"},
                 {"boolean", "yes"}, {"choice", "info"}, {"list", "a b"},  {"path", "posthouse.db"}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&fixture->error);
        options_write_value(options_find(&TABLE, cases[i].name, NULL), false, &fixture->sample, &fixture->error);
        assert_string_equal(buffer_string(&fixture->error), cases[i].text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults), TEST(test_values), TEST(test_refusals),    TEST(test_hidden),   TEST(test_limits),
        TEST(test_compare),  TEST(test_stride), TEST(test_table_check), TEST(test_describe), TEST(test_write_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
