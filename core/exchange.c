// SPDX-License-Identifier: Apache-2.0
//
// See exchange.h and exchange_run.h. This file owns the parts, the batchers (one an operation, from one table), the way of
// a call to its batcher and home again, and the drain. What happens to messages is in the parts.
#include "core/exchange.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/alarms.h"
#include "core/alerts.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/courier.h"
#include "core/dispatch.h"
#include "core/documents.h"
#include "core/exchange_parts.h"
#include "core/mailbox.h"
#include "core/meters.h"
#include "core/offload.h"
#include "core/snapshots.h"
#include "core/sweeper.h"
#include "core/waiters.h"
#include "core/xalloc.h"

#define APPENDS_WAITING 16384 // bodies are bounded by the HTTP layer's intake
#define DRAIN_TICK_MS 10

// How each operation is batched. Operations that are not named here have `others`. The deadlines of append and deliver
// leave room for repeats; that of deliver is below the job's lease.
static const struct batcher_settings table[] = {
    {.operation = PH_STORAGE_APPEND,
     .batches = 3, // what comes during a commit is the next commit; a third when suddenly more ask
     .halves = true,
     .entries = 512,
     .waiting = APPENDS_WAITING,
     .deadline_ms = 10000,
     .until_deadline = true},
    {.operation = PH_STORAGE_DELIVER,
     .batches = 1, // likewise; two would wait for each other's inboxes
     .apart_ms = 25,
     .entries = 512,
     .waiting = 65536,
     .deadline_ms = 15000,
     .until_deadline = true},
    {.operation = PH_STORAGE_FAIL, .batches = 1, .entries = 256, .waiting = 65536},
    {.operation = PH_STORAGE_POSTPONE, .batches = 1, .entries = 1000, .waiting = 131072},
    {.operation = PH_STORAGE_MARK, .batches = 1, .entries = 500, .waiting = 131072},
    {.operation = PH_STORAGE_SETTLE, .batches = 1, .entries = 500, .waiting = 131072},
    {.operation = PH_STORAGE_INBOX_READ, .batches = 4, .entries = 16, .waiting = 65536},
    {.operation = PH_STORAGE_INBOX_HEAD, .batches = 2, .entries = 500, .waiting = 131072},
    // To a service that is asked over a network these are many requests at once, the batch as long under way as its last.
    {.operation = PH_META_PUT, .batches = 4, .entries = 500, .waiting = 16384},
    {.operation = PH_QUEUE_SEND, .batches = 4, .entries = 500, .waiting = 65536},
    {.operation = PH_QUEUE_REMOVE, .batches = 4, .entries = 500, .waiting = 65536},
    {.operation = PH_QUEUE_EXTEND, .batches = 2, .entries = 250, .waiting = 65536},
    {.operation = PH_ALERT_PUBLISH, .batches = 4, .entries = 10, .waiting = 4096},
};
static const struct batcher_settings others = {.batches = 4, .entries = 64, .waiting = 16384};

static const struct {
    uint32_t first, last;
    enum ph_kind kind;
} ranges[] = {
    {PH_STORAGE_APPEND, PH_STORAGE_NOTIFY, PH_KIND_STORAGE}, {PH_META_PUT, PH_META_GET, PH_KIND_META},
    {PH_QUEUE_SEND, PH_QUEUE_STATS, PH_KIND_QUEUE},          {PH_ALERT_PUBLISH, PH_ALERT_PUBLISH, PH_KIND_ALERT},
    {PH_SECRET_FETCH, PH_SECRET_FETCH, PH_KIND_SECRET},
};

struct exchange_port {
    struct exchange *exchange;
    struct mailbox_sender *to_exchange; // NULL: the port's loop is the exchange's
    struct mailbox_sender *home;
    bool submitting; // inside exchange_submit() on the exchange loop: nothing may be answered in there
};

struct drain {
    struct exchange *exchange;
    struct event *tick;
    void (*drained)(void *context);
    void *context;
};

// ------------------------------------------------------------------------------------------------ for the parts

bool exchange_usable(const struct exchange *exchange, enum ph_kind kind)
{
    return exchange->backends[kind] != NULL && backend_usable(exchange->backends[kind]);
}

int64_t exchange_now(const struct exchange *exchange)
{
    return clock_wall_ms(exchange->settings.clock);
}

void exchange_ignore(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    (void)item;
    (void)batch;
    (void)index;
}

