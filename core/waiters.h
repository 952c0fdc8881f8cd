// SPDX-License-Identifier: Apache-2.0
//
// Waiters: readers who wait for something to come into an inbox (EXCHANGE_POLL). A delivery in this process wakes them at
// once; a hint of the storage does for other processes; and once a second the heads of all inboxes that are waited for
// are compared, so that nobody waits longer than that.
#ifndef CORE_WAITERS_H
#define CORE_WAITERS_H

#include <stdbool.h>
#include <stddef.h>

#include "posthouse/plugin.h"

struct exchange;
struct exchange_call;
struct waiters;

struct waiters *waiters_new(struct exchange *exchange);
/// No call may be waiting.
void waiters_free(struct waiters *waiters);

/// Takes an EXCHANGE_POLL call: reads, and waits if there is nothing. Ends with exchange_finish().
void waiters_add(struct waiters *waiters, struct exchange_call *call);

/// Ends a call's waiting with what there is. A call that is not waiting is left alone.
void waiters_cancel(struct waiters *waiters, struct exchange_call *call);

/// Ends all waiting (for a drain).
void waiters_cancel_all(struct waiters *waiters);

/// A user's inbox has grown: wakes who waits here; `tell_others`: and tells the other processes, soon and coalesced.
void waiters_wake(struct waiters *waiters, struct ph_text user, bool tell_others);

/// How many wait.
size_t waiters_count(const struct waiters *waiters);

#endif
