// SPDX-License-Identifier: Apache-2.0
//
// See core/backend.h. A call, its arrays and its first attempt lie in one arena with the entries.
#include "core/arena.h"
#include "core/backend_internal.h"
#include "core/loader.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_CEILING ((size_t)64 << 20)
/// Room for the call itself and what belongs to each entry.
#define OVERHEAD(capacity) (4096 + (capacity)*128)

// --- Making ------------------------------------------------------------------------------------------------

static void deadline_passed(struct timer *timer)
{
    struct backend_call *call = (struct backend_call *)((char *)timer - offsetof(struct backend_call, timer));
    call->timed_out = true;
    call_end(call, "no answer before the deadline");
    call_deliver(call);
}

static void deliver_task(struct deferred_task *task)
{
    call_deliver((struct backend_call *)((char *)task - offsetof(struct backend_call, task)));
}

struct backend_call *backend_call_new(struct backend *backend, enum ph_operation operation, size_t capacity)
{
    assert(backend->magic == BACKEND_MAGIC && capacity <= INSTANCE_CALL_ENTRIES_MAX);
    struct arena *arena = arena_new(ENTRIES_CEILING + OVERHEAD(capacity));
    struct backend_call *call = arena_alloc(arena, sizeof *call);
    assert(call != NULL);
    call->magic = BACKEND_CALL_MAGIC;
    atomic_init(&call->references, 1);
    call->arena = arena;
    call->backend = backend;
    call->operation = operation_find((uint32_t)operation);
    assert(call->operation != NULL);
    call->capacity = capacity;
    call->entries = arena_alloc_raw(arena, capacity * sizeof *call->entries);
    call->records = arena_alloc(arena, capacity * sizeof *call->records);
    call->finals = arena_alloc_raw(arena, capacity * sizeof *call->finals);
    assert(call->entries != NULL && call->records != NULL && call->finals != NULL);
    call->trace.bytes = "";
    call->timer.expired = deadline_passed;
    call->task.run = deliver_task;
    LIST_INIT(&call->attempts);
    return call;
}

void *backend_call_alloc(struct backend_call *call, size_t size)
{
    assert(call->magic == BACKEND_CALL_MAGIC && !call->submitted);
    return arena_alloc(call->arena, size);
}

struct ph_text backend_call_text(struct backend_call *call, const char *bytes, size_t length)
{
    assert(call->magic == BACKEND_CALL_MAGIC && !call->submitted);
    return (struct ph_text){arena_text(call->arena, bytes, length), length};
}

size_t backend_call_add(struct backend_call *call, const void *entry)
{
    assert(call->magic == BACKEND_CALL_MAGIC && !call->submitted && call->count < call->capacity);
    call->entries[call->count] = entry;
    return call->count++;
}

void backend_call_on_release(struct backend_call *call, void (*function)(void *context), void *context)
{
    call->on_release = function;
    call->release_context = context;
}

// --- References --------------------------------------------------------------------------------------------

void call_hold(struct backend_call *call)
{
    atomic_fetch_add_explicit(&call->references, 1, memory_order_relaxed);
}

void call_release(struct backend_call *call)
{
    assert(call->magic == BACKEND_CALL_MAGIC);
    if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (call->on_release != NULL) {
        call->on_release(call->release_context);
    }
    struct attempt *attempt;
    while ((attempt = LIST_FIRST(&call->attempts)) != NULL) {
        LIST_REMOVE(attempt, entry);
        attempt_free(attempt);
    }
    struct arena *arena = call->arena;
    call->magic = 0;
    arena_free(arena);
}

void backend_call_free(struct backend_call *call)
{
    if (call != NULL) {
        assert(!call->submitted || call->done_told);
        call_release(call);
    }
}

// --- Submitting --------------------------------------------------------------------------------------------

static void set_deadline(struct backend_call *call, const struct backend_options *options)
{
    struct backend *backend = call->backend;
    int64_t deadline_ms = options != NULL ? options->deadline_ms : 0;
    if (call->operation->number == PH_QUEUE_RECEIVE && call->count > 0) {
        const struct ph_receive *receive = call->entries[0];
        call->wait_ms = receive->wait_ms;
    }
    if (deadline_ms <= 0) {
        deadline_ms = backend->policy.deadline + call->wait_ms;
    }
    call->deadline_ns = host_now_ns(backend->host) + (uint64_t)deadline_ms * BACKEND_MS;
    timers_set(host_timers(backend->host), &call->timer, call->deadline_ns);
}

static void set_options(struct backend_call *call, const struct backend_options *options)
{
    if (options == NULL) {
        return;
    }
    call->until_deadline = options->until_deadline;
    call->on_entry = options->on_entry;
    if (options->trace.length > 0) {
        char *trace = arena_text(call->arena, options->trace.bytes, options->trace.length);
        if (trace != NULL) {
            call->trace = (struct ph_text){trace, options->trace.length};
        }
    }
}

// Why the backend takes no call now, or NULL.
static const char *obstacle(const struct backend *backend)
{
    if (backend->closing || backend->closed) {
        return "the backend is being closed";
    }
    if (backend->refused) {
        return "the backend could not be opened";
    }
    return backend->open ? NULL : "the backend is not open yet";
}

static void split(struct backend_call *call)
{
    size_t limit = (call->operation->flags & OPERATION_SINGLE) != 0 ? 1 : plugin_batch_limit(call->backend->plugin);
    for (size_t first = 0; first < call->count; first += limit) {
        size_t count = call->count - first < limit ? call->count - first : limit;
        backend_admit(attempt_new(call, first, NULL, count, 1));
    }
}

