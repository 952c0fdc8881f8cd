// SPDX-License-Identifier: Apache-2.0
//
// See core/instance.h. A call lies in its own arena, together with its arrays and outputs, so it is one
// allocation for most calls and freeing it touches nothing else.
#include "core/instance.h"
#include "core/arena.h"
#include "core/deferred.h"
#include "core/host.h"
#include "core/live_calls.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/operation.h"
#include "core/outcome.h"
#include "core/timers.h"
#include "core/xalloc.h"
#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCE_MAGIC 0x1257a9ceu
#define CALL_MAGIC 0x1257ca11u
/// What the plugin's close may take at least, in milliseconds, however short the limit was.
#define CLOSE_TIME_MS 2000

enum call_state { CALL_NEW, CALL_UNDER_WAY, CALL_COMPLETED, CALL_OVER };

struct instance_call {
    uint32_t magic;
    enum call_state state;
    struct ph_call raw;
    struct instance *instance;
    const struct operation *operation;
    struct arena *arena;
    struct ph_result *results; // those that raw.results point to
    instance_done_f *done;
    void *context;
    struct deferred_task task;
};

struct instance {
    uint32_t magic;
    struct host *host;
    const struct plugin *plugin;
    char *section;
    struct log_context log;
    struct ph_host services;
    void *handle; // the plugin's
    bool open;
    bool ending;
    bool closing; // the plugin's close is under way
    size_t under_way;
    struct timer limit;
    struct deferred_task task; // tells the end of an instance with nothing to wait for
    instance_closed_f *closed;
    void *closed_context;
};

static struct instance_call *call_of(struct ph_call *raw)
{
    struct instance_call *call = (struct instance_call *)((char *)raw - offsetof(struct instance_call, raw));
    assert(call->magic == CALL_MAGIC);
    return call;
}

// --- What a plugin does with a call ------------------------------------------------------------------------

static void *service_alloc(struct ph_call *raw, size_t size)
{
    return arena_alloc(call_of(raw)->arena, size);
}

static void *service_make(struct ph_call *raw, enum ph_make type)
{
    size_t size = operation_make_size(type);
    return size > 0 ? arena_alloc(call_of(raw)->arena, size) : NULL;
}

__attribute__((format(printf, 5, 6))) static void service_set(struct ph_call *raw, size_t index,
                                                              enum ph_outcome outcome, uint32_t delay_ms,
                                                              const char *format, ...)
{
    struct instance_call *call = call_of(raw);
    if (index >= raw->count) {
        host_misuse(call->instance->host, &call->instance->log, "%s: set result %zu of a call with %zu entries",
                    call->operation->name, index, raw->count);
        return;
    }
    struct ph_result *result = raw->results[index];
    result->outcome = outcome;
    result->delay_ms = delay_ms;
    result->text = NULL;
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        result->text = arena_vprintf(call->arena, format, arguments);
        va_end(arguments);
    }
}

// A completion of a call that is not under way: nothing of it may be touched.
static void service_complete_again(const struct ph_call *raw)
{
    const struct live_calls_past *past = live_calls_find_past(raw);
    if (past != NULL && past->owner != NULL) {
        const struct instance *instance = past->owner;
        host_misuse(instance->host, &instance->log, "%s: a call was completed a second time",
                    operation_name(past->operation));
        return;
    }
    log_error(NULL, "a plugin completed a call that is not known, or not on its loop's thread",
              log_text("operation", past != NULL ? operation_name(past->operation) : "unknown"));
}

static void service_complete(struct ph_call *raw)
{
    if (!live_calls_has(raw)) {
        service_complete_again(raw);
        return;
    }
    struct instance_call *call = call_of(raw);
    live_calls_take(raw, call->instance, call->operation->number);
    call->state = CALL_COMPLETED;
    deferred_add(host_deferred(call->instance->host), &call->task);
}

// --- Calls -------------------------------------------------------------------------------------------------

static void instance_step_end(struct instance *instance);

// Gives every entry an outcome that the receiver can work with.
static void call_settle(struct instance_call *call)
{
    bool changes = (call->operation->flags & OPERATION_CHANGES) != 0;
    for (size_t i = 0; i < call->raw.count; i++) {
        struct ph_result *result = call->raw.results[i];
        if (result->outcome == PH_PENDING) {
            *result = (struct ph_result){.outcome = changes ? PH_UNCERTAIN : PH_INTERNAL,
                                         .text = "the plugin ended the call without an outcome"};
        } else if (result->outcome >= OUTCOME_COUNT) {
            host_misuse(call->instance->host, &call->instance->log, "%s: outcome %u does not exist",
                        call->operation->name, result->outcome);
            *result = (struct ph_result){.outcome = PH_INTERNAL, .text = "the plugin gave an unknown outcome"};
        }
    }
}

