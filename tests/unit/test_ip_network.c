// SPDX-License-Identifier: Apache-2.0
//
// Addresses and networks as text, and who lies in which.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/ip_network.h"

static struct ip_address address(const char *text)
{
    struct ip_address result;
    assert_true(ip_address_parse(text, strlen(text), &result));
    return result;
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"192.0.2.1", "192.0.2.1"},
                                          {"2001:DB8:0::1", "2001:db8::1"},
                                          {"::1", "::1"},
                                          {"::ffff:192.0.2.1", "192.0.2.1"}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct ip_address parsed = address(good[i][0]);
        char text[IP_TEXT_MAX];
        ip_address_text(&parsed, text);
        assert_string_equal(text, good[i][1]);
    }
    static const char *const bad[] = {"",
                                      "1.2.3",
                                      "1.2.3.256",
                                      "01.2.3.4",
                                      "1.2.3.4 ",
                                      "[::1]",
                                      ":::1",
                                      "fe80::1%eth0",
                                      "1.2.3.4:5",
                                      "a",
                                      "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
    struct ip_address parsed;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ip_address_parse(bad[i], strlen(bad[i]), &parsed));
    }
    assert_false(ip_address_parse("1.2.3.4\0x", 9, &parsed));
}

static void test_sockets(void **state)
{
    (void)state;
    struct sockaddr_in four = {.sin_family = AF_INET};
    four.sin_addr.s_addr = htonl(0xc0000201);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr other = {.sa_family = AF_UNIX};
    struct ip_address parsed, expected = address("192.0.2.1");
    assert_true(ip_address_from_socket((const struct sockaddr *)&four, &parsed));
    assert_memory_equal(&parsed, &expected, sizeof(parsed));
    assert_true(ip_address_is_v4(&parsed));
    expected = address("::1");
    assert_true(ip_address_from_socket((const struct sockaddr *)&six, &parsed));
    assert_memory_equal(&parsed, &expected, sizeof(parsed));
    assert_false(ip_address_is_v4(&parsed));
    assert_false(ip_address_from_socket(&other, &parsed));
}

static void expect_holds(const char *network, const char *inside, const char *outside)
{
    struct ip_network parsed;
    assert_true(ip_network_parse(network, &parsed));
    struct ip_address in = address(inside), out = address(outside);
    assert_true(ip_network_holds(&parsed, &in));
    assert_false(ip_network_holds(&parsed, &out));
}

static void test_networks(void **state)
{
    (void)state;
    expect_holds("10.0.0.0/8", "10.255.0.1", "11.0.0.0");
    expect_holds("192.0.2.128/25", "192.0.2.200", "192.0.2.127");
    expect_holds("192.0.2.1", "192.0.2.1", "192.0.2.0");
    expect_holds("192.0.2.1/32", "192.0.2.1", "192.0.2.3");
    expect_holds("0.0.0.0/0", "1.2.3.4", "::1");
    expect_holds("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::");
    expect_holds("::1", "::1", "::2");
    expect_holds("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0");
    struct ip_network parsed;
    struct ip_address any = address("fe80::1");
    assert_true(ip_network_parse("::/0", &parsed));
    assert_true(ip_network_holds(&parsed, &any));
    static const char *const bad[] = {
        "",       "/8",          "10.0.0.0/",   "10.0.0.0/33", "10.0.0.1/8",   "::/129",
        "::1/64", "10.0.0.0/08", "10.0.0.0/ 8", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/1000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ip_network_parse(bad[i], &parsed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
