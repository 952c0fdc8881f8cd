// SPDX-License-Identifier: Apache-2.0
//
// The heap of heap.h, with four children a node: half as deep as a binary one, and the four lie side by side.
#include "plugins/mock/heap.h"

#include <assert.h>
#include <stdlib.h>

enum { HEAP_CHILDREN = 4 };

void heap_init(struct heap *heap, size_t offset)
{
    *heap = (struct heap){.offset = offset};
}

void heap_free(struct heap *heap)
{
    free(heap->slots);
    heap_init(heap, heap->offset);
}

bool heap_reserve(struct heap *heap, size_t count)
{
    if (count <= heap->capacity)
        return true;
    if (count > SIZE_MAX / 4 / sizeof(struct heap_slot))
        return false;
    size_t capacity = heap->capacity ? heap->capacity * 2 : 16;
    if (capacity < count)
        capacity = count;
    struct heap_slot *slots = realloc(heap->slots, (capacity + 1) * sizeof(*slots));
    if (!slots)
        return false;
    heap->slots = slots;
    heap->capacity = capacity;
    return true;
}

static size_t *heap_index(const struct heap *heap, const void *item)
{
    return (size_t *)((char *)(uintptr_t)item + heap->offset);
}

bool heap_has(const struct heap *heap, const void *item)
{
    return *heap_index(heap, item) != 0;
}

static bool heap_before(const struct heap_slot *left, const struct heap_slot *right)
{
    return left->time != right->time ? left->time < right->time : left->order < right->order;
}

static void heap_set(struct heap *heap, size_t at, struct heap_slot slot)
{
    heap->slots[at] = slot;
    *heap_index(heap, slot.item) = at;
}

// The children of slot n (counted from 1) are 4n-2 … 4n+1, its parent is (n+2)/4.
static void heap_rise(struct heap *heap, size_t at, struct heap_slot slot)
{
    while (at > 1) {
        size_t parent = (at + 2) / HEAP_CHILDREN;
        if (!heap_before(&slot, &heap->slots[parent]))
            break;
        heap_set(heap, at, heap->slots[parent]);
        at = parent;
    }
    heap_set(heap, at, slot);
}

static void heap_sink(struct heap *heap, size_t at, struct heap_slot slot)
{
    for (;;) {
        size_t child = HEAP_CHILDREN * at - 2;
        if (child > heap->count)
            break;
        size_t end = child + HEAP_CHILDREN <= heap->count + 1 ? child + HEAP_CHILDREN : heap->count + 1;
        size_t least = child;
        for (child++; child < end; child++) {
            if (heap_before(&heap->slots[child], &heap->slots[least]))
                least = child;
        }
        if (!heap_before(&heap->slots[least], &slot))
            break;
        heap_set(heap, at, heap->slots[least]);
        at = least;
    }
    heap_set(heap, at, slot);
}

// Puts a slot where another was: it may have to go either way.
static void heap_settle(struct heap *heap, size_t at, struct heap_slot slot)
{
    if (at > 1 && heap_before(&slot, &heap->slots[(at + 2) / HEAP_CHILDREN]))
        heap_rise(heap, at, slot);
    else
        heap_sink(heap, at, slot);
}

void heap_put(struct heap *heap, void *item, int64_t time)
{
    struct heap_slot slot = {.time = time, .order = heap->order++, .item = item};
    size_t at = *heap_index(heap, item);
    if (at) {
        heap_settle(heap, at, slot);
        return;
    }
    assert(heap->count < heap->capacity);
    heap_rise(heap, ++heap->count, slot);
}

void heap_remove(struct heap *heap, void *item)
{
    size_t at = *heap_index(heap, item);
    if (!at)
        return;
    struct heap_slot last = heap->slots[heap->count--];
    if (last.item != item)
        heap_settle(heap, at, last);
    *heap_index(heap, item) = 0;
}

void *heap_first(const struct heap *heap)
{
    return heap->count ? heap->slots[1].item : NULL;
}

int64_t heap_first_time(const struct heap *heap)
{
    assert(heap->count);
    return heap->slots[1].time;
}

void *heap_due(const struct heap *heap, int64_t now)
{
    return heap->count && heap->slots[1].time <= now ? heap->slots[1].item : NULL;
}
