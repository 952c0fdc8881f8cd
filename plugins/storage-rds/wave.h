// SPDX-License-Identifier: Apache-2.0
//
// Cutting a call into waves: a wave is one job over arrays, and no two of its entries name the same thing.
//
// Entries of one call act as if one after the other. A statement over arrays sees all its rows at once, so an entry that
// names what an earlier one named (a message's id, a sender's key) waits for the next wave, and with it whatever names the
// same as that. Twins in one call are rare; without them there is one wave.
#ifndef PLUGINS_STORAGE_RDS_WAVE_H
#define PLUGINS_STORAGE_RDS_WAVE_H

#include "plugins/storage-rds/job.h"

#define WAVE_NAMES 2
#define WAVE_MOST 1024 ///< entries of one wave

/// What an entry names, as hashes (names_hash) of 64 bits: two that are equal by chance only make one wave more. Gives how
/// many. The seed is the instance's secret, so that no client can choose what collides.
typedef size_t wave_names_f(const void *entry, uint64_t seed, uint64_t names_r[WAVE_NAMES]);

/// How many bytes an entry sends; NULL: few.
typedef size_t wave_bytes_f(const void *entry);

struct wave {
    struct rds *rds;
    struct ph_call *call;
    wave_names_f *names;
    wave_bytes_f *bytes;
    void (*start)(struct wave *wave); ///< submits the job of this wave
    void *data;                       ///< the operation's own
    size_t *indexes;                  ///< the entries of this wave, in the call's order
    size_t count;
    size_t *left; ///< entries of later waves
    size_t left_count;
    uint64_t *seen;
    size_t seen_room; ///< a power of two
};

/// Begins; starts the first wave, or ends a call without entries.
void wave_begin(struct rds *rds, struct ph_call *call, wave_names_f *names, wave_bytes_f *bytes,
                void (*start)(struct wave *wave), void *data);

/// The wave's job is over: entries of it that are still pending get PH_OK, or the failure, which those of later waves get
/// too; then the next wave starts, or the call is completed.
void wave_end(struct wave *wave, const struct rds_failure *failure);

/// An entry of a wave whose entries begin with an id: the id, and its number in the wave.
struct wave_place {
    const struct ph_id *id;
    size_t index;
};

/// The wave's entries in ascending order of their ids. NULL: the arena is used up.
const struct wave_place *wave_places(const struct wave *wave);

/// A job of the wave was committed, and another one follows for what it left pending: only that stays in the wave, so that
/// what becomes of the other job is said of nothing else. Gives how many.
size_t wave_keep_pending(struct wave *wave);

/// For job->done: job->data is the wave.
void wave_job_done(struct rds_job *job, const struct rds_failure *failure);

/// The names of an entry that begins with the id of a message, and has no other.
size_t wave_names_id(const void *entry, uint64_t seed, uint64_t names_r[WAVE_NAMES]);

#endif
