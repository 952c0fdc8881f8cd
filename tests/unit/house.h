// SPDX-License-Identifier: Apache-2.0
//
// A whole exchange over the four mock plugins, on a clock that only a test moves. A test may replace any operation of any
// plugin before it opens the house, inject faults, and then send, read and look at what became of messages.
#ifndef TESTS_UNIT_HOUSE_H
#define TESTS_UNIT_HOUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/exchange_parts.h"
#include "core/exchange_run.h"
#include "core/faults.h"
#include "core/loader.h"

struct backend;
struct host;
struct loader;
struct offload;

#define HOUSE_KINDS 5 // storage to alert, by enum ph_kind

struct house {
    struct event_base *base;
    struct clock_manual clock;
    struct metrics *metrics;
    struct offload *offload;
    struct host *host;
    struct loader *loader;
    struct plugin plugins[HOUSE_KINDS]; // copies, whose operations a test may replace
    void *configs[HOUSE_KINDS];
    struct arena *arena;
    struct fault_settings faults[HOUSE_KINDS];
    struct backend *backends[HOUSE_KINDS];
    struct exchange_settings settings;
    struct exchange *exchange;
    struct exchange_port *port;
    bool drained;
};

// A house that is not open: its plugins and settings may be changed.
struct house *house_new(void);
struct ph_storage_operations *house_storage(struct house *house);
struct ph_meta_operations *house_meta(struct house *house);
struct ph_queue_operations *house_queue(struct house *house);
struct ph_alert_operations *house_alert(struct house *house);
// Injects faults: key and value as in the configuration file.
void house_fault(struct house *house, enum ph_kind kind, const char *key, const char *value);
// Opens the backends, starts the exchange and adds the users ada, grace and linus.
void house_open(struct house *house);
// Drains, if that was not done, closes and frees.
void house_free(struct house *house);
void house_drain(struct house *house);

// Runs all that is ready now.
void house_settle(struct house *house);
// Moves the clock; all periodic timers run each half second of it.
void house_advance(struct house *house, int64_t milliseconds);
// Moves the clock until the check is true; false after that time.
bool house_until(struct house *house, bool (*check)(struct house *house), int64_t milliseconds);

// One call of an operation, until it is answered; the output is valid until house_end().
struct house_call {
    struct exchange_call call;
    bool done;
    bool released;
};
void house_submit(struct house *house, struct house_call *call, uint32_t operation, const void *entry);
void house_ask(struct house *house, struct house_call *call, uint32_t operation, const void *entry);
void house_end(struct house *house, struct house_call *call);

// A message of number `number` from ada to grace; its id is made of the number. Gives the outcome.
struct ph_message house_message(uint32_t number, uint32_t priority);
uint32_t house_send(struct house *house, const struct ph_message *message);
void house_send_many(struct house *house, uint32_t first, uint32_t count, uint32_t priority);
struct ph_id house_id(uint32_t number);

// How many messages are in grace's inbox, each counted as often as it is there.
size_t house_inbox(struct house *house);
// The state of a message (enum ph_state) as its sender sees it, and whether its document is there.
uint32_t house_status(struct house *house, uint32_t number);
bool house_has_document(struct house *house, uint32_t number);
struct ph_storage_stats house_stats(struct house *house);
// The value of a counter that has no labels; -1: there is none of that name.
int64_t house_counter(const struct house *house, const char *name);

#endif
