// SPDX-License-Identifier: Apache-2.0
//
// The head of a request, read strictly: there is exactly one way to read it, or a fault. Incremental and without
// allocation: the caller keeps the bytes and a struct http_head, and feeds all bytes of the head so far again when more
// have come; each byte is looked at once. The verdict depends on the bytes alone, never on how they were cut.
#ifndef CORE_HTTP_PARSE_H
#define CORE_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http_fault.h"
#include "core/http_request.h"

#define HTTP_FIELDS_MAX 100
/// Spans are 16 bits wide.
#define HTTP_HEAD_CEILING 65535
/// Longer than any method that is known.
#define HTTP_METHOD_LENGTH_MAX 16

enum http_parse_result { HTTP_PARSE_MORE, HTTP_PARSE_DATA, HTTP_PARSE_DONE, HTTP_PARSE_FAULT };

/// Where a piece of the head lies, counted from its first byte.
struct http_span {
    uint16_t at;
    uint16_t length;
};

/// One header line; the value without the white space around it.
struct http_field {
    struct http_span name;
    struct http_span value;
};

/// What has been read so far. Only the parser writes it.
struct http_head {
    uint32_t offset;       ///< bytes looked at; after DONE, the length of the head with its empty line
    uint32_t line;         ///< where the current line begins
    bool line_read;        ///< the request line is complete; method, target and version may be read
    enum http_fault fault; ///< after FAULT
    enum http_method method;
    struct http_span target;
    bool version_1_1;
    bool close;      ///< Connection: close
    bool keep_alive; ///< Connection: keep-alive
    bool expects_continue;
    bool chunked;
    bool has_length;
    uint64_t length; ///< the Content-Length
    bool has_host;
    struct http_span host;
    uint16_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

/// head_max at most HTTP_HEAD_CEILING.
struct http_parse_limits {
    size_t head_max;
    size_t target_max;
};

/// Begins a head.
void http_head_start(struct http_head *head);

/// Reads on. `bytes` is the head from its first byte, `length` all bytes there are (those behind the head's end are
/// left alone). DONE: head->offset bytes are the head. MORE: everything was looked at. FAULT: see head->fault.
enum http_parse_result http_head_feed(struct http_head *head, const struct http_parse_limits *limits, const char *bytes,
                                      size_t length);

/// Whether the connection stays open after the answer, by version and Connection header.
bool http_head_keeps_alive(const struct http_head *head);

/// True for a token of RFC 9110 (a header's name, a method).
bool http_is_token(const char *text, size_t length);

/// True for a character that a token may hold.
bool http_is_token_character(char character);

/// True for a header's value: no control character but tab.
bool http_is_value(const char *text, size_t length);

/// Compares with a lower-case word without regard to case.
bool http_same_word(const char *text, size_t length, const char *lower);

#endif
