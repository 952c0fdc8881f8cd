// SPDX-License-Identifier: Apache-2.0
//
// See cursor.h. The text is the list's letter and base64url of the position (8 bytes, big endian) and of the first 4
// bytes of a SHA-256 over letter, position and user. The check is against mistakes, not a secret: a position alone gives
// nobody a message that is not theirs.
#include "core/cursor.h"

#include <string.h>

#include "core/encode.h"
#include "core/hash.h"

#define CHECK_SIZE 4
#define BYTES (8 + CHECK_SIZE)

static void cursor_bytes(enum cursor_list list, const char *user, uint64_t position, uint8_t bytes_r[BYTES])
{
    uint8_t digest[HASH_SHA256_SIZE];
    const char letter = (char)list;
    for (int i = 0; i < 8; i++) {
        bytes_r[i] = (uint8_t)(position >> (56 - 8 * i));
    }
    const struct hash_part parts[] = {{"cursor", 6}, {&letter, 1}, {bytes_r, 8}, {user, strlen(user)}};
    hash_sha256_parts(parts, sizeof parts / sizeof parts[0], digest);
    memcpy(bytes_r + 8, digest, CHECK_SIZE);
}

void cursor_write(enum cursor_list list, const char *user, uint64_t position, char out[CURSOR_SIZE])
{
    uint8_t bytes[BYTES];
    cursor_bytes(list, user, position, bytes);
    out[0] = (char)list;
    encode_base64url(bytes, sizeof bytes, out + 1);
}

bool cursor_read(enum cursor_list list, const char *user, const char *text, uint64_t *position_r)
{
    uint8_t given[BYTES], expected[BYTES];
    uint64_t position = 0;
    size_t length = 0;
    if (text[0] != (char)list || !decode_base64url(text + 1, strlen(text + 1), given, sizeof given, &length) ||
        length != sizeof given) {
        return false;
    }
    for (int i = 0; i < 8; i++) {
        position = position << 8 | given[i];
    }
    if (position > INT64_MAX) {
        return false; // no storage counts so far, and some count signed
    }
    cursor_bytes(list, user, position, expected);
    *position_r = position;
    return hash_equal(given, expected, sizeof given);
}
