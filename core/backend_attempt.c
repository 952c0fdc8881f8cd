// SPDX-License-Identifier: Apache-2.0
//
// One plugin call of some entries: its place, its time-out, the faults that are injected into it, and its
// end.
#include "core/backend_internal.h"
#include "core/xalloc.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void attempt_task(struct deferred_task *task);

struct attempt *attempt_new(struct backend_call *call, size_t first, const uint32_t *indexes, size_t count,
                            uint32_t number)
{
    struct attempt *attempt = &call->first;
    if (attempt->call != NULL || indexes != NULL) {
        attempt = xcalloc(1, sizeof *attempt + (indexes != NULL ? count * (sizeof(void *) + sizeof *indexes) : 0));
    } else {
        attempt->embedded = true;
    }
    attempt->call = call;
    attempt->backend = call->backend;
    attempt->number = number;
    attempt->count = count;
    attempt->first = first;
    attempt->entries = call->entries + first;
    if (indexes != NULL) {
        const void **entries = (const void **)(attempt + 1);
        uint32_t *copy = (uint32_t *)(entries + count);
        for (size_t i = 0; i < count; i++) {
            entries[i] = call->entries[indexes[i]];
            copy[i] = indexes[i];
        }
        attempt->entries = entries;
        attempt->indexes = copy;
    }
    attempt->task.run = attempt_task;
    LIST_INSERT_HEAD(&call->attempts, attempt, entry);
    return attempt;
}

void attempt_free(struct attempt *attempt)
{
    instance_call_free(attempt->plugin_call);
    attempt->plugin_call = NULL;
    if (!attempt->embedded) {
        free(attempt);
    }
}

// --- Places ------------------------------------------------------------------------------------------------

static void take_place(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    backend->running++;
    attempt->started_ns = host_now_ns(backend->host);
    backend_metrics_load(backend->metrics, backend->running, backend->waiting_count);
}

static void leave_place(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    if (backend != NULL) {
        assert(backend->running > 0);
        backend->running--;
        backend_metrics_load(backend->metrics, backend->running, backend->waiting_count);
    }
}

// The breaker wanted to know how this ends, and will not.
static void lose_probe(struct attempt *attempt)
{
    if (attempt->probe) {
        breaker_probe_lost(&attempt->backend->breaker);
        attempt->probe = false;
    }
}

static void tell_breaker(struct attempt *attempt, bool failed)
{
    struct backend *backend = attempt->backend;
    enum breaker_state before = backend->breaker.state;
    uint32_t failures = backend->breaker.failures;
    if (failed) {
        breaker_failure(&backend->breaker, attempt->probe, 1, host_now_ns(backend->host),
                        (uint32_t)host_random_below(backend->host, 1000));
    } else {
        breaker_success(&backend->breaker, attempt->probe);
    }
    attempt->probe = false;
    if (backend->breaker.state != before || backend->breaker.failures != failures) {
        backend_update_state(backend);
    }
}

// --- The end -----------------------------------------------------------------------------------------------

static void log_failure(const struct attempt *attempt, const struct ph_result *result)
{
    struct backend *backend = attempt->backend;
    char trace[HOST_TRACE_SIZE];
    struct log_context context = backend->log;
    context.trace_id = host_trace_id(attempt->call->trace, trace);
    const struct log_field fields[] = {
        log_text("operation", attempt->call->operation->name),
        log_text("outcome", outcome_name(result->outcome)),
        log_text("reason", result->text),
        log_int("attempt", attempt->number),
        log_int("entries", (int64_t)attempt->count),
    };
    char detail[BACKEND_TEXT_SIZE];
    snprintf(detail, sizeof detail, "%s ended %s: %s", attempt->call->operation->name, outcome_name(result->outcome),
             result->text != NULL ? result->text : "no reason given");
    backend_set_trouble(backend, detail);
    log_limited(&backend->log_limit, LOG_LEVEL_WARN, &context, "a backend call failed", fields,
                sizeof fields / sizeof fields[0]);
}

// Whether an attempt whose time is over may have waited in the plugin's line, and its backend be slow: the backend answered
// others since it began, which one that is dead does not. Only of a change one can tell: had it gone out, it would be uncertain.
static bool may_have_waited(const struct attempt *attempt)
{
    return (attempt->call->operation->flags & OPERATION_CHANGES) != 0 &&
           attempt->backend->answered_ns >= attempt->started_ns;
}

