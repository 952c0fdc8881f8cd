// SPDX-License-Identifier: Apache-2.0
//
// What is known of a backend: its state, as the breaker, the health calls and its life make it, and the
// health calls themselves. They go past the queue: every 5 s while all is well, every second else, and every half
// second while the breaker is open, so that a backend that comes back is in use again well within two seconds.
#include "core/backend_internal.h"
#include "core/clock.h"
#include "core/loader.h"
#include <stdio.h>
#include <string.h>

#define HEALTH_WELL_MS 5000
#define HEALTH_UNWELL_MS 1000
#define HEALTH_AWAY_MS 500
#define HEALTH_LIMIT_MS 2000

// --- State -------------------------------------------------------------------------------------------------

static enum backend_state state_now(const struct backend *backend)
{
    if (backend->closed || backend->closing) {
        return backend->closed ? BACKEND_CLOSED : BACKEND_CLOSING;
    }
    if (backend->refused || !backend->open) {
        return backend->refused ? BACKEND_FAILED : BACKEND_OPENING;
    }
    const struct breaker *breaker = &backend->breaker;
    if (breaker->state == BREAKER_OPEN) {
        return BACKEND_UNAVAILABLE;
    }
    bool failing = breaker->failures * 2 > breaker->limit;
    bool degraded = breaker->state == BREAKER_HALF_OPEN || backend->unhealthy || failing || backend->denied_count > 0;
    return degraded ? BACKEND_DEGRADED : BACKEND_READY;
}

static bool is_worse(enum backend_state state)
{
    return state == BACKEND_DEGRADED || state == BACKEND_UNAVAILABLE || state == BACKEND_FAILED;
}

static void log_state(const struct backend *backend)
{
    const struct log_field fields[] = {
        log_text("state", backend_state_name(backend->state)),
        log_text("detail", backend->trouble),
    };
    log_line(is_worse(backend->state) ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, &backend->log, "the backend's state changed",
             fields, 2);
}

void backend_update_state(struct backend *backend)
{
    backend_metrics_breaker(backend->metrics, (int)backend->breaker.state);
    enum backend_state state = state_now(backend);
    if (state == backend->state) {
        return;
    }
    bool was_well = backend->state == BACKEND_READY;
    if (state == BACKEND_READY) {
        backend_set_trouble(backend, ""); // it is over
    }
    backend->state = state;
    backend->since_ms = clock_wall_ms(host_settings(backend->host)->clock);
    if (log_enabled(is_worse(state) ? LOG_LEVEL_WARN : LOG_LEVEL_INFO)) {
        log_state(backend);
    }
    if (backend->on_state != NULL && !backend->state_task.queued) {
        deferred_add(host_deferred(backend->host), &backend->state_task);
    }
    uint64_t soon = host_now_ns(backend->host) + HEALTH_UNWELL_MS * BACKEND_MS;
    if (was_well && timer_is_set(&backend->health_timer) && backend->health_timer.due_ns > soon) {
        timers_set(host_timers(backend->host), &backend->health_timer, soon);
    }
}

void backend_set_trouble(struct backend *backend, const char *text)
{
    snprintf(backend->trouble, sizeof backend->trouble, "%s", text);
}

void backend_set_denied(struct backend *backend, uint32_t operation, const char *detail)
{
    bool denied = detail != NULL;
    if (denied) {
        snprintf(backend->denied_detail, sizeof backend->denied_detail, "%s", detail);
    }
    if (backend->denied[operation] != denied) {
        backend->denied[operation] = denied;
        backend->denied_count = denied ? backend->denied_count + 1 : backend->denied_count - 1;
        backend_update_state(backend);
    }
}

void backend_status(const struct backend *backend, struct backend_status *status_r)
{
    *status_r = (struct backend_status){
        .state = backend->state,
        .since_ms = backend->since_ms,
        .kind = backend->plugin->descriptor.kind,
        .section = backend->section,
        .plugin = backend->plugin->descriptor.name,
        .plugin_version = backend->plugin->descriptor.version,
        .backend_version = backend->version,
        .outcome = backend->outcome,
        .under_way = backend->running,
        .waiting = backend->waiting_count,
        .faults = backend->faults != NULL,
    };
    const bool both = backend->trouble[0] != '\0' && backend->said[0] != '\0';
    snprintf(status_r->detail, sizeof status_r->detail, "%s%s%s", backend->trouble, both ? "; " : "", backend->said);
}

enum backend_state backend_state(const struct backend *backend)
{
    return backend->state;
}

