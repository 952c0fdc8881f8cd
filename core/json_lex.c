// SPDX-License-Identifier: Apache-2.0
//
// See core/json_lex.h. Strings without escapes, nearly all, are not copied here.
#include "core/json_lex.h"

#include "core/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

void *json_lex_complain_at(struct json_lex *lex, size_t at, const char *what)
{
    if (lex->error == NULL) {
        lex->error = what;
        lex->error_at = at;
    }
    return NULL;
}

void *json_lex_complain(struct json_lex *lex, const char *what)
{
    return json_lex_complain_at(lex, lex->at, lex->at < lex->length ? what : "the document ends too early");
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
static size_t plain_run(const struct json_lex *lex)
{
    size_t at = lex->at;
    uint64_t eight;
    for (; lex->length - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, lex->text + at, sizeof eight);
        if (!all_plain(eight)) {
            break;
        }
    }
    while (at < lex->length) {
        unsigned char byte = (unsigned char)lex->text[at];
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') {
            break;
        }
        at++;
    }
    return at - lex->at;
}

/// Moves over what stands for itself, up to a quote or backslash. False, with a complaint, at anything else.
static bool skip_plain(struct json_lex *lex)
{
    for (;;) {
        lex->at += plain_run(lex);
        int byte = json_lex_peek(lex);
        if (byte == '"' || byte == '\\') {
            return true;
        }
        size_t step = byte >= 0x80 ? utf8_step(lex->text + lex->at, lex->length - lex->at, NULL) : 0;
        if (step == 0) {
            json_lex_complain(lex, byte < 0x20 ? "a control character in a string must be escaped"
                                               : "the text is not valid UTF-8");
            return false;
        }
        lex->at += step;
    }
}

/// Reads four hexadecimal digits; -1, with a complaint, when there are none.
static int32_t read_hex(struct json_lex *lex)
{
    int32_t number = 0;
    for (int i = 0; i < 4; i++, lex->at++) {
        int byte = json_lex_peek(lex);
        int lower = byte | 0x20;
        int digit = byte >= '0' && byte <= '9' ? byte - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
        if (byte < 0 || digit < 0) {
            json_lex_complain(lex, "four hexadecimal digits were expected");
            return -1;
        }
        number = number * 16 + digit;
    }
    return number;
}

/// Reads what follows \u into a code point, a pair of surrogates into one; -1 with a complaint.
static int32_t read_code(struct json_lex *lex, bool allow_nul)
{
    size_t start = lex->at - 2;
    int32_t code = read_hex(lex);
    if (code >= 0xd800 && code < 0xdc00) {
        bool pair = lex->length - lex->at >= 2 && memcmp(lex->text + lex->at, "\\u", 2) == 0;
        lex->at += pair ? 2 : 0;
        int32_t low = pair ? read_hex(lex) : 0;
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00) : 0xd800;
    }
    if (code >= 0xd800 && code < 0xe000) {
        json_lex_complain_at(lex, start, "an escape stands for no character");
        return -1;
    }
    if (code == 0 && !allow_nul) {
        json_lex_complain_at(lex, start, "the character U+0000 is not allowed");
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
static size_t read_escape(struct json_lex *lex, char *out, bool allow_nul)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    lex->at++;
    int byte = json_lex_peek(lex);
    if (byte == 'u') {
        lex->at++;
        int32_t code = read_code(lex, allow_nul);
        return code >= 0 ? put_code(out, code) : 0;
    }
    const char *name = byte > 0 ? strchr(names, byte) : NULL;
    if (name == NULL) {
        json_lex_complain(lex, "no such escape exists");
        return 0;
    }
    lex->at++;
    out[0] = meanings[name - names];
    return 1;
}

/// Puts a string together that has escapes, the first of them next; its beginning stands at `start`.
static bool read_escaped(struct json_lex *lex, size_t start, bool allow_nul, struct json_piece *piece_r)
{
    if (lex->scratch == NULL) {
        lex->scratch = malloc(lex->length);
        if (lex->scratch == NULL) {
            json_lex_complain(lex, "no memory to read the document");
            return false;
        }
    }
    size_t written = 0;
    while (skip_plain(lex)) {
        memcpy(lex->scratch + written, lex->text + start, lex->at - start);
        written += lex->at - start;
        if (json_lex_peek(lex) == '"') {
            lex->at++;
            *piece_r = (struct json_piece){.data = lex->scratch, .length = written};
            return true;
        }
        size_t more = read_escape(lex, lex->scratch + written, allow_nul);
        if (more == 0) {
            return false;
        }
        written += more;
        start = lex->at;
    }
    return false;
}

