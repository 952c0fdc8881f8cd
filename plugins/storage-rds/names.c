// SPDX-License-Identifier: Apache-2.0
//
// A hash table with open addressing, as large as needed from the start.
#include "plugins/storage-rds/names.h"

#include <string.h>

// FNV-1a begun at the seed, its upper bits, which depend on all input, folded into those that are used.
uint64_t names_hash(uint64_t seed, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = 14695981039346656037u ^ seed;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 1099511628211u;
    hash ^= seed;
    hash *= 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    return hash != 0 ? hash : 1;
}

bool names_begin(struct names *names, struct ph_call *call, uint64_t seed, size_t most)
{
    *names = (struct names){.room = 16, .seed = seed};
    while (names->room < most * 2)
        names->room *= 2;
    names->items = call->host->alloc(call, (most + 1) * sizeof(struct ph_text));
    names->slots = call->host->alloc(call, names->room * sizeof(size_t));
    return names->items != NULL && names->slots != NULL;
}

size_t names_add(struct names *names, struct ph_text name)
{
    size_t at = (size_t)names_hash(names->seed, name.bytes, name.length) & (names->room - 1);
    for (; names->slots[at] != 0; at = (at + 1) & (names->room - 1)) {
        size_t item = names->slots[at] - 1;
        if (names_compare(names->items[item], name) == 0)
            return item;
    }
    names->items[names->count] = name;
    names->slots[at] = ++names->count;
    return names->count - 1;
}

bool names_plain(struct ph_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.bytes[i] < 0x21 || name.bytes[i] > 0x7e)
            return false;
    }
    return name.length > 0 && name.length <= NAMES_LONGEST;
}

int names_compare(struct ph_text left, struct ph_text right)
{
    size_t common = left.length < right.length ? left.length : right.length;
    int order = common > 0 ? memcmp(left.bytes, right.bytes, common) : 0;
    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

size_t names_joined_length(const struct ph_text *names, size_t count)
{
    size_t length = count > 0 ? count - 1 : 0;
    for (size_t i = 0; i < count; i++)
        length += names[i].length;
    return length;
}

char *names_join(char *at, const struct ph_text *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ' ';
        if (names[i].length > 0)
            memcpy(at, names[i].bytes, names[i].length);
        at += names[i].length;
    }
    return at;
}

bool names_copy(struct ph_call *call, struct ph_text name, struct ph_text *copy_r)
{
    char *copy = call->host->alloc(call, name.length + 1);
    if (copy == NULL)
        return false;
    if (name.length > 0)
        memcpy(copy, name.bytes, name.length);
    *copy_r = (struct ph_text){.bytes = copy, .length = name.length};
    return true;
}
