// SPDX-License-Identifier: Apache-2.0
//
// See core/backend.h; core/backend_internal.h says which file holds what. This one holds a backend's life:
// it is made, opened (tried again while that may help), perhaps reloaded, closed and freed.
#include "core/backend.h"
#include "core/backend_internal.h"
#include "core/clock.h"
#include "core/loader.h"
#include "core/xalloc.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_BASE_MS UINT64_C(100)
#define OPEN_CAP_MS UINT64_C(2000)
#define LOG_INTERVAL_NS UINT64_C(10000000000)
#define LOG_BURST 5

static void close_ready(struct deferred_task *task);
static void open_due(struct timer *timer);
static void close_limit_passed(struct timer *timer);

static void tell_state(struct deferred_task *task)
{
    struct backend *backend = (struct backend *)((char *)task - offsetof(struct backend, state_task));
    if (backend->state != backend->told_state) {
        backend->told_state = backend->state;
        backend->on_state(backend, backend->on_state_context);
    }
}

static void set_faults(struct backend *backend, const struct fault_settings *faults)
{
    if (faults == NULL || !faults->present) {
        return;
    }
    backend->fault_settings = xmemdup(faults, sizeof *faults);
    backend->faults = faults_new(backend->fault_settings, host_now_ns(backend->host));
    if (backend->faults != NULL) {
        char *text = faults_describe(faults);
        log_warn(&backend->log, "FAULTS ARE INJECTED into this backend", log_text("faults", text));
        free(text);
    }
}

struct backend *backend_new(const struct backend_settings *settings)
{
    struct backend *backend = xcalloc(1, sizeof *backend);
    backend->magic = BACKEND_MAGIC;
    backend->host = settings->host;
    backend->plugin = settings->plugin;
    backend->config = settings->config;
    backend->section = xstrdup(settings->section);
    backend->log = (struct log_context){.backend = backend->plugin->descriptor.name, .section = backend->section};
    log_limit_init(&backend->log_limit, LOG_INTERVAL_NS, LOG_BURST);
    backend->on_state = settings->on_state;
    backend->on_state_context = settings->on_state_context;
    TAILQ_INIT(&backend->calls);
    TAILQ_INIT(&backend->waiting);
    TAILQ_INIT(&backend->given_up);
    backend->policy = settings->policy;
    breaker_init(&backend->breaker, (uint32_t)backend->policy.failures, backend->policy.cooldown);
    retry_budget_init(&backend->budget);
    backend->metrics = backend_metrics_new(host_settings(backend->host)->metrics, backend->plugin->descriptor.kind,
                                           backend->plugin->descriptor.name);
    backend->state_task.run = tell_state;
    backend->close_task.run = close_ready;
    backend->open_timer.expired = open_due;
    backend->close_timer.expired = close_limit_passed;
    backend->since_ms = clock_wall_ms(host_settings(backend->host)->clock);
    set_faults(backend, settings->faults);
    return backend;
}

void backend_set_policy(struct backend *backend, const struct backend_policy *policy)
{
    backend->policy = *policy;
    breaker_set(&backend->breaker, (uint32_t)policy->failures, policy->cooldown);
    backend_admit_next(backend);
}

bool backend_offers(const struct backend *backend, uint32_t operation)
{
    return plugin_slot(backend->plugin, operation) != NULL;
}

const struct plugin *backend_plugin(const struct backend *backend)
{
    return backend->plugin;
}

// --- Open --------------------------------------------------------------------------------------------------

static void tell_opened(struct backend *backend, const struct ph_result *result)
{
    backend_opened_f *opened = backend->opened;
    backend->opened = NULL;
    backend->opening = false;
    if (opened != NULL) {
        opened(backend, result, backend->opened_context);
    }
}

