// SPDX-License-Identifier: Apache-2.0
//
// See core/buffer.h. One byte more than the capacity is allocated always, so that a NUL needs no growth.
#include "core/buffer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER_FIRST_SIZE ((size_t)240)

void buffer_init(struct buffer *buffer, size_t ceiling)
{
    *buffer = (struct buffer){.ceiling = ceiling < SIZE_MAX / 2 ? ceiling : SIZE_MAX / 2};
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->ceiling);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

void buffer_truncate(struct buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    buffer->length = length;
}

static bool buffer_grow(struct buffer *buffer, size_t want)
{
    size_t capacity = buffer->capacity < SIZE_MAX / 4 ? buffer->capacity * 2 : buffer->capacity;
    if (capacity < BUFFER_FIRST_SIZE) {
        capacity = BUFFER_FIRST_SIZE;
    }
    if (capacity < want) {
        capacity = want;
    }
    if (capacity > buffer->ceiling) {
        capacity = buffer->ceiling;
    }
    char *data = realloc(buffer->data, capacity + 1);
    if (data == NULL) {
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

bool buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->failed) {
        return false;
    }
    if (more <= buffer->capacity - buffer->length) {
        return true;
    }
    if (more > buffer->ceiling - buffer->length || !buffer_grow(buffer, buffer->length + more)) {
        buffer->failed = true;
        return false;
    }
    return true;
}

static char *write_digits(char *end, uint64_t number)
{
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return end;
}

bool buffer_unsigned(struct buffer *buffer, uint64_t number)
{
    char digits[20];
    char *end = digits + sizeof digits;
    char *start = write_digits(end, number);
    return buffer_append(buffer, start, (size_t)(end - start));
}

bool buffer_signed(struct buffer *buffer, int64_t number)
{
    char digits[20];
    char *end = digits + sizeof digits;
    char *start = write_digits(end, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
    if (number < 0) {
        *--start = '-';
    }
    return buffer_append(buffer, start, (size_t)(end - start));
}

bool buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments)
{
    if (!buffer_reserve(buffer, 1)) {
        return false;
    }
    va_list again;
    va_copy(again, arguments);
    size_t room = buffer->capacity - buffer->length;
    int written = vsnprintf(buffer->data + buffer->length, room + 1, format, arguments);
    bool whole = written >= 0 && ((size_t)written <= room || buffer_reserve(buffer, (size_t)written));
    if (whole) {
        if ((size_t)written > room) {
            vsnprintf(buffer->data + buffer->length, (size_t)written + 1, format, again);
        }
        buffer->length += (size_t)written;
    }
    buffer->failed |= !whole;
    va_end(again);
    return whole;
}

bool buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool appended = buffer_vprintf(buffer, format, arguments);
    va_end(arguments);
    return appended;
}

/// What follows the backslash, for the bytes that need one; 'u' stands for the long form.
static const char json_escapes[256] = {
    ['\x00'] = 'u', ['\x01'] = 'u', ['\x02'] = 'u', ['\x03'] = 'u', ['\x04'] = 'u', ['\x05'] = 'u', ['\x06'] = 'u',
    ['\x07'] = 'u', ['\b'] = 'b',   ['\t'] = 't',   ['\n'] = 'n',   ['\x0b'] = 'u', ['\f'] = 'f',   ['\r'] = 'r',
    ['\x0e'] = 'u', ['\x0f'] = 'u', ['\x10'] = 'u', ['\x11'] = 'u', ['\x12'] = 'u', ['\x13'] = 'u', ['\x14'] = 'u',
    ['\x15'] = 'u', ['\x16'] = 'u', ['\x17'] = 'u', ['\x18'] = 'u', ['\x19'] = 'u', ['\x1a'] = 'u', ['\x1b'] = 'u',
    ['\x1c'] = 'u', ['\x1d'] = 'u', ['\x1e'] = 'u', ['\x1f'] = 'u', ['"'] = '"',    ['\\'] = '\\',
};

/// Bytes that an escape takes at most.
#define ESCAPED_MOST ((size_t)6)
#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/// True when one of eight bytes needs an escape. The borrow of a lower byte can make this true for nothing (then the
/// bytes are looked at one by one), but never false.
static inline bool eight_need_escape(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t hit = ((word - EACH_BYTE(0x20)) & ~word) | ((quote - EACH_BYTE(1)) & ~quote) |
                   ((backslash - EACH_BYTE(1)) & ~backslash);
    return (hit & EACH_BYTE(0x80)) != 0;
}

static inline size_t escaped_size(unsigned char byte)
{
    const char escape = json_escapes[byte];
    return 1 + (size_t)(escape != 0) + 4 * (size_t)(escape == 'u');
}

size_t buffer_json_string_size(const char *text, size_t length)
{
    size_t size = 2;
    size_t at = 0;
    for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if (!eight_need_escape(word)) {
            size += sizeof word;
            continue;
        }
        for (size_t i = 0; i < sizeof word; i++) {
            size += escaped_size((unsigned char)text[at + i]);
        }
    }
    while (at < length) {
        size += escaped_size((unsigned char)text[at++]);
    }
    return size;
}

/// Writes one byte as it stands in a string, escaped or not; returns where the next one goes.
static inline char *write_escaped(char *out, unsigned char byte)
{
    const char escape = json_escapes[byte];
    if (escape == 0) {
        *out = (char)byte;
        return out + 1;
    }
    out[0] = '\\';
    out[1] = escape;
    if (escape != 'u') {
        return out + 2;
    }
    out[2] = out[3] = '0';
    out[4] = (char)('0' + (byte >> 4));
    out[5] = "0123456789abcdef"[byte & 15];
    return out + ESCAPED_MOST;
}

static char *write_string(char *out, const char *text, size_t length)
{
    size_t at = 0;
    *out++ = '"';
    for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if (!eight_need_escape(word)) {
            memcpy(out, &word, sizeof word);
            out += sizeof word;
            continue;
        }
        for (size_t i = 0; i < sizeof word; i++) {
            out = write_escaped(out, (unsigned char)text[at + i]);
        }
    }
    while (at < length) {
        out = write_escaped(out, (unsigned char)text[at++]);
    }
    *out++ = '"';
    return out;
}

bool buffer_json_string(struct buffer *buffer, const char *text, size_t length)
{
    const size_t room = buffer->failed ? 0 : buffer->capacity - buffer->length;
    // Counted only where it may not fit; what is longer than the ceiling never does.
    if ((room < 2 || length > (room - 2) / ESCAPED_MOST) &&
        !buffer_reserve(buffer, length <= buffer->ceiling ? buffer_json_string_size(text, length) : length)) {
        return false;
    }
    const char *end = write_string(buffer->data + buffer->length, text, length);
    buffer->length = (size_t)(end - buffer->data);
    return true;
}

const char *buffer_string(struct buffer *buffer)
{
    if (buffer->failed || (buffer->data == NULL && !buffer_grow(buffer, 0))) {
        return NULL;
    }
    buffer->data[buffer->length] = '\0';
    return buffer->data;
}

char *buffer_detach(struct buffer *buffer, size_t *length_r)
{
    char *data = NULL;
    *length_r = 0;
    if (buffer_string(buffer) != NULL) {
        data = buffer->data;
        *length_r = buffer->length;
        buffer->data = NULL;
    }
    buffer_free(buffer);
    return data;
}