bool json_lex_string(struct json_lex *lex, bool allow_nul, struct json_piece *piece_r)
{
    size_t start = ++lex->at;
    if (!skip_plain(lex)) {
        return false;
    }
    if (json_lex_peek(lex) != '"') {
        return read_escaped(lex, start, allow_nul, piece_r);
    }
    *piece_r = (struct json_piece){.data = lex->text + start, .length = lex->at - start};
    lex->at++;
    return true;
}

/// Moves over digits; the number of them.
static size_t skip_digits(struct json_lex *lex)
{
    size_t start = lex->at;
    for (int byte = json_lex_peek(lex); byte >= '0' && byte <= '9'; byte = json_lex_peek(lex)) {
        lex->at++;
    }
    return lex->at - start;
}

/// Moves over a fraction and an exponent, where there are; false with a complaint.
static bool skip_fraction(struct json_lex *lex)
{
    if (json_lex_peek(lex) == '.') {
        lex->at++;
        if (skip_digits(lex) == 0) {
            json_lex_complain(lex, "a digit was expected");
            return false;
        }
    }
    if (json_lex_peek(lex) == 'e' || json_lex_peek(lex) == 'E') {
        lex->at++;
        if (json_lex_peek(lex) == '+' || json_lex_peek(lex) == '-') {
            lex->at++;
        }
        if (skip_digits(lex) == 0) {
            json_lex_complain(lex, "a digit was expected");
            return false;
        }
    }
    return true;
}

bool json_lex_number(struct json_lex *lex, bool *whole_r)
{
    size_t start = lex->at;
    if (json_lex_peek(lex) == '-') {
        lex->at++;
    }
    bool zero = json_lex_peek(lex) == '0';
    size_t digits = skip_digits(lex);
    if (digits == 0) {
        json_lex_complain(lex, "a digit was expected");
        return false;
    }
    if (zero && digits > 1) {
        json_lex_complain_at(lex, start, "a number must not begin with a needless zero");
        return false;
    }
    int byte = json_lex_peek(lex);
    *whole_r = byte != '.' && byte != 'e' && byte != 'E';
    return *whole_r || skip_fraction(lex);
}

bool json_lex_word(struct json_lex *lex, const char *word)
{
    size_t length = strlen(word);
    if (lex->length - lex->at < length || memcmp(lex->text + lex->at, word, length) != 0) {
        json_lex_complain(lex, "a value was expected");
        return false;
    }
    lex->at += length;
    return true;
}

bool json_lex_name(struct json_lex *lex, struct json_piece *name_r)
{
    if (json_lex_space(lex) != '"') {
        json_lex_complain(lex, "the name of a member, in quotes, was expected");
        return false;
    }
    if (!json_lex_string(lex, false, name_r)) {
        return false;
    }
    if (json_lex_space(lex) != ':') {
        json_lex_complain(lex, "a colon was expected");
        return false;
    }
    lex->at++;
    return true;
}

bool json_lex_more(struct json_lex *lex, char close, bool *ended_r)
{
    int byte = json_lex_space(lex);
    *ended_r = byte == close;
    if (byte == ',' || byte == close) {
        lex->at++;
    } else {
        json_lex_complain(lex, close == '}' ? "a comma or } was expected" : "a comma or ] was expected");
    }
    return byte == ',';
}

bool json_lex_empty(struct json_lex *lex, char close)
{
    lex->at++;
    bool empty = json_lex_space(lex) == close;
    lex->at += empty ? 1 : 0;
    return empty;
}

bool json_lex_enter(struct json_lex *lex)
{
    if (lex->depth == JSON_LEX_DEPTH) {
        json_lex_complain(lex, "arrays and objects are nested more than " TEXT_OF(JSON_LEX_DEPTH) " levels deep");
        return false;
    }
    lex->depth++;
    return true;
}