static void open_failed(struct backend *backend, const struct ph_result *result)
{
    bool again = outcome_is_retryable(result->outcome);
    backend_set_trouble(backend, result->text != NULL ? result->text : outcome_name(result->outcome));
    const struct log_field fields[] = {log_text("outcome", outcome_name(result->outcome)),
                                       log_text("reason", result->text), log_int("tries", backend->open_tries)};
    log_limited(&backend->log_limit, again ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, &backend->log,
                "the backend could not be opened", fields, sizeof fields / sizeof fields[0]);
    if (again && backend->persistent) {
        uint32_t doublings = backend->open_tries < 6 ? backend->open_tries : 6;
        uint64_t bound = OPEN_BASE_MS << doublings < OPEN_CAP_MS ? OPEN_BASE_MS << doublings : OPEN_CAP_MS;
        uint64_t wait = bound / 2 + host_random_below(backend->host, bound / 2 + 1);
        timers_set(host_timers(backend->host), &backend->open_timer, host_now_ns(backend->host) + wait * BACKEND_MS);
        return;
    }
    backend->refused = !again;
    backend_update_state(backend);
    tell_opened(backend, result);
}

static void open_done(void *context, const struct ph_result *result, const void *output)
{
    (void)output;
    struct backend *backend = context;
    const struct ph_result ended = *result;
    backend->outcome = ended.outcome;
    if (ended.outcome != PH_OK) {
        // An open that is late is closed as soon as it comes back; the config is in use until then.
        backend->quarantined = backend->quarantined || backend->open_call != NULL;
        plain_call_forget(&backend->open_call);
        struct instance *instance = backend->instance;
        backend->instance = NULL;
        open_failed(backend, &ended);
        instance_close(instance, 0, NULL, NULL);
        return;
    }
    backend->open = true;
    backend_set_trouble(backend, "");
    backend_start_health(backend);
    backend_update_state(backend);
    tell_opened(backend, &ended);
}

static void open_due(struct timer *timer)
{
    struct backend *backend = (struct backend *)((char *)timer - offsetof(struct backend, open_timer));
    struct fault_decision fault;
    backend->open_tries++;
    if (backend->faults != NULL && faults_decide(backend->faults, PH_OPEN, host_now_ns(backend->host), &fault) &&
        fault.choice != FAULT_NONE) {
        const struct ph_result result = {.outcome = PH_UNAVAILABLE, .text = "injected"};
        open_failed(backend, &result);
        return;
    }
    const struct ph_open entry = {.config = backend->config};
    backend->instance = instance_new(backend->host, backend->plugin, backend->section);
    plain_call_start(&backend->open_call, backend->instance, PH_OPEN, &entry, backend->policy.opening, open_done,
                     backend);
}

static void start_open(struct backend *backend, bool persistent, backend_opened_f *done, void *context)
{
    assert(backend->magic == BACKEND_MAGIC && !backend->open && !backend->opening && !backend->closing);
    backend->opening = true;
    backend->refused = false;
    backend->persistent = persistent;
    backend->open_tries = 0;
    backend->opened = done;
    backend->opened_context = context;
    backend_update_state(backend);
    timers_set(host_timers(backend->host), &backend->open_timer, host_now_ns(backend->host));
}

void backend_open(struct backend *backend, backend_opened_f *done, void *context)
{
    start_open(backend, false, done, context);
}

void backend_open_until(struct backend *backend, backend_opened_f *done, void *context)
{
    start_open(backend, true, done, context);
}

// --- Reload ------------------------------------------------------------------------------------------------

static void tell_reloaded(struct backend *backend, const struct ph_result *result)
{
    backend_opened_f *reloaded = backend->reloaded;
    backend->reloaded = NULL;
    if (reloaded != NULL) {
        reloaded(backend, result, backend->reloaded_context);
    }
}

static void reload_done(void *context, const struct ph_result *result, const void *output)
{
    (void)output;
    struct backend *backend = context;
    if (result->outcome == PH_OK) {
        backend->config = backend->new_config;
    } else if (backend->reload_call != NULL) {
        backend->quarantined = true; // both configs may be in use for ever
        plain_call_forget(&backend->reload_call);
    }
    tell_reloaded(backend, result);
}