const char *backend_state_name(enum backend_state state)
{
    static const char *const names[] = {"opening", "ready", "degraded", "unavailable", "failed", "closing", "closed"};
    return (size_t)state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

bool backend_usable(const struct backend *backend)
{
    return backend->state == BACKEND_READY || backend->state == BACKEND_DEGRADED;
}

// --- Health ------------------------------------------------------------------------------------------------

static void health_due(struct timer *timer);

static void health_again(struct backend *backend)
{
    uint64_t wait = backend->state == BACKEND_READY         ? HEALTH_WELL_MS
                    : backend->state == BACKEND_UNAVAILABLE ? HEALTH_AWAY_MS
                                                            : HEALTH_UNWELL_MS;
    backend->health_timer.expired = health_due;
    timers_set(host_timers(backend->host), &backend->health_timer, host_now_ns(backend->host) + wait * BACKEND_MS);
}

static void note_said(struct backend *backend, const struct ph_health *health)
{
    snprintf(backend->said, sizeof backend->said, "%s", health->detail != NULL ? health->detail : "");
}

static void health_failed(struct backend *backend, const struct ph_result *result)
{
    char text[BACKEND_TEXT_SIZE];
    snprintf(text, sizeof text, "health ended %s: %s", outcome_name(result->outcome),
             result->text != NULL ? result->text : "no reason given");
    backend_set_trouble(backend, text);
    backend->unhealthy = true;
    if (outcome_is_outage(result->outcome)) {
        breaker_unhealthy(&backend->breaker, host_now_ns(backend->host),
                          (uint32_t)host_random_below(backend->host, 1000));
    }
}

static void health_succeeded(struct backend *backend, const struct ph_health *health)
{
    backend->unhealthy = false;
    breaker_healthy(&backend->breaker);
    if (health->version != NULL) {
        snprintf(backend->version, sizeof backend->version, "%s", health->version);
    }
    if (backend->denied_count > 0) {
        backend_set_trouble(backend, backend->denied_detail);
    } else if (backend->breaker.state == BREAKER_CLOSED) {
        backend_set_trouble(backend, "");
    }
}

static void health_done(void *context, const struct ph_result *result, const void *output)
{
    struct backend *backend = context;
    uint32_t tally[OUTCOME_COUNT] = {0};
    tally[result->outcome] = 1;
    backend_metrics_attempt(backend->metrics, PH_HEALTH, host_now_ns(backend->host) - backend->health_started_ns,
                            tally);
    backend->outcome = result->outcome;
    if (output != NULL) {
        note_said(backend, output);
    }
    if (result->outcome == PH_OK && output != NULL) {
        health_succeeded(backend, output);
    } else {
        health_failed(backend, result);
    }
    backend_update_state(backend);
    backend_admit_next(backend);
    health_again(backend);
}

// The outcome that an injected fault gives to a health call, or PH_PENDING.
static enum ph_outcome injected(struct backend *backend)
{
    struct fault_decision fault;
    if (backend->faults == NULL || !faults_decide(backend->faults, PH_HEALTH, host_now_ns(backend->host), &fault)) {
        return PH_PENDING;
    }
    switch (fault.choice) {
    case FAULT_TRANSIENT:
    case FAULT_THROTTLED:
        return PH_TRANSIENT;
    case FAULT_UNAVAILABLE:
    case FAULT_UNCERTAIN:
    case FAULT_HANG:
        return PH_UNAVAILABLE;
    case FAULT_NONE:
    default:
        return PH_PENDING;
    }
}

static void health_due(struct timer *timer)
{
    struct backend *backend = (struct backend *)((char *)timer - offsetof(struct backend, health_timer));
    backend->health_started_ns = host_now_ns(backend->host);
    struct ph_result result = {.outcome = injected(backend), .text = "injected"};
    if (backend->health_call != NULL) {
        result = (struct ph_result){.outcome = PH_UNAVAILABLE, .text = "the last health call has not come back"};
    }
    if (result.outcome != PH_PENDING) {
        health_done(backend, &result, NULL);
        return;
    }
    int64_t limit = backend->policy.attempt < HEALTH_LIMIT_MS ? backend->policy.attempt : HEALTH_LIMIT_MS;
    plain_call_start(&backend->health_call, backend->instance, PH_HEALTH, NULL, limit, health_done, backend);
}

void backend_start_health(struct backend *backend)
{
    backend->health_timer.expired = health_due;
    timers_set(host_timers(backend->host), &backend->health_timer, host_now_ns(backend->host));
}

void backend_stop_health(struct backend *backend)
{
    timers_clear(host_timers(backend->host), &backend->health_timer);
    plain_call_forget(&backend->health_call);
}
