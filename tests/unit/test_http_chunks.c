// SPDX-License-Identifier: Apache-2.0
//
// Each chunked body is fed whole, byte by byte and cut at every position: the data and the verdict must be the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_chunks.h"

#define BODY_MAX 64

struct outcome {
    enum http_parse_result result;
    enum http_fault fault;
    size_t used;
    char body[BODY_MAX + 1];
    size_t length;
};

static void feed(struct http_chunks *chunks, struct outcome *outcome, const char *bytes, size_t length)
{
    char *copy = malloc(length + 1); // of its own, so that a sanitizer sees a read beyond
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    size_t at = 0;
    do {
        size_t used, data_length;
        const char *data;
        outcome->result = http_chunks_feed(chunks, copy + at, length - at, &used, &data, &data_length);
        if (outcome->result == HTTP_PARSE_DATA) {
            assert_true(data_length > 0 && outcome->length + data_length <= BODY_MAX);
            assert_true(data >= copy + at && data + data_length == copy + at + used);
            memcpy(outcome->body + outcome->length, data, data_length);
            outcome->length += data_length;
        }
        at += used;
    } while (outcome->result == HTTP_PARSE_DATA);
    outcome->used += at;
    outcome->fault = chunks->fault;
    free(copy);
}

static struct outcome run(const char *bytes, size_t length, size_t step, size_t cut)
{
    struct http_chunks chunks;
    struct outcome outcome = {.result = HTTP_PARSE_MORE};
    http_chunks_start(&chunks, BODY_MAX);
    for (size_t at = 0; at < length && outcome.result == HTTP_PARSE_MORE;) {
        size_t end = at < cut ? cut : at + step;
        end = end < length ? end : length;
        feed(&chunks, &outcome, bytes + at, end - at);
        at = end;
    }
    return outcome;
}

static struct outcome run_all_ways(const char *bytes, size_t length)
{
    struct outcome whole = run(bytes, length, length, 0);
    for (size_t cut = 0; cut < length; cut++) {
        struct outcome other = run(bytes, length, cut == 0 ? 1 : length, cut);
        assert_int_equal(other.result, whole.result);
        assert_int_equal(other.fault, whole.fault);
        assert_int_equal(other.used, whole.used);
        assert_int_equal(other.length, whole.length);
        assert_memory_equal(other.body, whole.body, whole.length);
    }
    return whole;
}

struct body_case {
    const char *bytes;
    size_t length;
    enum http_fault fault;
};

#define CASE(text, fault)                          \
    {                                              \
        text, sizeof(text) - 1, HTTP_FAULT_##fault \
    }

static const struct body_case faults[] = {
    CASE("+5\r\nhello\r\n0\r\n\r\n", CHUNK),
    CASE("-5\r\n", CHUNK),
    CASE("0x5\r\nhello\r\n", CHUNK),
    CASE("5 \r\nhello\r\n", CHUNK),
    CASE(" 5\r\nhello\r\n", CHUNK),
    CASE("5\t\r\n", CHUNK),
    CASE("5 junk\r\nhello\r\n", CHUNK),
    CASE("5 ;a=b\r\nhello\r\n", CHUNK),
    CASE("5\0\r\nhello\r\n", CHUNK),
    CASE("5g\r\n", CHUNK),
    CASE("\r\n", CHUNK),
    CASE(";a\r\n", CHUNK),
    CASE("5\nhello\n", CHUNK),
    CASE("5\r\rhello", CHUNK),
    CASE("5\r\nhello0\r\n\r\n", CHUNK),
    CASE("5\r\nhellox\r\n", CHUNK),
    CASE("5\r\nhello\n0\r\n", CHUNK),
    CASE("5\r\nhello\rx", CHUNK),
    CASE("4\r\nhello\r\n", CHUNK),
    CASE("fffffffffffffffff\r\n", CHUNK),
    CASE("10000000000000005\r\n", CHUNK),
    CASE("0000000000000001\r\n", CHUNK),
    CASE("41\r\n", BODY_LARGE),
    CASE("fffffffffffffff\r\n", BODY_LARGE),
    CASE("1\r\na\r\n40\r\n", BODY_LARGE),
    CASE("5;a=b\nhello\r\n", CHUNK_EXTENSION),
    CASE("5;a=\0\r\nhello\r\n", CHUNK_EXTENSION),
    CASE("5;a=b\rx", CHUNK),
    CASE("0\r\nContent-Length: 5\r\n\r\n", TRAILER_FRAMING),
    CASE("0\r\ntransfer-encoding: chunked\r\n\r\n", TRAILER_FRAMING),
    CASE("0\r\nA: b\r\nHOST: a\r\n\r\n", TRAILER_FRAMING),
    CASE("0\r\nConnection: close\r\n\r\n", TRAILER_FRAMING),
    CASE("0\r\nExpect: 100-continue\r\n\r\n", TRAILER_FRAMING),
    CASE("0\r\nA\r\n\r\n", TRAILER),
    CASE("0\r\n: a\r\n\r\n", TRAILER),
    CASE("0\r\nA : b\r\n\r\n", TRAILER),
    CASE("0\r\n A: b\r\n\r\n", TRAILER),
    CASE("0\r\nA: b\nC: d\r\n\r\n", TRAILER),
    CASE("0\r\nA: \0\r\n\r\n", TRAILER),
    CASE("0\r\nA: b\rc\r\n\r\n", TRAILER),
    CASE("0\r\n\rx", TRAILER),
    CASE("0\r\n\n", TRAILER),
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct outcome outcome = run_all_ways(faults[i].bytes, faults[i].length);
        if (outcome.result != HTTP_PARSE_FAULT || outcome.fault != faults[i].fault) {
            print_error("in: %.*s\n", (int)faults[i].length, faults[i].bytes);
        }
        assert_int_equal(outcome.result, HTTP_PARSE_FAULT);
        assert_int_equal(outcome.fault, faults[i].fault);
    }
}

