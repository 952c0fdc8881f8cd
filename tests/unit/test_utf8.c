// SPDX-License-Identifier: Apache-2.0
//
// core/utf8: what is valid and what is not, counting, cutting, cleaning.
#include "tests/unit/unit.h"

#include "core/utf8.h"

#include <stdio.h>
#include <string.h>

/// Writes a code point as the standard's table has it.
static size_t encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t at = length - 1; at > 0; at--) {
        out[at] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(heads[length] | code);
    return length;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char text[4];
        uint32_t read = 0;
        size_t length = encode(code, text);
        bool good = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(utf8_step(text, length, &read), good ? length : 0);
        assert_int_equal(utf8_valid(text, length), good);
        if (good) {
            assert_int_equal(read, code);
            assert_int_equal(utf8_step(text, length - 1, NULL), 0);
        }
    }
}

static void test_invalid_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xed\xa0\x80",
        "\xc3",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc3(",
        "\xe2(\xa1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[40];
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
        snprintf(text, sizeof text, "12345678abc%s", bad[i]);
        assert_false(utf8_valid(text, strlen(text)));
        snprintf(text, sizeof text, "12345678abc%s12345678", bad[i]);
        assert_false(utf8_valid(text, strlen(text)));
    }
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("a\0b", 3));
    assert_true(utf8_valid("12345678\xc3\xa9 12345678\xf0\x9f\x90\x8e", 23));
}

static void test_count_and_cut(void **state)
{
    (void)state;
    const char text[] = "ab\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8e"
                        "0123456789";
    static const size_t cuts[] = {0, 1, 2, 2, 4, 4, 4, 7, 7, 7, 7, 11, 12};
    size_t length = sizeof text - 1;
    assert_int_equal(utf8_count(text, length), 15);
    assert_int_equal(utf8_count("", 0), 0);
    for (size_t limit = 0; limit < sizeof cuts / sizeof cuts[0]; limit++) {
        assert_int_equal(utf8_cut(text, length, limit), cuts[limit]);
    }
    assert_int_equal(utf8_cut(text, length, 1000), length);
}

static void test_clean(void **state)
{
    (void)state;
    char out[64];
    const char text[] = "a\nb\x1b[31mc\x7f\xc2\x85"
                        "d\xe2\x80\xae"
                        "e\xff\xc3\xa9\0f";
    size_t length = utf8_clean(out, sizeof out, text, sizeof text - 1);
    assert_string_equal(out, "a?b?[31mc??d?e?\xc3\xa9?f");
    assert_int_equal(length, strlen(out));
    size_t used;
    assert_int_equal(utf8_clean_part(out, 4, "ab\xe2\x82\xac", 5, &used), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(used, 2);
    assert_int_equal(utf8_clean_part(out, 6, "ab\xe2\x82\xac", 5, &used), 5);
    assert_int_equal(used, 5);
    assert_int_equal(utf8_clean(out, 1, "abc", 3), 0);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_invalid_forms),
        cmocka_unit_test(test_count_and_cut),
        cmocka_unit_test(test_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
