// SPDX-License-Identifier: Apache-2.0
//
// See core/quantity.h. Both directions are driven by one table of units each.
#include "core/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/// Greatest first, for formatting.
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static const struct unit size_units[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"GB", 1000000000},
    {"G", 1000000000},
    {"MB", 1000000},
    {"M", 1000000},
    {"kB", 1000},
    {"k", 1000},
    {"B", 1},
    {"", 1},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/// The leading entries of size_units that formatting uses.
#define SIZE_UNITS_BINARY 4
#define SHARE_DECIMALS 4

/// Reads the digits that `text` begins with; the number of them, or 0 when there are none or too many.
static size_t parse_digits(const char *text, size_t length, uint64_t *number_r)
{
    uint64_t number = 0;
    size_t at = 0;
    for (; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
        if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[at] - '0'), &number)) {
            return 0;
        }
    }
    *number_r = number;
    return at;
}

static bool parse(const char *text, size_t length, const struct unit *units, size_t count, uint64_t *value_r)
{
    uint64_t number;
    size_t digits = parse_digits(text, length, &number);
    if (digits == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == length - digits && memcmp(units[i].name, text + digits, length - digits) == 0) {
            return !__builtin_mul_overflow(number, units[i].factor, value_r);
        }
    }
    return false;
}

bool quantity_parse_duration(const char *text, size_t length, int64_t *milliseconds_r)
{
    uint64_t value;
    if (length == 1 && text[0] == '0') {
        *milliseconds_r = 0;
        return true;
    }
    if (!parse(text, length, duration_units, COUNT(duration_units), &value) || value > INT64_MAX) {
        return false;
    }
    *milliseconds_r = (int64_t)value;
    return true;
}

bool quantity_parse_size(const char *text, size_t length, uint64_t *size_r)
{
    uint64_t value;
    if (!parse(text, length, size_units, COUNT(size_units), &value)) {
        return false;
    }
    *size_r = value;
    return true;
}

bool quantity_parse_unsigned(const char *text, size_t length, uint64_t *number_r)
{
    uint64_t number;
    size_t digits = parse_digits(text, length, &number);
    if (digits == 0 || digits != length) {
        return false;
    }
    *number_r = number;
    return true;
}

bool quantity_parse_share(const char *text, size_t length, uint32_t *millionths_r)
{
    uint64_t scaled = 0;
    size_t at = 0;
    size_t decimals = 0;
    bool point = false;
    for (; at < length && text[at] != '%'; at++) {
        if (text[at] == '.' && !point && at > 0) {
            point = true;
            continue;
        }
        if (text[at] < '0' || text[at] > '9' || (point && ++decimals > SHARE_DECIMALS) || scaled > QUANTITY_WHOLE) {
            return false;
        }
        scaled = scaled * 10 + (uint64_t)(text[at] - '0');
    }
    if (at == 0 || at + 1 != length || (point && decimals == 0)) {
        return false;
    }
    for (; decimals < SHARE_DECIMALS; decimals++) {
        scaled *= 10;
    }
    *millionths_r = (uint32_t)scaled;
    return scaled <= QUANTITY_WHOLE;
}

static void format(uint64_t value, const struct unit *units, size_t count, const char *smallest,
                   char out[QUANTITY_SIZE])
{
    for (size_t i = 0; i < count; i++) {
        if (value > 0 && value % units[i].factor == 0) {
            snprintf(out, QUANTITY_SIZE, "%" PRIu64 "%s", value / units[i].factor, units[i].name);
            return;
        }
    }
    snprintf(out, QUANTITY_SIZE, "%" PRIu64 "%s", value, smallest);
}

void quantity_format_duration(int64_t milliseconds, char out[QUANTITY_SIZE])
{
    uint64_t value = milliseconds > 0 ? (uint64_t)milliseconds : 0;
    format(value, duration_units, COUNT(duration_units), value == 0 ? "s" : "ms", out);
}

void quantity_format_size(uint64_t size, char out[QUANTITY_SIZE])
{
    format(size, size_units, SIZE_UNITS_BINARY, "", out);
}
