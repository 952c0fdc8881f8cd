// SPDX-License-Identifier: Apache-2.0
//
// A batcher turns single entries of one operation into batches: group commit without a timer.
//
// What is added while the loop works through one turn goes out together at the turn's end; what is added while as many
// batches as allowed are under way waits and forms the next one. One entry alone is therefore sent at once, and a
// thousand share one commit. Where nobody waits for the answer, batches may be kept apart, so that each is worth its commit;
// where those who wait ask again once they are answered, two batches may take turns, each half of the crowd, so that
// the backend works on one while the other is answered. Every function is called on the exchange loop, unless it says otherwise.
#ifndef CORE_BATCHER_H
#define CORE_BATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "posthouse/plugin.h"

struct backend;
struct batcher;
struct batcher_batch;
struct batcher_item;
struct clock;
struct event_base;
struct tracing;

/// The item's entry is settled: result and output are read with batcher_result() and batcher_output(). Once, on the loop,
/// never inside batcher_add().
typedef void batcher_done_f(struct batcher_item *item, struct batcher_batch *batch, size_t index);

/// Nobody reads the entry any more, not even an attempt that comes late: it may be freed. Once, after `done`. Any thread.
typedef void batcher_release_f(struct batcher_item *item);

/// One entry on its way. Embed it in what owns the entry.
struct batcher_item {
    struct batcher_item *next; ///< private
    uint64_t added_ns;         ///< private
    const void *entry;         ///< unchanged until `release`
    struct ph_text trace;      ///< traceparent or empty; lives as long as the entry
    uint32_t deadline_ms;      ///< 0: the batcher's
    bool alone;                ///< in a batch of its own
    batcher_done_f *done;
    batcher_release_f *release;
};

struct batcher_settings {
    uint32_t operation;   ///< enum ph_operation
    size_t batches;       ///< under way at once
    size_t entries;       ///< in one batch
    size_t waiting;       ///< entries that may wait; more are refused
    uint32_t deadline_ms; ///< 0: the section's call.deadline
    uint32_t apart_ms; ///< batches less than half full begin so far apart: fewer and larger ones; 0: as soon as may be
    bool halves;       ///< a batch goes behind another only when half of those who ask at once wait, and takes no more
    bool until_deadline; ///< repeat until the deadline, whatever call.retries says; the wait for a batch counts too
    const struct clock *clock;
    struct tracing *tracing; ///< NULL: off; else there is a clock
};

/// Where `until_deadline` is set, an entry that has waited for half of the deadline is not sent any more: it ends
/// PH_UNAVAILABLE, certain that nothing was changed, and a batch has what its oldest entry has left. So every entry is
/// answered within the deadline, and a backend that is too slow gets batches that it has at least half of the time for.
///
/// `slot` is where the backend of this operation is found at the time of each batch; *slot may be NULL (the entries end
/// PH_UNAVAILABLE).
struct batcher *batcher_new(struct event_base *base, struct backend *const *slot,
                            const struct batcher_settings *settings);

/// Frees a batcher with nothing waiting and nothing under way. NULL is allowed.
void batcher_free(struct batcher *batcher);

/// Adds an entry. False when too many wait: neither `done` nor `release` will run.
bool batcher_add(struct batcher *batcher, struct batcher_item *item);

/// Entries that wait, and entries in batches under way.
size_t batcher_waiting(const struct batcher *batcher);
size_t batcher_under_way(const struct batcher *batcher);

/// How many entries it was sent with, itself included.
size_t batcher_count(const struct batcher_batch *batch);

/// How an entry ended; read-only, valid inside `done`, and longer while the batch is held.
const struct ph_result *batcher_result(const struct batcher_batch *batch, size_t index);
const void *batcher_output(const struct batcher_batch *batch, size_t index);
/// An earlier attempt of this entry ended uncertain.
bool batcher_was_uncertain(const struct batcher_batch *batch, size_t index);

/// Keeps the batch's outputs beyond `done`; and gives them back. Any thread.
struct batcher_batch *batcher_hold(struct batcher_batch *batch);
void batcher_drop(struct batcher_batch *batch);

#endif
