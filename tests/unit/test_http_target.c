// SPDX-License-Identifier: Apache-2.0
//
// Targets: what is split where, what is decoded to what, what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_target.h"

static void assert_piece(struct http_piece piece, const char *expected)
{
    if (expected == NULL) {
        assert_null(piece.text);
        return;
    }
    assert_non_null(piece.text);
    assert_int_equal(piece.length, strlen(expected));
    assert_memory_equal(piece.text, expected, piece.length);
}

static void expect_split(const char *text, const char *authority, const char *path, const char *query)
{
    struct http_target target;
    assert_int_equal(http_target_split(text, strlen(text), HTTP_OPTIONS, &target), HTTP_FAULT_NONE);
    assert_piece(target.authority, authority);
    assert_piece(target.path, path);
    assert_piece(target.query, query);
}

static void test_split(void **state)
{
    (void)state;
    expect_split("/", NULL, "/", NULL);
    expect_split("/v1/inbox?limit=5", NULL, "/v1/inbox", "limit=5");
    expect_split("/?", NULL, "/", "");
    expect_split("/a?b?c/d", NULL, "/a", "b?c/d");
    expect_split("//a", NULL, "//a", NULL);
    expect_split("*", NULL, "*", NULL);
    expect_split("http://a.example:80/b?c", "a.example:80", "/b", "c");
    expect_split("HTTPS://[::1]", "[::1]", "/", NULL);
    expect_split("http://a?b", "a", "/", "b");
}

static void test_split_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",         "a",         "*a",  "?a",    "ftp://a/", "http:/a", "http://", "http:///a", "http://u@a/",
        "http://?", "/#a",       "/a#", "/\"",   "/<",       "/\\a",    "/^",      "/`",        "/{a}",
        "/|",       "/\xc3\xb6", "/ ",  "/\x7f", "a:80",     "../etc",  "/\t",     "httpx://a"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct http_target target;
        assert_int_equal(http_target_split(refused[i], strlen(refused[i]), HTTP_GET, &target), HTTP_FAULT_TARGET);
    }
    struct http_target target;
    assert_int_equal(http_target_split("*", 1, HTTP_GET, &target), HTTP_FAULT_TARGET);
}

static void test_decode(void **state)
{
    (void)state;
    char out[64];
    size_t length;
    assert_true(http_percent_decode("a%20b%2Fc%c3%B6+", 16, false, out, &length));
    assert_string_equal(out, "a b/c\xc3\xb6+");
    assert_int_equal(length, strlen(out));
    assert_true(http_percent_decode("a+b%2B", 6, true, out, &length));
    assert_string_equal(out, "a b+");
    assert_true(http_percent_decode("", 0, true, out, &length));
    assert_string_equal(out, "");
    static const char *const refused[] = {"%",   "%2",  "a%",  "%g0", "%0g",    "%%41",      "%00", "%0a",
                                          "%7f", "%1F", "%ff", "%c3", "%c3%28", "%ed%a0%80", "%-1", "% 1"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(http_percent_decode(refused[i], strlen(refused[i]), false, out, &length));
    }
}

static struct http_piece piece(const char *text)
{
    return (struct http_piece){text, strlen(text)};
}

static void test_query(void **state)
{
    (void)state;
    struct http_parameter parameters[8];
    char out[128];
    size_t count;
    struct http_piece query = piece("a=1&b&&c=&=d&a=2%263&e==f&");
    assert_int_equal(http_query_count(query), 6);
    assert_int_equal(http_query_decode(query, parameters, 8, out, &count), HTTP_FAULT_NONE);
    assert_int_equal(count, 6);
    static const char *const expected[][2] = {{"a", "1"}, {"b", ""}, {"c", ""}, {"", "d"}, {"a", "2&3"}, {"e", "=f"}};
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(parameters[i].name, expected[i][0]);
        assert_string_equal(parameters[i].value, expected[i][1]);
    }
    assert_int_equal(http_query_decode(query, parameters, 5, out, &count), HTTP_FAULT_PARAMETERS);
    assert_int_equal(http_query_decode(piece("a=%"), parameters, 8, out, &count), HTTP_FAULT_TARGET_ENCODING);
    assert_int_equal(http_query_decode(piece("%ff"), parameters, 8, out, &count), HTTP_FAULT_TARGET_ENCODING);
    assert_int_equal(http_query_decode((struct http_piece){NULL, 0}, parameters, 8, out, &count), HTTP_FAULT_NONE);
    assert_int_equal(count, 0);
    assert_int_equal(http_query_count((struct http_piece){NULL, 0}), 0);
}

static void expect_path(const char *path, size_t count, const char *const *segments)
{
    const char *found[4];
    char out[64];
    size_t found_count;
    assert_int_equal(http_path_decode(piece(path), found, 4, out, &found_count), HTTP_FAULT_NONE);
    assert_int_equal(found_count, count);
    for (size_t i = 0; i < count && i < 4; i++) {
        assert_string_equal(found[i], segments[i]);
    }
}

static void test_path(void **state)
{
    (void)state;
    expect_path("/", 0, NULL);
    expect_path("*", 0, NULL);
    expect_path("/v1/users/a%2Fb", 3, (const char *const[]){"v1", "users", "a/b"});
    expect_path("/v1/", 2, (const char *const[]){"v1", ""});
    expect_path("//", 2, (const char *const[]){"", ""});
    expect_path("/../.", 2, (const char *const[]){"..", "."});
    expect_path("/a+b", 1, (const char *const[]){"a+b"});
    expect_path("/a/b/c/d", 4, (const char *const[]){"a", "b", "c", "d"});
    expect_path("/a/b/c/d/e/f", 5, (const char *const[]){"a", "b", "c", "d", NULL});
    const char *found[4];
    char out[64];
    size_t count;
    assert_int_equal(http_path_decode(piece("/a/%0"), found, 4, out, &count), HTTP_FAULT_TARGET_ENCODING);
    assert_int_equal(http_path_decode(piece("/a/b/c/d/e/%"), found, 4, out, &count), HTTP_FAULT_TARGET_ENCODING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split), cmocka_unit_test(test_split_refused), cmocka_unit_test(test_decode),
        cmocka_unit_test(test_query), cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
