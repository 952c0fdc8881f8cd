// SPDX-License-Identifier: Apache-2.0
//
// See core/timestamp.h.
//
// Days are counted in years that begin on March 1st, so that the leap day is the last of its year and a month's first
// day is a linear function of its number. An era is the 400 years after which the calendar repeats.
#include "core/timestamp.h"

#define DAY_MS INT64_C(86400000)
#define ERA_DAYS 146097
/// Days from 0000-03-01 to 1970-01-01.
#define EPOCH_DAYS 719468
/// Shifts every year of interest into positive numbers.
#define SHIFT_ERAS 1

static unsigned two_digits(const char *text)
{
    unsigned high = (unsigned)(unsigned char)text[0] - '0';
    unsigned low = (unsigned)(unsigned char)text[1] - '0';
    return high < 10 && low < 10 ? high * 10 + low : 1000;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static int64_t days_from_date(unsigned year, unsigned month, unsigned day)
{
    unsigned shifted = month > 2 ? month - 3 : month + 9;
    unsigned march_year = year + 400 * SHIFT_ERAS - (month > 2 ? 0 : 1);
    unsigned era = march_year / 400;
    unsigned of_era = march_year % 400;
    unsigned of_year = (153 * shifted + 2) / 5 + day - 1;
    unsigned era_day = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return ((int64_t)era - SHIFT_ERAS) * ERA_DAYS + era_day - EPOCH_DAYS;
}

/// Reads YYYY-MM-DDThh:mm:ss.
static bool parse_date_time(const char *text, int64_t *milliseconds_r)
{
    if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') {
        return false;
    }
    unsigned century = two_digits(text);
    unsigned rest = two_digits(text + 2);
    unsigned month = two_digits(text + 5);
    unsigned day = two_digits(text + 8);
    unsigned hour = two_digits(text + 11);
    unsigned minute = two_digits(text + 14);
    unsigned second = two_digits(text + 17);
    if (century > 99 || rest > 99 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    unsigned year = century * 100 + rest;
    if (day < 1 || day > month_days(year, month)) {
        return false;
    }
    *milliseconds_r = days_from_date(year, month, day) * DAY_MS + (int64_t)(hour * 3600 + minute * 60 + second) * 1000;
    return true;
}

/// Reads a fraction, if there is one, and moves `*at` behind it.
static bool parse_fraction(const char *text, size_t length, size_t *at, int64_t *milliseconds)
{
    if (*at >= length || text[*at] != '.') {
        return true;
    }
    size_t digits = 0;
    int64_t weight = 100;
    for ((*at)++; *at < length && text[*at] >= '0' && text[*at] <= '9'; (*at)++) {
        *milliseconds += (text[*at] - '0') * weight;
        weight /= 10;
        digits++;
    }
    return digits >= 1 && digits <= 9;
}

/// Reads Z or ±hh:mm, to the end of the text.
static bool parse_offset(const char *text, size_t length, int64_t *milliseconds)
{
    if (length == 1) {
        return text[0] == 'Z';
    }
    if (length != 6 || text[3] != ':' || (text[0] != '+' && text[0] != '-')) {
        return false;
    }
    unsigned hours = two_digits(text + 1);
    unsigned minutes = two_digits(text + 4);
    if (hours > 23 || minutes > 59) {
        return false;
    }
    int64_t offset = (int64_t)(hours * 60 + minutes) * 60000;
    *milliseconds -= text[0] == '+' ? offset : -offset;
    return true;
}

bool timestamp_parse(const char *text, size_t length, int64_t *milliseconds_r)
{
    int64_t milliseconds;
    size_t at = 19;
    if (length < 20 || !parse_date_time(text, &milliseconds) || !parse_fraction(text, length, &at, &milliseconds) ||
        at >= length || !parse_offset(text + at, length - at, &milliseconds)) {
        return false;
    }
    if (milliseconds < TIMESTAMP_MIN || milliseconds > TIMESTAMP_MAX) {
        return false;
    }
    *milliseconds_r = milliseconds;
    return true;
}

static inline void put_two(char *out, unsigned number)
{
    out[0] = (char)('0' + number / 10);
    out[1] = (char)('0' + number % 10);
}

static void format_date(unsigned days, char *out)
{
    unsigned era = days / ERA_DAYS;
    unsigned of_era = days % ERA_DAYS;
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    unsigned day = of_year - (153 * shifted + 2) / 5 + 1;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    year += 400 * era + (month <= 2 ? 1 : 0) - 400 * SHIFT_ERAS;
    put_two(out, year / 100);
    put_two(out + 2, year % 100);
    out[4] = '-';
    put_two(out + 5, month);
    out[7] = '-';
    put_two(out + 8, day);
}

void timestamp_format(int64_t milliseconds, char out[TIMESTAMP_SIZE])
{
    if (milliseconds < TIMESTAMP_MIN) {
        milliseconds = TIMESTAMP_MIN;
    } else if (milliseconds > TIMESTAMP_MAX) {
        milliseconds = TIMESTAMP_MAX;
    }
    uint64_t shifted = (uint64_t)(milliseconds + (EPOCH_DAYS + (int64_t)SHIFT_ERAS * ERA_DAYS) * DAY_MS);
    unsigned days = (unsigned)(shifted / (uint64_t)DAY_MS);
    unsigned of_day = (unsigned)(shifted % (uint64_t)DAY_MS);
    unsigned seconds = of_day / 1000;
    unsigned fraction = of_day % 1000;
    format_date(days, out);
    out[10] = 'T';
    put_two(out + 11, seconds / 3600);
    out[13] = ':';
    put_two(out + 14, seconds / 60 % 60);
    out[16] = ':';
    put_two(out + 17, seconds % 60);
    out[19] = '.';
    out[20] = (char)('0' + fraction / 100);
    put_two(out + 21, fraction % 100);
    out[23] = 'Z';
    out[24] = '\0';
}
