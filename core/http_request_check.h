// SPDX-License-Identifier: Apache-2.0
//
// Whether an HTTP request that a plugin asks for may go out: nothing in it may be read as more than one
// header, method or address.
#ifndef CORE_HTTP_REQUEST_CHECK_H
#define CORE_HTTP_REQUEST_CHECK_H

#include <posthouse/plugin.h>
#include <stdbool.h>

/// A request has at most so many headers, of at most so many bytes each.
#define HTTP_REQUEST_HEADERS_MAX 64
#define HTTP_REQUEST_HEADER_SIZE_MAX 16384
#define HTTP_REQUEST_URL_SIZE_MAX 16384

/// NULL when the request is sound, else what is wrong (a constant).
const char *http_request_check(const struct ph_http_request *request);

/// True when a header line "Name: value" has this name, in letters of any size.
bool http_request_header_is(const char *line, const char *name);

#endif
