// SPDX-License-Identifier: Apache-2.0
//
// See runtime.h.
#include "core/runtime.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/faults.h"
#include "core/host.h"
#include "core/loader.h"
#include "core/metrics.h"
#include "core/offload.h"
#include "core/secrets.h"
#include "core/xalloc.h"

#define METRICS_LIMIT 4096
#define OFFLOAD_LIMIT 16384
#define SECRET_WAIT_MS 20000

const char *runtime_kind_name(enum ph_kind kind)
{
    static const char *const names[RUNTIME_KINDS] = {"", "storage", "meta", "queue", "alert", "secret"};
    return (unsigned)kind < RUNTIME_KINDS ? names[kind] : "";
}

// -------------------------------------------------------------------------------------- resolving an option anew

struct resolving {
    struct runtime *runtime;
    struct config_backend *section;
    char *option;
    void (*done)(void *context, const char *value);
    void *context;
};

static void resolving_end(struct secrets *secrets, void *context)
{
    struct resolving *resolving = context;
    char *error = NULL;
    char *value = config_option_resolve(resolving->section, resolving->option, secrets_answer, secrets, &error);
    resolving->done(resolving->context, value);
    config_value_free(value);
    free(error);
    secrets_free(secrets);
    free(resolving->option);
    free(resolving);
}

struct later {
    struct event *event;
    struct resolving *resolving;
};

static void resolving_later(evutil_socket_t fd, short events, void *context)
{
    struct later *later = context;
    (void)fd;
    (void)events;
    resolving_end(secrets_new(), later->resolving);
    event_free(later->event);
    free(later);
}

// Without secrets there is nothing to fetch, but the answer must not come inside the question.
static void resolve_without_secrets(struct resolving *resolving)
{
    struct later *later = xcalloc(1, sizeof *later);
    later->resolving = resolving;
    later->event = event_new(resolving->runtime->base, -1, 0, resolving_later, later);
    if (later->event == NULL) {
        abort();
    }
    event_active(later->event, EV_TIMEOUT, 0);
}

static void runtime_resolve(void *context, const char *section, const char *option,
                            void (*done)(void *done_context, const char *value), void *done_context)
{
    struct runtime *runtime = context;
    const char *names[CONFIG_SECRETS_MAX];
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        if (runtime->sections[kind] != NULL && strcmp(runtime->sections[kind]->section, section) == 0) {
            struct resolving *resolving = xcalloc(1, sizeof *resolving);
            *resolving = (struct resolving){.runtime = runtime,
                                            .section = runtime->sections[kind],
                                            .option = xstrdup(option),
                                            .done = done,
                                            .context = done_context};
            const size_t count = config_option_secrets(resolving->section, option, names, CONFIG_SECRETS_MAX);
            if (count > 0 && runtime->backends[PH_KIND_SECRET] != NULL) {
                secrets_fetch(secrets_new(), runtime->backends[PH_KIND_SECRET], names, count, true, resolving_end,
                              resolving);
            } else {
                resolve_without_secrets(resolving);
            }
            return;
        }
    }
    abort(); // the host asks only for sections that it was bound to
}

static void runtime_hint(void *context, struct ph_text user)
{
    struct runtime *runtime = context;
    if (runtime->hint != NULL) {
        runtime->hint(runtime->hint_context, user);
    }
}

// --------------------------------------------------------------------------------------------------------- life

struct runtime *runtime_new(void)
{
    struct runtime *runtime = xcalloc(1, sizeof *runtime);
    evthread_use_pthreads();
    runtime->base = event_base_new();
    runtime->metrics = metrics_new(METRICS_LIMIT);
    runtime->offload = runtime->base != NULL ? offload_new(runtime->base, OFFLOAD_THREADS, OFFLOAD_LIMIT) : NULL;
    const struct host_settings settings = {
        .base = runtime->base,
        .clock = clock_system(),
        .metrics = runtime->metrics,
        .offload = runtime->offload,
        .resolve = runtime_resolve,
        .resolve_context = runtime,
        .hint = runtime_hint,
        .hint_context = runtime,
    };
    runtime->host = runtime->offload != NULL ? host_new(&settings) : NULL;
    if (runtime->host == NULL) {
        runtime_free(runtime, 0);
        return NULL;
    }
    return runtime;
}

static void stop_loop(evutil_socket_t fd, short events, void *context)
{
    bool *over = context;
    (void)fd;
    (void)events;
    *over = true;
}

