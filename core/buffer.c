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

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/// True when one of eight bytes needs an escape. The borrow of a lower byte can make this true for nothing (then the
/// bytes are looked at one by one), but never false.
static inline bool eight_need_escape(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t hit = ((word - EACH_BYTE(0x20)) & ~word) | ((quote - EACH_BYTE(1)) & ~quote) |
                   ((backslash - EACH_BYTE(1)) & ~backslash);
    return (hit & EACH_BYTE(0x80)) != 0;
}

/// The number of bytes from `text` on that need no escape.
static size_t plain_run(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        if (length - at >= 8 && !eight_need_escape(text + at)) {
            at += 8;
        } else if (json_escapes[(unsigned char)text[at]] == 0) {
            at++;
        } else {
            break;
        }
    }
    return at;
}

static bool append_escape(struct buffer *buffer, unsigned char byte)
{
    char text[6] = {'\\', json_escapes[byte], '0', '0', (char)('0' + (byte >> 4)), "0123456789abcdef"[byte & 15]};
    return buffer_append(buffer, text, text[1] == 'u' ? 6 : 2);
}

bool buffer_json_string(struct buffer *buffer, const char *text, size_t length)
{
    size_t before = buffer->length;
    text = length > 0 ? text : "";
    bool whole = buffer_reserve(buffer, length < SIZE_MAX - 2 ? length + 2 : SIZE_MAX) && buffer_byte(buffer, '"');
    for (size_t at = 0; whole;) {
        size_t run = plain_run(text + at, length - at);
        whole = buffer_append(buffer, text + at, run);
        at += run;
        if (at == length) {
            break;
        }
        whole = whole && append_escape(buffer, (unsigned char)text[at++]);
    }
    whole = whole && buffer_byte(buffer, '"');
    if (!whole) {
        buffer->length = before;
    }
    return whole;
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
