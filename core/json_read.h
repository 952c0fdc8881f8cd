// SPDX-License-Identifier: Apache-2.0
//
// Reading JSON that strangers wrote, strictly, into jansson's values.
//
// Refused: invalid UTF-8, repeated keys, anything behind the value, more than JSON_READ_DEPTH levels, numbers
// that do not fit, and NUL inside a string unless allowed. Errors say where and what, in words of ours: the
// text of the document is never repeated in them, so they are fit for logs. Pure functions, any thread; a
// json_t belongs to one thread at a time.
#ifndef CORE_JSON_READ_H
#define CORE_JSON_READ_H

#include "core/json_lex.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer;

/// Arrays and objects within each other.
#define JSON_READ_DEPTH JSON_LEX_DEPTH

enum json_read_flags {
    JSON_READ_ALLOW_NUL = 1, ///< "\u0000" within string values (keys never); use json_string_length()
};

struct json_read_error {
    int line;        ///< from 1
    int column;      ///< in characters, from 1
    size_t position; ///< in bytes, from 0
    char text[160];  ///< the whole sentence: "line 1, column 12: …"
};

/// Reads one JSON value of any type. Returns a reference that the caller drops with json_decref(), or NULL
/// with `error_r` (which may be NULL) filled.
json_t *json_read(const char *data, size_t length, unsigned flags, struct json_read_error *error_r);

/// Appends `value` in canonical form: keys sorted by their bytes, no space, shortest escapes; equal values
/// give equal bytes. For hashing. False when the buffer's ceiling is reached.
bool json_read_canonical(const json_t *value, struct buffer *out);

/// The code points of a JSON string.
size_t json_read_string_count(const json_t *string);

#endif