bool exchange_add(struct exchange *exchange, enum ph_operation operation, struct batcher_item *item)
{
    if (batcher_add(exchange->batchers[operation], item)) {
        return true;
    }
    item->release(item);
    return false;
}

void exchange_release(struct batcher_item *item)
{
    free(item);
}

struct settling {
    struct batcher_item item;
    struct ph_settle settle;
};

void exchange_settle(struct exchange *exchange, enum ph_mark_kind mark, const struct ph_id *id)
{
    struct settling *settling = xcalloc(1, sizeof *settling);
    settling->settle = (struct ph_settle){.id = *id, .mark = mark};
    settling->item =
        (struct batcher_item){.entry = &settling->settle, .done = exchange_ignore, .release = exchange_release};
    exchange_add(exchange, PH_STORAGE_SETTLE, &settling->item);
}

struct event *exchange_timer(struct exchange *exchange, event_callback_fn callback, void *context, uint32_t period_ms)
{
    const struct timeval period = {.tv_sec = period_ms / 1000, .tv_usec = (suseconds_t)(period_ms % 1000) * 1000};
    struct event *event = event_new(exchange->base, -1, EV_PERSIST, callback, context);
    if (event == NULL || event_add(event, &period) != 0) {
        abort();
    }
    return event;
}

// -------------------------------------------------------------------------------------------------------- calls

static void call_drop(struct exchange_call *call)
{
    if (atomic_fetch_sub_explicit(&call->holds, 1, memory_order_acq_rel) == 1) {
        call->release(call);
    }
}

static void call_home(struct mailbox_item *item)
{
    struct exchange_call *call = (struct exchange_call *)item;
    call->done(call);
}

static void call_answer(struct exchange_call *call)
{
    struct exchange_port *port = call->port;
    call->item.run = call_home;
    if (port->home != NULL) {
        mailbox_sender_add(port->home, &call->item);
    } else if (port->submitting) {
        mailbox_push(port->exchange->mailbox, &call->item);
    } else {
        call->done(call);
    }
}

void exchange_finish(struct exchange *exchange, struct exchange_call *call, enum ph_outcome outcome, const char *text)
{
    (void)exchange;
    call->outcome = outcome;
    call->delay_ms = outcome == PH_UNAVAILABLE ? 1000 : 0;
    call->text = outcome == PH_OK ? NULL : text;
    call_drop(call); // no batch reads the entry; the caller's own hold stays
    call_answer(call);
}

static void call_fill(struct exchange_call *call, struct batcher_batch *batch, size_t index)
{
    const struct ph_result *result = batcher_result(batch, index);
    call->batch = batcher_hold(batch);
    call->outcome = result->outcome;
    call->delay_ms = result->delay_ms;
    call->text = result->text;
    call->output = batcher_output(batch, index);
    call->uncertain = batcher_was_uncertain(batch, index);
}

void exchange_finish_batch(struct exchange *exchange, struct exchange_call *call, struct batcher_batch *batch,
                           size_t index)
{
    (void)exchange;
    call_fill(call, batch, index);
    call_drop(call); // the entry that was read is a copy
    call_answer(call);
}

static struct exchange_call *call_of(struct batcher_item *item)
{
    return (struct exchange_call *)(void *)((char *)item - offsetof(struct exchange_call, entry_item));
}

static void update_room(struct exchange *exchange)
{
    const bool room = batcher_waiting(exchange->batchers[PH_STORAGE_APPEND]) < APPENDS_WAITING / 2;
    if (room != atomic_load_explicit(&exchange->has_room, memory_order_relaxed)) {
        atomic_store_explicit(&exchange->has_room, room, memory_order_relaxed);
    }
}

// A message was stored: its job goes to the queue, unless it is to wait.
static void call_accepted(struct exchange *exchange, const struct exchange_call *call)
{
    const struct ph_message *message = call->entry;
    const struct ph_accepted *accepted = call->output;
    metrics_increment(exchange->meters->accepted);
    if (message->deliver_at <= accepted->accepted_at) {
        dispatch_send(exchange->dispatch, &message->id, message->trace, 0);
    }
}

static void call_entry_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct exchange_call *call = call_of(item);
    struct exchange *exchange = call->port->exchange;
    call_fill(call, batch, index);
    if (call->operation == PH_STORAGE_APPEND) {
        update_room(exchange);
        if (call->outcome == PH_OK) {
            call_accepted(exchange, call);
        }
    }
    call_answer(call);
}

static void call_entry_release(struct batcher_item *item)
{
    call_drop(call_of(item));
}

