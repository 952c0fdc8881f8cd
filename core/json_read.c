// SPDX-License-Identifier: Apache-2.0
//
// See core/json_read.h.
//
// A parser of its own that makes jansson's values: jansson's reader takes each byte through a function pointer and
// costs five times as much for a message, knows no limit of depth, and quotes the document in its errors. Strings
// without escapes, nearly all, are copied once, from the document into their value. Numbers with a fraction or an exponent
// are rare here and left to jansson.
#include "core/json_read.h"

#include "core/json_lex.h"
#include "core/utf8.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_KEY 64

struct reader {
    struct json_lex lex;
    unsigned flags;
};

static json_t *read_value(struct reader *reader);

static json_t *read_string_value(struct reader *reader)
{
    struct json_piece piece;
    if (!json_lex_string(&reader->lex, (reader->flags & JSON_READ_ALLOW_NUL) != 0, &piece)) {
        return NULL;
    }
    return json_stringn_nocheck(piece.data, piece.length);
}

static json_t *make_integer(struct json_lex *lex, size_t start)
{
    bool negative = lex->text[start] == '-';
    int64_t number = 0;
    for (size_t at = start + (negative ? 1 : 0); at < lex->at; at++) {
        int64_t digit = lex->text[at] - '0';
        if (__builtin_mul_overflow(number, INT64_C(10), &number) ||
            __builtin_add_overflow(number, negative ? -digit : digit, &number)) {
            return json_lex_complain_at(lex, start, "a number is too big");
        }
    }
    return json_integer(number);
}

static json_t *read_number(struct json_lex *lex)
{
    size_t start = lex->at;
    bool whole;
    if (!json_lex_number(lex, &whole)) {
        return NULL;
    }
    if (whole) {
        return make_integer(lex, start);
    }
    json_t *real = json_loadb(lex->text + start, lex->at - start, JSON_DECODE_ANY, NULL);
    return real != NULL ? real : json_lex_complain_at(lex, start, "a number is too big");
}

static bool read_entries(struct reader *reader, json_t *array)
{
    bool ended = json_lex_empty(&reader->lex, ']');
    bool more = !ended;
    while (more) {
        json_t *value = read_value(reader);
        if (value == NULL || json_array_append_new(array, value) != 0) {
            return false;
        }
        more = json_lex_more(&reader->lex, ']', &ended);
    }
    return ended;
}

/// Puts a member into its object; jansson wants the name terminated.
static bool put_member(struct reader *reader, json_t *object, const char *key, size_t key_at)
{
    size_t before = json_object_size(object);
    json_t *value = read_value(reader);
    if (value == NULL || json_object_set_new_nocheck(object, key, value) != 0) {
        return false;
    }
    if (json_object_size(object) == before) {
        json_lex_complain_at(&reader->lex, key_at, "a member occurs twice in its object");
        return false;
    }
    return true;
}

static bool read_member(struct reader *reader, json_t *object)
{
    struct json_piece key;
    char few[SHORT_KEY];
    size_t key_at = reader->lex.at;
    if (!json_lex_name(&reader->lex, &key)) {
        return false;
    }
    char *name = key.length < sizeof few ? few : malloc(key.length + 1);
    if (name == NULL) {
        return false;
    }
    memcpy(name, key.data, key.length);
    name[key.length] = '\0';
    bool good = put_member(reader, object, name, key_at);
    if (name != few) {
        free(name);
    }
    return good;
}

static bool read_members(struct reader *reader, json_t *object)
{
    bool ended = json_lex_empty(&reader->lex, '}');
    bool more = !ended;
    while (more) {
        json_lex_space(&reader->lex);
        if (!read_member(reader, object)) {
            return false;
        }
        more = json_lex_more(&reader->lex, '}', &ended);
    }
    return ended;
}

static json_t *read_container(struct reader *reader, bool object)
{
    if (!json_lex_enter(&reader->lex)) {
        return NULL;
    }
    json_t *container = object ? json_object() : json_array();
    bool good = container != NULL && (object ? read_members(reader, container) : read_entries(reader, container));
    reader->lex.depth--;
    if (!good) {
        json_decref(container);
        return NULL;
    }
    return container;
}

static json_t *read_value(struct reader *reader)
{
    struct json_lex *lex = &reader->lex;
    int byte = json_lex_space(lex);
    switch (byte) {
    case '{':
        return read_container(reader, true);
    case '[':
        return read_container(reader, false);
    case '"':
        return read_string_value(reader);
    case 't':
        return json_lex_word(lex, "true") ? json_true() : NULL;
    case 'f':
        return json_lex_word(lex, "false") ? json_false() : NULL;
    case 'n':
        return json_lex_word(lex, "null") ? json_null() : NULL;
    default:
        break;
    }
    return byte == '-' || (byte >= '0' && byte <= '9') ? read_number(lex)
                                                       : json_lex_complain(lex, "a value was expected");
}

static void fill_error(const struct json_lex *lex, struct json_read_error *error)
{
    size_t start = 0;
    error->line = 1;
    for (size_t at = 0; at < lex->error_at; at++) {
        if (lex->text[at] == '\n') {
            error->line += error->line < INT_MAX;
            start = at + 1;
        }
    }
    size_t column = utf8_count(lex->text + start, lex->error_at - start) + 1;
    error->column = column < INT_MAX ? (int)column : INT_MAX;
    error->position = lex->error_at;
    snprintf(error->text, sizeof error->text, "line %d, column %d: %s", error->line, error->column, lex->error);
}

json_t *json_read(const char *data, size_t length, unsigned flags, struct json_read_error *error_r)
{
    struct reader reader = {.lex = {.text = length > 0 ? data : "", .length = length}, .flags = flags};
    json_t *value = read_value(&reader);
    if (value != NULL && json_lex_space(&reader.lex) >= 0) {
        json_lex_complain(&reader.lex, "something follows the end of the document");
        json_decref(value);
        value = NULL;
    }
    free(reader.lex.scratch);
    if (value == NULL && error_r != NULL) {
        json_lex_complain_at(&reader.lex, reader.lex.at, "no memory to read the document");
        fill_error(&reader.lex, error_r);
    }
    return value;
}

size_t json_read_string_count(const json_t *string)
{
    return utf8_count(json_string_value(string), json_string_length(string));
}
