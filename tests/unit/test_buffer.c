// SPDX-License-Identifier: Apache-2.0
//
// core/buffer: appending, the ceiling that sticks, JSON strings, hand-over.
#include "tests/unit/unit.h"

#include "core/buffer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void test_appends(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    assert_true(buffer_text(&buffer, "a"));
    assert_true(buffer_append(&buffer, NULL, 0));
    assert_true(buffer_byte(&buffer, '-'));
    assert_true(buffer_unsigned(&buffer, 0));
    assert_true(buffer_unsigned(&buffer, UINT64_MAX));
    assert_true(buffer_signed(&buffer, INT64_MIN));
    assert_true(buffer_signed(&buffer, 7));
    assert_true(buffer_printf(&buffer, "[%s]", "x"));
    assert_string_equal(buffer_string(&buffer), "a-018446744073709551615-92233720368547758087[x]");
    buffer_truncate(&buffer, 1);
    assert_string_equal(buffer_string(&buffer), "a");
    buffer_free(&buffer);
    assert_string_equal(buffer_string(&buffer), "");
    buffer_free(&buffer);
}

static void test_growth_keeps_content(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        assert_true(buffer_printf(&buffer, "%05d;", i));
    }
    assert_int_equal(buffer.length, 120000);
    for (int i = 0; i < 20000; i++) {
        char number[16];
        snprintf(number, sizeof number, "%05d;", i);
        assert_memory_equal(buffer.data + (size_t)i * 6, number, 6);
    }
    buffer_free(&buffer);
}

static void test_ceiling_is_exact_and_sticks(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10);
    assert_true(buffer_append(&buffer, "12345678", 8));
    assert_false(buffer_append(&buffer, "abc", 3));
    assert_int_equal(buffer.length, 8);
    assert_false(buffer_byte(&buffer, 'x'));
    assert_true(buffer_failed(&buffer));
    assert_null(buffer_string(&buffer));
    buffer_clear(&buffer);
    assert_true(buffer_append(&buffer, "1234567890", 10));
    assert_string_equal(buffer_string(&buffer), "1234567890");
    assert_false(buffer_printf(&buffer, "%d", 5));
    buffer_clear(&buffer);
    assert_true(buffer_printf(&buffer, "%010d", 5));
    buffer_clear(&buffer);
    assert_false(buffer_printf(&buffer, "%011d", 5));
    assert_int_equal(buffer.length, 0);
    buffer_clear(&buffer);
    assert_false(buffer_reserve(&buffer, SIZE_MAX));
    buffer_free(&buffer);
}

static void test_json_string_forms(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    const char text[] = "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\0z";
    assert_true(buffer_json_string(&buffer, text, sizeof text - 1));
    assert_string_equal(buffer_string(&buffer), "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\\u0000z\"");
    buffer_clear(&buffer);
    assert_true(buffer_json_string(&buffer, NULL, 0));
    assert_string_equal(buffer_string(&buffer), "\"\"");
    buffer_free(&buffer);
}

/// Every ASCII byte at every place of words of every length comes back from a JSON reader as it went in.
static void test_json_string_round_trip(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    for (size_t length = 1; length < 20; length++) {
        for (size_t place = 0; place < length; place++) {
            for (int byte = 0; byte < 128; byte++) {
                char text[20];
                memset(text, '!', sizeof text);
                text[place] = (char)byte;
                buffer_clear(&buffer);
                assert_true(buffer_json_string(&buffer, text, length));
                json_t *read = json_loadb(buffer.data, buffer.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
                assert_non_null(read);
                assert_int_equal(json_string_length(read), length);
                assert_memory_equal(json_string_value(read), text, length);
                json_decref(read);
            }
        }
    }
    buffer_free(&buffer);
}

static void test_json_string_is_whole_or_absent(void **state)
{
    (void)state;
    for (size_t ceiling = 0; ceiling < 12; ceiling++) {
        struct buffer buffer;
        buffer_init(&buffer, ceiling);
        bool fits = buffer_json_string(&buffer, "ab\ncd\x01", 6);
        assert_int_equal(fits, ceiling >= 14);
        assert_int_equal(buffer.length, 0);
        buffer_free(&buffer);
    }
}

static void test_detach(void **state)
{
    (void)state;
    struct buffer buffer;
    size_t length;
    buffer_init(&buffer, 100);
    char *data = buffer_detach(&buffer, &length);
    assert_string_equal(data, "");
    assert_int_equal(length, 0);
    free(data);
    buffer_text(&buffer, "horse");
    data = buffer_detach(&buffer, &length);
    assert_string_equal(data, "horse");
    assert_int_equal(length, 5);
    assert_int_equal(buffer.capacity, 0);
    free(data);
    assert_true(buffer_text(&buffer, "again"));
    assert_false(buffer_reserve(&buffer, 1000));
    assert_null(buffer_detach(&buffer, &length));
    assert_int_equal(length, 0);
    assert_false(buffer_failed(&buffer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_growth_keeps_content),
        cmocka_unit_test(test_ceiling_is_exact_and_sticks),
        cmocka_unit_test(test_json_string_forms),
        cmocka_unit_test(test_json_string_round_trip),
        cmocka_unit_test(test_json_string_is_whole_or_absent),
        cmocka_unit_test(test_detach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