// Whether nothing of a plugin call that was cancelled had gone out.
static bool never_began(const struct attempt *attempt)
{
    const struct ph_call *raw = instance_call_raw(attempt->plugin_call);
    for (size_t i = 0; i < raw->count; i++) {
        if (raw->results[i]->outcome != PH_TRANSIENT) {
            return false;
        }
    }
    return true;
}

// Stores outcomes, tells metrics, log and breaker. `common`: of all entries, NULL: the plugin.s.
static void conclude(struct attempt *attempt, const struct ph_result *common, bool timed_out)
{
    struct backend *backend = attempt->backend;
    const struct ph_call *raw = common == NULL ? instance_call_raw(attempt->plugin_call) : NULL;
    uint32_t tally[OUTCOME_COUNT] = {0};
    const struct ph_result *failure = NULL;
    bool outage = attempt->count > 0;
    bool answered = false;
    for (size_t i = 0; i < attempt->count; i++) {
        const struct ph_result *result = raw != NULL ? raw->results[i] : common;
        call_store(attempt->call, attempt_index(attempt, i), result, raw != NULL ? raw->outputs[i] : NULL);
        tally[result->outcome]++;
        outage = outage && outcome_is_outage(result->outcome);
        answered = answered || outcome_is_answer(result->outcome);
        if (failure == NULL && !outcome_is_answer(result->outcome)) {
            failure = result;
        }
    }
    backend_metrics_attempt(backend->metrics, attempt->call->operation->number,
                            host_now_ns(backend->host) - attempt->started_ns, tally);
    if (answered && raw != NULL) {
        backend->answered_ns = host_now_ns(backend->host);
    }
    if (attempt->untouched) {
        lose_probe(attempt);
        return;
    }
    if (failure != NULL) {
        log_failure(attempt, failure);
    }
    if (tally[PH_DENIED] > 0 || answered) {
        backend_set_denied(backend, attempt->call->operation->number, tally[PH_DENIED] > 0 ? backend->trouble : NULL);
    }
    tell_breaker(attempt, outage || (timed_out && !answered));
}

// An attempt that has its outcomes: what is next for its entries, and for the backend.
static void ended(struct attempt *attempt, const struct ph_result *common, bool timed_out)
{
    struct backend *backend = attempt->backend;
    struct backend_call *call = attempt->call;
    attempt->untouched = common == NULL && timed_out && may_have_waited(attempt) && never_began(attempt);
    conclude(attempt, common, timed_out);
    backend_retry(attempt);
    backend_admit_next(backend);
    call_deliver(call);
}

// From now on nobody waits; the plugin, or a task, still has it.
static void give_up(struct attempt *attempt)
{
    LIST_REMOVE(attempt, entry);
    attempt->state = ATTEMPT_GIVEN_UP;
    TAILQ_INSERT_TAIL(&attempt->backend->given_up, attempt, queue);
    call_hold(attempt->call);
}

// A given-up attempt has come back: its place is free, and perhaps its call's memory.
static void came_back(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    struct backend_call *call = attempt->call;
    leave_place(attempt);
    if (backend != NULL) {
        TAILQ_REMOVE(&backend->given_up, attempt, queue);
    }
    attempt->state = ATTEMPT_OVER;
    attempt_free(attempt);
    call_release(call);
    if (backend != NULL) {
        backend_admit_next(backend);
    }
}

void attempt_drop(struct attempt *attempt, bool failed)
{
    struct timers *timers = host_timers(attempt->backend->host);
    enum attempt_state state = attempt->state;
    timers_clear(timers, &attempt->timer);
    switch (state) {
    case ATTEMPT_WAITING:
        backend_unqueue(attempt);
        attempt->state = ATTEMPT_OVER;
        return;
    case ATTEMPT_DELAYED:
    case ATTEMPT_HUNG:
        leave_place(attempt);
        attempt->state = ATTEMPT_OVER;
        break;
    case ATTEMPT_RUNNING:
        instance_call_cancel(attempt->plugin_call);
        give_up(attempt);
        break;
    case ATTEMPT_ASKED:
    case ATTEMPT_FAKED:
        give_up(attempt);
        break;
    default:
        attempt->state = ATTEMPT_OVER;
        return;
    }
    const bool waits = (state == ATTEMPT_RUNNING || state == ATTEMPT_ASKED) && may_have_waited(attempt);
    if (failed && state != ATTEMPT_DELAYED && !waits) {
        tell_breaker(attempt, true);
    } else {
        lose_probe(attempt);
    }
}

