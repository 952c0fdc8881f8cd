// SPDX-License-Identifier: Apache-2.0
//
// SipHash-1-3: one round for each word of eight bytes, three at the end. The last word holds the bytes that are
// left over and, on top, the length modulo 256.
#include "plugins/mock/hash.h"

#include <string.h>

struct sip_state {
    uint64_t a, b, c, d;
};

static inline uint64_t sip_rotate(uint64_t word, unsigned bits)
{
    return (word << bits) | (word >> (64 - bits));
}

static inline void sip_round(struct sip_state *state)
{
    state->a += state->b;
    state->c += state->d;
    state->b = sip_rotate(state->b, 13) ^ state->a;
    state->d = sip_rotate(state->d, 16) ^ state->c;
    state->a = sip_rotate(state->a, 32);
    state->c += state->b;
    state->a += state->d;
    state->b = sip_rotate(state->b, 17) ^ state->c;
    state->d = sip_rotate(state->d, 21) ^ state->a;
    state->c = sip_rotate(state->c, 32);
}

static inline void sip_word(struct sip_state *state, uint64_t word)
{
    state->d ^= word;
    sip_round(state);
    state->a ^= word;
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    struct sip_state state = {.a = key->words[0] ^ 0x736f6d6570736575u,
                              .b = key->words[1] ^ 0x646f72616e646f6du,
                              .c = key->words[0] ^ 0x6c7967656e657261u,
                              .d = key->words[1] ^ 0x7465646279746573u};
    uint64_t word;
    size_t left = length;
    for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        sip_word(&state, word);
    }
    word = (uint64_t)length << 56;
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)at[i] << (8 * i);
    sip_word(&state, word);
    state.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&state);
    return state.a ^ state.b ^ state.c ^ state.d;
}
