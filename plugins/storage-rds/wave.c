// SPDX-License-Identifier: Apache-2.0
//
// A set of hashes decides; it is made anew for each wave.
#include "plugins/storage-rds/wave.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/rds.h"

// A wave sends no more than about this, so that it fits into a socket's buffer: a daemon that is stopped half-way through
// sending would hold the locks that the first half took.
#define WAVE_BYTES ((size_t)512 * 1024)

size_t wave_names_id(const void *entry, uint64_t seed, uint64_t names_r[WAVE_NAMES])
{
    names_r[0] = names_hash(seed, entry, sizeof(struct ph_id));
    return 1;
}

// Adds a hash to the set. False: it was there.
static bool see(struct wave *wave, uint64_t name)
{
    size_t at = (size_t)name & (wave->seen_room - 1);
    for (; wave->seen[at] != 0; at = (at + 1) & (wave->seen_room - 1)) {
        if (wave->seen[at] == name)
            return false;
    }
    wave->seen[at] = name;
    return true;
}

// All names of an entry are noted also when it has to wait, so that later ones that share any of them wait as well.
static bool names_new(struct wave *wave, const void *entry)
{
    uint64_t names[WAVE_NAMES];
    size_t count = wave->names(entry, wave->rds->seed, names);
    bool fresh = true;
    for (size_t i = 0; i < count; i++)
        fresh = see(wave, names[i]) && fresh;
    return fresh;
}

static void start(struct wave *wave)
{
    size_t bytes = 0;
    size_t waiting = 0;
    memset(wave->seen, 0, wave->seen_room * sizeof(*wave->seen));
    wave->count = 0;
    for (size_t i = 0; i < wave->left_count; i++) {
        const void *entry = wave->call->entries[wave->left[i]];
        size_t more = wave->bytes != NULL ? wave->bytes(entry) : 0;
        bool fits = wave->count == 0 || (bytes + more <= WAVE_BYTES && wave->count < WAVE_MOST);
        if (names_new(wave, entry) && fits) {
            bytes += more;
            wave->indexes[wave->count++] = wave->left[i];
        } else {
            wave->left[waiting++] = wave->left[i];
        }
    }
    wave->left_count = waiting;
    wave->start(wave);
}

void wave_begin(struct rds *rds, struct ph_call *call, wave_names_f *names, wave_bytes_f *bytes,
                void (*start_wave)(struct wave *wave), void *data)
{
    const struct ph_host *host = rds->host;
    struct wave *wave = host->alloc(call, sizeof(*wave));
    size_t room = 16;
    while (room < call->count * WAVE_NAMES * 2)
        room *= 2;
    size_t *indexes = host->alloc(call, (call->count * 2 + 1) * sizeof(size_t));
    uint64_t *seen = host->alloc(call, room * sizeof(uint64_t));
    if (wave == NULL || indexes == NULL || seen == NULL) {
        for (size_t i = 0; i < call->count; i++)
            host->set(call, i, PH_INTERNAL, 0, NULL);
        host->complete(call);
        return;
    }
    *wave = (struct wave){.rds = rds,
                          .call = call,
                          .names = names,
                          .bytes = bytes,
                          .start = start_wave,
                          .data = data,
                          .indexes = indexes,
                          .left = indexes + call->count,
                          .seen = seen,
                          .seen_room = room};
    // An entry that was refused before is settled.
    for (size_t i = 0; i < call->count; i++) {
        if (call->results[i]->outcome == PH_PENDING)
            wave->left[wave->left_count++] = i;
    }
    if (wave->left_count > 0)
        start(wave);
    else
        host->complete(call);
}

void wave_end(struct wave *wave, const struct rds_failure *failure)
{
    struct ph_call *call = wave->call;
    const struct ph_host *host = wave->rds->host;
    bool failed = failure->outcome != PH_OK;
    for (size_t i = 0; i < wave->count; i++) {
        size_t index = wave->indexes[i];
        if (failed)
            host->set(call, index, failure->outcome, 0, i == 0 ? "%s" : NULL, failure->text);
        else if (call->results[index]->outcome == PH_PENDING)
            host->set(call, index, PH_OK, 0, NULL);
    }
    for (size_t i = 0; failed && i < wave->left_count; i++) {
        // What was not sent is certain not to have happened.
        enum ph_outcome outcome = failure->outcome == PH_UNCERTAIN ? PH_UNAVAILABLE : failure->outcome;
        host->set(call, wave->left[i], outcome, 0, "%s", failure->text);
    }
    if (failed || wave->left_count == 0)
        host->complete(call);
    else
        start(wave);
}

static int compare_places(const void *left, const void *right)
{
    const struct wave_place *one = left;
    const struct wave_place *other = right;
    return memcmp(one->id, other->id, sizeof(*one->id));
}

const struct wave_place *wave_places(const struct wave *wave)
{
    struct wave_place *places = wave->rds->host->alloc(wave->call, (wave->count + 1) * sizeof(*places));
    if (places == NULL)
        return NULL;
    for (size_t i = 0; i < wave->count; i++)
        places[i] = (struct wave_place){.id = wave->call->entries[wave->indexes[i]], .index = i};
    qsort(places, wave->count, sizeof(*places), compare_places);
    return places;
}

size_t wave_keep_pending(struct wave *wave)
{
    size_t kept = 0;
    for (size_t i = 0; i < wave->count; i++) {
        if (wave->call->results[wave->indexes[i]]->outcome == PH_PENDING)
            wave->indexes[kept++] = wave->indexes[i];
    }
    wave->count = kept;
    return kept;
}

void wave_job_done(struct rds_job *job, const struct rds_failure *failure)
{
    wave_end(job->data, failure);
}
