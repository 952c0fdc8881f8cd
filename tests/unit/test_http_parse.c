// SPDX-License-Identifier: Apache-2.0
//
// Each head is fed whole, byte by byte and cut at every position: the verdict must be the same, and known.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_parse.h"

#define HEAD_MAX 1024
#define TARGET_MAX 256

static const struct http_parse_limits limits = {HEAD_MAX, TARGET_MAX};

// Feeds `length` bytes in two steps, cut at `cut`. Every feed works on memory of exactly its size, so that a sanitizer
// sees a read beyond.
static enum http_parse_result feed_cut(struct http_head *head, const char *bytes, size_t length, size_t cut)
{
    http_head_start(head);
    size_t ends[2] = {cut, length};
    enum http_parse_result result = HTTP_PARSE_MORE;
    for (size_t i = cut == 0 ? 1 : 0; i < 2 && result == HTTP_PARSE_MORE; i++) {
        char *copy = malloc(ends[i]);
        assert_non_null(copy);
        memcpy(copy, bytes, ends[i]);
        result = http_head_feed(head, &limits, copy, ends[i]);
        free(copy);
    }
    return result;
}

static enum http_parse_result feed_bytewise(struct http_head *head, const char *bytes, size_t length)
{
    http_head_start(head);
    enum http_parse_result result = HTTP_PARSE_MORE;
    for (size_t end = 1; end <= length && result == HTTP_PARSE_MORE; end++) {
        result = http_head_feed(head, &limits, bytes, end);
    }
    return result;
}

static void assert_same(const struct http_head *one, const struct http_head *other)
{
    assert_int_equal(one->fault, other->fault);
    assert_int_equal(one->field_count, other->field_count);
    assert_memory_equal(one->fields, other->fields, one->field_count * sizeof(one->fields[0]));
    assert_int_equal(one->method, other->method);
    assert_memory_equal(&one->target, &other->target, sizeof(one->target));
    assert_int_equal(one->length, other->length);
    assert_int_equal(one->chunked, other->chunked);
    assert_int_equal(one->version_1_1, other->version_1_1);
    assert_int_equal(http_head_keeps_alive(one), http_head_keeps_alive(other));
}

// Reads a head in all ways and returns what was found.
static enum http_parse_result read_all_ways(const char *bytes, size_t length, struct http_head *head_r)
{
    enum http_parse_result whole = feed_cut(head_r, bytes, length, 0);
    struct http_head other;
    for (size_t cut = 1; cut < length; cut++) {
        assert_int_equal(feed_cut(&other, bytes, length, cut), whole);
        assert_same(head_r, &other);
        if (whole == HTTP_PARSE_DONE) {
            assert_int_equal(other.offset, head_r->offset);
        }
    }
    assert_int_equal(feed_bytewise(&other, bytes, length), whole);
    assert_same(head_r, &other);
    return whole;
}

static void expect_fault(const char *bytes, size_t length, enum http_fault fault)
{
    struct http_head head;
    enum http_parse_result result = read_all_ways(bytes, length, &head);
    if (result != HTTP_PARSE_FAULT || head.fault != fault) {
        print_error("in: %.*s\n", (int)length, bytes);
    }
    assert_int_equal(result, HTTP_PARSE_FAULT);
    assert_int_equal(head.fault, fault);
}

struct fault_case {
    const char *bytes;
    size_t length;
    enum http_fault fault;
};

#define CASE(text, fault)                          \
    {                                              \
        text, sizeof(text) - 1, HTTP_FAULT_##fault \
    }
#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

