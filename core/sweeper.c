// SPDX-License-Identifier: Apache-2.0
//
// See sweeper.h. Each task has at most one call under way; one that answers that there is more goes on at once, the
// others wait for their next tick.
#include "core/sweeper.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alarms.h"
#include "core/alerts.h"
#include "core/clock.h"
#include "core/courier.h"
#include "core/dispatch.h"
#include "core/documents.h"
#include "core/exchange_parts.h"
#include "core/meters.h"
#include "core/snapshots.h"
#include "core/waiters.h"
#include "core/xalloc.h"

#define TICK_MS 1000
#define OUTBOX_LIMIT 1000
#define OUTBOX_LEASE_MS 10000 // above the time a send takes; after a failed send the mark is due again then
#define EXPIRE_LIMIT 500
#define PURGE_LIMIT 1000
#define PURGE_TICKS 60
#define COUNT_TICKS 5
#define KEY_RETENTION_MS (INT64_C(24) * 3600 * 1000)

enum task { TASK_OUTBOX, TASK_EXPIRE, TASK_PURGE, TASK_STORAGE_STATS, TASK_QUEUE_STATS, TASKS };

struct sweeper {
    struct exchange *exchange;
    struct event *tick;
    uint64_t ticks;
    uint64_t due_ns; // when the next tick should run
    bool busy[TASKS];
};

struct sweep {
    struct batcher_item item;
    struct sweeper *sweeper;
    enum task task;
    union {
        struct ph_lease lease;
        struct ph_expire expire;
        struct ph_purge purge;
    } entry;
};

static void sweep_start(struct sweeper *sweeper, enum task task);

static bool outbox_leased(struct sweeper *sweeper, const struct ph_leased *leased)
{
    struct exchange *exchange = sweeper->exchange;
    metrics_add(exchange->meters->swept, leased->count);
    for (size_t i = 0; i < leased->count; i++) {
        const struct ph_mark *mark = leased->marks[i];
        dispatch_send(exchange->dispatch, &mark->id, mark->trace, mark->sends);
    }
    return leased->more && dispatch_has_room(exchange->dispatch);
}

static void storage_counted(struct exchange *exchange, const struct ph_storage_stats *stats)
{
    metrics_set(exchange->meters->outbox_waiting, (int64_t)stats->outbox_waiting);
    metrics_set(exchange->meters->outbox_oldest, stats->outbox_oldest_ms * 1000000);
    metrics_set(exchange->meters->dead_letters, (int64_t)stats->dead);
    metrics_set(exchange->meters->alerts_waiting, (int64_t)stats->alerts_waiting);
    metrics_set(exchange->meters->documents_waiting, (int64_t)stats->documents_waiting);
}

static void queue_counted(struct exchange *exchange, const struct ph_queue_stats *stats)
{
    metrics_set(exchange->meters->queue_waiting, stats->waiting);
    metrics_set(exchange->meters->queue_in_flight, stats->in_flight);
    metrics_set(exchange->meters->queue_delayed, stats->delayed);
    metrics_set(exchange->meters->queue_oldest, stats->oldest_ms > 0 ? stats->oldest_ms * 1000000 : 0);
}

static void sweep_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    const struct sweep *sweep = (struct sweep *)item;
    struct sweeper *sweeper = sweep->sweeper;
    const void *output = batcher_output(batch, index);
    bool more = false;
    sweeper->busy[sweep->task] = false;
    if (batcher_result(batch, index)->outcome != PH_OK) {
        return;
    }
    switch (sweep->task) {
    case TASK_OUTBOX:
        more = outbox_leased(sweeper, output);
        break;
    case TASK_EXPIRE:
        metrics_add(sweeper->exchange->meters->expired, ((const struct ph_swept *)output)->count);
        more = ((const struct ph_swept *)output)->more;
        break;
    case TASK_PURGE:
        more = ((const struct ph_swept *)output)->more;
        break;
    case TASK_STORAGE_STATS:
        storage_counted(sweeper->exchange, output);
        break;
    default:
        queue_counted(sweeper->exchange, output);
    }
    if (more) {
        sweep_start(sweeper, sweep->task);
    }
}

