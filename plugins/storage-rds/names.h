// SPDX-License-Identifier: Apache-2.0
//
// Users' names in a batch: what may be one, and each of them once.
#ifndef PLUGINS_STORAGE_RDS_NAMES_H
#define PLUGINS_STORAGE_RDS_NAMES_H

#include "posthouse/plugin.h"

#define NAMES_LONGEST 255 ///< bytes; the host asks for fewer

/// A set of names, numbered in the order in which they came.
struct names {
    struct ph_text *items;
    size_t count;
    size_t *slots; ///< item + 1; 0: empty
    size_t room;   ///< a power of two
    uint64_t seed;
};

/// A hash of some bytes that is never 0. With a seed that is kept secret, nobody can choose bytes that collide.
uint64_t names_hash(uint64_t seed, const void *bytes, size_t length);

/// An empty set that will hold up to `most` names. False: the arena is used up.
bool names_begin(struct names *names, struct ph_call *call, uint64_t seed, size_t most);

/// The number of a name, which is added when it is new. The text is not copied.
size_t names_add(struct names *names, struct ph_text name);

/// Whether it can be a user's name here: visible ASCII, as names stand in lists with spaces between them. Others are of
/// no user.
bool names_plain(struct ph_text name);

/// Byte order: below, at or above 0.
int names_compare(struct ph_text left, struct ph_text right);

/// How long names are with a space between each two; and writes them so, to where there is that much room. Gives the end.
size_t names_joined_length(const struct ph_text *names, size_t count);
char *names_join(char *at, const struct ph_text *names, size_t count);

/// A copy in the call's arena. False: it is used up.
bool names_copy(struct ph_call *call, struct ph_text name, struct ph_text *copy_r);

#endif