static const struct fault_case faults[] = {
    // the request line
    CASE("GET /\r\n", VERSION),
    CASE("GET / HTTP/0.9\r\n", VERSION),
    CASE("GET / HTTP/2.0\r\n", VERSION),
    CASE("GET / HTTP/1.2\r\n", VERSION),
    CASE("GET / HTTP/1.10\r\n", VERSION),
    CASE("GET / HTTP/1.\r\n", VERSION),
    CASE("GET / http/1.1\r\n", VERSION),
    CASE("GET / HTTP/1,1\r\n", VERSION),
    CASE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION),
    CASE("BREW / HTTP/1.1\r\n", METHOD),
    CASE("get / HTTP/1.1\r\n", METHOD),
    CASE("CONNECT a:1 HTTP/1.1\r\n", METHOD),
    CASE("TRACE / HTTP/1.1\r\n", METHOD),
    CASE("GET\r\n", REQUEST_LINE),
    CASE("GET \r\n", REQUEST_LINE),
    CASE("GET  / HTTP/1.1\r\n", REQUEST_LINE),
    CASE("GET /  HTTP/1.1\r\n", REQUEST_LINE),
    CASE("GET / HTTP/1.1 \r\n", REQUEST_LINE),
    CASE("GET /a b HTTP/1.1\r\n", REQUEST_LINE),
    CASE(" GET / HTTP/1.1\r\n", REQUEST_LINE),
    CASE("G@T / HTTP/1.1\r\n", REQUEST_LINE),
    CASE("\r\n\r\nGET / HTTP/1.1\r\n", REQUEST_LINE),
    // line ends and control characters
    CASE("GET / HTTP/1.1\n", BARE_LF),
    CASE(GET "Host: a\n\r\n", BARE_LF),
    CASE(GET "Host: a\r\n\n", BARE_LF),
    CASE(GET "Host: a\rb: c\r\n", BARE_CR),
    CASE(GET "Host: a\r\r\n", BARE_CR),
    CASE("\rGET / HTTP/1.1\r\n", BARE_CR),
    CASE("GET /\0 HTTP/1.1\r\n", CONTROL),
    CASE("G\0T / HTTP/1.1\r\n", CONTROL),
    CASE(GET "Content-Length: 5\0 99\r\n", CONTROL),
    CASE(GET "Ho\0st: a\r\n", CONTROL),
    CASE(GET "A: \x01\r\n", CONTROL),
    CASE(GET "A: \x7f\r\n", CONTROL),
    CASE(GET "A: \x0b\r\n", CONTROL),
    CASE("\x16\x03\x01\x02", CONTROL),
    // header lines
    CASE(GET "A: b\r\n c\r\n", FOLDED),
    CASE(GET "A: b\r\n\tc\r\n", FOLDED),
    CASE(GET " Host: a\r\n", FOLDED),
    CASE(GET "Host : a\r\n", HEADER),
    CASE(GET "Host\t: a\r\n", HEADER),
    CASE(GET ": a\r\n", HEADER),
    CASE(GET "Host\r\n", HEADER),
    CASE(GET "Ho st: a\r\n", HEADER),
    CASE(GET "Ho(st: a\r\n", HEADER),
    CASE(GET "H\xc3\xb6st: a\r\n", HEADER),
    CASE(GET "Content-Length : 5\r\n", HEADER),
    CASE(GET "Transfer-Encoding : chunked\r\n", HEADER),
    // Host
    CASE(GET "\r\n", HOST_MISSING),
    CASE(GET HOST HOST "\r\n", HOST_TWICE),
    CASE(GET HOST "host: b\r\n\r\n", HOST_TWICE),
    CASE("GET / HTTP/1.0\r\n" HOST HOST "\r\n", HOST_TWICE),
    CASE(GET "Host: a b\r\n", HOST),
    CASE(GET "Host: a,b\r\n", HOST),
    CASE(GET "Host: a/b\r\n", HOST),
    CASE(GET "Host: u@a\r\n", HOST),
    // lengths
    CASE(GET HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", LENGTH_TWICE),
    CASE(GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", LENGTH_TWICE),
    CASE(GET HOST "Content-Length: 1, 1\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 1,1\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: +1\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: -1\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 0x1\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 1a\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 1 1\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 1.0\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: \r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 18446744073709551617\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 9223372036854775808\r\n\r\n", LENGTH),
    CASE(GET HOST "Content-Length: 999999999999999999999999999999999\r\n\r\n", LENGTH),
    // encodings
    CASE(GET HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", LENGTH_AND_ENCODING),
    CASE(GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", LENGTH_AND_ENCODING),
    CASE(GET HOST "Transfer-Encoding: identity\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: xchunked\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: gzip, chunked\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: chunked, chunked\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: Chunked\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: \"chunked\"\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: chunked;q=1\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding:\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ENCODING),
    CASE(GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", ENCODING),
    CASE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ENCODING_OLD),
    // expectations
    CASE(GET HOST "Expect: 200-ok\r\n", EXPECT),
    CASE(GET HOST "Expect: 100-continue, x\r\n", EXPECT),
    CASE(GET HOST "Expect:\r\n", EXPECT),
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        expect_fault(faults[i].bytes, faults[i].length, faults[i].fault);
    }
}

// A fault is known at its own byte, not only when the head is complete.
static void test_early(void **state)
{
    (void)state;
    static const char text[] = GET "A: b\r\nHost : a\r\n";
    struct http_head head;
    http_head_start(&head);
    assert_int_equal(http_head_feed(&head, &limits, text, sizeof(text) - 2), HTTP_PARSE_MORE);
    assert_int_equal(http_head_feed(&head, &limits, text, sizeof(text) - 1), HTTP_PARSE_FAULT);
}

static void expect_done(const char *text, struct http_head *head_r)
{
    enum http_parse_result result = read_all_ways(text, strlen(text), head_r);
    if (result != HTTP_PARSE_DONE) {
        print_error("in: %s\n", text);
    }
    assert_int_equal(result, HTTP_PARSE_DONE);
}

static void assert_span(const char *text, struct http_span span, const char *expected)
{
    assert_int_equal(span.length, strlen(expected));
    assert_memory_equal(text + span.at, expected, span.length);
}

static void test_accepted(void **state)
{
    (void)state;
    static const char text[] = "POST /v1/messages?a=b HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 007\r\n"
                               "X-Empty:\r\nX-Space: \t b  c \t\r\nX-High: \xc3\xb6\r\n\r\nrest";
    struct http_head head;
    expect_done(text, &head);
    assert_int_equal(head.offset, strlen(text) - 4);
    assert_int_equal(head.method, HTTP_POST);
    assert_span(text, head.target, "/v1/messages?a=b");
    assert_span(text, head.host, "a.example:80");
    assert_true(head.has_length);
    assert_int_equal(head.length, 7);
    assert_int_equal(head.field_count, 5);
    assert_span(text, head.fields[2].name, "X-Empty");
    assert_span(text, head.fields[2].value, "");
    assert_span(text, head.fields[3].value, "b  c");
    assert_span(text, head.fields[4].value, "\xc3\xb6");
    assert_true(http_head_keeps_alive(&head));
}

static void test_framing_accepted(void **state)
{
    (void)state;
    struct http_head head;
    expect_done("PUT / HTTP/1.1\r\nhOsT: a\r\ntransfer-ENCODING: chunked\r\n\r\n", &head);
    assert_true(head.chunked);
    assert_false(head.has_length);
    expect_done("\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n", &head);
    assert_true(head.has_host);
    expect_done("POST / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 922337203685477579\r\n\r\n", &head);
    assert_true(head.length == 922337203685477579U);
    expect_done("GET http://a/b HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", &head);
    assert_true(head.expects_continue);
    expect_done("GET / HTTP/1.0\r\nExpect: what\r\n\r\n", &head);
    assert_false(head.expects_continue);
}

static void test_keep_alive(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keeps;
    } cases[] = {
        {GET HOST "\r\n", true},
        {GET HOST "Connection: close\r\n\r\n", false},
        {GET HOST "Connection: x, CLOSE\r\n\r\n", false},
        {GET HOST "Connection: ,close ,,\r\n\r\n", false},
        {GET HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n", false},
        {GET HOST "Connection: closed\r\n\r\n", true},
        {GET HOST "Connection: upgrade\r\n\r\n", true},
        {GET HOST "Connection:\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_head head;
        expect_done(cases[i].text, &head);
        assert_int_equal(http_head_keeps_alive(&head), cases[i].keeps);
    }
}

// Writes "GET /aaa… HTTP/1.1\r\n" with a target of `target` bytes.
static size_t long_line(char *out, size_t target)
{
    memcpy(out, "GET /", 5);
    memset(out + 5, 'a', target - 1);
    memcpy(out + 4 + target, " HTTP/1.1\r\n", 11);
    return 4 + target + 11;
}

static void test_target_limit(void **state)
{
    (void)state;
    char text[HEAD_MAX * 2];
    struct http_head head;
    size_t length = long_line(text, TARGET_MAX);
    memcpy(text + length, HOST "\r\n", 12);
    assert_int_equal(read_all_ways(text, length + 11, &head), HTTP_PARSE_DONE);
    assert_int_equal(head.target.length, TARGET_MAX);
    expect_fault(text, long_line(text, TARGET_MAX + 1), HTTP_FAULT_TARGET_LONG);
    expect_fault(text, long_line(text, HEAD_MAX), HTTP_FAULT_TARGET_LONG);
    // A line without an end is refused too, once it is longer than any good one.
    memset(text, 'a', sizeof(text));
    expect_fault(text, TARGET_MAX + 64, HTTP_FAULT_TARGET_LONG);
}

static void test_head_limit(void **state)
{
    (void)state;
    char text[HEAD_MAX + 8];
    size_t length = sizeof(GET HOST "A: ") - 1;
    memcpy(text, GET HOST "A: ", length);
    memset(text + length, 'a', sizeof(text) - length);
    memcpy(text + HEAD_MAX - 4, "\r\n\r\n", 4);
    struct http_head head;
    assert_int_equal(read_all_ways(text, HEAD_MAX, &head), HTTP_PARSE_DONE);
    assert_int_equal(head.offset, HEAD_MAX);
    memcpy(text + HEAD_MAX - 4, "a\r\n\r\n", 5);
    expect_fault(text, HEAD_MAX + 1, HTTP_FAULT_HEAD_LONG);
    memset(text + length, 'a', sizeof(text) - length);
    expect_fault(text, HEAD_MAX + 8, HTTP_FAULT_HEAD_LONG);
}

static void test_field_limit(void **state)
{
    (void)state;
    char text[HEAD_MAX];
    size_t length = sizeof(GET HOST) - 1;
    memcpy(text, GET HOST, length);
    for (int i = 0; i < HTTP_FIELDS_MAX - 1; i++) {
        memcpy(text + length, "a:\r\n", 4);
        length += 4;
    }
    memcpy(text + length, "\r\n", 2);
    struct http_head head;
    assert_int_equal(read_all_ways(text, length + 2, &head), HTTP_PARSE_DONE);
    assert_int_equal(head.field_count, HTTP_FIELDS_MAX);
    memcpy(text + length, "a:\r\n\r\n", 6);
    expect_fault(text, length + 6, HTTP_FAULT_HEADERS_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),     cmocka_unit_test(test_early),
        cmocka_unit_test(test_accepted),   cmocka_unit_test(test_framing_accepted),
        cmocka_unit_test(test_keep_alive), cmocka_unit_test(test_target_limit),
        cmocka_unit_test(test_head_limit), cmocka_unit_test(test_field_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
