// SPDX-License-Identifier: Apache-2.0
//
// See core/span_ring.h. The memory is there from the beginning; a lock is held for one copy at a time.
#include "core/span_ring.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/span.h"
#include "core/xalloc.h"

struct span_ring {
    pthread_mutex_t lock; // guards what follows
    size_t capacity;
    size_t first;
    size_t count;
    struct span spans[];
};

struct span_ring *span_ring_new(size_t capacity)
{
    struct span_ring *ring = xcalloc(1, sizeof *ring + capacity * sizeof ring->spans[0]);
    pthread_mutex_init(&ring->lock, NULL);
    ring->capacity = capacity;
    return ring;
}

void span_ring_free(struct span_ring *ring)
{
    if (ring != NULL) {
        pthread_mutex_destroy(&ring->lock);
        free(ring);
    }
}

bool span_ring_add(struct span_ring *ring, const struct span *span, size_t *count_r)
{
    pthread_mutex_lock(&ring->lock);
    const bool room = ring->count < ring->capacity;
    if (room) {
        ring->spans[(ring->first + ring->count) % ring->capacity] = *span;
        ring->count++;
    }
    *count_r = ring->count;
    pthread_mutex_unlock(&ring->lock);
    return room;
}

size_t span_ring_take(struct span_ring *ring, struct span *spans_r, size_t limit)
{
    size_t taken = 0;
    pthread_mutex_lock(&ring->lock);
    while (taken < limit && ring->count > 0) {
        spans_r[taken++] = ring->spans[ring->first];
        ring->first = (ring->first + 1) % ring->capacity;
        ring->count--;
    }
    pthread_mutex_unlock(&ring->lock);
    return taken;
}

size_t span_ring_count(struct span_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    const size_t count = ring->count;
    pthread_mutex_unlock(&ring->lock);
    return count;
}
