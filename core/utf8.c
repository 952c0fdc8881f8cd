// SPDX-License-Identifier: Apache-2.0
//
// See core/utf8.h.
#include "core/utf8.h"

#include <assert.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/// The bytes of ASCII that `text` begins with, found eight at a time; may stop up to seven early.
static inline size_t ascii_run(const char *text, size_t length)
{
    size_t at = 0;
    for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if ((word & HIGH_BITS) != 0) {
            break;
        }
    }
    return at;
}

/// Length, mask and least code point of the sequences that begin with `byte`; 0 for bytes that begin none.
static size_t sequence_length(unsigned char byte, uint32_t *code_r, uint32_t *least_r)
{
    if (byte < 0x80) {
        *code_r = byte;
        *least_r = 0;
        return 1;
    }
    if (byte >= 0xc2 && byte < 0xe0) {
        *code_r = byte & 0x1fu;
        *least_r = 0x80;
        return 2;
    }
    if (byte >= 0xe0 && byte < 0xf0) {
        *code_r = byte & 0x0fu;
        *least_r = 0x800;
        return 3;
    }
    if (byte >= 0xf0 && byte < 0xf5) {
        *code_r = byte & 0x07u;
        *least_r = 0x10000;
        return 4;
    }
    return 0;
}

size_t utf8_step(const char *text, size_t length, uint32_t *code_r)
{
    uint32_t code;
    uint32_t least;
    if (length == 0) {
        return 0;
    }
    size_t need = sequence_length((unsigned char)text[0], &code, &least);
    if (need == 0 || need > length) {
        return 0;
    }
    for (size_t at = 1; at < need; at++) {
        unsigned char byte = (unsigned char)text[at];
        if ((byte & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (byte & 0x3fu);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        return 0;
    }
    if (code_r != NULL) {
        *code_r = code;
    }
    return need;
}

bool utf8_valid(const char *text, size_t length)
{
    size_t at = ascii_run(text, length);
    while (at < length) {
        size_t step = utf8_step(text + at, length - at, NULL);
        if (step == 0) {
            return false;
        }
        at += step;
        if (step == 1) {
            at += ascii_run(text + at, length - at);
        }
    }
    return true;
}

size_t utf8_count(const char *text, size_t length)
{
    size_t at = ascii_run(text, length);
    size_t count = at;
    for (; at < length; at++) {
        count += ((unsigned char)text[at] & 0xc0) != 0x80;
    }
    return count;
}

size_t utf8_cut(const char *text, size_t length, size_t limit)
{
    if (length <= limit) {
        return length;
    }
    size_t at = limit;
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80) {
        at--;
    }
    return at;
}

bool utf8_unprintable(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

/// The printable ASCII that `text` begins with.
static size_t printable_run(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && text[at] >= ' ' && text[at] <= '~') {
        at++;
    }
    return at;
}

size_t utf8_clean_part(char *out, size_t size, const char *text, size_t length, size_t *used_r)
{
    assert(size > 0);
    size_t room = size - 1;
    size_t written = 0;
    size_t at = 0;
    for (;;) {
        size_t left = length - at < room - written ? length - at : room - written;
        size_t run = printable_run(text + at, left);
        memcpy(out + written, text + at, run);
        written += run;
        at += run;
        uint32_t code = 0;
        size_t step = utf8_step(text + at, length - at, &code);
        bool shown = step > 0 && !utf8_unprintable(code);
        size_t need = shown ? step : 1;
        if (at == length || need > room - written) {
            break;
        }
        memcpy(out + written, shown ? text + at : "?", need);
        written += need;
        at += step > 0 ? step : 1;
    }
    out[written] = '\0';
    if (used_r != NULL) {
        *used_r = at;
    }
    return written;
}

size_t utf8_clean(char *out, size_t size, const char *text, size_t length)
{
    return utf8_clean_part(out, size, text, length, NULL);
}
