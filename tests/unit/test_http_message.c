// SPDX-License-Identifier: Apache-2.0
//
// A request as its handler sees it: path, query, headers, who asked, ids.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_message.h"

static const struct http_parse_limits limits = {16384, 8192};
static struct ip_network networks[2];
static const struct http_trusted trusted = {networks, 2};

static int set_up(void **state)
{
    (void)state;
    return ip_network_parse("10.0.0.0/8", &networks[0]) && ip_network_parse("::1", &networks[1]) ? 0 : -1;
}

// Makes a request from a head's text, as if it came from `peer`.
static struct http_request *make(const char *text, const char *peer)
{
    static struct http_head head;
    struct http_peer from = {.text = peer};
    struct http_request *request;
    http_head_start(&head);
    assert_int_equal(http_head_feed(&head, &limits, text, strlen(text)), HTTP_PARSE_DONE);
    assert_true(ip_address_parse(peer, strlen(peer), &from.address));
    assert_int_equal(http_message_create(&head, text, &from, &trusted, &request), HTTP_FAULT_NONE);
    return request;
}

static void test_target(void **state)
{
    (void)state;
    struct http_request *request =
        make("PUT /v1/users/a%2Fb/?x=1&y=a%20b&x=%C3%B6+&flag HTTP/1.1\r\nHost: h:1\r\n\r\n", "192.0.2.1");
    assert_int_equal(http_method(request), HTTP_PUT);
    assert_string_equal(http_path(request), "/v1/users/a%2Fb/");
    assert_int_equal(http_segment_count(request), 4);
    assert_string_equal(http_segment(request, 2), "a/b");
    assert_string_equal(http_segment(request, 3), "");
    assert_int_equal(http_parameter_count(request), 4);
    static const char *const expected[][2] = {{"x", "1"}, {"y", "a b"}, {"x", "\xc3\xb6 "}, {"flag", ""}};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(http_parameter(request, i).name, expected[i][0]);
        assert_string_equal(http_parameter(request, i).value, expected[i][1]);
    }
    assert_string_equal(http_authority(request), "h:1");
    assert_string_equal(http_body(request), "");
    http_message_free(request);
}

