// SPDX-License-Identifier: Apache-2.0
//
// core/routes: paths and methods find their handlers, and what a known path allows.
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "core/api_handlers.h"
#include "core/routes.h"

static const struct route *find(enum http_method method, const char *first, const char *second, const char *third,
                                const char *fourth, char allow_r[ROUTE_ALLOW_SIZE])
{
    const char *segments[4] = {first, second, third, fourth};
    size_t count = 0;
    while (count < 4 && segments[count] != NULL) {
        count++;
    }
    return routes_match(method, segments, count, allow_r);
}

static void test_finds(void **state)
{
    char allow[ROUTE_ALLOW_SIZE];
    (void)state;
    assert_ptr_equal(find(HTTP_POST, "v1", "messages", NULL, NULL, allow)->handler, api_message_send);
    assert_ptr_equal(find(HTTP_GET, "v1", "messages", "x", NULL, allow)->handler, api_message_show);
    assert_ptr_equal(find(HTTP_HEAD, "v1", "inbox", NULL, NULL, allow)->handler, api_inbox_list);
    assert_ptr_equal(find(HTTP_PUT, "v1", "users", "ada", "password", allow)->handler, api_user_password);
    assert_ptr_equal(find(HTTP_GET, "healthz", NULL, NULL, NULL, allow)->handler, api_health_live);
}

static void test_a_literal_path_hides_one_with_a_wildcard(void **state)
{
    char allow[ROUTE_ALLOW_SIZE];
    (void)state;
    assert_null(find(HTTP_GET, "v1", "messages", "batch", NULL, allow));
    assert_string_equal(allow, "POST");
    assert_null(find(HTTP_DELETE, "v1", "inbox", "ack", NULL, allow));
    assert_string_equal(allow, "POST");
}

static void test_allow(void **state)
{
    char allow[ROUTE_ALLOW_SIZE];
    (void)state;
    assert_null(find(HTTP_PATCH, "v1", "users", NULL, NULL, allow));
    assert_string_equal(allow, "POST, GET, HEAD");
    assert_null(find(HTTP_GET, "v1", "nothing", NULL, NULL, allow));
    assert_string_equal(allow, "");
    assert_null(find(HTTP_GET, "v1", "inbox", "", "", allow));
    assert_string_equal(allow, "");
    assert_null(find(HTTP_GET, NULL, NULL, NULL, NULL, allow));
}

static void test_labels_are_the_contract(void **state)
{
    size_t count;
    const struct route *routes = routes_all(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        char label[128];
        snprintf(label, sizeof label, "%s %s", http_method_text(routes[i].method), routes[i].path);
        assert_string_equal(routes[i].label, label);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_a_literal_path_hides_one_with_a_wildcard),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_labels_are_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
