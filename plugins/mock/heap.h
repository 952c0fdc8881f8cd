// SPDX-License-Identifier: Apache-2.0
//
// A heap of items by time: the earliest first, and of equal times the one that came first.
//
// An item may be in several heaps at once; for each it has a size_t member that is the heap's own, 0 while it is not
// in it. So an item is found, moved and removed without a search. Keys that only grow, the usual case, cost one
// comparison to add. Room is reserved before it is used. One thread at a time.
#ifndef PLUGINS_MOCK_HEAP_H
#define PLUGINS_MOCK_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_slot {
    int64_t time;
    uint64_t order; ///< counts additions and moves: equal times keep their order
    void *item;
};

struct heap {
    struct heap_slot *slots; ///< the first one is at 1
    size_t count;
    size_t capacity;
    size_t offset; ///< of the size_t in each item
    uint64_t order;
};

/// An empty heap of items whose size_t at `offset` it may use.
void heap_init(struct heap *heap, size_t offset);

/// Frees the heap, not its items, which may be gone already.
void heap_free(struct heap *heap);

/// Makes room for `count` items in all. False when there is no memory; nothing has changed then.
bool heap_reserve(struct heap *heap, size_t count) __attribute__((warn_unused_result));

/// Whether the item is in this heap.
bool heap_has(const struct heap *heap, const void *item);

/// Adds an item, or moves the one that is in it to another time. There must be room.
void heap_put(struct heap *heap, void *item, int64_t time);

/// Removes an item; one that is not in it is no error.
void heap_remove(struct heap *heap, void *item);

/// The earliest item, or NULL.
void *heap_first(const struct heap *heap);

/// The earliest item's time; the heap must not be empty.
int64_t heap_first_time(const struct heap *heap);

/// The earliest item if its time is not after `now`, or NULL.
void *heap_due(const struct heap *heap, int64_t now);

#endif
