// SPDX-License-Identifier: Apache-2.0
//
// See house.h.
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/backend.h"
#include "core/deferred.h"
#include "core/host.h"
#include "core/metrics.h"
#include "core/offload.h"
#include "core/operation.h"
#include "core/options.h"
#include "core/timers.h"

#define STEP_MS 20
#define TICK_MS 500
#define PATIENCE_MS 120000

static const char *const kinds[HOUSE_KINDS] = {"", "storage", "meta", "queue", "alert"};

// ------------------------------------------------------------------------------------------------------- building

static void plugin_load(struct house *house, enum ph_kind kind)
{
    char file[128];
    char *errors = NULL;
    snprintf(file, sizeof file, "plugins/%s-mock/.libs/%s-mock.so", kinds[kind], kinds[kind]);
    const struct plugin *plugin = loader_open_path(house->loader, file, &errors);
    if (plugin == NULL) {
        fail_msg("%s", errors);
        return;
    }
    const size_t size = operation_struct_size(kind);
    const struct options_table table = {plugin->options, plugin->descriptor.option_count, sizeof plugin->options[0]};
    house->plugins[kind] = *plugin;
    house->plugins[kind].operations = malloc(size);
    memcpy(house->plugins[kind].operations, plugin->operations, size);
    house->configs[kind] = calloc(1, plugin->descriptor.config_size);
    options_set_defaults(&table, house->arena, house->configs[kind]);
}

struct house *house_new(void)
{
    struct house *house = calloc(1, sizeof *house);
    house->base = event_base_new();
    clock_manual_init(&house->clock, 1000000000, 1700000000000);
    house->metrics = metrics_new(1000);
    house->offload = offload_new(house->base, 1, 100);
    const struct host_settings settings = {
        .base = house->base, .clock = &house->clock.clock, .metrics = house->metrics, .seed = 1};
    house->host = host_new(&settings);
    house->loader = loader_new(NULL, 0);
    house->arena = arena_new(1 << 20);
    for (int kind = PH_KIND_STORAGE; kind < HOUSE_KINDS; kind++) {
        plugin_load(house, (enum ph_kind)kind);
    }
    house->settings = (struct exchange_settings){
        .base = house->base,
        .metrics = house->metrics,
        .offload = house->offload,
        .clock = &house->clock.clock,
        .roles = EXCHANGE_ROLE_API | EXCHANGE_ROLE_COURIER,
        .attempts = 3,
        .retention_ms = INT64_C(30) * 24 * 3600 * 1000,
    };
    return house;
}

struct ph_storage_operations *house_storage(struct house *house)
{
    return house->plugins[PH_KIND_STORAGE].operations;
}

struct ph_meta_operations *house_meta(struct house *house)
{
    return house->plugins[PH_KIND_META].operations;
}

struct ph_queue_operations *house_queue(struct house *house)
{
    return house->plugins[PH_KIND_QUEUE].operations;
}

struct ph_alert_operations *house_alert(struct house *house)
{
    return house->plugins[PH_KIND_ALERT].operations;
}

void house_fault(struct house *house, enum ph_kind kind, const char *key, const char *value)
{
    char error[256];
    if (!faults_parse(&house->faults[kind], kind, key, value, error, sizeof error)) {
        fail_msg("%s", error);
    }
}

static void backend_changed(struct backend *backend, void *context)
{
    struct house *house = context;
    (void)backend;
    if (house->exchange != NULL) {
        exchange_backend_changed(house->exchange);
    }
}

static void backend_opened(struct backend *backend, const struct ph_result *result, void *context)
{
    (void)backend;
    (void)context;
    assert_int_equal(result->outcome, PH_OK);
}

static void add_user(struct house *house, const char *name)
{
    struct house_call call;
    const struct ph_user_add user = {
        .id = {{(uint8_t)name[0]}}, .name = {name, strlen(name)}, .password = {"plain:secret", 12}};
    do {
        house_ask(house, &call, PH_STORAGE_USER_ADD, &user);
        house_end(house, &call);
    } while (call.call.outcome != PH_OK);
}

void house_open(struct house *house)
{
    house->exchange = exchange_new(&house->settings);
    for (int kind = PH_KIND_STORAGE; kind < HOUSE_KINDS; kind++) {
        struct backend_settings settings = {
            .host = house->host,
            .plugin = &house->plugins[kind],
            .config = house->configs[kind],
            .section = kinds[kind],
            .faults = &house->faults[kind],
            .on_state = backend_changed,
            .on_state_context = house,
        };
        backend_policy_defaults(&settings.policy);
        house->backends[kind] = backend_new(&settings);
        exchange_set_backend(house->exchange, (enum ph_kind)kind, house->backends[kind]);
        backend_open(house->backends[kind], backend_opened, house);
    }
    house->port = exchange_port_new(house->exchange, NULL, NULL);
    exchange_start(house->exchange);
    house_settle(house);
    add_user(house, "ada");
    add_user(house, "grace");
    add_user(house, "linus");
}