static void call_work(void *context)
{
    struct exchange_call *call = context;
    call->work(call);
}

static void call_worked(void *context, bool worked)
{
    struct exchange_call *call = context;
    exchange_finish(call->port->exchange, call, worked ? PH_OK : PH_UNAVAILABLE, "the helper threads are stopping");
}

static void call_batch(struct exchange *exchange, struct exchange_call *call)
{
    struct batcher *batcher = call->operation < EXCHANGE_OPERATIONS ? exchange->batchers[call->operation] : NULL;
    if (batcher == NULL) {
        exchange_finish(exchange, call, PH_INVALID, "no such operation");
        return;
    }
    call->entry_item = (struct batcher_item){.entry = call->entry,
                                             .trace = call->trace,
                                             .deadline_ms = call->deadline_ms,
                                             .done = call_entry_done,
                                             .release = call_entry_release};
    if (!batcher_add(batcher, &call->entry_item)) {
        exchange_finish(exchange, call, PH_UNAVAILABLE, "too many requests wait for this backend");
    } else if (call->operation == PH_STORAGE_APPEND) {
        update_room(exchange);
    }
}

static void call_begin(struct exchange_call *call)
{
    struct exchange *exchange = call->port->exchange;
    if (call->operation == EXCHANGE_POLL) {
        waiters_add(exchange->waiters, call);
    } else if (call->operation == EXCHANGE_WORK) {
        if (offload_run(exchange->settings.offload, NULL, 0, call_work, call_worked, call) == NULL) {
            exchange_finish(exchange, call, PH_UNAVAILABLE, "too much work waits for a helper thread");
        }
    } else if (call->operation == EXCHANGE_PING) {
        exchange_finish(exchange, call, PH_OK, NULL);
    } else {
        call_batch(exchange, call);
    }
}

static void call_arrived(struct mailbox_item *item)
{
    call_begin((struct exchange_call *)item);
}

void exchange_submit(struct exchange_port *port, struct exchange_call *call)
{
    call->port = port;
    call->batch = NULL;
    call->output = NULL;
    call->uncertain = false;
    call->waiter = NULL;
    atomic_init(&call->cancelled, false);
    atomic_init(&call->holds, 2); // the caller's until exchange_end(), the entry's until its release
    call->item.run = call_arrived;
    if (port->to_exchange != NULL) {
        mailbox_sender_add(port->to_exchange, &call->item);
        return;
    }
    port->submitting = true;
    call_begin(call);
    port->submitting = false;
}

static void call_cancelled(struct mailbox_item *item)
{
    struct exchange_call *call =
        (struct exchange_call *)(void *)((char *)item - offsetof(struct exchange_call, cancel_item));
    waiters_cancel(call->port->exchange->waiters, call);
    call_drop(call);
}

void exchange_cancel(struct exchange_call *call)
{
    if (atomic_exchange_explicit(&call->cancelled, true, memory_order_relaxed)) {
        return;
    }
    atomic_fetch_add_explicit(&call->holds, 1, memory_order_relaxed);
    call->cancel_item.run = call_cancelled;
    if (call->port->to_exchange != NULL) {
        mailbox_sender_add(call->port->to_exchange, &call->cancel_item);
    } else {
        mailbox_push(call->port->exchange->mailbox, &call->cancel_item);
    }
}

void exchange_end(struct exchange_call *call)
{
    struct batcher_batch *batch = call->batch;
    call->batch = NULL;
    if (batch != NULL) {
        batcher_drop(batch);
    }
    call_drop(call);
}

// -------------------------------------------------------------------------------------------------------- ports

struct exchange_port *exchange_port_new(struct exchange *exchange, struct event_base *loop_base, struct mailbox *inbox)
{
    struct exchange_port *port = xcalloc(1, sizeof *port);
    port->exchange = exchange;
    if (loop_base != NULL) {
        port->to_exchange = mailbox_sender_create(exchange->mailbox, loop_base);
        port->home = mailbox_sender_create(inbox, exchange->base);
    }
    return port;
}

void exchange_port_free(struct exchange_port **port)
{
    if (*port != NULL && (*port)->home != NULL) {
        mailbox_sender_destroy(&(*port)->to_exchange);
        mailbox_sender_destroy(&(*port)->home);
    }
    free(*port);
    *port = NULL;
}

// ----------------------------------------------------------------------------------------------------- life

static struct batcher_settings settings_of(uint32_t operation)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].operation == operation) {
            return table[i];
        }
    }
    struct batcher_settings settings = others;
    settings.operation = operation;
    return settings;
}

