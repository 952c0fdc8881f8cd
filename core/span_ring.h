// SPDX-License-Identifier: Apache-2.0
//
// Finished spans that wait to be sent: a ring of a fixed size, in the order in which they ended. What does not fit is
// dropped by whoever adds; nobody ever waits.
#ifndef CORE_SPAN_RING_H
#define CORE_SPAN_RING_H

#include <stdbool.h>
#include <stddef.h>

struct span;
struct span_ring;

/// A ring for `capacity` (1 or more) spans. Never NULL.
struct span_ring *span_ring_new(size_t capacity) __attribute__((warn_unused_result));

/// NULL is allowed.
void span_ring_free(struct span_ring *ring);

/// Adds a copy; `count_r` is how many wait then. False when the ring is full. Any thread.
bool span_ring_add(struct span_ring *ring, const struct span *span, size_t *count_r);

/// Takes up to `limit` of the oldest; returns how many. Any thread.
size_t span_ring_take(struct span_ring *ring, struct span *spans_r, size_t limit);

/// How many wait. Any thread.
size_t span_ring_count(struct span_ring *ring);

#endif
