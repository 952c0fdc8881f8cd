// SPDX-License-Identifier: Apache-2.0
//
// core/timestamp: against the C library's calendar, and the texts that are refused.
#include "tests/unit/unit.h"

#include "core/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void assert_agrees(int64_t milliseconds)
{
    int64_t seconds = milliseconds >= 0 ? milliseconds / 1000 : -((-milliseconds + 999) / 1000);
    time_t moment = (time_t)seconds;
    struct tm parts;
    assert_non_null(gmtime_r(&moment, &parts));
    char expected[64];
    char text[TIMESTAMP_SIZE];
    snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
             parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(milliseconds - seconds * 1000));
    timestamp_format(milliseconds, text);
    assert_string_equal(text, expected);
    int64_t back = -1;
    assert_true(timestamp_parse(text, strlen(text), &back));
    assert_int_equal(back, milliseconds);
}

static void test_days_agree_with_the_library(void **state)
{
    (void)state;
    for (int64_t day = TIMESTAMP_MIN / 86400000; day <= TIMESTAMP_MAX / 86400000; day++) {
        int64_t of_day = (day * 7919 % 86400000 + 86400000) % 86400000;
        if (day % 13 == 0 || (day > -40000 && day < 60000)) {
            assert_agrees(day * 86400000 + of_day);
        }
    }
    assert_agrees(TIMESTAMP_MIN);
    assert_agrees(TIMESTAMP_MAX);
    assert_agrees(0);
    assert_agrees(-1);
}

static void test_format_clamps(void **state)
{
    (void)state;
    char text[TIMESTAMP_SIZE];
    timestamp_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    timestamp_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.5Z", 500},
        {"1970-01-01T00:00:00.123456789Z", 123},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T18:30:00.001-05:30", 1},
        {"1970-01-01T00:00:00-00:00", 0},
        {"2024-02-29T12:00:00Z", 1709208000000},
        {"2026-11-22T21:04:45.123Z", 1795381485123},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = -7;
        assert_true(timestamp_parse(cases[i].text, strlen(cases[i].text), &got));
        assert_int_equal(got, cases[i].milliseconds);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026-11-22",
        "2026-11-22T21:04:45",
        "2026-11-22t21:04:45Z",
        "2026-11-22T21:04:45z",
        "2026-11-22 21:04:45Z",
        "2026-11-22T21:04Z",
        "2026-11-22T21:04:45.Z",
        "2026-11-22T21:04:45,5Z",
        "2026-11-22T21:04:45.1234567890Z",
        "2026-11-22T21:04:60Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T21:60:00Z",
        "2026-00-22T21:04:45Z",
        "2026-13-22T21:04:45Z",
        "2026-11-31T21:04:45Z",
        "2026-11-00T21:04:45Z",
        "2026-02-29T21:04:45Z",
        "1900-02-29T21:04:45Z",
        "2026-11-22T21:04:45+24:00",
        "2026-11-22T21:04:45+01:60",
        "2026-11-22T21:04:45+0100",
        "2026-11-22T21:04:45+01",
        "2026-11-22T21:04:45ZZ",
        "2026-11-22T21:04:45Z ",
        " 2026-11-22T21:04:45Z",
        "-026-11-22T21:04:45Z",
        "2026-11-22T21:04:4/Z",
        "2026-11-22T21:04:4:Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-11-22T21:04:45.5",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got;
        if (timestamp_parse(cases[i], strlen(cases[i]), &got)) {
            fail_msg("taken: %s", cases[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_agree_with_the_library),
        cmocka_unit_test(test_format_clamps),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
