// SPDX-License-Identifier: Apache-2.0
//
// UTF-8: checking it, counting it, cutting it, and making any bytes fit for a log line.
//
// Strict as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure functions.
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The length in bytes (1–4) of the valid sequence that begins at `text`, which has `length` bytes; 0 when
/// there is none. `code_r` receives the code point unless NULL.
size_t utf8_step(const char *text, size_t length, uint32_t *code_r);

/// True when all of `text` is valid UTF-8. NUL is valid.
bool utf8_valid(const char *text, size_t length);

/// The number of code points in valid UTF-8.
size_t utf8_count(const char *text, size_t length);

/// The greatest length, at most `limit` and at most `length`, that does not split a sequence of valid UTF-8.
size_t utf8_cut(const char *text, size_t length, size_t limit);

/// True for code points that must not reach a log or a terminal: C0, DEL, C1, line and paragraph separators,
/// and the marks that change the direction of text.
bool utf8_unprintable(uint32_t code);

/// Copies `text` to `out` so that it can be shown: each unprintable character and each invalid byte becomes
/// '?'. At most `size` - 1 bytes, cut at a boundary, always terminated; `size` must not be 0. Returns the
/// bytes written.
/// `used_r`, unless NULL, receives how much of `text` they stand for.
size_t utf8_clean_part(char *out, size_t size, const char *text, size_t length, size_t *used_r);

/// utf8_clean_part() for those who do not ask what was left.
size_t utf8_clean(char *out, size_t size, const char *text, size_t length);

#endif
