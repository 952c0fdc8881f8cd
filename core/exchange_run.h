// SPDX-License-Identifier: Apache-2.0
//
// Making, running and draining the exchange: what the daemon sees of it.
#ifndef CORE_EXCHANGE_RUN_H
#define CORE_EXCHANGE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/exchange.h"

struct backend;
struct clock;
struct event_base;
struct metrics;
struct offload;
struct tracing;

enum { EXCHANGE_ROLE_API = 1, EXCHANGE_ROLE_COURIER = 2 };

/// An alarm: while the gauge is above (or below) its bound for `hold_ms`, it is raised, once.
struct exchange_alarm {
    const char *name;
    const char *metric; ///< as meters_gauge_name()
    bool has_above, has_below;
    int64_t above, below;
    int64_t hold_ms;
};

struct exchange_settings {
    struct event_base *base;
    struct metrics *metrics;
    struct offload *offload;
    const struct clock *clock;
    struct tracing *tracing;             ///< NULL: off
    unsigned roles;                      ///< EXCHANGE_ROLE_…
    uint32_t attempts;                   ///< failed attempts before a message is dead
    int64_t retention_ms;                ///< of finished messages; 0: kept
    const struct exchange_alarm *alarms; ///< borrowed with all their texts
    size_t alarm_count;
};

/// Makes an exchange without backends. Never NULL.
struct exchange *exchange_new(const struct exchange_settings *settings);

/// Sets the backend of a kind (NULL: none). The exchange never closes it. On the loop.
void exchange_set_backend(struct exchange *exchange, enum ph_kind kind, struct backend *backend);
struct backend *exchange_backend(const struct exchange *exchange, enum ph_kind kind);

/// Begins to receive and to sweep, once backends are set.
void exchange_start(struct exchange *exchange);

/// Drains: polls end, nothing new is received or swept, calls under way end. `drained` is called once when nothing is under
/// way, never from inside. The outbox stays in storage.
void exchange_drain(struct exchange *exchange, void (*drained)(void *context), void *context);

/// Nothing is waiting or under way. A drained exchange is not idle again while a late request is answered.
bool exchange_is_idle(const struct exchange *exchange);

/// Frees an idle exchange, on a loop that will not run again. NULL is allowed.
void exchange_free(struct exchange *exchange);

/// A user's inbox may have grown: wakes readers (from host->hint).
void exchange_hint(struct exchange *exchange, struct ph_text user);

/// A backend's state has changed: refreshes the snapshot, wakes what waited for it.
void exchange_backend_changed(struct exchange *exchange);

#endif