static void expect_body(const char *text, const char *body, size_t rest)
{
    struct outcome outcome = run_all_ways(text, strlen(text));
    assert_int_equal(outcome.result, HTTP_PARSE_DONE);
    assert_int_equal(outcome.used, strlen(text) - rest);
    assert_int_equal(outcome.length, strlen(body));
    assert_memory_equal(outcome.body, body, outcome.length);
}

static void test_accepted(void **state)
{
    (void)state;
    expect_body("0\r\n\r\n", "", 0);
    expect_body("5\r\nhello\r\n0\r\n\r\n", "hello", 0);
    expect_body("5\r\nhello\r\n0\r\n\r\nGET /", "hello", 5);
    expect_body("3\r\nhel\r\n002\r\nlo\r\n000\r\n\r\n", "hello", 0);
    expect_body("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0);
    expect_body("5;name=value;x=\"y z\"\r\nhello\r\n0;last\r\n\r\n", "hello", 0);
    expect_body("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0);
    expect_body("0\r\nX-Checksum: abc\r\nEmpty:\r\n\r\n", "", 0);
    expect_body("0\r\nContent-Length-Of-Another-Thing: 5\r\n\r\n", "", 0);
    expect_body("40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n0\r\n\r\n",
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0);
}

// A line without an end stops to be read at its limit, and memory does not grow with it.
static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *start;
        enum http_fault fault;
    } cases[] = {
        {"5;", HTTP_FAULT_CHUNK_EXTENSION}, {"0\r\nA:", HTTP_FAULT_TRAILER_LONG}, {"0\r\n", HTTP_FAULT_TRAILER_LONG}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_chunks chunks;
        struct outcome outcome = {.result = HTTP_PARSE_MORE};
        http_chunks_start(&chunks, BODY_MAX);
        feed(&chunks, &outcome, cases[i].start, strlen(cases[i].start));
        size_t fed = 0;
        while (outcome.result == HTTP_PARSE_MORE) {
            feed(&chunks, &outcome, "aaaaaaaa", 8);
            fed += 8;
            assert_true(fed <= HTTP_CHUNKS_OVERHEAD_MAX + 8);
        }
        assert_int_equal(outcome.fault, cases[i].fault);
    }
}

// Extensions of many chunks count together.
static void test_extensions_add_up(void **state)
{
    (void)state;
    struct http_chunks chunks;
    struct outcome outcome = {.result = HTTP_PARSE_MORE};
    http_chunks_start(&chunks, 100000);
    int count = 0;
    while (outcome.result == HTTP_PARSE_MORE) {
        outcome.length = 0;
        feed(&chunks, &outcome, "1;0123456789\r\na\r\n", 17);
        assert_true(++count <= HTTP_CHUNKS_OVERHEAD_MAX / 10 + 1);
    }
    assert_int_equal(outcome.fault, HTTP_FAULT_CHUNK_EXTENSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_extensions_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
