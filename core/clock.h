// SPDX-License-Identifier: Apache-2.0
//
// Clocks as objects, so that a test decides what time it is.
//
// Code that waits or stamps takes a `const struct clock *` and never asks the system itself. Reading is
// allowed on any thread. Due times and leases are not for this clock but for the storage's.
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct clock {
    uint64_t (*monotonic_ns)(const struct clock *clock); ///< nanoseconds since some moment; never goes back
    int64_t (*wall_ms)(const struct clock *clock);       ///< milliseconds since 1970, UTC; may jump
};

/// The system's clock; lives for ever.
const struct clock *clock_system(void);

static inline uint64_t clock_monotonic_ns(const struct clock *clock)
{
    return clock->monotonic_ns(clock);
}

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock);
}

/// A clock that stands still until it is told to move; pass &manual.clock on.
struct clock_manual {
    struct clock clock;
    _Atomic uint64_t monotonic_ns;
    _Atomic int64_t wall_ns; ///< so that many small steps add up
};

/// A manual clock that shows these times.
void clock_manual_init(struct clock_manual *manual, uint64_t monotonic_ns, int64_t wall_ms);

/// Moves both times forward.
void clock_manual_advance(struct clock_manual *manual, uint64_t nanoseconds);

/// Sets the wall time alone, also back, as an administrator would.
void clock_manual_set_wall(struct clock_manual *manual, int64_t wall_ms);

#endif
