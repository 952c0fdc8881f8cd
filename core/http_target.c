// SPDX-License-Identifier: Apache-2.0
//
// Split first, decode after: an encoded '/' or '&' is never a separator.
#include "core/http_target.h"

#include <string.h>

#include "core/http_parse.h"
#include "core/utf8.h"

// Visible ASCII but for what RFC 3986 wants encoded, and for '#': a fragment is never sent.
static bool is_target_character(char character)
{
    return character > ' ' && character < 127 && strchr("\"#<>\\^`{|}", character) == NULL;
}

static bool are_target_characters(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!is_target_character(text[i])) {
            return false;
        }
    }
    return true;
}

static struct http_piece piece(const char *from, const char *to)
{
    return (struct http_piece){from, (size_t)(to - from)};
}

// The authority's end is the first '/' or '?' behind the scheme.
static enum http_fault split_absolute(const char *text, size_t length, struct http_target *target_r,
                                      struct http_piece *rest_r)
{
    static const char http[] = "http://", https[] = "https://";
    size_t scheme = 0;
    if (length >= sizeof(https) - 1 && http_same_word(text, sizeof(https) - 1, https)) {
        scheme = sizeof(https) - 1;
    } else if (length >= sizeof(http) - 1 && http_same_word(text, sizeof(http) - 1, http)) {
        scheme = sizeof(http) - 1;
    } else {
        return HTTP_FAULT_TARGET;
    }
    size_t end = scheme;
    while (end < length && text[end] != '/' && text[end] != '?') {
        if (text[end] == '@') {
            return HTTP_FAULT_TARGET;
        }
        end++;
    }
    if (end == scheme) {
        return HTTP_FAULT_TARGET;
    }
    target_r->authority = piece(text + scheme, text + end);
    *rest_r = piece(text + end, text + length);
    return HTTP_FAULT_NONE;
}

enum http_fault http_target_split(const char *text, size_t length, enum http_method method,
                                  struct http_target *target_r)
{
    *target_r = (struct http_target){{NULL, 0}, {"/", 1}, {NULL, 0}};
    if (length == 0 || !are_target_characters(text, length)) {
        return HTTP_FAULT_TARGET;
    }
    if (length == 1 && text[0] == '*') {
        target_r->path = piece(text, text + 1);
        return method == HTTP_OPTIONS ? HTTP_FAULT_NONE : HTTP_FAULT_TARGET;
    }
    struct http_piece rest = {text, length};
    if (text[0] != '/') {
        enum http_fault fault = split_absolute(text, length, target_r, &rest);
        if (fault != HTTP_FAULT_NONE) {
            return fault;
        }
    }
    const char *end = rest.text + rest.length;
    const char *question = memchr(rest.text, '?', rest.length);
    if (question != NULL) {
        target_r->query = piece(question + 1, end);
        end = question;
    }
    if (end > rest.text) {
        target_r->path = piece(rest.text, end);
    }
    return HTTP_FAULT_NONE;
}

static int hex_value(char character)
{
    static const char digits[] = "0123456789abcdef";
    if (character == '\0') {
        return -1;
    }
    char lower = character >= 'A' && character <= 'F' ? (char)(character | 0x20) : character;
    const char *found = strchr(digits, lower);
    return found == NULL ? -1 : (int)(found - digits);
}

bool http_percent_decode(const char *text, size_t length, bool plus, char *out, size_t *length_r)
{
    size_t to = 0;
    bool plain = true;
    for (size_t at = 0; at < length; at++) {
        char character = text[at];
        if (character == '%') {
            int high = at + 2 < length ? hex_value(text[at + 1]) : -1;
            int low = at + 2 < length ? hex_value(text[at + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            character = (char)(high * 16 + low);
            plain = false;
            at += 2;
            if ((unsigned char)character < ' ' || character == 127) {
                return false;
            }
        } else if (character == '+' && plus) {
            character = ' ';
        }
        out[to++] = character;
    }
    out[to] = '\0';
    *length_r = to;
    return plain || utf8_valid(out, to);
}

static const char *find_end(const char *from, const char *end, char separator)
{
    const char *found = memchr(from, separator, (size_t)(end - from));
    return found == NULL ? end : found;
}

size_t http_query_count(struct http_piece query)
{
    size_t count = 0;
    for (size_t at = 0; at < query.length; at++) {
        bool starts = at == 0 || query.text[at - 1] == '&';
        count += starts && query.text[at] != '&' ? 1 : 0;
    }
    return count;
}

// Decodes one text to *out and moves *out behind its NUL.
static const char *decode_to(const char *from, const char *to, bool plus, char **out)
{
    size_t length;
    char *result = *out;
    if (!http_percent_decode(from, (size_t)(to - from), plus, result, &length)) {
        return NULL;
    }
    *out += length + 1;
    return result;
}

enum http_fault http_query_decode(struct http_piece query, struct http_parameter *parameters_r, size_t max, char *out,
                                  size_t *count_r)
{
    *count_r = 0;
    if (query.length == 0) {
        return HTTP_FAULT_NONE;
    }
    const char *end = query.text + query.length;
    for (const char *at = query.text; at < end;) {
        const char *stop = find_end(at, end, '&');
        if (stop > at) {
            if (*count_r == max) {
                return HTTP_FAULT_PARAMETERS;
            }
            struct http_parameter *parameter = &parameters_r[*count_r];
            const char *equals = find_end(at, stop, '=');
            parameter->name = decode_to(at, equals, true, &out);
            parameter->value = decode_to(equals < stop ? equals + 1 : stop, stop, true, &out);
            if (parameter->name == NULL || parameter->value == NULL) {
                return HTTP_FAULT_TARGET_ENCODING;
            }
            (*count_r)++;
        }
        at = stop + 1;
    }
    return HTTP_FAULT_NONE;
}

enum http_fault http_path_decode(struct http_piece path, const char **segments_r, size_t max, char *out,
                                 size_t *count_r)
{
    *count_r = 0;
    const char *end = path.text + path.length;
    if (path.length <= 1) {
        return HTTP_FAULT_NONE;
    }
    for (const char *at = path.text + 1; at <= end;) {
        const char *stop = find_end(at, end, '/');
        const char *segment = decode_to(at, stop, false, &out);
        if (segment == NULL) {
            return HTTP_FAULT_TARGET_ENCODING;
        }
        if (*count_r < max) {
            segments_r[(*count_r)++] = segment;
        } else {
            *count_r = max + 1;
        }
        at = stop + 1;
    }
    return HTTP_FAULT_NONE;
}
