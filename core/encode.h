// SPDX-License-Identifier: Apache-2.0
//
// Bytes as text and back: hexadecimal (lower case) and base64url without padding (RFC 4648).
//
// Reading is strict: one text for every sequence of bytes. Pure functions.
#ifndef CORE_ENCODE_H
#define CORE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes of the text for `n` bytes, its NUL included.
#define ENCODE_HEX_SIZE(n) ((n)*2 + 1)
#define ENCODE_BASE64URL_SIZE(n) (((n)*4 + 2) / 3 + 1)

/// Writes 2 × `length` lower-case digits and a NUL.
void encode_hex(const void *data, size_t length, char *out);

/// Reads exactly 2 × `size` lower-case digits into `size` bytes; false when `text` is anything else.
bool decode_hex(const char *text, size_t length, void *out, size_t size);

/// Writes base64url without padding and a NUL; returns the characters written. `out` has
/// ENCODE_BASE64URL_SIZE(length) bytes.
size_t encode_base64url(const void *data, size_t length, char *out);

/// Reads base64url without padding; the unused bits of the last character must be 0. False when `text` is
/// anything else or holds more than `size` bytes.
bool decode_base64url(const char *text, size_t length, void *out, size_t size, size_t *length_r);

#endif
