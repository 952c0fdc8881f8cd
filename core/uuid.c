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
