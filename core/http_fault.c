// SPDX-License-Identifier: Apache-2.0
//
// The table of refusals. Details name the rule, never what the client sent: that may hold a secret.
#include "core/http_fault.h"

#include <assert.h>
#include <stddef.h>

struct description {
    int status;
    const char *type;
    const char *detail;
};

static const char framing[] = "framing";

static const struct description descriptions[HTTP_FAULT_COUNT] = {
    [HTTP_FAULT_REQUEST_LINE] = {400, framing,
                                 "The request line is not METHOD SP TARGET SP VERSION, each once and not empty."},
    [HTTP_FAULT_VERSION] = {505, NULL, "Only HTTP/1.1 and HTTP/1.0 are spoken here."},
    [HTTP_FAULT_METHOD] = {501, NULL, "This method is not known here."},
    [HTTP_FAULT_TARGET] = {400, NULL,
                           "The target must be a path that begins with '/', or an http or https URL, without "
                           "a fragment; characters that a URL cannot hold must be percent-encoded."},
    [HTTP_FAULT_TARGET_LONG] = {414, NULL, "The target is longer than this server reads."},
    [HTTP_FAULT_TARGET_ENCODING] = {400, NULL,
                                    "The target's percent-encoding is broken, or it does not decode to UTF-8 "
                                    "without control characters."},
    [HTTP_FAULT_PARAMETERS] = {400, NULL, "The query has too many parameters."},
    [HTTP_FAULT_CONTROL] = {400, framing, "The head holds a control character."},
    [HTTP_FAULT_BARE_CR] = {400, framing, "The head holds a CR without LF."},
    [HTTP_FAULT_BARE_LF] = {400, framing, "The head holds a LF without CR before it."},
    [HTTP_FAULT_FOLDED] = {400, framing, "A header line begins with white space."},
    [HTTP_FAULT_HEADER] = {400, framing,
                           "A header line is not NAME: VALUE, or its name holds a character that a name cannot hold."},
    [HTTP_FAULT_HEAD_LONG] = {431, NULL, "The request line and headers are longer than this server reads."},
    [HTTP_FAULT_HEADERS_MANY] = {431, NULL, "There are more header lines than this server reads."},
    [HTTP_FAULT_HOST_MISSING] = {400, framing, "An HTTP/1.1 request needs a Host header."},
    [HTTP_FAULT_HOST_TWICE] = {400, framing, "There is more than one Host header."},
    [HTTP_FAULT_HOST] = {400, framing, "The Host header is not a host with an optional port."},
    [HTTP_FAULT_LENGTH] = {400, framing, "The Content-Length is not a decimal number, or far too large."},
    [HTTP_FAULT_LENGTH_TWICE] = {400, framing, "There is more than one Content-Length."},
    [HTTP_FAULT_LENGTH_AND_ENCODING] = {400, framing, "There are a Content-Length and a Transfer-Encoding."},
    [HTTP_FAULT_ENCODING] = {400, framing, "The only Transfer-Encoding read here is: chunked, once."},
    [HTTP_FAULT_ENCODING_OLD] = {400, framing, "HTTP/1.0 has no Transfer-Encoding."},
    [HTTP_FAULT_EXPECT] = {417, NULL, "The only expectation met here is: 100-continue."},
    [HTTP_FAULT_BODY_LARGE] = {413, NULL, "The body is larger than this server accepts."},
    [HTTP_FAULT_CHUNK] = {400, framing,
                          "A chunk is not a hexadecimal size, CRLF, that many bytes and CRLF, or its size is far "
                          "too large."},
    [HTTP_FAULT_CHUNK_EXTENSION] = {400, framing, "The chunk extensions are too long, or hold a control character."},
    [HTTP_FAULT_TRAILER] = {400, framing, "A trailer line is not NAME: VALUE."},
    [HTTP_FAULT_TRAILER_FRAMING] = {400, framing, "A trailer names a header that decides how a request is read."},
    [HTTP_FAULT_TRAILER_LONG] = {431, NULL, "The trailers are longer than this server reads."},
    [HTTP_FAULT_HEAD_CUT] = {400, framing, "The connection was closed before the head was complete."},
    [HTTP_FAULT_BODY_CUT] = {400, framing, "The connection was closed before the body was complete."},
    [HTTP_FAULT_HEAD_SLOW] = {408, NULL, "The head was not complete in time."},
    [HTTP_FAULT_BODY_SLOW] = {408, NULL, "The body was not complete in time."},
    [HTTP_FAULT_INTAKE] = {503, "overloaded", "The server holds as many bodies as it may. Try again later."},
    [HTTP_FAULT_CONNECTIONS] = {503, "overloaded", "The server has as many connections as it may. Try again later."},
};

static const struct description *describe(enum http_fault fault)
{
    assert(fault > HTTP_FAULT_NONE && fault < HTTP_FAULT_COUNT);
    return &descriptions[fault];
}

int http_fault_status(enum http_fault fault)
{
    return describe(fault)->status;
}

const char *http_fault_type(enum http_fault fault)
{
    return describe(fault)->type;
}

const char *http_fault_detail(enum http_fault fault)
{
    return describe(fault)->detail;
}
