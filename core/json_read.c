// SPDX-License-Identifier: Apache-2.0
//
// See core/json_read.h.
//
// jansson's own limit of depth is fixed far above ours, so the brackets are counted before it sees the text; that scan
// knows strings and escapes and nothing else, because jansson refuses whatever is not JSON.
#include "core/json_read.h"

#include "core/buffer.h"
#include "core/utf8.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANONICAL_DEPTH 64
#define CANONICAL_FEW_KEYS 16

/// The position of the first bracket that is nested too deeply; `length` when there is none.
static size_t find_too_deep(const char *data, size_t length)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t at = 0; at < length; at++) {
        char byte = data[at];
        if (in_string) {
            at += byte == '\\';
            in_string = byte != '"';
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '[' || byte == '{') {
            if (++depth > JSON_READ_DEPTH) {
                return at;
            }
        } else if ((byte == ']' || byte == '}') && depth > 0) {
            depth--;
        }
    }
    return length;
}

static void fill_error(struct json_read_error *error, int line, int column, size_t position, const char *what)
{
    if (error != NULL) {
        error->line = line > 0 ? line : 1;
        error->column = column > 0 ? column : 1;
        error->position = position;
        snprintf(error->text, sizeof error->text, "line %d, column %d: %s", error->line, error->column, what);
    }
}

static void fill_depth_error(struct json_read_error *error, const char *data, size_t position)
{
    int line = 1;
    size_t start = 0;
    for (size_t at = 0; at < position; at++) {
        if (data[at] == '\n') {
            line += line < INT_MAX;
            start = at + 1;
        }
    }
    size_t column = utf8_count(data + start, position - start) + 1;
    char what[80];
    snprintf(what, sizeof what, "arrays and objects are nested more than %d levels deep", JSON_READ_DEPTH);
    fill_error(error, line, column < INT_MAX ? (int)column : INT_MAX, position, what);
}

/// A sentence for jansson's complaint, without the piece of the document that it quotes.
static const char *complaint(const json_error_t *from, char *room, size_t size)
{
    switch (json_error_code(from)) {
    case json_error_out_of_memory:
        return "no memory to read the document";
    case json_error_stack_overflow:
        return "the document is nested too deeply";
    case json_error_invalid_utf8:
        return "the text is not valid UTF-8";
    case json_error_premature_end_of_input:
        return "the document ends too early";
    case json_error_end_of_input_expected:
        return "something follows the end of the document";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "the character U+0000 is not allowed";
    case json_error_duplicate_key:
        return "a member occurs twice in its object";
    case json_error_numeric_overflow:
        return "a number is too big";
    default:
        break;
    }
    const char *quote = strstr(from->text, " near ");
    size_t length = quote != NULL ? (size_t)(quote - from->text) : strlen(from->text);
    if (strncmp(from->text, "invalid Unicode", 15) == 0) {
        return "an escape stands for no character";
    }
    utf8_clean(room, size, from->text, length);
    return room;
}

json_t *json_read(const char *data, size_t length, unsigned flags, struct json_read_error *error_r)
{
    size_t deep = find_too_deep(data, length);
    if (deep < length) {
        fill_depth_error(error_r, data, deep);
        return NULL;
    }
    size_t options = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    if ((flags & JSON_READ_ALLOW_NUL) != 0) {
        options |= JSON_ALLOW_NUL;
    }
    json_error_t error;
    json_t *value = json_loadb(length > 0 ? data : "", length, options, &error);
    if (value == NULL) {
        char room[96];
        fill_error(error_r, error.line, error.column, error.position > 0 ? (size_t)error.position : 0,
                   complaint(&error, room, sizeof room));
    }
    return value;
}

size_t json_read_string_count(const json_t *string)
{
    return utf8_count(json_string_value(string), json_string_length(string));
}

static bool canonical(const json_t *value, struct buffer *out, unsigned depth);

struct member {
    const char *key;
    const json_t *value;
};

static int compare_members(const void *left, const void *right)
{
    return strcmp(((const struct member *)left)->key, ((const struct member *)right)->key);
}

/// Lists the members in the order of their keys. jansson's iteration is not const, but changes nothing.
static size_t sort_members(const json_t *object, struct member *members, size_t count)
{
    json_t *plain = (json_t *)(uintptr_t)object;
    size_t used = 0;
    for (void *at = json_object_iter(plain); at != NULL && used < count; at = json_object_iter_next(plain, at)) {
        members[used++] = (struct member){.key = json_object_iter_key(at), .value = json_object_iter_value(at)};
    }
    qsort(members, used, sizeof *members, compare_members);
    return used;
}

static bool canonical_object(const json_t *object, struct buffer *out, unsigned depth)
{
    struct member few[CANONICAL_FEW_KEYS];
    size_t size = json_object_size(object);
    struct member *members = size <= CANONICAL_FEW_KEYS ? few : malloc(size * sizeof *members);
    if (members == NULL) {
        return false;
    }
    size_t count = sort_members(object, members, size);
    bool good = buffer_byte(out, '{');
    for (size_t i = 0; good && i < count; i++) {
        good = (i == 0 || buffer_byte(out, ',')) && buffer_json_string(out, members[i].key, strlen(members[i].key)) &&
               buffer_byte(out, ':') && canonical(members[i].value, out, depth + 1);
    }
    if (members != few) {
        free(members);
    }
    return good && buffer_byte(out, '}');
}

static bool canonical_array(const json_t *array, struct buffer *out, unsigned depth)
{
    bool good = buffer_byte(out, '[');
    for (size_t i = 0; good && i < json_array_size(array); i++) {
        good = (i == 0 || buffer_byte(out, ',')) && canonical(json_array_get(array, i), out, depth + 1);
    }
    return good && buffer_byte(out, ']');
}

static bool canonical_real(const json_t *real, struct buffer *out)
{
    char text[64];
    size_t length = json_dumpb(real, text, sizeof text, JSON_ENCODE_ANY);
    return length > 0 && length <= sizeof text && buffer_append(out, text, length);
}

static bool canonical(const json_t *value, struct buffer *out, unsigned depth)
{
    if (depth > CANONICAL_DEPTH) {
        return false;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return canonical_object(value, out, depth);
    case JSON_ARRAY:
        return canonical_array(value, out, depth);
    case JSON_STRING:
        return buffer_json_string(out, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return buffer_signed(out, json_integer_value(value));
    case JSON_REAL:
        return canonical_real(value, out);
    case JSON_TRUE:
        return buffer_text(out, "true");
    case JSON_FALSE:
        return buffer_text(out, "false");
    case JSON_NULL:
        return buffer_text(out, "null");
    }
    return false;
}

bool json_read_canonical(const json_t *value, struct buffer *out)
{
    return canonical(value, out, 0);
}
