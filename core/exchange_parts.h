// SPDX-License-Identifier: Apache-2.0
//
// The exchange from the inside: what its parts (dispatch, courier, sweeper, alerts, documents, waiters) share. Only they
// and exchange.c include this. Everything here belongs to the exchange loop.
#ifndef CORE_EXCHANGE_PARTS_H
#define CORE_EXCHANGE_PARTS_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/batcher.h"
#include "core/exchange.h"
#include "core/exchange_run.h"
#include "posthouse/plugin.h"

struct alarms;
struct alerts;
struct courier;
struct dispatch;
struct documents;
struct meters;
struct snapshots;
struct sweeper;
struct waiters;

#define EXCHANGE_MAGIC 0x65786368u
#define EXCHANGE_OPERATIONS 128

struct exchange {
    uint32_t magic;
    struct exchange_settings settings;
    struct event_base *base;
    struct backend *backends[EXCHANGE_BACKENDS_MAX + 1]; // by enum ph_kind; NULL where there is none
    struct batcher *batchers[EXCHANGE_OPERATIONS];       // by enum ph_operation
    struct mailbox *mailbox;                             // calls from HTTP loops
    struct dispatch *dispatch;
    struct courier *courier;
    struct sweeper *sweeper;
    struct alerts *alerts;
    struct alarms *alarms;
    struct documents *documents;
    struct waiters *waiters;
    struct meters *meters;
    struct snapshots *snapshots;
    bool draining;
    _Atomic bool has_room;
};

/// The backend of a kind may be called: it is open and its breaker lets calls pass.
bool exchange_usable(const struct exchange *exchange, enum ph_kind kind);

/// Milliseconds since 1970, by the exchange's clock.
int64_t exchange_now(const struct exchange *exchange);

/// Fills an item whose outcome interests nobody and whose owner is freed in `release`.
void exchange_ignore(struct batcher_item *item, struct batcher_batch *batch, size_t index);

/// Frees an item that is the first member of what malloc gave. Any thread.
void exchange_release(struct batcher_item *item);

/// Removes an alert or document mark whose work is done; if that fails, the work is done once more.
void exchange_settle(struct exchange *exchange, enum ph_mark_kind mark, const struct ph_id *id);

/// Adds an item to an operation's batcher; when too many wait, the item is released at once and false is returned.
bool exchange_add(struct exchange *exchange, enum ph_operation operation, struct batcher_item *item);

/// Gives a call its answer and sends it home. With PH_OK the output was set by the caller; `text` is for other outcomes.
void exchange_finish(struct exchange *exchange, struct exchange_call *call, enum ph_outcome outcome, const char *text);

/// The same with the result and output of an entry of a batch, which the call then holds.
void exchange_finish_batch(struct exchange *exchange, struct exchange_call *call, struct batcher_batch *batch,
                           size_t index);

/// A persistent timer of the exchange.
struct event *exchange_timer(struct exchange *exchange, event_callback_fn callback, void *context, uint32_t period_ms);

#endif
