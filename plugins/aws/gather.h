// SPDX-License-Identifier: Apache-2.0
//
// Merges the entries of calls into requests that are as full as may be.
//
// AWS bills and limits requests, not entries. A gatherer belongs to one operation of one instance. It takes whole calls,
// sends what fills a request at once, and lets what does not fill one wait for company, a set time at most. An eager one
// sends it at once all the same, unless it did so within that time before: what comes alone never waits, and what comes
// in quick succession goes out together. Entries go out in the order of their coming. A call is completed when its last
// entry is settled.
//
//     start:  gather_add(gather, call);               // entries whose result is set already are left out
//     send:   aws_send(client, &request, done, batch) // settings.send builds a request from the batch's entries
//     done:   gather_settle(batch, i, PH_OK, 0, NULL); … gather_finish(batch, PH_UNCERTAIN, 0, "not mentioned");
//     cancel: gather_cancel(gather, call);
//
// Everything runs on the exchange loop. settings.send is never called inside gather_add().
#ifndef PLUGINS_AWS_GATHER_H
#define PLUGINS_AWS_GATHER_H

#include "posthouse/plugin.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A request holds at most so many entries.
#define GATHER_ENTRIES_MAX 100

struct gather;
struct gather_batch;

/// What an entry weighs.
struct gather_measure {
    size_t size;  ///< its bytes in the request
    uint64_t key; ///< not 0: an entry never goes out while one of the same key is under way, nor before one that waits
};

struct gather_settings {
    size_t entries;   ///< in one request, 1 to GATHER_ENTRIES_MAX
    size_t bytes;     ///< in one request, by gather_measure.size; 0: no limit
    size_t requests;  ///< under way at once, at most; fewer while the service is slow or says so
    uint32_t wait_ms; ///< how long what does not fill a request waits
    bool eager;       ///< see above
    void *owner;      ///< for the functions
    /// Sends a request for the batch's entries. It ends with gather_finish(), now or later.
    void (*send)(void *owner, struct gather_batch *batch);
    /// Nobody waits for a batch any more: its request may be cancelled. It still ends with gather_finish().
    void (*cancel)(void *owner, struct gather_batch *batch);
    /// Weighs entry `index`; NULL: all are equal.
    struct gather_measure (*measure)(void *owner, const struct ph_call *call, size_t index);
};

/// A gatherer; the settings are copied. NULL: no memory.
struct gather *gather_new(const struct ph_host *host, const struct gather_settings *settings);
/// Frees a gatherer with no call and no batch. NULL is allowed.
void gather_free(struct gather *gather);

/// Takes a call. Entries that are not PH_PENDING any more keep their results; with none left it completes at once.
void gather_add(struct gather *gather, struct ph_call *call);

/// Ends a call of this gatherer: what has not gone out becomes PH_TRANSIENT, what has PH_UNCERTAIN. False: not one of
/// its calls.
bool gather_cancel(struct gather *gather, const struct ph_call *call);

/// How many batches have been sent and not finished.
size_t gather_under_way(const struct gather *gather);

/// The entries of a batch. Those whose call was cancelled, and those that are settled, are gone: NULL.
size_t gather_count(const struct gather_batch *batch);
const void *gather_entry(const struct gather_batch *batch, size_t index);
/// The call of an entry that is not gone, for its arena, and where its output is.
struct ph_call *gather_call(const struct gather_batch *batch, size_t index);
void *gather_output(const struct gather_batch *batch, size_t index);

/// What the sender keeps with the batch, NULL at first.
void *gather_data(const struct gather_batch *batch);
void gather_set_data(struct gather_batch *batch, void *data);

/// Sets how an entry ended, copying the text (NULL is allowed). The first time counts; one that is gone is left alone.
void gather_settle(struct gather_batch *batch, size_t index, enum ph_outcome outcome, uint32_t delay_ms,
                   const char *text);

/// Ends a batch: what is not settled ends so. The batch is gone afterwards.
void gather_finish(struct gather_batch *batch, enum ph_outcome outcome, uint32_t delay_ms, const char *text);

/// Ends a batch that the service refuses as a whole, perhaps for one entry's sake: each entry goes out again in a request of
/// its own. False, and nothing is done: it is one entry alone. The batch is gone otherwise.
bool gather_part(struct gather_batch *batch);

#endif