// --- Time-outs ---------------------------------------------------------------------------------------------

static void no_answer(struct attempt *attempt)
{
    struct backend_call *call = attempt->call;
    bool changes = (call->operation->flags & OPERATION_CHANGES) != 0;
    const struct ph_result result = {.outcome = changes ? PH_UNCERTAIN : PH_TRANSIENT, .text = "no answer in time"};
    ended(attempt, &result, true);
}

static void time_out(struct timer *timer)
{
    struct attempt *attempt = (struct attempt *)((char *)timer - offsetof(struct attempt, timer));
    struct timers *timers = host_timers(attempt->backend->host);
    if (attempt->state == ATTEMPT_HUNG) {
        leave_place(attempt);
        attempt->state = ATTEMPT_OVER;
        no_answer(attempt);
        return;
    }
    bool asked = attempt->state == ATTEMPT_RUNNING && instance_call_cancel(attempt->plugin_call);
    if (asked) {
        attempt->state = ATTEMPT_ASKED;
        timers_set(timers, timer, host_now_ns(attempt->backend->host) + BACKEND_GRACE_MS * BACKEND_MS);
        return;
    }
    give_up(attempt);
    no_answer(attempt);
}

static void set_time_out(struct attempt *attempt)
{
    const struct backend_call *call = attempt->call;
    struct backend *backend = attempt->backend;
    uint64_t limit = (uint64_t)(backend->policy.attempt + call->wait_ms) * BACKEND_MS;
    uint64_t due = host_now_ns(backend->host) + limit;
    // The call's own deadline ends the attempt if it comes first.
    if (due < call->deadline_ns) {
        attempt->timer.expired = time_out;
        timers_set(host_timers(backend->host), &attempt->timer, due);
    }
}

// --- The plugin's call -------------------------------------------------------------------------------------

static void start_plugin_call(struct attempt *attempt);

static void drop_answer(struct attempt *attempt)
{
    struct ph_call *raw = instance_call_raw(attempt->plugin_call);
    for (size_t i = 0; i < raw->count; i++) {
        *raw->results[i] = (struct ph_result){.outcome = PH_UNCERTAIN, .text = "injected: the answer was dropped"};
        if (raw->outputs[i] != NULL) {
            memset(raw->outputs[i], 0, attempt->call->operation->output_size);
        }
    }
}

static void plugin_done(struct instance_call *plugin_call, void *context)
{
    struct attempt *attempt = context;
    assert(plugin_call == attempt->plugin_call);
    if (attempt->state == ATTEMPT_GIVEN_UP) {
        came_back(attempt);
        return;
    }
    assert(attempt->state == ATTEMPT_RUNNING || attempt->state == ATTEMPT_ASKED);
    timers_clear(host_timers(attempt->backend->host), &attempt->timer);
    if (attempt->faulty && attempt->fault.duplicate && attempt->state == ATTEMPT_RUNNING) {
        attempt->fault.duplicate = false;
        instance_call_free(plugin_call);
        start_plugin_call(attempt);
        return;
    }
    bool late = attempt->state == ATTEMPT_ASKED;
    leave_place(attempt);
    attempt->state = ATTEMPT_OVER;
    if (attempt->faulty && attempt->fault.choice == FAULT_UNCERTAIN) {
        drop_answer(attempt);
    }
    ended(attempt, NULL, late);
}

static void start_plugin_call(struct attempt *attempt)
{
    struct backend_call *call = attempt->call;
    struct backend *backend = attempt->backend;
    attempt->state = ATTEMPT_RUNNING;
    attempt->plugin_call =
        instance_call_new(backend->instance, call->operation->number, attempt->count, attempt->entries);
    struct ph_call *raw = instance_call_raw(attempt->plugin_call);
    raw->attempt = attempt->number;
    raw->trace = call->trace;
    raw->deadline = (int64_t)call->deadline_ns;
    set_time_out(attempt);
    instance_call_start(attempt->plugin_call, plugin_done, attempt);
}

// --- Injected faults ---------------------------------------------------------------------------------------

