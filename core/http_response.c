// SPDX-License-Identifier: Apache-2.0
//
// Written with plain appends: an answer's head is on the path of every message.
#include "core/http_response.h"

#include <stdio.h>
#include <string.h>

#include "core/http_parse.h"

struct status {
    int code;
    const char *phrase;
};

static const struct status statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *http_status_phrase(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].code == status) {
            return statuses[i].phrase;
        }
    }
    return "Unknown";
}

bool http_status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static bool is_own(const char *name, size_t length)
{
    static const struct {
        size_t length;
        const char *name;
    } own[] = {
        {14, "content-length"}, {17, "transfer-encoding"}, {10, "connection"}, {4, "date"}, {12, "x-request-id"},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (length == own[i].length && http_same_word(name, length, own[i].name)) {
            return true;
        }
    }
    return false;
}

bool http_headers_valid(const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(headers[i].name);
        if (!http_is_token(headers[i].name, length) || is_own(headers[i].name, length) ||
            !http_is_value(headers[i].value, strlen(headers[i].value))) {
            return false;
        }
    }
    return true;
}

bool http_response_write(struct buffer *out, const struct http_response *response)
{
    buffer_text(out, "HTTP/1.1 ");
    buffer_unsigned(out, (uint64_t)response->status);
    buffer_byte(out, ' ');
    buffer_text(out, http_status_phrase(response->status));
    buffer_text(out, "\r\nDate: ");
    buffer_text(out, response->date);
    buffer_text(out, "\r\nX-Request-Id: ");
    buffer_text(out, response->request_id);
    for (size_t i = 0; i < response->header_count; i++) {
        buffer_text(out, "\r\n");
        buffer_text(out, response->headers[i].name);
        buffer_text(out, ": ");
        buffer_text(out, response->headers[i].value);
    }
    if (http_status_has_body(response->status)) {
        buffer_text(out, "\r\nContent-Length: ");
        buffer_unsigned(out, response->body_length);
    }
    if (response->close) {
        buffer_text(out, "\r\nConnection: close");
    } else if (response->keep_alive) {
        buffer_text(out, "\r\nConnection: keep-alive");
    }
    return buffer_text(out, "\r\n\r\n");
}

void http_date(time_t time, char date_r[HTTP_DATE_SIZE])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || parts.tm_year < -1900 || parts.tm_year > 8099) {
        memcpy(date_r, "Thu, 01 Jan 1970 00:00:00 GMT", HTTP_DATE_SIZE);
        return;
    }
    // Not strftime: day and month are English in every locale here.
    char text[64];
    snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + parts.tm_wday * 3, parts.tm_mday,
             months + parts.tm_mon * 3, parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    memcpy(date_r, text, HTTP_DATE_SIZE - 1);
    date_r[HTTP_DATE_SIZE - 1] = '\0';
}
