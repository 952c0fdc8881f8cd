// SPDX-License-Identifier: Apache-2.0
//
// See core/map.h.
//
// Linear probing in a power of two of slots, at most three quarters of them taken. A removed entry leaves a grave, so
// that nothing ever moves but in an addition; graves go when the table is built anew, at the latest when they and
// the entries together would fill it.
#include "core/map.h"

#include "core/siphash.h"
#include "core/xalloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAP_MAGIC 0x3a9b5001u
#define MAP_FIRST_SIZE ((size_t)16)
#define MAP_SMALL_KEY 32

/// A slot without a value is free (hash 0) or a grave (hash 1).
struct map_slot {
    uint64_t hash;
    void *value;
    size_t key_length;
    union {
        unsigned char small[MAP_SMALL_KEY];
        unsigned char *large;
    } key;
};

struct map {
    unsigned magic;
    struct siphash_key hash_key;
    struct map_slot *slots;
    size_t size; ///< slots, a power of two, or 0
    size_t count;
    size_t graves;
    size_t limit;
};

struct map *map_new(size_t limit)
{
    struct map *map = xcalloc(1, sizeof *map);
    map->magic = MAP_MAGIC;
    map->limit = limit < (UINT32_C(1) << 31) ? limit : (UINT32_C(1) << 31);
    siphash_key_random(&map->hash_key);
    return map;
}

static const unsigned char *slot_key(const struct map_slot *slot)
{
    return slot->key_length <= MAP_SMALL_KEY ? slot->key.small : slot->key.large;
}

static void slot_free_key(struct map_slot *slot)
{
    if (slot->key_length > MAP_SMALL_KEY) {
        free(slot->key.large);
    }
}

void map_clear(struct map *map)
{
    assert(map->magic == MAP_MAGIC);
    for (size_t i = 0; i < map->size; i++) {
        if (map->slots[i].value != NULL) {
            slot_free_key(&map->slots[i]);
        }
    }
    free(map->slots);
    map->slots = NULL;
    map->size = map->count = map->graves = 0;
}

void map_free(struct map *map)
{
    if (map == NULL) {
        return;
    }
    map_clear(map);
    map->magic = 0;
    free(map);
}

size_t map_count(const struct map *map)
{
    return map->count;
}

static bool slot_is(const struct map_slot *slot, uint64_t hash, const void *key, size_t key_length)
{
    return slot->value != NULL && slot->hash == hash && slot->key_length == key_length &&
           (key_length == 0 || memcmp(slot_key(slot), key, key_length) == 0);
}

static struct map_slot *map_find(const struct map *map, uint64_t hash, const void *key, size_t key_length)
{
    if (map->count == 0) {
        return NULL;
    }
    for (size_t at = hash & (map->size - 1);; at = (at + 1) & (map->size - 1)) {
        struct map_slot *slot = &map->slots[at];
        if (slot_is(slot, hash, key, key_length)) {
            return slot;
        }
        if (slot->value == NULL && slot->hash == 0) {
            return NULL;
        }
    }
}

void *map_get(const struct map *map, const void *key, size_t key_length)
{
    assert(map->magic == MAP_MAGIC);
    if (map->count == 0) {
        return NULL;
    }
    const struct map_slot *slot = map_find(map, siphash(&map->hash_key, key, key_length), key, key_length);
    return slot != NULL ? slot->value : NULL;
}

static struct map_slot *map_vacant(struct map_slot *slots, size_t size, uint64_t hash)
{
    size_t at = hash & (size - 1);
    while (slots[at].value != NULL) {
        at = (at + 1) & (size - 1);
    }
    return &slots[at];
}

/// Moves all entries into a table in which they and as many more have room.
static void map_rebuild(struct map *map)
{
    size_t size = MAP_FIRST_SIZE;
    while (size / 2 < map->count + 1) {
        size *= 2;
    }
    struct map_slot *slots = xcalloc(size, sizeof *slots);
    for (size_t i = 0; i < map->size; i++) {
        if (map->slots[i].value != NULL) {
            *map_vacant(slots, size, map->slots[i].hash) = map->slots[i];
        }
    }
    free(map->slots);
    map->slots = slots;
    map->size = size;
    map->graves = 0;
}

static bool map_insert(struct map *map, uint64_t hash, const void *key, size_t key_length, void *value)
{
    if (map->count >= map->limit) {
        return false;
    }
    if (map->count + map->graves + 1 > map->size / 4 * 3) {
        map_rebuild(map);
    }
    struct map_slot *slot = map_vacant(map->slots, map->size, hash);
    map->graves -= slot->hash;
    slot->hash = hash;
    slot->value = value;
    slot->key_length = key_length;
    if (key_length > MAP_SMALL_KEY) {
        slot->key.large = xmemdup(key, key_length);
    } else if (key_length > 0) {
        memcpy(slot->key.small, key, key_length);
    }
    map->count++;
    return true;
}

bool map_add(struct map *map, const void *key, size_t key_length, void *value)
{
    assert(map->magic == MAP_MAGIC && value != NULL);
    uint64_t hash = siphash(&map->hash_key, key, key_length);
    return map_find(map, hash, key, key_length) == NULL && map_insert(map, hash, key, key_length, value);
}

bool map_put(struct map *map, const void *key, size_t key_length, void *value, void **old_r)
{
    assert(map->magic == MAP_MAGIC && value != NULL);
    uint64_t hash = siphash(&map->hash_key, key, key_length);
    struct map_slot *slot = map_find(map, hash, key, key_length);
    if (old_r != NULL) {
        *old_r = slot != NULL ? slot->value : NULL;
    }
    if (slot != NULL) {
        slot->value = value;
        return true;
    }
    return map_insert(map, hash, key, key_length, value);
}

void *map_remove(struct map *map, const void *key, size_t key_length)
{
    assert(map->magic == MAP_MAGIC);
    struct map_slot *slot = map_find(map, siphash(&map->hash_key, key, key_length), key, key_length);
    if (slot == NULL) {
        return NULL;
    }
    void *value = slot->value;
    slot_free_key(slot);
    slot->value = NULL;
    slot->hash = 1;
    map->count--;
    map->graves++;
    return value;
}

bool map_next(const struct map *map, struct map_cursor *cursor)
{
    assert(map->magic == MAP_MAGIC);
    for (; cursor->slot < map->size; cursor->slot++) {
        const struct map_slot *slot = &map->slots[cursor->slot];
        if (slot->value != NULL) {
            cursor->key = slot_key(slot);
            cursor->key_length = slot->key_length;
            cursor->value = slot->value;
            cursor->slot++;
            return true;
        }
    }
    return false;
}
