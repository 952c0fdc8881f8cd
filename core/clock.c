// SPDX-License-Identifier: Apache-2.0
//
// See core/clock.h.
#include "core/clock.h"

#include <time.h>

static uint64_t system_monotonic_ns(const struct clock *clock)
{
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int64_t system_wall_ms(const struct clock *clock)
{
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct clock *clock_system(void)
{
    static const struct clock clock = {.monotonic_ns = system_monotonic_ns, .wall_ms = system_wall_ms};
    return &clock;
}

static uint64_t manual_monotonic_ns(const struct clock *clock)
{
    const struct clock_manual *manual = (const struct clock_manual *)(const void *)clock;
    return atomic_load(&manual->monotonic_ns);
}

static int64_t manual_wall_ms(const struct clock *clock)
{
    const struct clock_manual *manual = (const struct clock_manual *)(const void *)clock;
    int64_t nanoseconds = atomic_load(&manual->wall_ns);
    return nanoseconds / 1000000;
}

void clock_manual_init(struct clock_manual *manual, uint64_t monotonic_ns, int64_t wall_ms)
{
    manual->clock = (struct clock){.monotonic_ns = manual_monotonic_ns, .wall_ms = manual_wall_ms};
    atomic_init(&manual->monotonic_ns, monotonic_ns);
    atomic_init(&manual->wall_ns, wall_ms * 1000000);
}

void clock_manual_advance(struct clock_manual *manual, uint64_t nanoseconds)
{
    atomic_fetch_add(&manual->monotonic_ns, nanoseconds);
    atomic_fetch_add(&manual->wall_ns, (int64_t)nanoseconds);
}

void clock_manual_set_wall(struct clock_manual *manual, int64_t wall_ms)
{
    atomic_store(&manual->wall_ns, wall_ms * 1000000);
}