static void sweep_start(struct sweeper *sweeper, enum task task)
{
    static const enum ph_operation operations[TASKS] = {PH_STORAGE_LEASE, PH_STORAGE_EXPIRE, PH_STORAGE_PURGE,
                                                        PH_STORAGE_STATS, PH_QUEUE_STATS};
    if (sweeper->busy[task] || sweeper->exchange->draining) {
        return;
    }
    struct sweep *sweep = xcalloc(1, sizeof *sweep);
    sweep->sweeper = sweeper;
    sweep->task = task;
    if (task == TASK_OUTBOX) {
        sweep->entry.lease =
            (struct ph_lease){.mark = PH_MARK_OUTBOX, .limit = OUTBOX_LIMIT, .lease_ms = OUTBOX_LEASE_MS};
    } else if (task == TASK_EXPIRE) {
        sweep->entry.expire = (struct ph_expire){.limit = EXPIRE_LIMIT};
    } else if (task == TASK_PURGE) {
        sweep->entry.purge = (struct ph_purge){.retention_ms = sweeper->exchange->settings.retention_ms,
                                               .key_retention_ms = KEY_RETENTION_MS,
                                               .limit = PURGE_LIMIT};
    }
    const bool counts = task == TASK_STORAGE_STATS || task == TASK_QUEUE_STATS;
    sweep->item =
        (struct batcher_item){.entry = counts ? NULL : &sweep->entry, .done = sweep_done, .release = exchange_release};
    sweeper->busy[task] = exchange_add(sweeper->exchange, operations[task], &sweep->item);
}

static void sweeper_measure(struct sweeper *sweeper)
{
    struct exchange *exchange = sweeper->exchange;
    const uint64_t now = clock_monotonic_ns(exchange->settings.clock);
    if (sweeper->due_ns != 0) {
        metrics_observe(exchange->meters->lag, now > sweeper->due_ns ? now - sweeper->due_ns : 0);
    }
    sweeper->due_ns = now + (uint64_t)TICK_MS * 1000000;
    metrics_set(exchange->meters->readers_waiting, (int64_t)waiters_count(exchange->waiters));
    metrics_set(exchange->meters->jobs, (int64_t)courier_under_way(exchange->courier));
    metrics_set(exchange->meters->appends_waiting, (int64_t)batcher_waiting(exchange->batchers[PH_STORAGE_APPEND]));
}

static void sweeper_tick(evutil_socket_t fd, short events, void *context)
{
    struct sweeper *sweeper = context;
    struct exchange *exchange = sweeper->exchange;
    (void)fd;
    (void)events;
    sweeper_measure(sweeper);
    snapshots_refresh(exchange->snapshots, exchange);
    courier_wake(exchange->courier);
    alarms_check(exchange->alarms);
    if (sweeper->ticks % COUNT_TICKS == 0 && exchange_usable(exchange, PH_KIND_QUEUE)) {
        sweep_start(sweeper, TASK_QUEUE_STATS);
    }
    if (!exchange_usable(exchange, PH_KIND_STORAGE)) {
        return;
    }
    if (sweeper->ticks % COUNT_TICKS == 0) {
        sweep_start(sweeper, TASK_STORAGE_STATS);
    }
    if ((exchange->settings.roles & EXCHANGE_ROLE_COURIER) != 0) {
        sweep_start(sweeper, TASK_EXPIRE);
        if (exchange_usable(exchange, PH_KIND_QUEUE) && dispatch_has_room(exchange->dispatch)) {
            sweep_start(sweeper, TASK_OUTBOX);
        }
        alerts_sweep(exchange->alerts);
        documents_sweep(exchange->documents);
        if (sweeper->ticks % PURGE_TICKS == PURGE_TICKS - 1) {
            sweep_start(sweeper, TASK_PURGE);
        }
    }
    sweeper->ticks++;
}

struct sweeper *sweeper_new(struct exchange *exchange)
{
    struct sweeper *sweeper = xcalloc(1, sizeof *sweeper);
    sweeper->exchange = exchange;
    return sweeper;
}

void sweeper_start(struct sweeper *sweeper)
{
    sweeper->tick = exchange_timer(sweeper->exchange, sweeper_tick, sweeper, TICK_MS);
    event_active(sweeper->tick, EV_TIMEOUT, 0);
}

void sweeper_free(struct sweeper *sweeper)
{
    if (sweeper != NULL && sweeper->tick != NULL) {
        event_free(sweeper->tick);
    }
    free(sweeper);
}