static void call_completed(struct deferred_task *task)
{
    struct instance_call *call = (struct instance_call *)((char *)task - offsetof(struct instance_call, task));
    struct instance *instance = call->instance;
    assert(call->magic == CALL_MAGIC && call->state == CALL_COMPLETED && instance->magic == INSTANCE_MAGIC);
    call_settle(call);
    call->state = CALL_OVER;
    instance->under_way--;
    if (call->operation->number == PH_OPEN && call->raw.count > 0 && call->raw.results[0]->outcome == PH_OK) {
        const struct ph_opened *opened = call->raw.outputs[0];
        instance->handle = opened->instance;
        instance->open = true;
    }
    bool ending = instance->ending; // else `done` may end and free the instance
    call->done(call, call->context);
    if (ending) {
        instance_step_end(instance);
    }
}

// Lays out the arrays and outputs of a call; one piece of memory for all of them.
static void call_lay_out(struct instance_call *call, size_t count, const void *const *entries)
{
    size_t step = (call->operation->output_size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    size_t size = count * (step + sizeof(struct ph_result) + 3 * sizeof(void *));
    unsigned char *memory = arena_alloc(call->arena, size);
    assert(memory != NULL);
    unsigned char *output = memory;
    struct ph_result *result = (struct ph_result *)(void *)(memory + count * step);
    struct ph_result **results = (struct ph_result **)(result + count);
    void **outputs = (void **)(results + count);
    const void **nothing = (const void **)(outputs + count);
    for (size_t i = 0; i < count; i++) {
        results[i] = &result[i];
        outputs[i] = step > 0 ? output + i * step : NULL;
    }
    call->results = result;
    call->raw.count = count;
    call->raw.entries = entries != NULL ? entries : nothing;
    call->raw.results = results;
    call->raw.outputs = outputs;
}

struct instance_call *instance_call_new(struct instance *instance, uint32_t operation, size_t count,
                                        const void *const *entries)
{
    assert(instance->magic == INSTANCE_MAGIC && count <= INSTANCE_CALL_ENTRIES_MAX);
    struct arena *arena = arena_new(INSTANCE_CALL_CEILING);
    struct instance_call *call = arena_alloc(arena, sizeof *call);
    assert(call != NULL);
    call->magic = CALL_MAGIC;
    call->instance = instance;
    call->operation = operation_find(operation);
    assert(call->operation != NULL);
    call->arena = arena;
    call->task.run = call_completed;
    call->raw.host = &instance->services;
    call->raw.operation = operation;
    call->raw.attempt = 1;
    call->raw.trace.bytes = "";
    call_lay_out(call, count, entries);
    return call;
}

static void call_refuse(struct instance_call *call, const char *why)
{
    for (size_t i = 0; i < call->raw.count; i++) {
        *call->raw.results[i] = (struct ph_result){.outcome = PH_INVALID, .text = why};
    }
    call->state = CALL_COMPLETED;
    deferred_add(host_deferred(call->instance->host), &call->task);
}

// Why an operation may not be started now, or NULL.
static const char *call_obstacle(const struct instance *instance, uint32_t operation)
{
    switch (operation) {
    case PH_OPEN:
    case PH_SETUP:
        return instance->open || instance->ending ? "the backend is open already" : NULL;
    case PH_CANCEL:
    case PH_CLOSE:
        return instance->open ? NULL : "the backend is not open";
    default:
        return instance->open && !instance->ending ? NULL : "the backend is not open";
    }
}

void instance_call_start(struct instance_call *call, instance_done_f *done, void *context)
{
    struct instance *instance = call->instance;
    assert(call->magic == CALL_MAGIC && call->state == CALL_NEW);
    call->done = done;
    call->context = context;
    instance->under_way++;
    ph_start_f *start = plugin_slot(instance->plugin, call->operation->number);
    const char *obstacle = start == NULL ? "the plugin does not offer this operation"
                                         : call_obstacle(instance, call->operation->number);
    if (obstacle != NULL) {
        call_refuse(call, obstacle);
        return;
    }
    call->state = CALL_UNDER_WAY;
    live_calls_add(&call->raw);
    start(instance->handle, &call->raw); // NULL for open and setup, which come before there is one
}

struct ph_call *instance_call_raw(struct instance_call *call)
{
    assert(call->magic == CALL_MAGIC);
    return &call->raw;
}

void instance_call_free(struct instance_call *call)
{
    if (call == NULL) {
        return;
    }
    assert(call->magic == CALL_MAGIC && (call->state == CALL_NEW || call->state == CALL_OVER));
    struct arena *arena = call->arena;
    if (call->operation->number == PH_SECRET_FETCH) {
        arena_wipe(arena);
    }
    call->magic = 0;
    arena_free(arena);
}

static void cancel_done(struct instance_call *call, void *context)
{
    (void)context;
    instance_call_free(call);
}

bool instance_call_cancel(struct instance_call *victim)
{
    struct instance *instance = victim->instance;
    assert(victim->magic == CALL_MAGIC);
    if (plugin_slot(instance->plugin, PH_CANCEL) == NULL) {
        return false;
    }
    if (victim->state != CALL_UNDER_WAY || !instance->open || instance->closing) {
        return true;
    }
    struct instance_call *call = instance_call_new(instance, PH_CANCEL, 1, NULL);
    struct ph_cancel *entry = arena_alloc(call->arena, sizeof *entry);
    const void **entries = arena_alloc(call->arena, sizeof *entries);
    assert(entry != NULL && entries != NULL);
    entry->call = &victim->raw;
    entries[0] = entry;
    call->raw.entries = entries;
    instance_call_start(call, cancel_done, NULL);
    return true;
}

// --- Instances ---------------------------------------------------------------------------------------------

static void instance_free(struct instance *instance)
{
    assert(instance->under_way == 0);
    timers_clear(host_timers(instance->host), &instance->limit);
    live_calls_leave(instance);
    instance->magic = 0;
    free(instance->section);
    free(instance);
}

static void instance_tell_end(struct instance *instance, enum instance_end end)
{
    instance_closed_f *closed = instance->closed;
    instance->closed = NULL;
    if (closed != NULL) {
        closed(end, instance->closed_context);
    }
}

static void instance_over(struct instance *instance)
{
    instance_tell_end(instance, INSTANCE_CLOSED);
    instance_free(instance);
}

static void instance_plugin_closed(struct instance_call *call, void *context)
{
    struct instance *instance = context;
    const struct ph_result *result = call->raw.results[0];
    if (result->outcome != PH_OK) {
        host_misuse(instance->host, &instance->log, "close ended %s: %s", outcome_name(result->outcome),
                    result->text != NULL ? result->text : "no reason given");
    }
    instance->open = false;
    instance_call_free(call);
}

// Goes on with the end as far as it can be gone now.
static void instance_step_end(struct instance *instance)
{
    if (instance->under_way > 0) {
        return;
    }
    if (!instance->open) {
        instance_over(instance);
        return;
    }
    instance->closing = true;
    uint64_t least = host_now_ns(instance->host) + (uint64_t)CLOSE_TIME_MS * 1000000;
    if (!timer_is_set(&instance->limit) || instance->limit.due_ns < least) {
        timers_set(host_timers(instance->host), &instance->limit, least);
    }
    struct instance_call *call = instance_call_new(instance, PH_CLOSE, 1, NULL);
    instance_call_start(call, instance_plugin_closed, instance);
}

static void instance_limit_passed(struct timer *timer)
{
    struct instance *instance = (struct instance *)((char *)timer - offsetof(struct instance, limit));
    log_error(&instance->log, "the backend has not ended its calls; it is left alone",
              log_int("calls", (int64_t)instance->under_way), log_bool("closing", instance->closing));
    instance_tell_end(instance, INSTANCE_QUARANTINED);
}

static void instance_end_later(struct deferred_task *task)
{
    instance_step_end((struct instance *)((char *)task - offsetof(struct instance, task)));
}

struct instance *instance_new(struct host *host, const struct plugin *plugin, const char *section)
{
    struct instance *instance = xcalloc(1, sizeof *instance);
    instance->magic = INSTANCE_MAGIC;
    instance->host = host;
    instance->plugin = plugin;
    instance->section = xstrdup(section);
    instance->log = (struct log_context){.backend = plugin->descriptor.name, .section = instance->section};
    instance->limit.expired = instance_limit_passed;
    instance->task.run = instance_end_later;
    host_bind(host, &instance->services, instance, instance->section);
    instance->services.alloc = service_alloc;
    instance->services.make = service_make;
    instance->services.set = service_set;
    instance->services.complete = service_complete;
    live_calls_join();
    return instance;
}

size_t instance_under_way(const struct instance *instance)
{
    return instance->under_way;
}

bool instance_is_open(const struct instance *instance)
{
    return instance->open && !instance->ending;
}

struct host *instance_host(const struct instance *instance)
{
    return instance->host;
}

const struct plugin *instance_plugin(const struct instance *instance)
{
    return instance->plugin;
}

const char *instance_section(const struct instance *instance)
{
    return instance->section;
}

void instance_close(struct instance *instance, int64_t limit_ms, instance_closed_f *closed, void *context)
{
    assert(instance->magic == INSTANCE_MAGIC && !instance->ending && limit_ms >= 0);
    instance->ending = true;
    instance->closed = closed;
    instance->closed_context = context;
    if (instance->under_way == 0) {
        deferred_add(host_deferred(instance->host), &instance->task);
    } else {
        timers_set(host_timers(instance->host), &instance->limit,
                   host_now_ns(instance->host) + (uint64_t)limit_ms * 1000000);
    }
}