static void on_drained(void *context)
{
    ((struct house *)context)->drained = true;
}

static void on_closed(struct backend *backend, bool quarantined, void *context)
{
    (void)backend;
    assert_false(quarantined);
    (*(size_t *)context)++;
}

static bool is_drained(struct house *house)
{
    return house->drained;
}

void house_drain(struct house *house)
{
    exchange_drain(house->exchange, on_drained, house);
    assert_true(house_until(house, is_drained, PATIENCE_MS));
}

static void house_close(struct house *house)
{
    size_t closed = 0;
    for (int kind = PH_KIND_STORAGE; kind < HOUSE_KINDS; kind++) {
        backend_close(house->backends[kind], 5000, on_closed, &closed);
    }
    house_advance(house, 10000);
    assert_int_equal(closed, HOUSE_KINDS - 1);
}

void house_free(struct house *house)
{
    if (!house->drained) {
        house_drain(house);
    }
    house_close(house);
    exchange_port_free(&house->port);
    exchange_free(house->exchange);
    for (int kind = PH_KIND_STORAGE; kind < HOUSE_KINDS; kind++) {
        backend_free(house->backends[kind]);
        free(house->plugins[kind].operations);
        free(house->configs[kind]);
    }
    host_free(house->host);
    offload_free(house->offload);
    loader_free(house->loader);
    arena_free(house->arena);
    metrics_free(house->metrics);
    event_base_free(house->base);
    free(house);
}

// ----------------------------------------------------------------------------------------------------------- time

void house_settle(struct house *house)
{
    do {
        event_base_loop(house->base, EVLOOP_NONBLOCK);
    } while (!deferred_idle(host_deferred(house->host)));
    event_base_loop(house->base, EVLOOP_NONBLOCK);
}

static int tick_one(const struct event_base *base, const struct event *event, void *context)
{
    (void)base;
    struct event **list = context;
    if (event_get_fd(event) == -1 && (event_get_events(event) & EV_PERSIST) != 0) {
        while (*list != NULL) {
            list++;
        }
        *list = (struct event *)event;
    }
    return 0;
}

// Runs every periodic timer once, whatever real time says.
static void house_tick(struct house *house)
{
    struct event *list[64] = {NULL};
    event_base_foreach_event(house->base, tick_one, list);
    for (size_t i = 0; list[i] != NULL; i++) {
        event_active(list[i], EV_TIMEOUT, 0);
    }
    house_settle(house);
}

void house_advance(struct house *house, int64_t milliseconds)
{
    house_settle(house);
    for (int64_t step = 0; step < milliseconds; step += STEP_MS) {
        const uint64_t before = clock_monotonic_ns(&house->clock.clock) / (TICK_MS * UINT64_C(1000000));
        clock_manual_advance(&house->clock, STEP_MS * UINT64_C(1000000));
        timers_run(host_timers(house->host));
        house_settle(house);
        if (clock_monotonic_ns(&house->clock.clock) / (TICK_MS * UINT64_C(1000000)) != before) {
            house_tick(house);
        }
    }
}

bool house_until(struct house *house, bool (*check)(struct house *house), int64_t milliseconds)
{
    house_settle(house);
    for (int64_t step = 0; step <= milliseconds; step += STEP_MS) {
        if (check(house)) {
            return true;
        }
        house_advance(house, STEP_MS);
    }
    return check(house);
}

// ---------------------------------------------------------------------------------------------------------- calls

static void call_done(struct exchange_call *call)
{
    ((struct house_call *)call)->done = true;
}

static void call_release(struct exchange_call *call)
{
    ((struct house_call *)call)->released = true;
}

void house_submit(struct house *house, struct house_call *call, uint32_t operation, const void *entry)
{
    *call = (struct house_call){
        .call = {.operation = operation, .entry = entry, .done = call_done, .release = call_release}};
    exchange_submit(house->port, &call->call);
    assert_false(call->done);
}

void house_ask(struct house *house, struct house_call *call, uint32_t operation, const void *entry)
{
    house_submit(house, call, operation, entry);
    house_settle(house);
    for (int64_t waited = 0; !call->done; waited += STEP_MS) {
        assert_true(waited < PATIENCE_MS);
        house_advance(house, STEP_MS);
    }
}

