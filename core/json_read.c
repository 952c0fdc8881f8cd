// SPDX-License-Identifier: Apache-2.0
//
// See core/json_read.h.
//
// A parser of its own that makes jansson's values: jansson's reader takes each byte through a function pointer and
// costs five times as much for a message, knows no limit of depth, and quotes the document in its errors. Strings
// without escapes, nearly all, are copied once, from the document into their value. Numbers with a fraction or an exponent
// are rare here and left to jansson.
#include "core/json_read.h"

#include "core/utf8.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_KEY 64

struct reader {
    const char *text;
    size_t length;
    size_t at;
    unsigned flags;
    unsigned depth;
    char *scratch; ///< where strings with escapes are put together; as long as the document
    const char *error;
    size_t error_at;
};

/// Bytes of a string, in the document or in the scratch.
struct piece {
    const char *data;
    size_t length;
};

static json_t *read_value(struct reader *reader);

/// Notes the first complaint. Always NULL, so that it can be returned.
static void *complain_at(struct reader *reader, size_t at, const char *what)
{
    if (reader->error == NULL) {
        reader->error = what;
        reader->error_at = at;
    }
    return NULL;
}

/// Complains of the next byte, or of the end where there is none.
static void *complain(struct reader *reader, const char *what)
{
    return complain_at(reader, reader->at, reader->at < reader->length ? what : "the document ends too early");
}

static int peek(const struct reader *reader)
{
    return reader->at < reader->length ? (unsigned char)reader->text[reader->at] : -1;
}

static int skip_space(struct reader *reader)
{
    int byte = peek(reader);
    while (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t') {
        reader->at++;
        byte = peek(reader);
    }
    return byte;
}

/// Whether none of eight bytes is a quote or backslash, control or UTF-8.
static bool all_plain(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    // A subtraction sets the top bit of a byte that is too small, or borrows from the next only after it has.
    const uint64_t quotes = (bytes ^ ones * '"') - ones;
    const uint64_t backslashes = (bytes ^ ones * '\\') - ones;
    const uint64_t controls = bytes - ones * 0x20;
    return ((bytes | quotes | backslashes | controls) & ones * 0x80) == 0;
}

/// The bytes of a string that stand for themselves and end no run: neither quote nor backslash, control or UTF-8.
static size_t plain_run(const struct reader *reader)
{
    size_t at = reader->at;
    uint64_t eight;
    for (; reader->length - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, reader->text + at, sizeof eight);
        if (!all_plain(eight)) {
            break;
        }
    }
    while (at < reader->length) {
        unsigned char byte = (unsigned char)reader->text[at];
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') {
            break;
        }
        at++;
    }
    return at - reader->at;
}

/// Moves over what stands for itself, up to a quote or backslash. False, with a complaint, at anything else.
static bool skip_plain(struct reader *reader)
{
    for (;;) {
        reader->at += plain_run(reader);
        int byte = peek(reader);
        if (byte == '"' || byte == '\\') {
            return true;
        }
        size_t step = byte >= 0x80 ? utf8_step(reader->text + reader->at, reader->length - reader->at, NULL) : 0;
        if (step == 0) {
            complain(reader,
                     byte < 0x20 ? "a control character in a string must be escaped" : "the text is not valid UTF-8");
            return false;
        }
        reader->at += step;
    }
}

/// Reads four hexadecimal digits; -1, with a complaint, when there are none.
static int32_t read_hex(struct reader *reader)
{
    int32_t number = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        int byte = peek(reader);
        int lower = byte | 0x20;
        int digit = byte >= '0' && byte <= '9' ? byte - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
        if (byte < 0 || digit < 0) {
            complain(reader, "four hexadecimal digits were expected");
            return -1;
        }
        number = number * 16 + digit;
    }
    return number;
}

/// Reads what follows \u into a code point, a pair of surrogates into one; -1 with a complaint.
static int32_t read_code(struct reader *reader, bool allow_nul)
{
    size_t start = reader->at - 2;
    int32_t code = read_hex(reader);
    if (code >= 0xd800 && code < 0xdc00) {
        bool pair = reader->length - reader->at >= 2 && memcmp(reader->text + reader->at, "\\u", 2) == 0;
        reader->at += pair ? 2 : 0;
        int32_t low = pair ? read_hex(reader) : 0;
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00) : 0xd800;
    }
    if (code >= 0xd800 && code < 0xe000) {
        complain_at(reader, start, "an escape stands for no character");
        return -1;
    }
    if (code == 0 && !allow_nul) {
        complain_at(reader, start, "the character U+0000 is not allowed");
        return -1;
    }
    return code;
}

