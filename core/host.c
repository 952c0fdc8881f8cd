// SPDX-License-Identifier: Apache-2.0
//
// See core/host.h. The services that need a call (alloc, make, set, complete) are in core/instance.c.
#include "core/host.h"
#include "core/clock.h"
#include "core/deferred.h"
#include "core/http_client.h"
#include "core/instance.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/offload.h"
#include "core/plugin_metrics.h"
#include "core/random.h"
#include "core/timers.h"
#include "core/xalloc.h"
#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAGIC 0x40570a57u
#define LOG_TEXT_SIZE 1024
/// A traceparent is "00-", 32 digits of trace, "-", …
#define TRACE_AT 3
#define TRACE_LENGTH 32

struct host {
    uint32_t magic;
    struct host_settings settings;
    struct deferred_queue *deferred;
    struct timers *timers;
    struct http_client *http; ///< made when first needed
    struct plugin_metrics *metrics;
    pthread_mutex_t random_lock; ///< guards `random`, which plugins use on any thread
    struct random_seeded random;
};

static struct host *host_of(const struct ph_host *services, struct instance **instance_r)
{
    struct instance *instance = services->context;
    struct host *host = instance_host(instance);
    assert(host->magic == HOST_MAGIC);
    if (instance_r != NULL) {
        *instance_r = instance;
    }
    return host;
}

// --- Services ----------------------------------------------------------------------------------------------

__attribute__((format(printf, 4, 5))) static void service_log(const struct ph_host *services, enum ph_log_level level,
                                                              const struct ph_call *call, const char *format, ...)
{
    enum log_level own = level <= PH_LOG_DEBUG  ? LOG_LEVEL_DEBUG
                         : level == PH_LOG_INFO ? LOG_LEVEL_INFO
                         : level == PH_LOG_WARN ? LOG_LEVEL_WARN
                                                : LOG_LEVEL_ERROR;
    if (!log_enabled(own)) {
        return;
    }
    char text[LOG_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const struct instance *instance = services->context;
    char trace[TRACE_LENGTH + 1];
    struct log_context context = {.backend = instance_plugin(instance)->descriptor.name, .section = services->section};
    if (call != NULL) {
        context.trace_id = host_trace_id(call->trace, trace);
    }
    log_line(own, &context, text, NULL, 0);
}

static int64_t service_monotonic(const struct ph_host *services)
{
    return (int64_t)host_now_ns(host_of(services, NULL));
}

static int64_t service_now(const struct ph_host *services)
{
    return clock_wall_ms(host_of(services, NULL)->settings.clock);
}

static void service_random(const struct ph_host *services, void *bytes, size_t length)
{
    struct host *host = host_of(services, NULL);
    if (host->settings.seed == 0) {
        random_bytes(bytes, length);
        return;
    }
    pthread_mutex_lock(&host->random_lock);
    for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
        uint64_t number = random_seeded_next(&host->random);
        memcpy((char *)bytes + at, &number, length - at < sizeof number ? length - at : sizeof number);
    }
    pthread_mutex_unlock(&host->random_lock);
}

struct offloaded {
    void (*work)(void *context);
    void (*done)(void *context);
    void *context;
};

static void offloaded_work(void *context)
{
    struct offloaded *offloaded = context;
    offloaded->work(offloaded->context);
}

static void offloaded_done(void *context, bool worked)
{
    struct offloaded offloaded = *(struct offloaded *)context;
    free(context);
    // A plugin is promised that its work runs before its done; a pool that is torn down has no thread for it.
    if (!worked) {
        offloaded.work(offloaded.context);
    }
    offloaded.done(offloaded.context);
}

static bool service_offload(const struct ph_host *services, struct ph_text key, void (*work)(void *context),
                            void (*done)(void *context), void *context)
{
    struct host *host = host_of(services, NULL);
    if (host->settings.offload == NULL || key.length > OFFLOAD_KEY_MAX) {
        return false;
    }
    struct offloaded *offloaded = xmalloc(sizeof *offloaded);
    *offloaded = (struct offloaded){work, done, context};
    if (offload_run(host->settings.offload, key.bytes, key.length, offloaded_work, offloaded_done, offloaded) == NULL) {
        free(offloaded);
        return false;
    }
    return true;
}

static struct ph_http_exchange *service_http(const struct ph_host *services, const struct ph_http_request *request,
                                             void (*done)(void *context, const struct ph_http_response *response),
                                             void *context)
{
    struct host *host = host_of(services, NULL);
    if (host->http == NULL) {
        host->http = http_client_new(host->settings.base, host->deferred);
    }
    return host->http != NULL ? http_client_start(host->http, request, done, context) : NULL;
}

