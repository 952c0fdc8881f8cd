// SPDX-License-Identifier: Apache-2.0
//
// The table of table.h. At most three quarters of the slots are taken, so that a probe always ends at a free one.
// Removing closes the gap: each following item of the run moves back if its home is not behind the gap; so there are
// no tombstones and no slow decay.
#include "plugins/mock/table.h"

#include <assert.h>
#include <stdlib.h>

void table_init(struct table *table, const struct ph_host *host, table_equal_f *equal)
{
    *table = (struct table){.equal = equal};
    host->random(host, &table->key, sizeof(table->key));
}

void table_free(struct table *table)
{
    free(table->slots);
    table->slots = NULL;
    table->capacity = 0;
    table->count = 0;
}

static void table_place(struct table_slot *slots, size_t capacity, struct table_slot slot)
{
    size_t at = slot.hash & (capacity - 1);
    while (slots[at].item)
        at = (at + 1) & (capacity - 1);
    slots[at] = slot;
}

static bool table_fits(size_t capacity, size_t count)
{
    return count <= capacity - capacity / 4;
}

bool table_reserve(struct table *table, size_t count)
{
    if (table->capacity && table_fits(table->capacity, count))
        return true;
    size_t capacity = table->capacity ? table->capacity : 16;
    while (!table_fits(capacity, count)) {
        if (capacity > SIZE_MAX / 2 / sizeof(struct table_slot))
            return false;
        capacity *= 2;
    }
    struct table_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].item)
            table_place(slots, capacity, table->slots[i]);
    }
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

// The slot of this key, or SIZE_MAX.
static size_t table_locate(const struct table *table, const void *key, size_t length)
{
    if (table->count == 0)
        return SIZE_MAX;
    uint64_t hash = hash_bytes(&table->key, key, length);
    size_t at = hash & (table->capacity - 1);
    for (; table->slots[at].item; at = (at + 1) & (table->capacity - 1)) {
        if (table->slots[at].hash == hash && table->equal(table->slots[at].item, key, length))
            return at;
    }
    return SIZE_MAX;
}

void *table_find(const struct table *table, const void *key, size_t length)
{
    size_t at = table_locate(table, key, length);
    return at == SIZE_MAX ? NULL : table->slots[at].item;
}

void table_add(struct table *table, const void *key, size_t length, void *item)
{
    assert(item && table->capacity && table_fits(table->capacity, table->count + 1));
    struct table_slot slot = {.hash = hash_bytes(&table->key, key, length), .item = item};
    table_place(table->slots, table->capacity, slot);
    table->count++;
}

void table_remove(struct table *table, const void *key, size_t length)
{
    size_t gap = table_locate(table, key, length);
    if (gap == SIZE_MAX)
        return;
    size_t mask = table->capacity - 1;
    for (size_t at = (gap + 1) & mask; table->slots[at].item; at = (at + 1) & mask) {
        size_t home = table->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table->slots[gap] = table->slots[at];
            gap = at;
        }
    }
    table->slots[gap].item = NULL;
    table->count--;
}
