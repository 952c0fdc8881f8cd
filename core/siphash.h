// SPDX-License-Identifier: Apache-2.0
//
// SipHash-1-3, a keyed hash for tables whose keys strangers choose: without the key nobody can make keys
// collide. Not for anything that is stored or sent.
#ifndef CORE_SIPHASH_H
#define CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t words[2];
};

/// A key from random_bytes().
void siphash_key_random(struct siphash_key *key_r);

/// The hash of `length` bytes under `key`. `data` may be NULL when `length` is 0.
uint64_t siphash(const struct siphash_key *key, const void *data, size_t length);

#endif
