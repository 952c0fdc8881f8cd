// SPDX-License-Identifier: Apache-2.0
//
// A growing byte buffer that knows its ceiling from birth.
//
// An append either happens whole or not at all; the first one that fails (ceiling reached, no memory) marks
// the buffer as failed and every later append fails too, so a writer may append twenty pieces and ask once,
// at the end, with buffer_failed(). The members may be read; only these functions write them. One thread at a
// time.
#ifndef CORE_BUFFER_H
#define CORE_BUFFER_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    char *data;      ///< the content, not terminated; NULL while nothing was ever appended
    size_t length;   ///< bytes of content
    size_t capacity; ///< bytes allocated
    size_t ceiling;  ///< the content never grows beyond this
    bool failed;     ///< an append did not fit
};

/// An empty buffer; nothing is allocated before the first append.
void buffer_init(struct buffer *buffer, size_t ceiling);

/// Frees the content; the buffer is empty as after buffer_init() with the same ceiling.
void buffer_free(struct buffer *buffer);

/// Forgets the content and a failure, keeps the memory.
void buffer_clear(struct buffer *buffer);

/// Cuts the content to `length` bytes, which must not be more than there are. A failure stays.
void buffer_truncate(struct buffer *buffer, size_t length);

/// Room for `more` bytes beyond the content; false when that passes the ceiling.
bool buffer_reserve(struct buffer *buffer, size_t more);

/// Appends `length` bytes. `data` may be NULL when `length` is 0.
static inline bool buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    if ((buffer->failed || length > buffer->capacity - buffer->length) && !buffer_reserve(buffer, length)) {
        return false;
    }
    if (length > 0) {
        assert(buffer->data != NULL);
        memcpy(buffer->data + buffer->length, data, length);
        buffer->length += length;
    }
    return true;
}

/// Appends a string, without its NUL.
static inline bool buffer_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

/// Appends one byte.
static inline bool buffer_byte(struct buffer *buffer, char byte)
{
    return buffer_append(buffer, &byte, 1);
}

/// Appends a number in decimal.
bool buffer_unsigned(struct buffer *buffer, uint64_t number);

/// Appends a number in decimal, with a minus where it is negative.
bool buffer_signed(struct buffer *buffer, int64_t number);

/// Appends formatted text.
bool buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// As buffer_printf(), with a list of arguments.
bool buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/// Appends `text` as a JSON string, with quotes. `text` must be valid UTF-8 (else what comes out is not);
/// quote, backslash and control characters (NUL too) are escaped, everything else is copied.
bool buffer_json_string(struct buffer *buffer, const char *text, size_t length);

/// The bytes that buffer_json_string() would append.
size_t buffer_json_string_size(const char *text, size_t length);

/// True once an append failed, until buffer_clear() or buffer_free().
static inline bool buffer_failed(const struct buffer *buffer)
{
    return buffer->failed;
}

/// The content as a string: puts a NUL behind it that does not count. NULL when the buffer has failed. Valid
/// until the next append.
const char *buffer_string(struct buffer *buffer);

/// Hands the content over without a copy; the caller frees it with free(). A NUL that does not count follows
/// it. NULL when the buffer has failed (its content is freed then). The buffer is empty afterwards.
char *buffer_detach(struct buffer *buffer, size_t *length_r);

#endif
