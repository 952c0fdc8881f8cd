// SPDX-License-Identifier: Apache-2.0
//
// See core/random.h.
#include "core/random.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_POOL_SIZE 512

struct random_pool {
    unsigned char bytes[RANDOM_POOL_SIZE];
    size_t left; ///< unused bytes, at the end
    unsigned generation;
};

static _Thread_local struct random_pool random_pool;

/// Rises in a forked child, so that it never hands out the bytes that its parent holds.
static _Atomic unsigned random_generation = 1;
static pthread_once_t random_once = PTHREAD_ONCE_INIT;

static void random_forked(void)
{
    atomic_fetch_add_explicit(&random_generation, 1, memory_order_relaxed);
}

static void random_watch_fork(void)
{
    pthread_atfork(NULL, NULL, random_forked);
}

static void kernel_bytes(unsigned char *out, size_t length)
{
    while (length > 0) {
        ssize_t got = getrandom(out, length, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fputs("posthouse: the kernel gives no random bytes; ending\n", stderr);
            abort();
        }
        out += got;
        length -= (size_t)got;
    }
}

static void random_refill(struct random_pool *pool, unsigned generation)
{
    pthread_once(&random_once, random_watch_fork);
    kernel_bytes(pool->bytes, sizeof pool->bytes);
    pool->left = sizeof pool->bytes;
    pool->generation = generation;
}

void random_bytes(void *out, size_t length)
{
    struct random_pool *pool = &random_pool;
    if (length > sizeof pool->bytes / 2) {
        kernel_bytes(out, length);
        return;
    }
    unsigned generation = atomic_load_explicit(&random_generation, memory_order_relaxed);
    if (pool->left < length || pool->generation != generation) {
        random_refill(pool, generation);
    }
    if (length == 0) {
        return;
    }
    unsigned char *from = pool->bytes + sizeof pool->bytes - pool->left;
    memcpy(out, from, length);
    memset(from, 0, length);
    pool->left -= length;
}

uint64_t random_u64(void)
{
    uint64_t number;
    random_bytes(&number, sizeof number);
    return number;
}

/// Maps 64 bits to a number below `limit`, or says that these bits would favour some numbers.
static inline int uniform(uint64_t bits, uint64_t limit, uint64_t *number_r)
{
    unsigned __int128 scaled = (unsigned __int128)bits * limit;
    *number_r = (uint64_t)(scaled >> 64);
    return (uint64_t)scaled >= (0 - limit) % limit;
}

uint64_t random_below(uint64_t limit)
{
    assert(limit > 0);
    uint64_t number;
    while (!uniform(random_u64(), limit, &number)) {
    }
    return number;
}

static uint64_t splitmix(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void random_seeded_init(struct random_seeded *generator, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        generator->state[i] = splitmix(&seed);
    }
}

static inline uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

uint64_t random_seeded_next(struct random_seeded *generator)
{
    uint64_t *state = generator->state;
    uint64_t result = rotated(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotated(state[3], 45);
    return result;
}

uint64_t random_seeded_below(struct random_seeded *generator, uint64_t limit)
{
    assert(limit > 0);
    uint64_t number;
    while (!uniform(random_seeded_next(generator), limit, &number)) {
    }
    return number;
}

double random_seeded_unit(struct random_seeded *generator)
{
    return (double)(random_seeded_next(generator) >> 11) * 0x1p-53;
}
