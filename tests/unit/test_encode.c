// SPDX-License-Identifier: Apache-2.0
//
// core/encode: both ways for every length, and texts that are not the one form.
#include "tests/unit/unit.h"

#include "core/encode.h"

#include <string.h>

static void test_round_trip(void **state)
{
    (void)state;
    unsigned char data[64];
    unsigned char back[64];
    char text[ENCODE_HEX_SIZE(64)];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i * 151 + 200);
    }
    for (size_t length = 0; length <= sizeof data; length++) {
        size_t got = 99;
        encode_hex(data, length, text);
        assert_int_equal(strlen(text) + 1, ENCODE_HEX_SIZE(length));
        assert_true(decode_hex(text, strlen(text), back, length));
        assert_memory_equal(back, data, length);
        size_t written = encode_base64url(data, length, text);
        assert_int_equal(written, strlen(text));
        assert_int_equal(strlen(text) + 1, ENCODE_BASE64URL_SIZE(length));
        assert_true(decode_base64url(text, strlen(text), back, length, &got));
        assert_int_equal(got, length);
        assert_memory_equal(back, data, length);
        assert_true(length == 0 || !decode_base64url(text, strlen(text), back, length - 1, &got));
    }
}

static void test_known(void **state)
{
    (void)state;
    char text[32];
    encode_hex("\x00\x0f\xff", 3, text);
    assert_string_equal(text, "000fff");
    encode_base64url("foobar", 6, text);
    assert_string_equal(text, "Zm9vYmFy");
    encode_base64url("fooba", 5, text);
    assert_string_equal(text, "Zm9vYmE");
    encode_base64url("\xfb\xff\xfe", 3, text);
    assert_string_equal(text, "-__-");
}

static void test_refused(void **state)
{
    (void)state;
    unsigned char out[16];
    size_t got;
    assert_false(decode_hex("000F", 4, out, 2));
    assert_false(decode_hex("000", 3, out, 1));
    assert_false(decode_hex("0000", 4, out, 1));
    assert_false(decode_hex("00", 2, out, 2));
    assert_false(decode_hex("0g", 2, out, 1));
    static const char *const bad[] = {"A", "AAAAA", "AA==", "AA=", "A+", "A/", "AB", "AAB", "A A", "AA\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (decode_base64url(bad[i], strlen(bad[i]), out, sizeof out, &got)) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
