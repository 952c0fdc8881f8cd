// SPDX-License-Identifier: Apache-2.0
//
// Rate limits: a token bucket for each key (a user's name, a client's address) in bounded memory. A bucket
// that would be full again is forgotten; when all places are taken, the bucket that was used longest ago
// makes room. Not locked: one instance a thread. The caller brings the clock.
#ifndef POSTHOUSE_CORE_RATE_LIMIT_H
#define POSTHOUSE_CORE_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_LIMIT_KEY_MAX 64

struct rate_limit;

// `rate` requests a second, and `burst` at once, for each of at most `keys` keys (about 110 bytes each,
// allocated now). All three at least 1; rate and burst at most 1,000,000, keys at most 1,000,000.
struct rate_limit *rate_limit_create(uint32_t rate, uint32_t burst, size_t keys);
void rate_limit_destroy(struct rate_limit **limit);

// Takes one token of the key (1 to RATE_LIMIT_KEY_MAX bytes) at the time `now_ms`, which must never run
// backwards. Returns 0, or the milliseconds after which the next one will be there (at least 1): refuse with
// 429 then.
uint32_t rate_limit_take(struct rate_limit *limit, const void *key, size_t length, int64_t now_ms);

#endif
