// SPDX-License-Identifier: Apache-2.0
//
// core/json_read: what is refused and where, canonical form.
#include "tests/unit/unit.h"

#include "core/buffer.h"
#include "core/json_read.h"

#include <string.h>

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *contains;
    } cases[] = {
        {"", "the document ends too early"},
        {"{", "line 1, column 2: the document ends too early"},
        {"{\"a\":1,\"a\":2}", "a member occurs twice"},
        {"{} x", "something follows the end"},
        {"{}{}", "something follows the end"},
        {"\"\\u0000\"", "U+0000"},
        {"{\"\\u0000\":1}", "U+0000"},
        {"\"\xff\"", "not valid UTF-8"},
        {"\"\xed\xa0\x80\"", "not valid UTF-8"},
        {"\"\\ud800\"", "an escape stands for no character"},
        {"123456789012345678901234567890", "a number is too big"},
        {"1e999", "a number is too big"},
        {"[1,]", "line 1, column 4: "},
        {"{\n\"a\": tru\n}", "line 2, column 6: a value was expected"},
        {"\"\xc3\xa9\" x", "line 1, column 5: something follows"},
        {"[1 2]", "line 1, column 4: a comma or ] was expected"},
        {"{\"a\":1 2}", "line 1, column 8: a comma or } was expected"},
        {"{\"a\" 1}", "line 1, column 6: a colon was expected"},
        {"{a:1}", "line 1, column 2: the name of a member"},
        {"{\"a\":1,}", "line 1, column 8: the name of a member"},
        {"\"\\x\"", "line 1, column 3: no such escape"},
        {"\"\\u12g4\"", "line 1, column 6: four hexadecimal digits"},
        {"\"\\udc00\"", "line 1, column 2: an escape stands for no character"},
        {"\"\\ud800\\u0041\"", "line 1, column 2: an escape stands for no character"},
        {"\"\\ud800\\ue000\"", "line 1, column 2: an escape stands for no character"},
        {"\"\x1f\"", "line 1, column 2: a control character"},
        {"\"\\", "line 1, column 3: the document ends too early"},
        {"\"abc", "line 1, column 5: the document ends too early"},
        {"-", "line 1, column 2: the document ends too early"},
        {"-a", "line 1, column 2: a digit was expected"},
        {"1.", "line 1, column 3: the document ends too early"},
        {"1.e5", "line 1, column 3: a digit was expected"},
        {"1e+", "line 1, column 4: the document ends too early"},
        {".5", "line 1, column 1: a value was expected"},
        {"+1", "line 1, column 1: a value was expected"},
        {"9223372036854775808", "a number is too big"},
        {"-9223372036854775809", "a number is too big"},
        {"nul", "line 1, column 1: a value was expected"},
        {"\xc2\xa0"
         "1",
         "line 1, column 1: a value was expected"},
        {"\"a\nb\"", "line 1, column "},
        {"01", "line 1, column 1: a number must not begin"},
        {"NaN", "line 1, column "},
        {"\xef\xbb\xbf{}", "line 1, column "},
        {"'a'", "line 1, column "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_read_error error;
        assert_null(json_read(cases[i].text, strlen(cases[i].text), 0, &error));
        if (strstr(error.text, cases[i].contains) == NULL) {
            fail_msg("%s: %s", cases[i].text, error.text);
        }
        assert_null(json_read(cases[i].text, strlen(cases[i].text), 0, NULL));
    }
    struct json_read_error error;
    assert_null(json_read("{\"a\0\":1}", 8, 0, &error));
    assert_null(json_read("{}\0", 3, 0, &error));
}

static void test_error_does_not_quote(void **state)
{
    (void)state;
    struct json_read_error error;
    const char *text = "{\"password\": hunter2}";
    assert_null(json_read(text, strlen(text), 0, &error));
    assert_null(strstr(error.text, "hunter"));
}

static void test_depth(void **state)
{
    (void)state;
    struct json_read_error error;
    char text[200];
    for (size_t depth = 30; depth < 36; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        json_t *value = json_read(text, 2 * depth, 0, &error);
        assert_int_equal(value != NULL, depth <= JSON_READ_DEPTH);
        json_decref(value);
    }
    assert_int_equal(error.column, JSON_READ_DEPTH + 1);
    assert_int_equal(error.position, JSON_READ_DEPTH);
    const char *brackets = "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\"]";
    json_t *value = json_read(brackets, strlen(brackets), 0, &error);
    assert_non_null(value);
    json_decref(value);
    memset(text, '[', sizeof text);
    text[5] = '\n';
    assert_null(json_read(text, sizeof text, 0, &error));
    assert_int_equal(error.line, 2);
    assert_non_null(strstr(error.text, "nested more than 32 levels"));
}

