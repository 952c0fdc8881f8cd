// SPDX-License-Identifier: Apache-2.0
//
// See batcher.h. A batch is counted: the batcher holds it until its last entry is settled, receivers of outputs hold it as
// long as they read. When nobody holds it the backend call is freed, and the entries are released as soon as no attempt,
// however late, can read them.
#include "core/batcher.h"

#include <assert.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/backend.h"
#include "core/clock.h"
#include "core/loader.h"
#include "core/tracing.h"
#include "core/xalloc.h"

#define BATCHER_MAGIC 0x62746372u
#define BATCH_MAGIC 0x62746368u

struct batcher {
    uint32_t magic;
    struct backend *const *slot;
    struct batcher_settings settings;
    struct event *flush; // runs at the end of a turn
    struct event *pause; // runs when a small batch may begin; NULL: there is no such pause
    struct batcher_item *first;
    struct batcher_item **last;
    size_t waiting;
    size_t under_way;
    size_t batches;
    size_t crowd;      // how many ask at once: the most of late, waiting and under way
    uint64_t began_ns; // the last batch
    bool scheduled;
    bool pausing;
};

struct batcher_batch {
    uint32_t magic;
    _Atomic int holds;
    struct batcher *batcher;
    struct backend_call *call;       // NULL: it was refused
    const struct ph_result *refusal; // with what
    bool over;                       // the next one may begin
    const char *plugin;              // where calls are traced: who gets it, and since when
    uint64_t began_ns;
    size_t count;
    struct batcher_item *items[];
};

static const struct ph_result no_backend = {
    .outcome = PH_UNAVAILABLE, .delay_ms = 1000, .text = "no backend is open for this operation"};

static const struct ph_result waited_long = {
    .outcome = PH_UNAVAILABLE, .delay_ms = 1000, .text = "the backend is too slow: it waited for its turn too long"};

// What waits makes a batch that need not be kept apart from the last one: enough of it, or one that goes alone.
static bool batcher_worthy(const struct batcher *batcher)
{
    return batcher->waiting >= (batcher->settings.entries + 1) / 2 || (batcher->first != NULL && batcher->first->alone);
}

// The most that may go together.
static size_t batcher_share(const struct batcher *batcher)
{
    const size_t half = (batcher->crowd + 1) / 2;
    return batcher->settings.halves && half < batcher->settings.entries ? half : batcher->settings.entries;
}

// Whether what waits may not go behind what is under way yet: it is less than half of the crowd. So the batches stay even: were
// it sent, those of a large batch, all answered at once, would find a small one before them and become a large one again.
static bool batcher_gathers(const struct batcher *batcher)
{
    return batcher->settings.halves && batcher->batches > 0 && batcher->waiting < batcher_share(batcher);
}

static void batcher_schedule(struct batcher *batcher)
{
    const bool held = (batcher->pausing && !batcher_worthy(batcher)) || batcher_gathers(batcher);
    if (!batcher->scheduled && !held && batcher->first != NULL && batcher->batches < batcher->settings.batches) {
        batcher->scheduled = true;
        event_active(batcher->flush, EV_TIMEOUT, 0);
    }
}

static void batch_release(struct batcher_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->items[i]->release(batch->items[i]);
    }
    batch->magic = 0;
    free(batch);
}

static void batch_released(void *context)
{
    struct batcher_batch *batch = context;
    assert(batch->magic == BATCH_MAGIC);
    batch_release(batch);
}

struct batcher_batch *batcher_hold(struct batcher_batch *batch)
{
    atomic_fetch_add_explicit(&batch->holds, 1, memory_order_relaxed);
    return batch;
}

