// SPDX-License-Identifier: Apache-2.0
//
// See core/siphash.h. One round a word, three at the end, as J.-P. Aumasson and D. J. Bernstein describe the family.
#include "core/siphash.h"

#include "core/random.h"

#include <endian.h>
#include <string.h>

struct state {
    uint64_t a, b, c, d;
};

static inline uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void mix(struct state *state)
{
    state->a += state->b;
    state->b = rotated(state->b, 13) ^ state->a;
    state->a = rotated(state->a, 32);
    state->c += state->d;
    state->d = rotated(state->d, 16) ^ state->c;
    state->a += state->d;
    state->d = rotated(state->d, 21) ^ state->a;
    state->c += state->b;
    state->b = rotated(state->b, 17) ^ state->c;
    state->c = rotated(state->c, 32);
}

static inline void take(struct state *state, uint64_t word)
{
    state->d ^= word;
    mix(state);
    state->a ^= word;
}

/// Up to eight bytes as a little-endian number.
static inline uint64_t word_of(const unsigned char *bytes, size_t count)
{
    uint64_t word = 0;
    memcpy(&word, bytes, count);
    return le64toh(word);
}

void siphash_key_random(struct siphash_key *key_r)
{
    random_bytes(key_r, sizeof *key_r);
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    struct state state = {
        key->words[0] ^ UINT64_C(0x736f6d6570736575),
        key->words[1] ^ UINT64_C(0x646f72616e646f6d),
        key->words[0] ^ UINT64_C(0x6c7967656e657261),
        key->words[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t words = length / 8;
    for (size_t i = 0; i < words; i++) {
        take(&state, word_of(bytes + 8 * i, 8));
    }
    uint64_t last = (uint64_t)length << 56;
    if (length % 8 > 0) {
        last |= word_of(bytes + 8 * words, length % 8);
    }
    take(&state, last);
    state.c ^= 0xff;
    mix(&state);
    mix(&state);
    mix(&state);
    return state.a ^ state.b ^ state.c ^ state.d;
}