bool runtime_run_until(struct runtime *runtime, const bool *done, uint32_t limit_ms)
{
    bool over = false;
    struct event *timer = evtimer_new(runtime->base, stop_loop, &over);
    const struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = (suseconds_t)(limit_ms % 1000) * 1000};
    if (timer == NULL || (limit_ms > 0 && evtimer_add(timer, &limit) != 0)) {
        abort();
    }
    while (!*done && !over) {
        event_base_loop(runtime->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
    }
    event_free(timer);
    return *done;
}

struct backend *runtime_backend(struct runtime *runtime, enum ph_kind kind, backend_state_f *on_state, void *context)
{
    const struct config_backend *section = runtime->sections[kind];
    const struct backend_settings settings = {
        .host = runtime->host,
        .plugin = section->plugin,
        .config = section->config,
        .section = section->section,
        .policy = *section->policy,
        .faults = section->faults,
        .on_state = on_state,
        .on_state_context = context,
    };
    runtime->backends[kind] = backend_new(&settings);
    return runtime->backends[kind];
}

struct opening {
    bool done;
    uint32_t outcome;
    char text[256];
};

static void opening_done(struct backend *backend, const struct ph_result *result, void *context)
{
    struct opening *opening = context;
    (void)backend;
    opening->done = true;
    opening->outcome = result->outcome;
    snprintf(opening->text, sizeof opening->text, "%s", result->text != NULL ? result->text : "no reason was given");
}

static void fetching_done(struct secrets *secrets, void *context)
{
    bool *done = context;
    (void)secrets;
    *done = true;
}

// Opens the secret backend and fetches all that the file names. What fails shows as errors of the values that need it.
static void fetch_secrets(struct runtime *runtime, struct secrets *secrets, struct findings *findings)
{
    struct config *config = runtime->config;
    struct opening opening = {.done = false};
    bool fetched = false;
    if (config->secret == NULL || config->secret->plugin == NULL || config->secret->config == NULL) {
        return;
    }
    runtime->sections[PH_KIND_SECRET] = config->secret;
    struct backend *backend = runtime_backend(runtime, PH_KIND_SECRET, NULL, NULL);
    backend_open(backend, opening_done, &opening);
    runtime_run_until(runtime, &opening.done, 0); // bounded by call.opening
    if (opening.outcome != PH_OK) {
        findings_error(findings, config->secret->place, "the secret backend did not open: %s", opening.text);
    } else if (config->secret_count > 0) {
        secrets_fetch(secrets, backend, config->secrets, config->secret_count, false, fetching_done, &fetched);
        runtime_run_until(runtime, &fetched, 0); // bounded by the fetch's deadline
    }
}

bool runtime_configure(struct runtime *runtime, const char *file, struct findings *findings)
{
    const struct config_settings settings = {.loader = &runtime->loader};
    struct secrets *secrets = secrets_new();
    runtime->config = config_read(file, &settings, findings);
    if (runtime->on_read != NULL) {
        runtime->on_read(runtime->config);
    }
    fetch_secrets(runtime, secrets, findings);
    config_finish(runtime->config, secrets_answer, secrets, findings);
    secrets_free(secrets);
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        runtime->sections[kind] = config_backend_of(runtime->config, (enum ph_kind)kind);
    }
    return findings->errors == 0;
}

struct closing {
    size_t open;
    bool done;
    bool quarantined;
};

static void closing_done(struct backend *backend, bool quarantined, void *context)
{
    struct closing *closing = context;
    (void)backend;
    closing->quarantined = closing->quarantined || quarantined;
    closing->open--;
    closing->done = closing->open == 0;
}

bool runtime_close_backends(struct runtime *runtime, uint32_t limit_ms)
{
    struct closing closing = {.open = 0};
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        if (runtime->backends[kind] != NULL) {
            closing.open++;
            backend_close(runtime->backends[kind], limit_ms, closing_done, &closing);
        }
    }
    closing.done = closing.open == 0;
    runtime_run_until(runtime, &closing.done, 0); // backend_close() keeps the limit
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        backend_free(runtime->backends[kind]);
        runtime->backends[kind] = NULL;
    }
    return !closing.quarantined;
}

bool runtime_free(struct runtime *runtime, uint32_t limit_ms)
{
    if (runtime == NULL) {
        return true;
    }
    if (runtime->host != NULL && !runtime_close_backends(runtime, limit_ms)) {
        return false; // an instance never came back: the process ends with what it still uses in place
    }
    host_free(runtime->host);
    offload_free(runtime->offload);
    config_free(runtime->config);
    loader_free(runtime->loader);
    metrics_free(runtime->metrics);
    if (runtime->base != NULL) {
        event_base_free(runtime->base);
    }
    free(runtime);
    return true;
}

void runtime_leave(int code)
{
    fflush(stdout); // stderr keeps nothing back
    _exit(code);
}
