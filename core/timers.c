// SPDX-License-Identifier: Apache-2.0
//
// See core/timers.h. A binary heap in an array from index 1; each timer knows its place.
#include "core/timers.h"
#include "core/clock.h"
#include "core/xalloc.h"
#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define NEVER UINT64_MAX

struct timers {
    struct event *event;
    const struct clock *clock;
    struct timer **heap;
    size_t count;
    size_t capacity;
    uint64_t armed_ns;   ///< when libevent comes, NEVER when it does not
    uint64_t running_ns; ///< while timers run: the time they run for, else 0
};

static void timers_put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void timers_rise(struct timers *timers, size_t place, struct timer *timer)
{
    while (place > 1 && timers->heap[place / 2]->due_ns > timer->due_ns) {
        timers_put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    timers_put(timers, place, timer);
}

static void timers_sink(struct timers *timers, size_t place, struct timer *timer)
{
    for (;;) {
        size_t child = place * 2;
        if (child > timers->count) {
            break;
        }
        if (child < timers->count && timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns) {
            child++;
        }
        if (timers->heap[child]->due_ns >= timer->due_ns) {
            break;
        }
        timers_put(timers, place, timers->heap[child]);
        place = child;
    }
    timers_put(timers, place, timer);
}

// Tells libevent about the first timer, unless it comes early enough anyway.
static void timers_arm(struct timers *timers)
{
    if (timers->running_ns != 0 || timers->count == 0 || timers->heap[1]->due_ns >= timers->armed_ns) {
        return;
    }
    uint64_t now = clock_monotonic_ns(timers->clock);
    uint64_t due = timers->heap[1]->due_ns;
    uint64_t wait = due > now ? (due - now + 999) / 1000 : 0;
    struct timeval after = {.tv_sec = (time_t)(wait / 1000000), .tv_usec = (suseconds_t)(wait % 1000000)};
    event_add(timers->event, &after);
    timers->armed_ns = due;
}

void timers_run(struct timers *timers)
{
    uint64_t now = clock_monotonic_ns(timers->clock);
    timers->running_ns = now > 0 ? now : 1;
    while (timers->count > 0 && timers->heap[1]->due_ns <= now) {
        struct timer *timer = timers->heap[1];
        timers_clear(timers, timer);
        timer->expired(timer);
    }
    timers->running_ns = 0;
    timers_arm(timers);
}

static void timers_expired(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    struct timers *timers = context;
    timers->armed_ns = NEVER;
    timers_run(timers);
}

struct timers *timers_new(struct event_base *base, const struct clock *clock)
{
    struct timers *timers = xcalloc(1, sizeof *timers);
    timers->clock = clock;
    timers->armed_ns = NEVER;
    timers->event = event_new(base, -1, 0, timers_expired, timers);
    if (timers->event == NULL) {
        free(timers);
        return NULL;
    }
    return timers;
}

void timers_free(struct timers *timers)
{
    if (timers != NULL) {
        event_free(timers->event);
        free(timers->heap);
        free(timers);
    }
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t due_ns)
{
    timers_clear(timers, timer);
    assert(timer->expired != NULL);
    if (timers->count + 1 >= timers->capacity) {
        timers->capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
        timers->heap = xrealloc_array(timers->heap, timers->capacity, sizeof(*timers->heap));
    }
    // What a timer sets while it runs comes in a later round, so that a round ends.
    timer->due_ns = due_ns > timers->running_ns ? due_ns : timers->running_ns + 1;
    timers->count++;
    timers_rise(timers, timers->count, timer);
    timers_arm(timers);
}

void timers_clear(struct timers *timers, struct timer *timer)
{
    if (timer->place == 0) {
        return;
    }
    size_t place = timer->place;
    struct timer *last = timers->heap[timers->count];
    timers->count--;
    timer->place = 0;
    if (last == timer) {
        return;
    }
    if (place > 1 && timers->heap[place / 2]->due_ns > last->due_ns) {
        timers_rise(timers, place, last);
    } else {
        timers_sink(timers, place, last);
    }
}