void backend_submit(struct backend_call *call, const struct backend_options *options, backend_done_f *done,
                    void *context)
{
    struct backend *backend = call->backend;
    assert(call->magic == BACKEND_CALL_MAGIC && backend->magic == BACKEND_MAGIC && !call->submitted);
    call->submitted = true;
    call->done = done;
    call->context = context;
    set_options(call, options);
    set_deadline(call, options);
    TAILQ_INSERT_TAIL(&backend->calls, call, entry);
    const char *why = obstacle(backend);
    if (why != NULL) {
        call_end(call, why);
        call_deliver_later(call);
    } else if (call->count == 0) {
        call_deliver_later(call);
    } else {
        retry_budget_earn(&backend->budget, call->count);
        split(call);
    }
}

// --- Results -----------------------------------------------------------------------------------------------

void call_store(struct backend_call *call, size_t index, const struct ph_result *result, const void *output)
{
    struct call_record *record = &call->records[index];
    assert(!record->final && result->outcome != PH_PENDING);
    record->earlier_uncertain = record->earlier_uncertain || record->result.outcome == PH_UNCERTAIN;
    record->result = *result;
    record->output = output;
    // What changes nothing cannot have happened or not.
    if (result->outcome == PH_UNCERTAIN && (call->operation->flags & OPERATION_CHANGES) == 0) {
        record->result.outcome = PH_TRANSIENT;
    }
}

void call_finish_entry(struct backend_call *call, size_t index)
{
    struct call_record *record = &call->records[index];
    assert(!record->final && call->final_count < call->count);
    // What an earlier attempt left open only an answer can settle.
    if (record->earlier_uncertain && !outcome_is_answer(record->result.outcome)) {
        record->result.outcome = PH_UNCERTAIN;
    }
    record->final = true;
    call->finals[call->final_count++] = (uint32_t)index;
}

static void finish_without_answer(struct backend_call *call, size_t index, bool sent, const char *text)
{
    struct call_record *record = &call->records[index];
    if (sent) {
        bool changes = (call->operation->flags & OPERATION_CHANGES) != 0;
        const struct ph_result result = {.outcome = changes ? PH_UNCERTAIN : PH_TRANSIENT, .text = text};
        call_store(call, index, &result, NULL);
    } else if (record->result.outcome == PH_PENDING) {
        record->result = (struct ph_result){.outcome = PH_UNAVAILABLE, .text = text};
    }
    call_finish_entry(call, index);
}

void call_end(struct backend_call *call, const char *text)
{
    call->ended = true;
    struct attempt *attempt;
    struct attempt *next;
    LIST_FOREACH_SAFE(attempt, &call->attempts, entry, next)
    {
        if (attempt->state == ATTEMPT_OVER) {
            continue;
        }
        bool sent = attempt->state >= ATTEMPT_HUNG;
        for (size_t i = 0; i < attempt->count; i++) {
            finish_without_answer(call, attempt_index(attempt, i), sent, text);
        }
        attempt_drop(attempt, call->timed_out);
    }
    for (size_t i = 0; call->final_count < call->count && i < call->count; i++) {
        if (!call->records[i].final) {
            finish_without_answer(call, i, false, text);
        }
    }
    backend_admit_next(call->backend); // places may be free now
}

void backend_call_cancel(struct backend_call *call)
{
    assert(call->magic == BACKEND_CALL_MAGIC && call->submitted);
    if (!call->ended && !call->done_told) {
        call_end(call, "cancelled");
        call_deliver_later(call);
    }
}

void call_deliver_later(struct backend_call *call)
{
    if (!call->task.queued) {
        deferred_add(host_deferred(call->backend->host), &call->task);
    }
}

void call_deliver(struct backend_call *call)
{
    if (call->task.queued || call->done_told) {
        return; // it comes in a moment
    }
    // A callback may cancel the call; it cannot free it before `done`.
    while (call->on_entry != NULL && call->told_count < call->final_count) {
        size_t index = call->finals[call->told_count++];
        call->on_entry(call, index, call->context);
    }
    if (call->final_count < call->count || call->task.queued) {
        return;
    }
    struct backend *backend = call->backend;
    call->ended = true;
    call->done_told = true;
    timers_clear(host_timers(backend->host), &call->timer);
    TAILQ_REMOVE(&backend->calls, call, entry);
    if (backend->closing && TAILQ_EMPTY(&backend->calls) && !backend->close_task.queued && !backend->closed) {
        deferred_add(host_deferred(backend->host), &backend->close_task);
    }
    call->done(call, call->context);
}

// --- Reading -----------------------------------------------------------------------------------------------

size_t backend_call_count(const struct backend_call *call)
{
    return call->count;
}

enum ph_operation backend_call_operation(const struct backend_call *call)
{
    return (enum ph_operation)call->operation->number;
}

const void *backend_call_entry(const struct backend_call *call, size_t index)
{
    assert(index < call->count);
    return call->entries[index];
}

bool backend_call_settled(const struct backend_call *call)
{
    assert(call->magic == BACKEND_CALL_MAGIC);
    return call->final_count == call->count;
}

const struct ph_result *backend_call_result(const struct backend_call *call, size_t index)
{
    assert(call->magic == BACKEND_CALL_MAGIC && index < call->count && call->records[index].final);
    return &call->records[index].result;
}

const void *backend_call_output(const struct backend_call *call, size_t index)
{
    assert(call->magic == BACKEND_CALL_MAGIC && index < call->count && call->records[index].final);
    const void *output = call->records[index].output;
    return output != NULL ? output : operation_no_output();
}

bool backend_call_was_uncertain(const struct backend_call *call, size_t index)
{
    assert(index < call->count);
    return call->records[index].earlier_uncertain;
}
