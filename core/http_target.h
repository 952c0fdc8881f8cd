// SPDX-License-Identifier: Apache-2.0
//
// A request's target taken apart: origin form ("/v1/inbox?limit=5"), absolute form ("http://host/path") and "*". Pure
// functions over bytes.
#ifndef CORE_HTTP_TARGET_H
#define CORE_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/http_fault.h"
#include "core/http_request.h"

/// A piece of the target; the pointer is into the target, or to a constant.
struct http_piece {
    const char *text;
    size_t length;
};

struct http_target {
    struct http_piece authority; ///< text NULL but in the absolute form
    struct http_piece path;      ///< never empty; "/" for an absolute target without a path
    struct http_piece query;     ///< text NULL without a '?'
};

/// Splits a target. NONE, or HTTP_FAULT_TARGET for what is none of the three forms ("*" with OPTIONS only), for user
/// information, a fragment, or a character that must be percent-encoded.
enum http_fault http_target_split(const char *text, size_t length, enum http_method method,
                                  struct http_target *target_r);

/// Decodes percent-encoding into `out`, which has room for `length` + 1 bytes and is NUL-terminated; with `plus`, '+'
/// is a space. False for a '%' without two hexadecimal digits, and for a result that is not UTF-8 or holds a control
/// character (an encoded NUL, a line's end).
bool http_percent_decode(const char *text, size_t length, bool plus, char *out, size_t *length_r);

/// The number of parameters in a query: its pieces between '&'; empty ones do not count.
size_t http_query_count(struct http_piece query);

/// Decodes up to `max` parameters of the query, names and values one after the other in `out`, which has room for
/// query.length + 1 + max bytes. Returns NONE with `count_r` set, HTTP_FAULT_PARAMETERS for more than `max`, or
/// HTTP_FAULT_TARGET_ENCODING.
enum http_fault http_query_decode(struct http_piece query, struct http_parameter *parameters_r, size_t max, char *out,
                                  size_t *count_r);

/// Decodes a path's segments into `out`, which has room for path.length + 1 bytes. At most `max` are kept; `count_r`
/// receives their number, or max + 1 if there were more. NONE, or HTTP_FAULT_TARGET_ENCODING.
enum http_fault http_path_decode(struct http_piece path, const char **segments_r, size_t max, char *out,
                                 size_t *count_r);

#endif