void batcher_drop(struct batcher_batch *batch)
{
    assert(batch->magic == BATCH_MAGIC);
    if (atomic_fetch_sub_explicit(&batch->holds, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (batch->call != NULL) {
        backend_call_free(batch->call); // batch_released follows, now or when a late attempt ends
    } else {
        batch_release(batch);
    }
}

static void batcher_begin(struct batcher *batcher);

// The backend is done with the batch: the next one begins before the entries of this one are told, which takes a while.
static void batch_over(struct batcher_batch *batch)
{
    batch->over = true;
    batch->batcher->batches--;
    batcher_begin(batch->batcher);
}

static void batch_trace(const struct batcher_batch *batch, size_t index)
{
    const struct batcher *batcher = batch->batcher;
    const struct tracing_call call = {
        .trace = batch->items[index]->trace,
        .operation = batcher->settings.operation,
        .plugin = batch->plugin,
        .count = batch->count,
        .start_ns = batch->began_ns,
        .outcome = batcher_result(batch, index)->outcome,
    };
    tracing_record_call(batcher->settings.tracing, &call);
}

static void batch_entry(struct backend_call *call, size_t index, void *context)
{
    struct batcher_batch *batch = context;
    if (call != NULL && tracing_follows(batch->batcher->settings.tracing, batch->items[index]->trace)) {
        batch_trace(batch, index);
    }
    if (call != NULL && !batch->over && backend_call_settled(call)) {
        batch_over(batch);
    }
    batch->batcher->under_way--;
    batch->items[index]->done(batch->items[index], batch, index);
}

static void batch_done(struct backend_call *call, void *context)
{
    struct batcher_batch *batch = context;
    struct batcher *batcher = batch->batcher;
    (void)call;
    if (!batch->over) {
        batcher->batches--;
        batcher_schedule(batcher);
    }
    batcher_drop(batch);
}

// Takes the first `count` off the list.
static struct batcher_batch *batch_take(struct batcher *batcher, size_t count)
{
    struct batcher_batch *batch = xcalloc(1, sizeof *batch + count * sizeof batch->items[0]);
    batch->magic = BATCH_MAGIC;
    atomic_init(&batch->holds, 1);
    batch->batcher = batcher;
    batch->count = count;
    for (size_t i = 0; i < count; i++) {
        batch->items[i] = batcher->first;
        batcher->first = batcher->first->next;
    }
    if (batcher->first == NULL) {
        batcher->last = &batcher->first;
    }
    batcher->waiting -= count;
    batcher->under_way += count;
    batcher->batches++;
    return batch;
}

static void batch_refuse(struct batcher_batch *batch, const struct ph_result *refusal)
{
    batch->refusal = refusal;
    for (size_t i = 0; i < batch->count; i++) {
        batch_entry(NULL, i, batch);
    }
    batch_done(NULL, batch);
}

// The longest deadline of the entries: one that waits less is answered with the batch all the same.
static uint32_t batch_deadline(const struct batcher_batch *batch)
{
    uint32_t deadline = batch->batcher->settings.deadline_ms;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i]->deadline_ms > deadline) {
            deadline = batch->items[i]->deadline_ms;
        }
    }
    return deadline;
}

static uint32_t waited_ms(const struct batcher *batcher, const struct batcher_item *item)
{
    if (!batcher->settings.until_deadline || batcher->settings.clock == NULL) {
        return 0;
    }
    return (uint32_t)((clock_monotonic_ns(batcher->settings.clock) - item->added_ns) / 1000000);
}

// Refuses what waited for too long; those are the first.
static void batcher_refuse_late(struct batcher *batcher)
{
    size_t late = 0;
    for (const struct batcher_item *item = batcher->first; item != NULL; item = item->next) {
        if (waited_ms(batcher, item) <= batcher->settings.deadline_ms / 2) {
            break;
        }
        late++;
    }
    if (late > 0) {
        batch_refuse(batch_take(batcher, late), &waited_long);
    }
}

// As many of the first as go together.
static size_t batch_size(const struct batcher *batcher)
{
    // Where nothing is under way nobody gains by a part that waits: who asked together is answered together.
    const size_t most = batcher->batches > 0 ? batcher_share(batcher) : batcher->settings.entries;
    size_t count = 0;
    for (const struct batcher_item *item = batcher->first; item != NULL && count < most; item = item->next) {
        if (item->alone) {
            return count == 0 ? 1 : count;
        }
        count++;
    }
    return count;
}

static void batch_submit(struct batcher *batcher)
{
    const uint32_t waited = waited_ms(batcher, batcher->first);
    struct batcher_batch *batch = batch_take(batcher, batch_size(batcher));
    struct backend *backend = *batcher->slot;
    if (backend == NULL) {
        batch_refuse(batch, &no_backend);
        return;
    }
    batch->call = backend_call_new(backend, (enum ph_operation)batcher->settings.operation, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        backend_call_add(batch->call, batch->items[i]->entry);
    }
    backend_call_on_release(batch->call, batch_released, batch);
    if (batcher->settings.tracing != NULL) {
        batch->began_ns = clock_monotonic_ns(batcher->settings.clock);
        batch->plugin = backend_plugin(backend)->descriptor.name;
    }
    const struct backend_options options = {
        .deadline_ms = batch_deadline(batch) - waited,
        .trace = batch->items[0]->trace,
        .until_deadline = batcher->settings.until_deadline,
        .on_entry = batch_entry,
    };
    backend_submit(batch->call, &options, batch_done, batch);
}

// The pause has its end from the loop's time, so that it ends also where the clock stands still. Its event is periodic and ends
// itself: whoever has a clock of their own finds it among the timers of the loop.
static void batcher_pause_over(evutil_socket_t fd, short events, void *context)
{
    struct batcher *batcher = context;
    (void)fd;
    (void)events;
    assert(batcher->magic == BATCHER_MAGIC);
    event_del(batcher->pause);
    batcher->pausing = false;
    batcher->began_ns = 0;
    batcher_schedule(batcher);
}

