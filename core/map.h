// SPDX-License-Identifier: Apache-2.0
//
// A hash table from byte strings to pointers, with a limit from birth.
//
// Keys are copied (up to 32 bytes without a malloc), values belong to the caller and are never NULL. Open
// addressing with a random SipHash key per table. Removing any entry while iterating is safe; adding is not.
// One thread at a time.
#ifndef CORE_MAP_H
#define CORE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

/// An empty table for at most `limit` entries (up to 2^31). Memory grows with the entries.
struct map *map_new(size_t limit) __attribute__((warn_unused_result));

/// Frees the table and its copies of the keys; values are the caller's. NULL is allowed.
void map_free(struct map *map);

/// The number of entries.
size_t map_count(const struct map *map);

/// The value of a key, or NULL.
void *map_get(const struct map *map, const void *key, size_t key_length);

/// Adds an entry. False, and nothing changes, when the key is there already or the table is at its limit.
bool map_add(struct map *map, const void *key, size_t key_length, void *value);

/// Adds an entry or replaces its value. `old_r`, unless NULL, receives the value replaced or NULL. False, and
/// nothing changes, when the key is new and the table is at its limit.
bool map_put(struct map *map, const void *key, size_t key_length, void *value, void **old_r);

/// Removes an entry and returns its value; NULL when there is none.
void *map_remove(struct map *map, const void *key, size_t key_length);

/// Removes all entries; values are the caller's.
void map_clear(struct map *map);

/// Where an iteration stands; start with {0}.
struct map_cursor {
    size_t slot;       ///< private
    const void *key;   ///< the current entry's key, valid until the entry is removed or another is added
    size_t key_length; ///< its length
    void *value;       ///< the current entry's value
};

/// Moves to the next entry, in no particular order; false behind the last one. Entries may be removed in
/// between, the current one and others; what is removed before its turn is not met.
bool map_next(const struct map *map, struct map_cursor *cursor);

#endif
