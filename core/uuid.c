// SPDX-License-Identifier: Apache-2.0
//
// See core/uuid.h.
//
// The last time and counter given lie in one atomic word, time above counter, so that "the next one" is an addition
// whose carry moves the time on. Whoever wins the exchange owns its value; the random bits need no order.
#include "core/uuid.h"

#include "core/random.h"

#include <stdatomic.h>

#define COUNTER_BITS 12
#define COUNTER_START_MASK 0x7ffu
#define TIME_MASK ((UINT64_C(1) << 48) - 1)

static _Atomic uint64_t uuid_last;

static uint64_t next_stamp(int64_t wall_ms, uint64_t start)
{
    uint64_t now = ((wall_ms > 0 ? (uint64_t)wall_ms : 0) & TIME_MASK) << COUNTER_BITS | start;
    uint64_t last = atomic_load_explicit(&uuid_last, memory_order_relaxed);
    uint64_t next;
    do {
        next = now >> COUNTER_BITS > last >> COUNTER_BITS ? now : last + 1;
    } while (
        !atomic_compare_exchange_weak_explicit(&uuid_last, &last, next, memory_order_relaxed, memory_order_relaxed));
    return next;
}

void uuid_make(int64_t wall_ms, struct uuid *uuid_r)
{
    unsigned char noise[10];
    random_bytes(noise, sizeof noise);
    uint64_t stamp = next_stamp(wall_ms, ((uint64_t)noise[8] << 8 | noise[9]) & COUNTER_START_MASK);
    uint64_t time = stamp >> COUNTER_BITS;
    for (unsigned i = 0; i < 6; i++) {
        uuid_r->bytes[i] = (uint8_t)(time >> (40 - 8 * i));
    }
    uuid_r->bytes[6] = (uint8_t)(0x70 | (stamp >> 8 & 0x0f));
    uuid_r->bytes[7] = (uint8_t)stamp;
    memcpy(uuid_r->bytes + 8, noise, 8);
    uuid_r->bytes[8] = (uint8_t)((uuid_r->bytes[8] & 0x3f) | 0x80);
}

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
