// SPDX-License-Identifier: Apache-2.0
//
// core/suggest: the nearest of some names, or none.
#include "tests/unit/unit.h"

#include "core/suggest.h"

#include <string.h>

static void test_distance(void **state)
{
    static const struct {
        const char *left;
        const char *right;
        size_t distance;
    } cases[] = {
        {"", "", 0},         {"", "abc", 3},      {"abc", "", 3},       {"path", "path", 0},
        {"PATH", "path", 0}, {"pth", "path", 1},  {"paath", "path", 1}, {"pabh", "path", 1},
        {"ptah", "path", 1}, {"htap", "path", 3}, {"ca", "abc", 3},     {"kitten", "sitting", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(suggest_distance(cases[i].left, cases[i].right), cases[i].distance);
        assert_int_equal(suggest_distance(cases[i].right, cases[i].left), cases[i].distance);
    }
    char longest[SUGGEST_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[SUGGEST_NAME_MAX + 1] = '\0';
    assert_int_equal(suggest_distance(longest, "a"), SIZE_MAX);
    longest[SUGGEST_NAME_MAX] = '\0';
    assert_int_equal(suggest_distance(longest, "a"), SUGGEST_NAME_MAX - 1);
}

static const char *nearest(const char *word)
{
    static const char *const names[] = {"daemon", "http",           "storage",      "meta",      "queue",     "alert",
                                        "secret", "header_timeout", "body_timeout", "log_level", "log_format"};
    struct suggest suggest = suggest_begin(word);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        suggest_offer(&suggest, names[i]);
    }
    return suggest_nearest(&suggest);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_string_equal(nearest("stroage"), "storage");
    assert_string_equal(nearest("Storage"), "storage");
    assert_string_equal(nearest("alerts"), "alert");
    assert_string_equal(nearest("header_timeuot"), "header_timeout");
    assert_string_equal(nearest("headertimeout"), "header_timeout");
    assert_string_equal(nearest("level"), "log_level");
    assert_string_equal(nearest(" queue "), "queue");
    assert_null(nearest("xyz"));
    assert_null(nearest(""));
    assert_null(nearest("q"));
    assert_null(nearest("completely_different"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distance), cmocka_unit_test(test_nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
