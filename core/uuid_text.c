// SPDX-License-Identifier: Apache-2.0
//
// See core/uuid.h. Reading and writing ids, apart from making them, so that plugins may use this file alone.
#include "core/uuid.h"

static const char hex_digits[] = "0123456789abcdef";

/// Where each byte's two digits stand in the text.
static const uint8_t digit_places[UUID_BYTES] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool uuid_parse(const char *text, size_t length, struct uuid *uuid_r)
{
    struct uuid uuid;
    if (length != UUID_TEXT_LENGTH || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') {
        return false;
    }
    for (size_t i = 0; i < UUID_BYTES; i++) {
        int high = hex_value(text[digit_places[i]]);
        int low = hex_value(text[digit_places[i] + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        uuid.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *uuid_r = uuid;
    return true;
}

void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_SIZE])
{
    for (size_t i = 0; i < UUID_BYTES; i++) {
        out[digit_places[i]] = hex_digits[uuid->bytes[i] >> 4];
        out[digit_places[i] + 1] = hex_digits[uuid->bytes[i] & 15];
    }
    out[8] = out[13] = out[18] = out[23] = '-';
    out[UUID_TEXT_LENGTH] = '\0';
}

int64_t uuid_time_ms(const struct uuid *uuid)
{
    uint64_t time = 0;
    for (size_t i = 0; i < 6; i++) {
        time = time << 8 | uuid->bytes[i];
    }
    return (int64_t)time;
}

bool uuid_is_v7(const struct uuid *uuid)
{
    return uuid->bytes[6] >> 4 == 7 && uuid->bytes[8] >> 6 == 2;
}
