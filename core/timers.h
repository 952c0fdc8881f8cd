// SPDX-License-Identifier: Apache-2.0
//
// Many moments behind one libevent timer: a heap of deadlines.
//
// Nearly every deadline is taken back before it comes. Setting one costs a few steps in a heap and asks
// libevent only when it is the first of all and earlier than what libevent waits for. Timers are embedded in
// what they serve. Times are those of the heap's clock, in nanoseconds; with a manual clock a test advances
// it and calls timers_run(). One loop, its thread only.
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct event_base;
struct timers;

struct timer {
    uint64_t due_ns;
    size_t place;                         ///< in the heap, from 1; 0: not set
    void (*expired)(struct timer *timer); ///< may free what the timer is embedded in
};

/// An empty heap. NULL when the system gives no event.
struct timers *timers_new(struct event_base *base, const struct clock *clock) __attribute__((warn_unused_result));

/// Frees it; timers still set are forgotten. NULL is allowed.
void timers_free(struct timers *timers);

/// Sets or moves a timer; `timer->expired` runs on the loop at `due_ns` or a little later, never inside.
void timers_set(struct timers *timers, struct timer *timer, uint64_t due_ns);

/// Takes a timer back; one that is not set is left.
void timers_clear(struct timers *timers, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->place != 0;
}

/// Runs what is due by the clock now. The loop does so by itself.
void timers_run(struct timers *timers);

#endif
