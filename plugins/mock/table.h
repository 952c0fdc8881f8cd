// SPDX-License-Identifier: Apache-2.0
//
// A hash table from byte strings to items that hold their own key, so that nothing is copied.
//
// Open addressing with linear probing over slots of hash and pointer: growing never touches an item, a miss seldom
// does. The hash is keyed and random for each table. Room is reserved before it is used, so that a change that has
// begun cannot run out of memory halfway. One thread at a time.
#ifndef PLUGINS_MOCK_TABLE_H
#define PLUGINS_MOCK_TABLE_H

#include "plugins/mock/hash.h"

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>

/// Whether this item has this key.
typedef bool table_equal_f(const void *item, const void *key, size_t length);

struct table_slot {
    uint64_t hash;
    void *item; ///< NULL: free
};

struct table {
    struct table_slot *slots;
    size_t capacity; ///< a power of two, or 0
    size_t count;
    struct hash_key key;
    table_equal_f *equal;
};

/// An empty table; it takes memory only when room is reserved.
void table_init(struct table *table, const struct ph_host *host, table_equal_f *equal);

/// Frees the table, not its items. It is empty afterwards and may be used again.
void table_free(struct table *table);

/// Makes room for `count` items in all. False when there is no memory; nothing has changed then.
bool table_reserve(struct table *table, size_t count) __attribute__((warn_unused_result));

/// The item with this key, or NULL.
void *table_find(const struct table *table, const void *key, size_t length);

/// Adds an item; its key must not be there yet and there must be room.
void table_add(struct table *table, const void *key, size_t length, void *item);

/// Removes the item with this key; one that is not there is no error.
void table_remove(struct table *table, const void *key, size_t length);

#endif
