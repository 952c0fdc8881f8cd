// SPDX-License-Identifier: Apache-2.0
//
// Times as text: RFC 3339 in UTC with milliseconds, such as 2026-11-22T21:04:45.123Z; as numbers:
// milliseconds since 1970-01-01T00:00:00Z, without leap seconds. Every function may be called on any thread.
#ifndef CORE_TIMESTAMP_H
#define CORE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes of a formatted time, its NUL included.
#define TIMESTAMP_SIZE 25

/// The first and the last moment that can be written with four digits of a year.
#define TIMESTAMP_MIN INT64_C(-62167219200000)
#define TIMESTAMP_MAX INT64_C(253402300799999)

/// Reads a time: date, 'T', time with seconds, 1–9 digits of a fraction or none, then 'Z' or an offset.
/// Strict: upper case, existing dates only, no second 60; further digits of the fraction are cut off. Offsets
/// are converted. False when `text` is anything else or lies outside TIMESTAMP_MIN … TIMESTAMP_MAX.
bool timestamp_parse(const char *text, size_t length, int64_t *milliseconds_r);

/// Writes a time, always 24 characters and a NUL. Values outside TIMESTAMP_MIN … TIMESTAMP_MAX are clamped.
void timestamp_format(int64_t milliseconds, char out[TIMESTAMP_SIZE]);

#endif
