// SPDX-License-Identifier: Apache-2.0
//
// The courier: takes jobs from the queue and carries their messages to the inboxes. It receives only while storage is
// usable and it has room; a job is removed once storage has recorded what became of its message, given back with a growing
// delay when that is not known, and a failure that will not pass is recorded under its number until the message is dead.
#ifndef CORE_COURIER_H
#define CORE_COURIER_H

#include <stddef.h>

struct courier;
struct exchange;

struct courier *courier_new(struct exchange *exchange);
/// Nothing may be under way.
void courier_free(struct courier *courier);

/// Receives if it may and is not doing so: at the start, by the sweeper's tick, and when a backend's state has changed.
void courier_wake(struct courier *courier);

/// Asks a waiting receive to end (for a drain).
void courier_stop(struct courier *courier);

/// Receives and jobs under way.
size_t courier_under_way(const struct courier *courier);

#endif