struct unresolved {
    struct deferred_task task;
    void (*done)(void *context, const char *value);
    void *context;
};

static void unresolved_run(struct deferred_task *task)
{
    struct unresolved *unresolved = (struct unresolved *)((char *)task - offsetof(struct unresolved, task));
    unresolved->done(unresolved->context, NULL);
    free(unresolved);
}

static void service_resolve(const struct ph_host *services, const char *option,
                            void (*done)(void *context, const char *value), void *context)
{
    struct host *host = host_of(services, NULL);
    if (host->settings.resolve != NULL) {
        host->settings.resolve(host->settings.resolve_context, services->section, option, done, context);
        return;
    }
    struct unresolved *unresolved = xcalloc(1, sizeof *unresolved);
    unresolved->task.run = unresolved_run;
    unresolved->done = done;
    unresolved->context = context;
    deferred_add(host->deferred, &unresolved->task);
}

static struct ph_metric *service_metric(const struct ph_host *services, enum ph_metric_type type, const char *name,
                                        const char *help, const char *const *labels)
{
    struct instance *instance;
    struct host *host = host_of(services, &instance);
    const struct ph_plugin *plugin = &instance_plugin(instance)->descriptor;
    return plugin_metrics_get(host->metrics, plugin->kind, plugin->name, type, name, help, labels);
}

static void service_hint(const struct ph_host *services, struct ph_text user)
{
    struct host *host = host_of(services, NULL);
    if (host->settings.hint != NULL) {
        host->settings.hint(host->settings.hint_context, user);
    }
}

void host_bind(struct host *host, struct ph_host *services, struct instance *instance, const char *section)
{
    assert(host->magic == HOST_MAGIC);
    *services = (struct ph_host){
        .base = host->settings.base,
        .section = section,
        .context = instance,
        .log = service_log,
        .monotonic = service_monotonic,
        .now = service_now,
        .random = service_random,
        .offload = service_offload,
        .http = service_http,
        .http_cancel = http_client_cancel,
        .resolve = service_resolve,
        .metric = service_metric,
        .measure = plugin_metrics_measure,
        .hint = service_hint,
    };
}

// --- The host ----------------------------------------------------------------------------------------------

struct host *host_new(const struct host_settings *settings)
{
    struct host *host = xcalloc(1, sizeof *host);
    host->magic = HOST_MAGIC;
    host->settings = *settings;
    if (host->settings.clock == NULL) {
        host->settings.clock = clock_system();
    }
    pthread_mutex_init(&host->random_lock, NULL);
    random_seeded_init(&host->random, settings->seed);
    host->metrics = plugin_metrics_new(settings->metrics);
    host->deferred = deferred_new(settings->base);
    host->timers = timers_new(settings->base, host->settings.clock);
    if (host->deferred == NULL || host->timers == NULL) {
        host_free(host);
        return NULL;
    }
    return host;
}

void host_free(struct host *host)
{
    if (host == NULL) {
        return;
    }
    assert(host->magic == HOST_MAGIC);
    http_client_free(host->http);
    plugin_metrics_free(host->metrics);
    timers_free(host->timers);
    deferred_free(host->deferred);
    pthread_mutex_destroy(&host->random_lock);
    host->magic = 0;
    free(host);
}

const struct host_settings *host_settings(const struct host *host)
{
    return &host->settings;
}

struct deferred_queue *host_deferred(struct host *host)
{
    return host->deferred;
}

struct timers *host_timers(struct host *host)
{
    return host->timers;
}

uint64_t host_now_ns(const struct host *host)
{
    return clock_monotonic_ns(host->settings.clock);
}

uint64_t host_random_below(struct host *host, uint64_t limit)
{
    if (host->settings.seed == 0) {
        return random_below(limit);
    }
    pthread_mutex_lock(&host->random_lock);
    uint64_t number = random_seeded_below(&host->random, limit);
    pthread_mutex_unlock(&host->random_lock);
    return number;
}

const char *host_trace_id(struct ph_text traceparent, char out[HOST_TRACE_SIZE])
{
    if (traceparent.length < TRACE_AT + TRACE_LENGTH) {
        return NULL;
    }
    memcpy(out, traceparent.bytes + TRACE_AT, TRACE_LENGTH);
    out[TRACE_LENGTH] = '\0';
    return out;
}

void host_misuse(struct host *host, const struct log_context *context, const char *format, ...)
{
    char text[LOG_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_error(context, "the plugin broke a rule of its interface", log_text("rule", text));
    if (host->settings.misuse != NULL) {
        host->settings.misuse(host->settings.misuse_context, text);
    }
}