void backend_reload(struct backend *backend, const void *config, backend_opened_f *done, void *context)
{
    assert(backend->magic == BACKEND_MAGIC && backend->open && !backend->closing && backend->reloaded == NULL);
    backend->new_config = config;
    backend->reloaded = done;
    backend->reloaded_context = context;
    const struct ph_reload entry = {.config = config};
    plain_call_start(&backend->reload_call, backend->instance, PH_RELOAD, &entry, backend->policy.opening, reload_done,
                     backend);
}

// --- Close -------------------------------------------------------------------------------------------------

static void closed(enum instance_end end, void *context)
{
    struct backend *backend = context;
    backend->instance = NULL;
    backend->open = false;
    backend->closed = true;
    backend->quarantined = backend->quarantined || end == INSTANCE_QUARANTINED;
    backend_update_state(backend);
    backend_closed_f *done = backend->closed_done;
    if (done != NULL) {
        done(backend, backend->quarantined, backend->closed_context);
    }
}

// No submitted call is left: the instance is ended.
static void close_ready(struct deferred_task *task)
{
    struct backend *backend = (struct backend *)((char *)task - offsetof(struct backend, close_task));
    const struct ph_result result = {.outcome = PH_UNAVAILABLE, .text = "the backend was closed meanwhile"};
    timers_clear(host_timers(backend->host), &backend->close_timer);
    plain_call_forget(&backend->open_call);
    plain_call_forget(&backend->reload_call);
    tell_opened(backend, &result);
    tell_reloaded(backend, &result);
    if (backend->instance == NULL) {
        closed(INSTANCE_CLOSED, backend);
        return;
    }
    uint64_t now = host_now_ns(backend->host);
    uint64_t left = backend->close_until_ns > now ? backend->close_until_ns - now : 0;
    instance_close(backend->instance, (int64_t)(left / BACKEND_MS), closed, backend);
}

static void close_limit_passed(struct timer *timer)
{
    struct backend *backend = (struct backend *)((char *)timer - offsetof(struct backend, close_timer));
    struct backend_call *call;
    struct backend_call *next;
    for (call = TAILQ_FIRST(&backend->calls); call != NULL; call = next) {
        next = TAILQ_NEXT(call, entry);
        if (!call->ended) {
            call_end(call, "the backend is being closed");
            call_deliver_later(call);
        }
    }
}

void backend_close(struct backend *backend, int64_t limit_ms, backend_closed_f *done, void *context)
{
    assert(backend->magic == BACKEND_MAGIC && !backend->closing && limit_ms >= 0);
    backend->closing = true;
    backend->closed_done = done;
    backend->closed_context = context;
    backend->close_until_ns = host_now_ns(backend->host) + (uint64_t)limit_ms * BACKEND_MS;
    timers_clear(host_timers(backend->host), &backend->open_timer);
    backend_stop_health(backend);
    backend_update_state(backend);
    if (TAILQ_EMPTY(&backend->calls)) {
        deferred_add(host_deferred(backend->host), &backend->close_task);
    } else {
        timers_set(host_timers(backend->host), &backend->close_timer, backend->close_until_ns);
    }
}

void backend_free(struct backend *backend)
{
    if (backend == NULL) {
        return;
    }
    assert(backend->magic == BACKEND_MAGIC && backend->instance == NULL && TAILQ_EMPTY(&backend->calls));
    struct attempt *attempt;
    while ((attempt = TAILQ_FIRST(&backend->given_up)) != NULL) {
        TAILQ_REMOVE(&backend->given_up, attempt, queue);
        attempt->backend = NULL;
    }
    timers_clear(host_timers(backend->host), &backend->open_timer);
    deferred_cancel(host_deferred(backend->host), &backend->state_task);
    deferred_cancel(host_deferred(backend->host), &backend->close_task);
    backend_metrics_free(backend->metrics);
    faults_free(backend->faults);
    free(backend->fault_settings);
    free(backend->section);
    backend->magic = 0;
    free(backend);
}