static size_t put_code(char *out, int32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/// Reads an escape, from its backslash on, into at most four bytes; 0 with a complaint. What comes out is never longer
/// than the escape.
static size_t read_escape(struct reader *reader, char *out, bool allow_nul)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    reader->at++;
    int byte = peek(reader);
    if (byte == 'u') {
        reader->at++;
        int32_t code = read_code(reader, allow_nul);
        return code >= 0 ? put_code(out, code) : 0;
    }
    const char *name = byte > 0 ? strchr(names, byte) : NULL;
    if (name == NULL) {
        complain(reader, "no such escape exists");
        return 0;
    }
    reader->at++;
    out[0] = meanings[name - names];
    return 1;
}

/// Puts a string together that has escapes, the first of them next; its beginning stands at `start`.
static bool read_escaped(struct reader *reader, size_t start, bool allow_nul, struct piece *piece_r)
{
    if (reader->scratch == NULL) {
        reader->scratch = malloc(reader->length);
        if (reader->scratch == NULL) {
            complain(reader, "no memory to read the document");
            return false;
        }
    }
    size_t written = 0;
    while (skip_plain(reader)) {
        memcpy(reader->scratch + written, reader->text + start, reader->at - start);
        written += reader->at - start;
        if (peek(reader) == '"') {
            reader->at++;
            *piece_r = (struct piece){.data = reader->scratch, .length = written};
            return true;
        }
        size_t more = read_escape(reader, reader->scratch + written, allow_nul);
        if (more == 0) {
            return false;
        }
        written += more;
        start = reader->at;
    }
    return false;
}

/// Reads a string, from its quote on. The piece is good until the next one is read.
static bool read_string(struct reader *reader, bool allow_nul, struct piece *piece_r)
{
    size_t start = ++reader->at;
    if (!skip_plain(reader)) {
        return false;
    }
    if (peek(reader) != '"') {
        return read_escaped(reader, start, allow_nul, piece_r);
    }
    *piece_r = (struct piece){.data = reader->text + start, .length = reader->at - start};
    reader->at++;
    return true;
}

static json_t *read_string_value(struct reader *reader)
{
    struct piece piece;
    if (!read_string(reader, (reader->flags & JSON_READ_ALLOW_NUL) != 0, &piece)) {
        return NULL;
    }
    return json_stringn_nocheck(piece.data, piece.length);
}

/// Moves over digits; the number of them.
static size_t skip_digits(struct reader *reader)
{
    size_t start = reader->at;
    for (int byte = peek(reader); byte >= '0' && byte <= '9'; byte = peek(reader)) {
        reader->at++;
    }
    return reader->at - start;
}

/// Moves over a fraction and an exponent, where there are; false with a complaint.
static bool skip_fraction(struct reader *reader)
{
    if (peek(reader) == '.') {
        reader->at++;
        if (skip_digits(reader) == 0) {
            complain(reader, "a digit was expected");
            return false;
        }
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-') {
            reader->at++;
        }
        if (skip_digits(reader) == 0) {
            complain(reader, "a digit was expected");
            return false;
        }
    }
    return true;
}

static json_t *make_integer(struct reader *reader, size_t start)
{
    bool negative = reader->text[start] == '-';
    int64_t number = 0;
    for (size_t at = start + (negative ? 1 : 0); at < reader->at; at++) {
        int64_t digit = reader->text[at] - '0';
        if (__builtin_mul_overflow(number, INT64_C(10), &number) ||
            __builtin_add_overflow(number, negative ? -digit : digit, &number)) {
            return complain_at(reader, start, "a number is too big");
        }
    }
    return json_integer(number);
}

static json_t *read_number(struct reader *reader)
{
    size_t start = reader->at;
    if (peek(reader) == '-') {
        reader->at++;
    }
    bool zero = peek(reader) == '0';
    size_t digits = skip_digits(reader);
    if (digits == 0) {
        return complain(reader, "a digit was expected");
    }
    if (zero && digits > 1) {
        return complain_at(reader, start, "a number must not begin with a needless zero");
    }
    int byte = peek(reader);
    if (byte != '.' && byte != 'e' && byte != 'E') {
        return make_integer(reader, start);
    }
    if (!skip_fraction(reader)) {
        return NULL;
    }
    json_t *real = json_loadb(reader->text + start, reader->at - start, JSON_DECODE_ANY, NULL);
    return real != NULL ? real : complain_at(reader, start, "a number is too big");
}

