// SPDX-License-Identifier: Apache-2.0
//
// Addresses: what is read as one, an address in use found by name though ports are shared, several at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http_listen.h"
#include "tests/unit/http_harness.h"

static void expect_address(const char *text, const char *expected)
{
    struct http_address address;
    char error[200] = "";
    assert_true(http_address_parse(text, &address, error, sizeof(error)));
    assert_string_equal(address.text, expected);
}

static void test_addresses(void **state)
{
    (void)state;
    expect_address("127.0.0.1:8080", "127.0.0.1:8080");
    expect_address("*:0", "0.0.0.0:0");
    expect_address("localhost:65535", "127.0.0.1:65535");
    expect_address("[::1]:80", "[::1]:80");
    expect_address("[0:0::0]:80", "[::]:80");
    static const char *const refused[] = {"",          "127.0.0.1", "127.0.0.1:",  ":8080",        "127.0.0.1:65536",
                                          "1.2.3:80",  "::1:80",    "[::1]",       "[::1:80",      "a.example:80",
                                          "[a]:80",    "*",         "127.0.0.1:a", "127.0.0.1:+1", "127.0.0.1:000080",
                                          "1.2.3.4 :1"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char error[200] = "";
        assert_false(http_listen_check(refused[i], error, sizeof(error)));
        assert_true(strlen(error) > 10);
    }
}

static void test_shared_and_in_use(void **state)
{
    (void)state;
    struct http_address address, again;
    char error[200] = "";
    int fds[3], more[2];
    assert_true(http_address_parse("127.0.0.1:0", &address, error, sizeof(error)));
    assert_int_equal(http_listen(&address, fds, 3, error, sizeof(error)), HTTP_SERVER_OK);
    assert_int_not_equal(http_address_port(&address), 0);
    // Though its sockets are shared among themselves, the address is taken for everybody else.
    for (size_t count = 1; count <= 2; count++) {
        again = address;
        assert_int_equal(http_listen(&again, more, count, error, sizeof(error)), HTTP_SERVER_ADDRESS_IN_USE);
        assert_non_null(strstr(error, address.text));
    }
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    again = address;
    assert_int_equal(http_listen(&again, more, 1, error, sizeof(error)), HTTP_SERVER_OK);
    close(more[0]);
}

static void test_server_in_use(void **state)
{
    (void)state;
    struct harness harness;
    harness_init(&harness);
    harness_start(&harness);
    struct http_server_config config = harness.config;
    const char *listen[] = {"127.0.0.1:0", http_server_address(harness.server, 0)};
    config.listen = listen;
    config.listen_count = 2;
    struct http_server *second = NULL;
    char error[200] = "";
    assert_int_equal(http_server_create(&config, &second, error, sizeof(error)), HTTP_SERVER_ADDRESS_IN_USE);
    assert_null(second);
    assert_non_null(strstr(error, listen[1]));
    harness_stop(&harness);
}

static void test_several(void **state)
{
    (void)state;
    struct harness harness;
    harness_init(&harness);
    const char *listen[] = {"127.0.0.1:0", "127.0.0.2:0", "[::1]:0"};
    harness.config.listen = listen;
    // A machine without IPv6 has two of them.
    struct http_address six;
    char error[200];
    int fd;
    http_address_parse(listen[2], &six, error, sizeof(error));
    bool has_six = http_listen(&six, &fd, 1, error, sizeof(error)) == HTTP_SERVER_OK;
    if (has_six) {
        close(fd);
    }
    harness.config.listen_count = has_six ? 3 : 2;
    harness_start(&harness);
    for (size_t i = 0; i < harness.config.listen_count; i++) {
        assert_int_not_equal(http_server_port(harness.server, i), 0);
    }
    assert_int_equal(strncmp(http_server_address(harness.server, 1), "127.0.0.2:", 10), 0);
    harness_stop(&harness);
}

static void test_invalid_configuration(void **state)
{
    (void)state;
    struct harness harness;
    harness_init(&harness);
    struct http_server *server = NULL;
    char error[200] = "";
    for (int i = 0; i < 7; i++) {
        struct http_server_config config = harness.config;
        const char *listen = "nowhere";
        const char *proxy = "10.0.0.1/8";
        switch (i) {
        case 0:
            config.listen = &listen;
            break;
        case 1:
            config.listen_count = 0;
            break;
        case 2:
            config.loops = HTTP_LOOPS_MAX + 1;
            break;
        case 3:
            config.limits.head_max = 65536;
            break;
        case 4:
            config.limits.idle_timeout = 0;
            break;
        case 5:
            config.limits.intake_max = config.limits.body_max - 1;
            break;
        default:
            config.trusted_proxies = &proxy;
            config.trusted_proxy_count = 1;
        }
        error[0] = '\0';
        assert_int_equal(http_server_create(&config, &server, error, sizeof(error)), HTTP_SERVER_INVALID);
        assert_null(server);
        assert_true(strlen(error) > 10);
    }
    event_free(harness.later);
    event_base_free(harness.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_shared_and_in_use),
        cmocka_unit_test(test_server_in_use),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_invalid_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