static void batchers_new(struct exchange *exchange)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        for (uint32_t operation = ranges[i].first; operation <= ranges[i].last; operation++) {
            struct batcher_settings settings = settings_of(operation);
            settings.clock = exchange->settings.clock;
            settings.tracing = exchange->settings.tracing;
            if (operation != PH_QUEUE_RECEIVE) { // the courier's own
                exchange->batchers[operation] =
                    batcher_new(exchange->base, &exchange->backends[ranges[i].kind], &settings);
            }
        }
    }
}

struct exchange *exchange_new(const struct exchange_settings *settings)
{
    struct exchange *exchange = xcalloc(1, sizeof *exchange);
    exchange->magic = EXCHANGE_MAGIC;
    exchange->settings = *settings;
    exchange->base = settings->base;
    atomic_init(&exchange->has_room, true);
    exchange->mailbox = mailbox_create(exchange->base, NULL, NULL);
    if (exchange->mailbox == NULL) {
        abort();
    }
    batchers_new(exchange);
    exchange->meters = meters_new(settings->metrics);
    exchange->snapshots = snapshots_new();
    exchange->dispatch = dispatch_new(exchange);
    exchange->documents = documents_new(exchange);
    exchange->alerts = alerts_new(exchange);
    exchange->alarms = alarms_new(exchange);
    exchange->waiters = waiters_new(exchange);
    exchange->courier = courier_new(exchange);
    exchange->sweeper = sweeper_new(exchange);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    assert(exchange->magic == EXCHANGE_MAGIC);
    sweeper_free(exchange->sweeper);
    courier_free(exchange->courier);
    waiters_free(exchange->waiters);
    alarms_free(exchange->alarms);
    alerts_free(exchange->alerts);
    documents_free(exchange->documents);
    dispatch_free(exchange->dispatch);
    for (size_t i = 0; i < EXCHANGE_OPERATIONS; i++) {
        batcher_free(exchange->batchers[i]);
    }
    mailbox_destroy(&exchange->mailbox);
    snapshots_free(exchange->snapshots);
    meters_free(exchange->meters);
    exchange->magic = 0;
    free(exchange);
}

void exchange_set_backend(struct exchange *exchange, enum ph_kind kind, struct backend *backend)
{
    exchange->backends[kind] = backend;
    snapshots_refresh(exchange->snapshots, exchange);
}

struct backend *exchange_backend(const struct exchange *exchange, enum ph_kind kind)
{
    return exchange->backends[kind];
}

void exchange_start(struct exchange *exchange)
{
    sweeper_start(exchange->sweeper);
}

void exchange_hint(struct exchange *exchange, struct ph_text user)
{
    waiters_wake(exchange->waiters, user, false);
}

void exchange_backend_changed(struct exchange *exchange)
{
    snapshots_refresh(exchange->snapshots, exchange);
    courier_wake(exchange->courier);
}

bool exchange_has_room(const struct exchange *exchange)
{
    return atomic_load_explicit(&exchange->has_room, memory_order_relaxed);
}

void exchange_snapshot(struct exchange *exchange, struct exchange_snapshot *snapshot_r)
{
    snapshots_copy(exchange->snapshots, snapshot_r);
}

bool exchange_is_idle(const struct exchange *exchange)
{
    size_t under_way = courier_under_way(exchange->courier) + waiters_count(exchange->waiters);
    for (size_t i = 0; i < EXCHANGE_OPERATIONS; i++) {
        if (exchange->batchers[i] != NULL) {
            under_way += batcher_waiting(exchange->batchers[i]) + batcher_under_way(exchange->batchers[i]);
        }
    }
    return under_way == 0;
}

static void drain_tick(evutil_socket_t fd, short events, void *context)
{
    struct drain *drain = context;
    (void)fd;
    (void)events;
    courier_stop(drain->exchange->courier);
    waiters_cancel_all(drain->exchange->waiters);
    if (!exchange_is_idle(drain->exchange)) {
        return;
    }
    event_free(drain->tick);
    drain->drained(drain->context);
    free(drain);
}

void exchange_drain(struct exchange *exchange, void (*drained)(void *context), void *context)
{
    struct drain *drain = xcalloc(1, sizeof *drain);
    exchange->draining = true;
    snapshots_refresh(exchange->snapshots, exchange);
    *drain = (struct drain){.exchange = exchange, .drained = drained, .context = context};
    drain->tick = exchange_timer(exchange, drain_tick, drain, DRAIN_TICK_MS);
}
