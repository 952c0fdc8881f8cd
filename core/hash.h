// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 by OpenSSL, with the algorithm fetched once and one context a thread, and a comparison in constant
// time.
//
// For hash tables there is siphash.h, for hexadecimal and base64url encode.h.
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SHA256_SIZE 32

/// A piece of what is hashed.
struct hash_part {
    const void *data;
    size_t length;
};

/// The SHA-256 of `length` bytes. Ends the process when OpenSSL cannot compute it. Any thread.
void hash_sha256(const void *data, size_t length, uint8_t out[HASH_SHA256_SIZE]);

/// The SHA-256 of all parts, one behind the other, with nothing between them. Any thread.
void hash_sha256_parts(const struct hash_part *parts, size_t count, uint8_t out[HASH_SHA256_SIZE]);

/// True when both hold the same `length` bytes; takes the same time whatever they hold.
bool hash_equal(const void *left, const void *right, size_t length);

#endif