static void test_absolute(void **state)
{
    (void)state;
    struct http_request *request = make("GET http://other:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "192.0.2.1");
    assert_string_equal(http_path(request), "/a");
    assert_string_equal(http_authority(request), "other:80");
    http_message_free(request);
    request = make("GET https://other HTTP/1.0\r\n\r\n", "192.0.2.1");
    assert_string_equal(http_path(request), "/");
    assert_string_equal(http_authority(request), "other");
    assert_false(http_is_secure(request)); // what a client writes into the target proves nothing
    http_message_free(request);
    request = make("GET / HTTP/1.0\r\n\r\n", "192.0.2.1");
    assert_string_equal(http_authority(request), "");
    http_message_free(request);
}

static void test_headers(void **state)
{
    (void)state;
    struct http_request *request =
        make("GET / HTTP/1.1\r\nHost: h\r\nX-A: one\r\nx-a:\t two \r\nX-Empty:\r\nX-AB: no\r\n\r\n", "192.0.2.1");
    assert_string_equal(http_header(request, "x-A"), "one");
    assert_int_equal(http_header_count(request, "X-A"), 2);
    assert_string_equal(http_header(request, "X-Empty"), "");
    assert_null(http_header(request, "X"));
    assert_int_equal(http_header_count(request, "X"), 0);
    http_message_free(request);
}

static void expect_client(const char *headers, const char *peer, const char *client, bool secure)
{
    char text[1024];
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", headers);
    struct http_request *request = make(text, peer);
    assert_string_equal(http_client_address(request), client);
    assert_int_equal(http_is_secure(request), secure);
    http_message_free(request);
}

static void test_client(void **state)
{
    (void)state;
    expect_client("", "192.0.2.1", "192.0.2.1", false);
    expect_client("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1", "192.0.2.1", false);
    expect_client("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n", "10.0.0.1", "1.1.1.1", true);
    expect_client("X-Forwarded-For: 6.6.6.6, 1.1.1.1\r\n", "10.0.0.1", "1.1.1.1", false);
    expect_client("X-Forwarded-For: 6.6.6.6, 1.1.1.1 ,10.0.0.2\r\n", "::1", "1.1.1.1", false);
    expect_client("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 10.0.0.2\r\n", "10.0.0.1",
                  "1.1.1.1", false);
    expect_client("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.1", "10.0.0.3", false);
    expect_client("X-Forwarded-For: 1.1.1.1:4711\r\n", "10.0.0.1", "1.1.1.1", false);
    expect_client("X-Forwarded-For: [2001:db8::1]:4711\r\n", "10.0.0.1", "2001:db8::1", false);
    expect_client("X-Forwarded-For: 2001:db8::1\r\n", "10.0.0.1", "2001:db8::1", false);
    // What cannot be read ends the search: the last address that is known counts.
    expect_client("X-Forwarded-For: 1.1.1.1, unknown\r\n", "10.0.0.1", "10.0.0.1", false);
    expect_client("X-Forwarded-For: 1.1.1.1, , 10.0.0.2\r\n", "10.0.0.1", "10.0.0.2", false);
    expect_client("X-Forwarded-For:\r\n", "10.0.0.1", "10.0.0.1", false);
    expect_client("X-Forwarded-Proto: http\r\n", "10.0.0.1", "10.0.0.1", false);
    expect_client("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", "10.0.0.1", "10.0.0.1", false);
}

static void test_client_key(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool same;
    } cases[] = {{"192.0.2.1", "192.0.2.1", true},
                 {"192.0.2.1", "192.0.2.2", false},
                 {"2001:db8::1", "2001:db8::ffff:1", true},
                 {"2001:db8::1", "2001:db8:0:1::1", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char keys[2][HTTP_CLIENT_KEY_SIZE];
        for (int side = 0; side < 2; side++) {
            struct http_request *request = make("GET / HTTP/1.0\r\n\r\n", side == 0 ? cases[i].one : cases[i].other);
            http_client_key(request, keys[side]);
            http_message_free(request);
        }
        assert_int_equal(memcmp(keys[0], keys[1], HTTP_CLIENT_KEY_SIZE) == 0, cases[i].same);
    }
}

static void expect_trace(const char *value, bool good)
{
    char text[256];
    snprintf(text, sizeof(text), "GET / HTTP/1.0\r\nTraceparent: %s\r\n\r\n", value);
    struct http_request *request = make(text, "192.0.2.1");
    if (good) {
        assert_string_equal(http_traceparent(request), value);
    } else {
        assert_null(http_traceparent(request));
    }
    http_message_free(request);
}

static void test_traceparent(void **state)
{
    (void)state;
    expect_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true);
    expect_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true);
    expect_trace("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false);
    expect_trace("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false);
    expect_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false);
    expect_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false);
    expect_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x", false);
    expect_trace("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false);
    expect_trace("", false);
}

static void test_request_id(void **state)
{
    (void)state;
    char text[256], longest[66];
    memset(longest, 'a', 65);
    longest[65] = '\0';
    for (int length = 64; length <= 65; length++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.0\r\nX-Request-Id: %.*s\r\n\r\n", length, longest);
        struct http_request *request = make(text, "192.0.2.1");
        assert_int_equal(strlen(http_request_id(request)), length == 64 ? 64 : 32);
        http_message_free(request);
    }
    char ids[2][65];
    http_message_random_id(ids[0]);
    http_message_random_id(ids[1]);
    assert_string_not_equal(ids[0], ids[1]);
    assert_int_equal(strspn(ids[0], "0123456789abcdef"), 32);
}

static void test_too_many_parameters(void **state)
{
    (void)state;
    char text[512] = "GET /?";
    size_t length = strlen(text);
    for (int i = 0; i < HTTP_PARAMETERS_MAX + 1; i++) {
        memcpy(text + length, "a&", 2);
        length += 2;
    }
    snprintf(text + length, sizeof(text) - length, " HTTP/1.0\r\n\r\n");
    struct http_head head;
    struct http_peer peer = {.text = ""};
    struct http_request *request;
    http_head_start(&head);
    assert_int_equal(http_head_feed(&head, &limits, text, strlen(text)), HTTP_PARSE_DONE);
    assert_int_equal(http_message_create(&head, text, &peer, &trusted, &request), HTTP_FAULT_PARAMETERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),     cmocka_unit_test(test_absolute),
        cmocka_unit_test(test_headers),    cmocka_unit_test(test_client),
        cmocka_unit_test(test_client_key), cmocka_unit_test(test_traceparent),
        cmocka_unit_test(test_request_id), cmocka_unit_test(test_too_many_parameters),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