static void fake(struct attempt *attempt, enum ph_outcome outcome, uint32_t delay_ms, const char *text)
{
    attempt->state = ATTEMPT_FAKED;
    attempt->faked = (struct ph_result){.outcome = outcome, .delay_ms = delay_ms, .text = text};
    deferred_add(host_deferred(attempt->backend->host), &attempt->task);
}

static void attempt_task(struct deferred_task *task)
{
    struct attempt *attempt = (struct attempt *)((char *)task - offsetof(struct attempt, task));
    if (attempt->state == ATTEMPT_GIVEN_UP) {
        came_back(attempt);
        return;
    }
    leave_place(attempt);
    attempt->state = ATTEMPT_OVER;
    ended(attempt, &attempt->faked, false);
}

// Sends the entries that are left out into an attempt of their own that fails. True when nothing remains.
static bool leave_out(struct attempt *attempt)
{
    struct backend_call *call = attempt->call;
    uint32_t *out = xmalloc_array(attempt->count * 2, sizeof *out);
    uint32_t *in = out + attempt->count;
    size_t out_count = 0;
    size_t in_count = 0;
    for (size_t i = 0; i < attempt->count; i++) {
        uint32_t index = (uint32_t)attempt_index(attempt, i);
        if (faults_leaves_out(&attempt->fault)) {
            out[out_count++] = index;
        } else {
            in[in_count++] = index;
        }
    }
    if (out_count > 0 && in_count > 0) {
        struct attempt *left = attempt_new(call, 0, out, out_count, attempt->number);
        take_place(left);
        fake(left, PH_TRANSIENT, 0, "injected: left out of the batch");
        struct attempt *rest = attempt_new(call, 0, in, in_count, attempt->number);
        rest->probe = attempt->probe;
        rest->fault = attempt->fault;
        rest->faulty = true;
        take_place(rest);
        start_plugin_call(rest);
        attempt->probe = false;
        attempt->state = ATTEMPT_OVER;
        leave_place(attempt);
    } else if (out_count > 0) {
        fake(attempt, PH_TRANSIENT, 0, "injected: left out of the batch");
    }
    free(out);
    return out_count > 0;
}

// Goes on after injected latency.
static void meet_fault(struct attempt *attempt)
{
    switch (attempt->fault.choice) {
    case FAULT_TRANSIENT:
        fake(attempt, PH_TRANSIENT, 0, "injected");
        return;
    case FAULT_THROTTLED:
        fake(attempt, PH_THROTTLED, attempt->fault.delay_ms, "injected");
        return;
    case FAULT_UNAVAILABLE:
        fake(attempt, PH_UNAVAILABLE, 0, "injected");
        return;
    case FAULT_HANG:
        attempt->state = ATTEMPT_HUNG;
        set_time_out(attempt);
        return;
    case FAULT_UNCERTAIN:
    case FAULT_NONE:
    default:
        if (attempt->fault.partial == 0 || !leave_out(attempt)) {
            start_plugin_call(attempt);
        }
        return;
    }
}

static void latency_over(struct timer *timer)
{
    meet_fault((struct attempt *)((char *)timer - offsetof(struct attempt, timer)));
}

static void count_faults(const struct attempt *attempt)
{
    static const char *const names[] = {"none", "transient", "uncertain", "throttled", "hang", "unavailable"};
    struct backend_metrics *metrics = attempt->backend->metrics;
    uint32_t operation = attempt->call->operation->number;
    if (attempt->fault.choice != FAULT_NONE) {
        backend_metrics_fault(metrics, operation, names[attempt->fault.choice]);
    }
    if (attempt->fault.duplicate) {
        backend_metrics_fault(metrics, operation, "duplicate");
    }
    if (attempt->fault.latency_ms > 0) {
        backend_metrics_fault(metrics, operation, "latency");
    }
}

void attempt_begin(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    take_place(attempt);
    if (backend->faults == NULL ||
        !faults_decide(backend->faults, attempt->call->operation->number, attempt->started_ns, &attempt->fault)) {
        start_plugin_call(attempt);
        return;
    }
    attempt->faulty = true;
    count_faults(attempt);
    if (attempt->fault.latency_ms > 0) {
        attempt->state = ATTEMPT_DELAYED;
        attempt->timer.expired = latency_over;
        timers_set(host_timers(backend->host), &attempt->timer,
                   attempt->started_ns + (uint64_t)attempt->fault.latency_ms * BACKEND_MS);
        return;
    }
    meet_fault(attempt);
}
