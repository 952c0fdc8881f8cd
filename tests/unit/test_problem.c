// SPDX-License-Identifier: Apache-2.0
//
// Problem documents: the members, what is left out, and texts that came from strangers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/problem.h"
#include "core/utf8.h"

static void expect_text(const struct problem *problem, const char *expected)
{
    size_t length;
    char *text = problem_text(problem, &length);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(text));
    free(text);
}

static void test_members(void **state)
{
    (void)state;
    struct problem problem = {.status = 404};
    expect_text(&problem, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404}");
    const struct problem_error errors[] = {{"/to/0", "no such user"}, {"", "too much"}};
    problem = (struct problem){.status = 422,
                               .type = "unknown-recipient",
                               .title = "No",
                               .detail = "A recipient is \"unknown\".",
                               .request_id = "abc",
                               .errors = errors,
                               .error_count = 2};
    expect_text(&problem, "{\"type\":\"urn:posthouse:problem:unknown-recipient\",\"title\":\"No\",\"status\":422,"
                          "\"detail\":\"A recipient is \\\"unknown\\\".\",\"request_id\":\"abc\","
                          "\"errors\":[{\"pointer\":\"/to/0\",\"detail\":\"no such user\"},"
                          "{\"pointer\":\"\",\"detail\":\"too much\"}]}");
}

static void test_strange_texts(void **state)
{
    (void)state;
    struct problem problem = {.status = 400, .title = "t", .detail = "a\xff\xc3(\xed\xa0\x80\n\x01"};
    expect_text(&problem,
                "{\"type\":\"about:blank\",\"title\":\"t\",\"status\":400,\"detail\":\"a\xef\xbf\xbd\xef\xbf\xbd("
                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\n\\u0001\"}");
    // Cut, and never in the midst of a character.
    for (size_t shift = 0; shift < 4; shift++) {
        char detail[2 * PROBLEM_TEXT_MAX + 1];
        memset(detail, 'x', shift);
        for (size_t i = shift; i + 3 <= 2 * PROBLEM_TEXT_MAX; i += 3) {
            memcpy(detail + i, "\xe2\x82\xac", 4);
        }
        problem.detail = detail;
        json_t *document = problem_json(&problem);
        json_t *member = json_object_get(document, "detail");
        assert_in_range(json_string_length(member), PROBLEM_TEXT_MAX - 3, PROBLEM_TEXT_MAX);
        assert_true(utf8_valid(json_string_value(member), json_string_length(member)));
        json_decref(document);
    }
}

static void test_many_errors(void **state)
{
    (void)state;
    struct problem_error errors[PROBLEM_ERRORS_MAX + 5];
    for (size_t i = 0; i < PROBLEM_ERRORS_MAX + 5; i++) {
        errors[i] = (struct problem_error){"/a", "b"};
    }
    struct problem problem = {.status = 422, .errors = errors, .error_count = PROBLEM_ERRORS_MAX + 5};
    json_t *document = problem_json(&problem);
    assert_int_equal(json_array_size(json_object_get(document, "errors")), PROBLEM_ERRORS_MAX);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_strange_texts),
        cmocka_unit_test(test_many_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
