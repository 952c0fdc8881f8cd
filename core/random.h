// SPDX-License-Identifier: Apache-2.0
//
// Randomness of two sorts. random_*() comes from the kernel, is fit for tokens and ids, and is kept in a
// small buffer per thread, so that an id costs no system call; bytes are wiped once handed out, and a forked
// child starts with an empty buffer. random_seeded_*() is a deterministic generator (xoshiro256** started by
// splitmix64) for injected faults, jitter in tests and nothing secret: the same seed gives the same numbers
// on every machine.
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/// Fills `out` with unpredictable bytes. Ends the process when the kernel has none. Any thread.
void random_bytes(void *out, size_t length);

/// 64 unpredictable bits. Any thread.
uint64_t random_u64(void);

/// Unpredictable and uniform below `limit`, which must not be 0. Any thread.
uint64_t random_below(uint64_t limit);

/// A deterministic generator; one thread at a time. Copying the struct forks the sequence.
struct random_seeded {
    uint64_t state[4];
};

/// Starts the sequence of `seed`; every seed is good, 0 too.
void random_seeded_init(struct random_seeded *generator, uint64_t seed);

/// The next 64 bits.
uint64_t random_seeded_next(struct random_seeded *generator);

/// The next number, uniform below `limit`, which must not be 0.
uint64_t random_seeded_below(struct random_seeded *generator, uint64_t limit);

/// The next number, uniform from 0 up to but without 1.
double random_seeded_unit(struct random_seeded *generator);

#endif
