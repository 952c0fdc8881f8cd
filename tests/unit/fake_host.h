// SPDX-License-Identifier: Apache-2.0
//
// A small host for the unit tests of plugins: loads a module, opens it, makes calls and checks the rules of a call.
//
// Time is what the test says, randomness a counter. Each piece of an arena is an allocation of its own, so that the
// address sanitizer sees a plugin that writes beyond. Offloaded work runs when the test turns the host.
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_BATCH = 128, FAKE_LOG = 65536 };

struct fake_host {
    struct ph_host host;
    int64_t now; ///< milliseconds since 1970; the monotonic clock goes with it
    struct fake_work *works;
    struct fake_block *blocks;      ///< of all calls
    bool offload_refuses;           ///< the pool is full
    uint64_t randomness;            ///< counts up
    char log[FAKE_LOG];             ///< all lines
    size_t log_length;              ///< of them
    double measured;                ///< the sum of all counters
    const struct ph_plugin *plugin; ///< what fake_open opened
    void *instance;                 ///< and what it gave
    size_t arena_left;              ///< bytes that arenas may still take; SIZE_MAX at first
};

/// A call of up to FAKE_BATCH entries. Outputs are 256 bytes each, whatever the slot's type.
struct fake_call {
    struct ph_call call;
    struct fake_host *fake;
    unsigned completed;
    const void *entries[FAKE_BATCH];
    struct ph_result results[FAKE_BATCH];
    struct ph_result *result_pointers[FAKE_BATCH];
    union fake_output {
        max_align_t aligned;
        unsigned char bytes[256];
    } outputs[FAKE_BATCH];
    void *output_pointers[FAKE_BATCH];
};

/// Makes a host at an arbitrary time, with an event base of its own.
struct fake_host *fake_host_new(void);

/// Closes what was opened and frees everything, the answers of all calls included.
void fake_host_free(struct fake_host *fake);

/// Loads a module (a path below the build folder) and opens an instance with this config. Gives the outcome of open.
enum ph_outcome fake_open(struct fake_host *fake, const char *file, const void *config);

/// Prepares a call of `count` entries.
void fake_call_init(struct fake_call *call, struct fake_host *fake, const void *const *entries, size_t count);

/// Starts a call; it may stay open.
void fake_start(struct fake_call *call, ph_start_f *start);

/// Runs the offloaded work that is there and one round of the event loop without waiting.
void fake_turn(struct fake_host *fake);

/// Turns the host until a call has completed.
void fake_until_complete(struct fake_call *call);

/// Starts a call of one entry, turns the host until it has completed, and gives its outcome. *output_r receives its
/// output, which lives as long as the host.
enum ph_outcome fake_one(struct fake_host *fake, ph_start_f *start, const void *entry, void *output_r,
                         size_t output_size);

/// Empties the log.
void fake_log_clear(struct fake_host *fake);

/// A ph_text of a string.
struct ph_text text_of(const char *string);

/// An id whose last eight bytes are this number.
struct ph_id id_of(uint64_t number);

#endif
