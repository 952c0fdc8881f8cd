// SPDX-License-Identifier: Apache-2.0
//
// The head of an answer as bytes. Pure functions over a buffer; what the connection decides (close, no body) is told.
#ifndef CORE_HTTP_RESPONSE_H
#define CORE_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "core/buffer.h"
#include "core/http_request.h"

/// "Fri, 06 Nov 2026 10:00:00 GMT" and its NUL.
#define HTTP_DATE_SIZE 30

/// What goes into the head.
struct http_response {
    int status;
    const struct http_header *headers;
    size_t header_count;
    size_t body_length;
    const char *request_id;
    const char *date;
    bool close;      ///< say Connection: close
    bool keep_alive; ///< say Connection: keep-alive (to HTTP/1.0)
};

/// The status's phrase: "Not Found". "Unknown" for one without.
const char *http_status_phrase(int status);

/// Whether an answer of this status may have a body (and a Content-Length): not 1xx, 204 and 304.
bool http_status_has_body(int status);

/// Whether every header may be sent: names are tokens and none of those the layer writes itself, values hold no control
/// characters.
bool http_headers_valid(const struct http_header *headers, size_t count);

/// Appends the head with its empty line. The headers are valid. False if it does not fit the buffer.
bool http_response_write(struct buffer *out, const struct http_response *response);

/// Writes a time as HTTP wants it.
void http_date(time_t time, char date_r[HTTP_DATE_SIZE]);

#endif