static json_t *read_word(struct reader *reader, const char *word, json_t *value)
{
    size_t length = strlen(word);
    if (reader->length - reader->at < length || memcmp(reader->text + reader->at, word, length) != 0) {
        return complain(reader, "a value was expected");
    }
    reader->at += length;
    return value;
}

/// After an entry: true at a comma, which is taken with the space behind it. False otherwise; `ended_r` tells a taken
/// `close` from a complaint.
static bool read_more(struct reader *reader, char close, const char *what, bool *ended_r)
{
    int byte = skip_space(reader);
    *ended_r = byte == close;
    if (byte == ',' || byte == close) {
        reader->at++;
    } else {
        complain(reader, what);
    }
    return byte == ',';
}

/// Whether a container that has just been opened is empty; takes its end then.
static bool read_empty(struct reader *reader, char close)
{
    reader->at++;
    bool empty = skip_space(reader) == close;
    reader->at += empty ? 1 : 0;
    return empty;
}

static bool read_entries(struct reader *reader, json_t *array)
{
    bool ended = read_empty(reader, ']');
    bool more = !ended;
    while (more) {
        json_t *value = read_value(reader);
        if (value == NULL || json_array_append_new(array, value) != 0) {
            return false;
        }
        more = read_more(reader, ']', "a comma or ] was expected", &ended);
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
        complain_at(reader, key_at, "a member occurs twice in its object");
        return false;
    }
    return true;
}

static bool read_member(struct reader *reader, json_t *object)
{
    struct piece key;
    char few[SHORT_KEY];
    size_t key_at = reader->at;
    if (skip_space(reader) != '"') {
        complain(reader, "the name of a member, in quotes, was expected");
        return false;
    }
    if (!read_string(reader, false, &key)) {
        return false;
    }
    if (skip_space(reader) != ':') {
        complain(reader, "a colon was expected");
        return false;
    }
    reader->at++;
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
    bool ended = read_empty(reader, '}');
    bool more = !ended;
    while (more) {
        skip_space(reader);
        if (!read_member(reader, object)) {
            return false;
        }
        more = read_more(reader, '}', "a comma or } was expected", &ended);
    }
    return ended;
}

#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

static json_t *read_container(struct reader *reader, bool object)
{
    if (reader->depth == JSON_READ_DEPTH) {
        return complain(reader, "arrays and objects are nested more than " TEXT_OF(JSON_READ_DEPTH) " levels deep");
    }
    json_t *container = object ? json_object() : json_array();
    if (container == NULL) {
        return NULL;
    }
    reader->depth++;
    bool good = object ? read_members(reader, container) : read_entries(reader, container);
    reader->depth--;
    if (!good) {
        json_decref(container);
        return NULL;
    }
    return container;
}

static json_t *read_value(struct reader *reader)
{
    int byte = skip_space(reader);
    switch (byte) {
    case '{':
        return read_container(reader, true);
    case '[':
        return read_container(reader, false);
    case '"':
        return read_string_value(reader);
    case 't':
        return read_word(reader, "true", json_true());
    case 'f':
        return read_word(reader, "false", json_false());
    case 'n':
        return read_word(reader, "null", json_null());
    default:
        break;
    }
    return byte == '-' || (byte >= '0' && byte <= '9') ? read_number(reader) : complain(reader, "a value was expected");
}

static void fill_error(const struct reader *reader, struct json_read_error *error)
{
    size_t start = 0;
    error->line = 1;
    for (size_t at = 0; at < reader->error_at; at++) {
        if (reader->text[at] == '\n') {
            error->line += error->line < INT_MAX;
            start = at + 1;
        }
    }
    size_t column = utf8_count(reader->text + start, reader->error_at - start) + 1;
    error->column = column < INT_MAX ? (int)column : INT_MAX;
    error->position = reader->error_at;
    snprintf(error->text, sizeof error->text, "line %d, column %d: %s", error->line, error->column, reader->error);
}

json_t *json_read(const char *data, size_t length, unsigned flags, struct json_read_error *error_r)
{
    struct reader reader = {.text = length > 0 ? data : "", .length = length, .flags = flags};
    json_t *value = read_value(&reader);
    if (value != NULL && skip_space(&reader) >= 0) {
        complain(&reader, "something follows the end of the document");
        json_decref(value);
        value = NULL;
    }
    free(reader.scratch);
    if (value == NULL && error_r != NULL) {
        complain_at(&reader, reader.at, "no memory to read the document");
        fill_error(&reader, error_r);
    }
    return value;
}

size_t json_read_string_count(const json_t *string)
{
    return utf8_count(json_string_value(string), json_string_length(string));
}