// What waits is not worth a batch yet: it does so until the last batch is long enough ago, or fills half of one.
static bool batcher_pauses(struct batcher *batcher)
{
    if (batcher->pause == NULL || batcher_worthy(batcher) || batcher->began_ns == 0) {
        return false;
    }
    const uint64_t apart_ns = (uint64_t)batcher->settings.apart_ms * 1000000;
    const uint64_t passed_ns = clock_monotonic_ns(batcher->settings.clock) - batcher->began_ns;
    if (passed_ns >= apart_ns) {
        return false;
    }
    if (!batcher->pausing) {
        const uint64_t left_us = (apart_ns - passed_ns) / 1000;
        const struct timeval left = {.tv_sec = (time_t)(left_us / 1000000),
                                     .tv_usec = (suseconds_t)(left_us % 1000000)};
        batcher->pausing = event_add(batcher->pause, &left) == 0;
    }
    return batcher->pausing;
}

// Those who are here, if they are more than were known.
static void batcher_count_crowd(struct batcher *batcher)
{
    if (batcher->crowd < batcher->waiting + batcher->under_way) {
        batcher->crowd = batcher->waiting + batcher->under_way;
    }
}

static void batcher_began(struct batcher *batcher)
{
    batcher->crowd -= (batcher->crowd + 15) / 16; // who is still there is counted anew by what comes
    batcher_count_crowd(batcher);
    if (batcher->pause != NULL) {
        batcher->began_ns = clock_monotonic_ns(batcher->settings.clock);
        batcher->pausing = false;
        event_del(batcher->pause);
    }
}

static void batcher_begin(struct batcher *batcher)
{
    batcher_refuse_late(batcher);
    while (batcher->first != NULL && batcher->batches < batcher->settings.batches && !batcher_gathers(batcher) &&
           !batcher_pauses(batcher)) {
        batch_submit(batcher);
        batcher_began(batcher);
    }
}

static void batcher_flush(evutil_socket_t fd, short events, void *context)
{
    struct batcher *batcher = context;
    (void)fd;
    (void)events;
    assert(batcher->magic == BATCHER_MAGIC);
    batcher->scheduled = false;
    batcher_begin(batcher);
}

struct batcher *batcher_new(struct event_base *base, struct backend *const *slot,
                            const struct batcher_settings *settings)
{
    struct batcher *batcher = xcalloc(1, sizeof *batcher);
    batcher->magic = BATCHER_MAGIC;
    batcher->slot = slot;
    batcher->settings = *settings;
    batcher->last = &batcher->first;
    batcher->flush = event_new(base, -1, 0, batcher_flush, batcher);
    batcher->pause = settings->apart_ms > 0 ? event_new(base, -1, EV_PERSIST, batcher_pause_over, batcher) : NULL;
    if (batcher->flush == NULL || (batcher->pause == NULL && settings->apart_ms > 0)) {
        abort();
    }
    return batcher;
}

void batcher_free(struct batcher *batcher)
{
    if (batcher == NULL) {
        return;
    }
    assert(batcher->magic == BATCHER_MAGIC && batcher->first == NULL && batcher->batches == 0);
    batcher->magic = 0;
    event_free(batcher->flush);
    if (batcher->pause != NULL) {
        event_free(batcher->pause);
    }
    free(batcher);
}

bool batcher_add(struct batcher *batcher, struct batcher_item *item)
{
    assert(batcher->magic == BATCHER_MAGIC);
    if (batcher->waiting >= batcher->settings.waiting) {
        return false;
    }
    item->next = NULL;
    item->added_ns = batcher->settings.clock != NULL ? clock_monotonic_ns(batcher->settings.clock) : 0;
    *batcher->last = item;
    batcher->last = &item->next;
    batcher->waiting++;
    batcher_count_crowd(batcher);
    batcher_schedule(batcher);
    return true;
}

size_t batcher_waiting(const struct batcher *batcher)
{
    return batcher->waiting;
}

size_t batcher_under_way(const struct batcher *batcher)
{
    return batcher->under_way;
}

size_t batcher_count(const struct batcher_batch *batch)
{
    return batch->count;
}

const struct ph_result *batcher_result(const struct batcher_batch *batch, size_t index)
{
    return batch->call == NULL ? batch->refusal : backend_call_result(batch->call, index);
}

const void *batcher_output(const struct batcher_batch *batch, size_t index)
{
    return batch->call == NULL ? NULL : backend_call_output(batch->call, index);
}

bool batcher_was_uncertain(const struct batcher_batch *batch, size_t index)
{
    return batch->call != NULL && backend_call_was_uncertain(batch->call, index);
}
