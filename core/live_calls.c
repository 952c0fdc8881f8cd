// SPDX-License-Identifier: Apache-2.0
//
// See core/live_calls.h.
#include "core/live_calls.h"
#include "core/map.h"
#include <assert.h>
#include <stddef.h>

#define LIVE_LIMIT ((size_t)1 << 20)
#define PAST_COUNT 64

static _Thread_local struct {
    struct map *live;
    size_t owners;
    size_t next_past;
    struct live_calls_past past[PAST_COUNT];
} calls;

void live_calls_join(void)
{
    if (calls.owners++ == 0) {
        calls.live = map_new(LIVE_LIMIT);
    }
}

void live_calls_leave(const void *owner)
{
    assert(calls.owners > 0);
    for (size_t i = 0; i < PAST_COUNT; i++) {
        if (calls.past[i].owner == owner) {
            calls.past[i].owner = NULL;
        }
    }
    if (--calls.owners == 0) {
        map_free(calls.live);
        calls.live = NULL;
    }
}

void live_calls_add(const void *call)
{
    // The value only has to be something; keys are the addresses themselves.
    bool added = map_add(calls.live, &call, sizeof call, &calls);
    assert(added);
    (void)added;
}

bool live_calls_has(const void *call)
{
    return calls.live != NULL && map_get(calls.live, &call, sizeof call) != NULL;
}

bool live_calls_take(const void *call, const void *owner, uint32_t operation)
{
    if (calls.live == NULL || map_remove(calls.live, &call, sizeof call) == NULL) {
        return false;
    }
    struct live_calls_past *past = &calls.past[calls.next_past++ % PAST_COUNT];
    *past = (struct live_calls_past){.call = call, .owner = owner, .operation = operation};
    return true;
}

const struct live_calls_past *live_calls_find_past(const void *call)
{
    for (size_t i = 1; i <= PAST_COUNT; i++) {
        const struct live_calls_past *past = &calls.past[(calls.next_past + PAST_COUNT - i) % PAST_COUNT];
        if (past->call == call) {
            return past;
        }
    }
    return NULL;
}
