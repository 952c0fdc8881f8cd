// SPDX-License-Identifier: Apache-2.0
//
// The head of an answer, byte for byte, and what may go into it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_fault.h"
#include "core/http_response.h"

static void expect_head(const struct http_response *response, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1000);
    assert_true(http_response_write(&out, response));
    assert_string_equal(buffer_string(&out), expected);
    buffer_free(&out);
}

static void test_write(void **state)
{
    (void)state;
    const struct http_header headers[] = {{"Content-Type", "text/plain"}, {"X", ""}};
    struct http_response response = {
        .status = 202, .headers = headers, .header_count = 2, .body_length = 12, .request_id = "id", .date = "today"};
    expect_head(&response,
                "HTTP/1.1 202 Accepted\r\nDate: today\r\nX-Request-Id: id\r\nContent-Type: text/plain\r\nX: \r\n"
                "Content-Length: 12\r\n\r\n");
    response = (struct http_response){.status = 204, .request_id = "id", .date = "today", .close = true};
    expect_head(&response, "HTTP/1.1 204 No Content\r\nDate: today\r\nX-Request-Id: id\r\nConnection: close\r\n\r\n");
    response = (struct http_response){.status = 599, .request_id = "id", .date = "today", .keep_alive = true};
    expect_head(&response, "HTTP/1.1 599 Unknown\r\nDate: today\r\nX-Request-Id: id\r\nContent-Length: 0\r\n"
                           "Connection: keep-alive\r\n\r\n");
    struct buffer small;
    buffer_init(&small, 20);
    assert_false(http_response_write(&small, &response));
    buffer_free(&small);
}

static void test_date(void **state)
{
    (void)state;
    char date[HTTP_DATE_SIZE];
    http_date(0, date);
    assert_string_equal(date, "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date(951782400 + 3661, date);
    assert_string_equal(date, "Tue, 29 Feb 2000 01:01:01 GMT");
    http_date(1794477600, date);
    assert_string_equal(date, "Thu, 12 Nov 2026 10:00:00 GMT");
}

static void test_headers_valid(void **state)
{
    (void)state;
    struct http_header header = {"X-A_b!", "visible \t\xc3\xb6"};
    assert_true(http_headers_valid(&header, 1));
    assert_true(http_headers_valid(NULL, 0));
    header.value = "a\rb";
    assert_false(http_headers_valid(&header, 1));
    header = (struct http_header){"CONNECTION", "close"};
    assert_false(http_headers_valid(&header, 1));
}

static void test_bodies(void **state)
{
    (void)state;
    assert_true(http_status_has_body(200));
    assert_false(http_status_has_body(204));
    assert_false(http_status_has_body(304));
    assert_false(http_status_has_body(100));
}

// Every refusal has a status that is an error, and a sentence.
static void test_faults(void **state)
{
    (void)state;
    for (enum http_fault fault = HTTP_FAULT_NONE + 1; fault < HTTP_FAULT_COUNT; fault++) {
        assert_in_range(http_fault_status(fault), 400, 505);
        assert_string_not_equal(http_status_phrase(http_fault_status(fault)), "Unknown");
        const char *detail = http_fault_detail(fault);
        assert_true(strlen(detail) > 20 && (detail[strlen(detail) - 1] == '.' || strstr(detail, ": ") != NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),  cmocka_unit_test(test_date),   cmocka_unit_test(test_headers_valid),
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
