// SPDX-License-Identifier: Apache-2.0
//
// Durations and sizes as people write them in a configuration: 500ms, 10s, 5m, 12h, 30d; 256KiB, 1MiB, 10k,
// 1500.
//
// Strict: digits directly followed by a unit, nothing else; no sign, no space, no fraction; checked for
// overflow.
#ifndef CORE_QUANTITY_H
#define CORE_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes that hold any formatted quantity, its NUL included.
#define QUANTITY_SIZE 32
/// 100%
#define QUANTITY_WHOLE 1000000u

/// Reads a duration into milliseconds. Units: ms, s, m, h, d. A unit is required, except for a plain 0.
bool quantity_parse_duration(const char *text, size_t length, int64_t *milliseconds_r);

/// Reads a size or a count. Units: none or B (1), k or kB, M or MB, G or GB (powers of 1000), KiB, MiB, GiB,
/// TiB (powers of 1024).
bool quantity_parse_size(const char *text, size_t length, uint64_t *size_r);

/// Reads a share such as 5%, 0.1% or 100%, with up to four decimals, into millionths.
bool quantity_parse_share(const char *text, size_t length, uint32_t *millionths_r);

/// Reads digits alone into a number.
bool quantity_parse_unsigned(const char *text, size_t length, uint64_t *number_r);

/// Writes a duration that is not negative with the greatest unit that keeps it exact: 90000 becomes 90s.
void quantity_format_duration(int64_t milliseconds, char out[QUANTITY_SIZE]);

/// Writes a size with the greatest power of 1024 that keeps it exact: 262144 becomes 256KiB, 1500 stays 1500.
void quantity_format_size(uint64_t size, char out[QUANTITY_SIZE]);

#endif
