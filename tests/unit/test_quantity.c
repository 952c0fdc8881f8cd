// SPDX-License-Identifier: Apache-2.0
//
// core/quantity: durations and sizes, both ways.
#include "tests/unit/unit.h"

#include "core/quantity.h"

#include <stdbool.h>
#include <string.h>

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds;
        const char *back;
    } cases[] = {
        {"0", 0, "0s"},
        {"0ms", 0, "0s"},
        {"500ms", 500, "500ms"},
        {"10s", 10000, "10s"},
        {"90s", 90000, "90s"},
        {"120s", 120000, "2m"},
        {"12h", 43200000, "12h"},
        {"24h", 86400000, "1d"},
        {"30d", 2592000000, "30d"},
        {"1500ms", 1500, "1500ms"},
        {"9223372036854775807ms", INT64_MAX, "9223372036854775807ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = -1;
        char back[QUANTITY_SIZE];
        assert_true(quantity_parse_duration(cases[i].text, strlen(cases[i].text), &got));
        assert_int_equal(got, cases[i].milliseconds);
        quantity_format_duration(got, back);
        assert_string_equal(back, cases[i].back);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
        const char *back;
    } cases[] = {
        {"0", 0, "0"},
        {"1500", 1500, "1500"},
        {"1500B", 1500, "1500"},
        {"256KiB", 262144, "256KiB"},
        {"1MiB", 1048576, "1MiB"},
        {"1024KiB", 1048576, "1MiB"},
        {"10k", 10000, "10000"},
        {"10kB", 10000, "10000"},
        {"2M", 2000000, "2000000"},
        {"2MB", 2000000, "2000000"},
        {"3G", 3000000000, "3000000000"},
        {"3GB", 3000000000, "3000000000"},
        {"4GiB", UINT64_C(4) << 30, "4GiB"},
        {"5TiB", UINT64_C(5) << 40, "5TiB"},
        {"18446744073709551615", UINT64_MAX, "18446744073709551615"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got = 1;
        char back[QUANTITY_SIZE];
        assert_true(quantity_parse_size(cases[i].text, strlen(cases[i].text), &got));
        assert_int_equal(got, cases[i].size);
        quantity_format_size(got, back);
        assert_string_equal(back, cases[i].back);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const durations[] = {"",
                                            "s",
                                            "10",
                                            "10 s",
                                            " 10s",
                                            "10s ",
                                            "-1s",
                                            "+1s",
                                            "1.5s",
                                            "10S",
                                            "10us",
                                            "10ss",
                                            "1h1m",
                                            "9223372036854775808ms",
                                            "18446744073709551616ms",
                                            "106751991168d",
                                            "0x10s"};
    static const char *const sizes[] = {"",
                                        "B",
                                        "10K",
                                        "10KB",
                                        "10kib",
                                        "10 k",
                                        "-1",
                                        "+1",
                                        "1.5k",
                                        "10b",
                                        "1e3",
                                        "18446744073709551616",
                                        "16777216TiB",
                                        "10MiBB"};
    int64_t duration;
    uint64_t size;
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        if (quantity_parse_duration(durations[i], strlen(durations[i]), &duration)) {
            fail_msg("taken: %s", durations[i]);
        }
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (quantity_parse_size(sizes[i], strlen(sizes[i]), &size)) {
            fail_msg("taken: %s", sizes[i]);
        }
    }
}

static void test_unsigned(void **state)
{
    (void)state;
    uint64_t number;
    assert_true(quantity_parse_unsigned("007", 3, &number));
    assert_int_equal(number, 7);
    assert_false(quantity_parse_unsigned("", 0, &number));
    assert_false(quantity_parse_unsigned("7x", 2, &number));
    assert_false(quantity_parse_unsigned("18446744073709551616", 20, &number));
}

static void test_shares(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t millionths;
    } good[] = {{"0%", 0},       {"5%", 50000}, {"0.1%", 1000}, {"12.3456%", 123456}, {"100%", QUANTITY_WHOLE},
                {"00.50%", 5000}};
    static const char *const bad[] = {"",
                                      "%",
                                      "5",
                                      "5 %",
                                      "-5%",
                                      "100.0001%",
                                      "101%",
                                      "1.%",
                                      ".5%",
                                      "1.23456%",
                                      "1..2%",
                                      "5%%",
                                      "18446744073709551617%"};
    uint32_t millionths;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(quantity_parse_share(good[i].text, strlen(good[i].text), &millionths));
        assert_int_equal(millionths, good[i].millionths);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(quantity_parse_share(bad[i], strlen(bad[i]), &millionths));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_sizes),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unsigned),  cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