static void test_nul_by_flag(void **state)
{
    (void)state;
    json_t *value = json_read("\"a\\u0000b\"", 10, JSON_READ_ALLOW_NUL, NULL);
    assert_non_null(value);
    assert_int_equal(json_string_length(value), 3);
    assert_int_equal(json_read_string_count(value), 3);
    json_decref(value);
    value = json_read("\"\\ud83d\\udc0e\xc3\xa9\"", 16, 0, NULL);
    assert_non_null(value);
    assert_int_equal(json_read_string_count(value), 2);
    json_decref(value);
}

/// Every document that jansson takes is taken, and means the same.
static void test_accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "1.5",
        "-0.25e-3",
        "1E5",
        "1e+2",
        "1e-999",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[ 1 , 2 ]\n",
        "{ \"a\" : { \"\" : [ ] } , \"b\":[{}]}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\uDC0E\\u007f\\u07ff\\u0800\"",
        "\"plain \xc3\xa9 and \\u0041 and \xf0\x9f\x90\x8e\\n\"",
        "\"\x7f\"",
        "{\"k\\u0041\":\"\\u0042\",\"l\":1}",
        "{\"a-very-long-name-of-a-member-that-does-not-fit-into-the-little-room-for-names-on-the-stack\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_read_error error;
        json_t *ours = json_read(texts[i], strlen(texts[i]), 0, &error);
        json_t *theirs = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        if (ours == NULL || !json_equal(ours, theirs)) {
            fail_msg("%s: %s", texts[i], ours == NULL ? error.text : "something else");
        }
        json_decref(ours);
        json_decref(theirs);
    }
}

/// Every byte at every place of a string, which is read eight bytes at a time where none of them is special.
static void test_bytes_of_a_string(void **state)
{
    (void)state;
    for (size_t place = 0; place < 20; place++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[] = "[\"\x7f!#[]^ abcdefghijklmnop\"]";
            text[2 + place] = (char)byte;
            json_t *ours = json_read(text, sizeof text - 1, 0, NULL);
            json_t *theirs = json_loadb(text, sizeof text - 1, 0, NULL);
            assert_int_equal(ours == NULL, theirs == NULL);
            assert_true(ours == NULL || json_equal(ours, theirs));
            json_decref(ours);
            json_decref(theirs);
        }
    }
}

static void assert_canonical(const char *text, const char *expected)
{
    struct buffer buffer;
    json_t *value = json_read(text, strlen(text), JSON_READ_ALLOW_NUL, NULL);
    assert_non_null(value);
    buffer_init(&buffer, 4096);
    assert_true(json_read_canonical(value, &buffer));
    assert_string_equal(buffer_string(&buffer), expected);
    buffer_clear(&buffer);
    buffer.ceiling = buffer.capacity = 3;
    assert_int_equal(json_read_canonical(value, &buffer), strlen(expected) <= 3);
    buffer_free(&buffer);
    json_decref(value);
}

static void test_canonical(void **state)
{
    (void)state;
    assert_canonical("1", "1");
    assert_canonical(" [ true , false , null, -5, 1.50, \"\\u0061\\/\\u0000\" ] ",
                     "[true,false,null,-5,1.5,\"a/\\u0000\"]");
    assert_canonical("{\"b\": {\"z\": 1, \"y\": []}, \"a\": {}, \"\": 0, \"ab\": 2}",
                     "{\"\":0,\"a\":{},\"ab\":2,\"b\":{\"y\":[],\"z\":1}}");
    assert_canonical("{\"\xc3\xa9\":1,\"z\":2,\"\\u00e8\":3}", "{\"z\":2,\"\xc3\xa8\":3,\"\xc3\xa9\":1}");
    assert_canonical("{\"q\":1,\"p\":1,\"o\":1,\"n\":1,\"m\":1,\"l\":1,\"k\":1,\"j\":1,\"i\":1,\"h\":1,\"g\":1,\"f\":1,"
                     "\"e\":1,\"d\":1,\"c\":1,\"b\":1,\"a\":1}",
                     "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,"
                     "\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}");
}

static void test_canonical_depth(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    json_t *value = json_array();
    for (int i = 0; i < 70; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    assert_false(json_read_canonical(value, &buffer));
    buffer_free(&buffer);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_error_does_not_quote),
        cmocka_unit_test(test_accepted),        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_nul_by_flag),     cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_canonical_depth), cmocka_unit_test(test_bytes_of_a_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
