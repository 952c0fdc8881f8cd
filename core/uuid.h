// SPDX-License-Identifier: Apache-2.0
//
// UUIDs, version 7 of RFC 9562: 48 bits of milliseconds, a 12-bit counter, 62 random bits.
//
// Ids made by one process rise strictly, whatever the clock does and on however many threads: within a
// millisecond the counter rises from a random start below 2048; when it is used up, or when the clock steps
// back, the time part runs ahead of the clock. The order is that of the bytes and, the same, of the text.
#ifndef CORE_UUID_H
#define CORE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UUID_BYTES 16
#define UUID_TEXT_LENGTH 36
/// Bytes of the text, its NUL included.
#define UUID_TEXT_SIZE 37

struct uuid {
    uint8_t bytes[UUID_BYTES];
};

/// A new id, with the wall clock's milliseconds as the caller read them (so that tests control the clock).
/// Any thread.
void uuid_make(int64_t wall_ms, struct uuid *uuid_r);

/// Reads the strict text: 36 characters, lower case, hyphens in their places. Any version.
bool uuid_parse(const char *text, size_t length, struct uuid *uuid_r);

/// Writes the text, lower case.
void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_SIZE]);

/// The milliseconds since 1970 within a version 7 id.
int64_t uuid_time_ms(const struct uuid *uuid);

/// True for version 7 in the variant of RFC 9562.
bool uuid_is_v7(const struct uuid *uuid);

static inline int uuid_compare(const struct uuid *left, const struct uuid *right)
{
    return memcmp(left->bytes, right->bytes, UUID_BYTES);
}

static inline bool uuid_equal(const struct uuid *left, const struct uuid *right)
{
    return uuid_compare(left, right) == 0;
}

#endif
