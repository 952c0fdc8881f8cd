// SPDX-License-Identifier: Apache-2.0
//
// The keyed hash of the mocks' tables: SipHash-1-3.
//
// Names and idempotency keys are chosen by strangers. Without the key, which is random for each table, nobody can
// choose them so that they collide. Not for anything that is stored or sent. Pure functions, any thread.
#ifndef PLUGINS_MOCK_HASH_H
#define PLUGINS_MOCK_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t words[2];
};

/// The hash of `length` bytes under `key`.
uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t length);

#endif