void house_end(struct house *house, struct house_call *call)
{
    exchange_end(&call->call);
    for (int64_t waited = 0; !call->released; waited += STEP_MS) {
        assert_true(waited < PATIENCE_MS);
        house_advance(house, STEP_MS);
    }
}

// ------------------------------------------------------------------------------------------------------- messages

struct ph_id house_id(uint32_t number)
{
    struct ph_id id = {{0x01, 0x93, 0x8d, 0, 0, 0, 0x70, 0, 0x80}};
    for (size_t i = 0; i < 4; i++) {
        id.bytes[15 - i] = (uint8_t)(number >> (8 * i));
    }
    return id;
}

struct ph_message house_message(uint32_t number, uint32_t priority)
{
    static const struct ph_text grace = {"grace", 5};
    return (struct ph_message){
        .id = house_id(number),
        .sender = {"ada", 3},
        .recipients = &grace,
        .recipient_count = 1,
        .subject = {"subject", 7},
        .body = {"body", 4},
        .content_type = {"text/plain", 10},
        .attributes = {"", 0},
        .trace = {"", 0},
        .priority = priority,
        .due_in_ms = 10000,
        .idempotency_key = {"", 0},
    };
}

uint32_t house_send(struct house *house, const struct ph_message *message)
{
    struct house_call call;
    house_ask(house, &call, PH_STORAGE_APPEND, message);
    house_end(house, &call);
    return call.call.outcome;
}

void house_send_many(struct house *house, uint32_t first, uint32_t count, uint32_t priority)
{
    struct house_call *calls = calloc(count, sizeof calls[0]);
    struct ph_message *messages = calloc(count, sizeof messages[0]);
    for (uint32_t i = 0; i < count; i++) {
        messages[i] = house_message(first + i, priority);
        house_submit(house, &calls[i], PH_STORAGE_APPEND, &messages[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        while (!calls[i].done) {
            house_advance(house, STEP_MS);
        }
        assert_int_equal(calls[i].call.outcome, PH_OK);
        exchange_end(&calls[i].call);
    }
    for (uint32_t i = 0; i < count; i++) {
        while (!calls[i].released) { // what shares a commit is released together
            house_advance(house, STEP_MS);
        }
    }
    free(messages);
    free(calls);
}

size_t house_inbox(struct house *house)
{
    struct ph_read read = {.user = {"grace", 5}, .limit = 100, .byte_limit = 1 << 20};
    size_t total = 0, count;
    do {
        struct house_call call;
        house_ask(house, &call, PH_STORAGE_INBOX_READ, &read);
        const struct ph_page *page = call.call.output;
        count = call.call.outcome == PH_OK ? page->count : 1;
        if (call.call.outcome == PH_OK && count > 0) {
            assert_true(page->records[0]->position > read.after);
            read.after = page->records[count - 1]->position;
            total += count;
        }
        house_end(house, &call);
    } while (count > 0);
    return total;
}

uint32_t house_status(struct house *house, uint32_t number)
{
    struct house_call call;
    const struct ph_pick pick = {.user = {"ada", 3}, .id = house_id(number)};
    do {
        house_ask(house, &call, PH_STORAGE_MESSAGE_GET, &pick);
    } while (call.call.outcome != PH_OK);
    const uint32_t status = ((const struct ph_found *)call.call.output)->record->status;
    house_end(house, &call);
    return status;
}

bool house_has_document(struct house *house, uint32_t number)
{
    struct house_call call;
    const struct ph_document_id id = {.id = house_id(number)};
    house_ask(house, &call, PH_META_GET, &id);
    house_end(house, &call);
    return call.call.outcome == PH_OK;
}

struct ph_storage_stats house_stats(struct house *house)
{
    struct house_call call;
    house_ask(house, &call, PH_STORAGE_STATS, NULL);
    assert_int_equal(call.call.outcome, PH_OK);
    const struct ph_storage_stats stats = *(const struct ph_storage_stats *)call.call.output;
    house_end(house, &call);
    return stats;
}

struct counter_sought {
    const char *name;
    int64_t value;
};

static void counter_found(const struct metrics_sample *sample, void *context)
{
    struct counter_sought *sought = context;
    if (strcmp(sample->family->name, sought->name) == 0) {
        sought->value = sample->value;
    }
}

int64_t house_counter(const struct house *house, const char *name)
{
    struct counter_sought sought = {.name = name, .value = -1};
    metrics_each(house->metrics, counter_found, &sought);
    return sought.value;
}
