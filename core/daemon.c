// SPDX-License-Identifier: Apache-2.0
//
// See daemon.h. The order of a start: configuration (all errors at once), addresses (bound before any backend is opened,
// so that a second daemon fails early), backends, HTTP. The HTTP server answers from the beginning; readiness is 503 until
// storage is open. The order of a drain: readiness says so, long polls end, HTTP connections end, what is under way
// ends, backends close. A second signal ends the process at once: what was accepted is in storage.
#include "core/daemon.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/api.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/emf.h"
#include "core/exchange_run.h"
#include "core/http_server.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/runtime.h"
#include "core/tracing.h"
#include "core/xalloc.h"

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#define CLOSE_LIMIT_MS 5000

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};
#define SIGNALS (sizeof signal_numbers / sizeof signal_numbers[0])

struct daemon {
    struct runtime *runtime;
    struct exchange *exchange;
    struct api *api;
    struct http_server *server;
    struct exchange_alarm *alarms;
    struct emf *emf;         // NULL: not asked for
    struct tracing *tracing; // NULL: not asked for
    struct event *signals[SIGNALS];
    struct event *drain_limit;
    int exit_code;
    bool started;
    bool draining;
    bool exchange_drained;
    bool server_drained;
    bool done;
};

// ------------------------------------------------------------------------------------------------------ process

// Nothing of this process's memory (tokens, passwords, messages) may reach a core file or another user's debugger; files
// that it makes are its own; it may use as many descriptors as the system allows.
static void harden_process(void)
{
    struct rlimit limit;
    prctl(PR_SET_DUMPABLE, 0);
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void notify_manager(const char *state)
{
#if HAVE_SYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

// -------------------------------------------------------------------------------------------------------- drain

static void spans_sent(void *context)
{
    struct daemon *daemon = context;
    daemon->done = true;
}

static void daemon_check_drained(struct daemon *daemon)
{
    if (!daemon->exchange_drained || !daemon->server_drained) {
        return;
    }
    if (daemon->tracing != NULL) {
        tracing_finish(daemon->tracing, daemon->runtime->config->tracing.timeout, spans_sent, daemon);
    } else {
        daemon->done = true;
    }
}

static void exchange_drained(void *context)
{
    struct daemon *daemon = context;
    daemon->exchange_drained = true;
    daemon_check_drained(daemon);
}

static void server_drained(void *context)
{
    struct daemon *daemon = context;
    daemon->server_drained = true;
    daemon_check_drained(daemon);
}

static void drain_over(evutil_socket_t fd, short events, void *context)
{
    struct daemon *daemon = context;
    (void)fd;
    (void)events;
    if (!daemon->exchange_drained || !daemon->server_drained) { // else only spans are left
        log_warn(NULL, "the drain took too long; what is left stays in the outbox");
    }
    daemon->done = true;
}

static void daemon_drain(struct daemon *daemon, const char *why)
{
    const int64_t limit_ms = daemon->runtime->config->daemon.drain;
    const struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = (suseconds_t)(limit_ms % 1000) * 1000};
    if (daemon->draining) {
        return;
    }
    daemon->draining = true;
    log_info(NULL, "draining: calls under way are finished, the outbox stays in storage", log_text("why", why));
    notify_manager("STOPPING=1");
    evtimer_add(daemon->drain_limit, &limit);
    exchange_drain(daemon->exchange, exchange_drained, daemon);
    http_server_drain(daemon->server, server_drained, daemon);
}

static void on_signal(evutil_socket_t number, short events, void *context)
{
    struct daemon *daemon = context;
    (void)events;
    if (number == SIGHUP) {
        log_warn(NULL, "SIGHUP: the configuration is read at a start only; nothing has changed");
        return;
    }
    if (daemon->draining) {
        log_warn(NULL, "a second signal: ending at once");
        _exit(daemon->exit_code);
    }
    daemon_drain(daemon, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

// ----------------------------------------------------------------------------------------------------- backends

static void backend_changed(struct backend *backend, void *context)
{
    struct daemon *daemon = context;
    (void)backend; // the wrapper has logged it
    exchange_backend_changed(daemon->exchange);
}

static void backend_opened(struct backend *backend, const struct ph_result *result, void *context)
{
    struct daemon *daemon = context;
    struct backend_status status;
    backend_status(backend, &status);
    const struct log_context place = {.section = status.section, .backend = status.plugin};
    if (result->outcome == PH_OK || daemon->draining) {
        return; // its state says so
    }
    log_error(&place, "the backend refuses to open", log_text("reason", result->text));
    if (status.kind == PH_KIND_STORAGE) {
        daemon->exit_code = DAEMON_EXIT_UNAVAILABLE;
        daemon_drain(daemon, "storage refuses");
    }
}

static void daemon_open_backends(struct daemon *daemon)
{
    for (int kind = PH_KIND_STORAGE; kind <= PH_KIND_ALERT; kind++) {
        struct backend *backend = runtime_backend(daemon->runtime, (enum ph_kind)kind, backend_changed, daemon);
        exchange_set_backend(daemon->exchange, (enum ph_kind)kind, backend);
        backend_open_until(backend, backend_opened, daemon);
    }
    exchange_set_backend(daemon->exchange, PH_KIND_SECRET, daemon->runtime->backends[PH_KIND_SECRET]);
}

static void hint_arrived(void *context, struct ph_text user)
{
    exchange_hint(context, user);
}

// -------------------------------------------------------------------------------------------------------- start

static void on_notice(void *context, const char *text)
{
    (void)context;
    log_warn(NULL, "http", log_text("notice", text));
}

static struct exchange_alarm *alarms_of(const struct config *config)
{
    struct exchange_alarm *alarms = xcalloc(config->alarm_count + 1, sizeof alarms[0]);
    for (size_t i = 0; i < config->alarm_count; i++) {
        const struct config_alarm *alarm = &config->alarms[i];
        alarms[i] = (struct exchange_alarm){
            .name = alarm->name,
            .metric = alarm->metric,
            .has_above = alarm->has_above,
            .has_below = alarm->has_below,
            .above = alarm->above,
            .below = alarm->below,
            .hold_ms = alarm->hold,
        };
    }
    return alarms;
}

static unsigned roles_of(const struct config_daemon *config)
{
    return (config->api ? EXCHANGE_ROLE_API : 0u) | (config->courier ? EXCHANGE_ROLE_COURIER : 0u);
}

static void daemon_make_tracing(struct daemon *daemon)
{
    const struct config_tracing *config = &daemon->runtime->config->tracing;
    const struct span_exporter_settings settings = {
        .base = daemon->runtime->base,
        .clock = clock_system(),
        .metrics = daemon->runtime->metrics,
        .endpoint = config->endpoint,
        .service_name = config->service_name,
        .interval_ms = config->interval,
        .timeout_ms = config->timeout,
        .queue = (size_t)config->queue,
    };
    if (config->endpoint == NULL) {
        return;
    }
    daemon->tracing = tracing_new(&settings, config->share);
    if (daemon->tracing == NULL) {
        log_error(NULL, "tracing is off: the system gives no HTTP client");
    }
}

static void daemon_make_exchange(struct daemon *daemon)
{
    struct runtime *runtime = daemon->runtime;
    const struct config_daemon *config = &runtime->config->daemon;
    daemon->alarms = alarms_of(runtime->config);
    const struct exchange_settings settings = {
        .base = runtime->base,
        .metrics = runtime->metrics,
        .offload = runtime->offload,
        .clock = clock_system(),
        .tracing = daemon->tracing,
        .roles = roles_of(config),
        .attempts = (uint32_t)config->attempts,
        .retention_ms = config->retention,
        .alarms = daemon->alarms,
        .alarm_count = runtime->config->alarm_count,
    };
    daemon->exchange = exchange_new(&settings);
    runtime->hint = hint_arrived;
    runtime->hint_context = daemon->exchange;
}

static void daemon_make_emf(struct daemon *daemon)
{
    const struct config *config = daemon->runtime->config;
    const struct emf_settings settings = {
        .base = daemon->runtime->base,
        .metrics = daemon->runtime->metrics,
        .exchange = daemon->exchange,
        .clock = clock_system(),
        .roles = roles_of(&config->daemon),
        .namespace = config->metrics.namespace,
        .service = config->metrics.service,
        .interval_ms = config->metrics.interval,
        .descriptor = STDOUT_FILENO,
    };
    if (config->metrics.emf) {
        daemon->emf = emf_new(&settings);
    }
}

static void daemon_make_api(struct daemon *daemon)
{
    const struct config *config = daemon->runtime->config;
    const struct api_settings settings = {
        .exchange = daemon->exchange,
        .metrics = daemon->runtime->metrics,
        .clock = clock_system(),
        .tracing = daemon->tracing,
        .messages = config->daemon.api,
        .plain_passwords = (config->storage->plugin->descriptor.flags & PH_PLUGIN_VOLATILE) != 0,
        .user_rate = {config->http.user_rate.rate, config->http.user_rate.burst},
        .address_rate = {config->http.address_rate.rate, config->http.address_rate.burst},
    };
    daemon->api = api_new(&settings);
}

static enum http_server_result daemon_make_server(struct daemon *daemon, char *error_r, size_t size)
{
    const struct config_http *http = &daemon->runtime->config->http;
    struct http_server_config config = {
        .listen = http->listen.items,
        .listen_count = http->listen.count,
        .loops = (unsigned)http->loops,
        .base = daemon->runtime->base,
        .trusted_proxies = http->trusted_proxies.items,
        .trusted_proxy_count = http->trusted_proxies.count,
        .on_request = api_on_request,
        .on_answer = api_on_answer,
        .on_notice = on_notice,
        .context = daemon->api,
    };
    http_limits_default(&config.limits);
    config.limits.body_max = http->max_body;
    config.limits.intake_max = daemon->runtime->config->daemon.memory;
    config.limits.connections_max = (size_t)http->max_connections;
    config.limits.header_timeout = (uint32_t)http->header_timeout;
    config.limits.body_timeout = (uint32_t)http->body_timeout;
    config.limits.idle_timeout = (uint32_t)http->idle_timeout;
    return http_server_create(&config, &daemon->server, error_r, size);
}

static void daemon_watch_signals(struct daemon *daemon)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        daemon->signals[i] = evsignal_new(daemon->runtime->base, signal_numbers[i], on_signal, daemon);
        if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) != 0) {
            abort();
        }
    }
    daemon->drain_limit = evtimer_new(daemon->runtime->base, drain_over, daemon);
    if (daemon->drain_limit == NULL) {
        abort();
    }
}

static void daemon_announce(const struct daemon *daemon)
{
    const struct config_http *http = &daemon->runtime->config->http;
    for (size_t i = 0; i < http->listen.count; i++) {
        log_info(NULL, "listening", log_text("address", http_server_address(daemon->server, i)),
                 log_int("loops", http->loops));
    }
    notify_manager("READY=1");
}

static int daemon_serve(struct daemon *daemon)
{
    char error[256];
    daemon_make_tracing(daemon);
    daemon_make_exchange(daemon);
    daemon_make_api(daemon);
    const enum http_server_result made = daemon_make_server(daemon, error, sizeof error);
    if (made != HTTP_SERVER_OK) {
        log_error(NULL, "cannot listen", log_text("reason", error));
        return made == HTTP_SERVER_INVALID ? DAEMON_EXIT_CONFIG : DAEMON_EXIT_UNAVAILABLE;
    }
    api_attach(daemon->api, daemon->server, daemon->runtime->config->http.loops > 0);
    daemon_watch_signals(daemon);
    daemon_open_backends(daemon);
    if (http_server_start(daemon->server, error, sizeof error) != HTTP_SERVER_OK) {
        log_error(NULL, "cannot serve", log_text("reason", error));
        return DAEMON_EXIT_UNAVAILABLE;
    }
    daemon_announce(daemon);
    daemon->started = true;
    exchange_start(daemon->exchange);
    daemon_make_emf(daemon);
    runtime_run_until(daemon->runtime, &daemon->done, 0);
    if (daemon->emf != NULL) {
        emf_write(daemon->emf); // what happened since the last line
    }
    log_info(NULL, "ended");
    return daemon->exit_code;
}

static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaddset(&set, signal_numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void event_drop(struct event *event)
{
    if (event != NULL) {
        event_free(event);
    }
}

// The order matters: loops stop, late calls of the backends come home, then what they came home to is freed. When the
// drain was not finished, or a backend never came back, it is false, and the process ends with what they use in place.
static bool daemon_free(struct daemon *daemon)
{
    if (daemon->server != NULL) {
        http_server_stop(daemon->server);
    }
    emf_free(daemon->emf);
    const bool idle = daemon->exchange == NULL || !daemon->started || daemon->exchange_drained;
    if (!idle || !runtime_close_backends(daemon->runtime, CLOSE_LIMIT_MS) ||
        (daemon->exchange != NULL && !exchange_is_idle(daemon->exchange))) { // a late request's calls
        http_server_destroy(&daemon->server);
        return false;
    }
    api_free(daemon->api);
    http_server_destroy(&daemon->server);
    exchange_free(daemon->exchange);
    free(daemon->alarms);
    block_signals(); // one that comes now would end the process by itself, and hide its exit code
    for (size_t i = 0; i < SIGNALS; i++) {
        event_drop(daemon->signals[i]);
    }
    event_drop(daemon->drain_limit);
    tracing_free(daemon->tracing);
    return runtime_free(daemon->runtime, 0);
}

static void print_findings(struct findings *findings)
{
    findings_print(findings, stderr);
    findings_free(findings);
}

// The secret backend opens while the file is still being read, and logs.
static void configure_log(const struct config *config)
{
    log_configure((enum log_level)config->daemon.log_level, (enum log_format)config->daemon.log_format, STDERR_FILENO);
}

int daemon_run(const char *file)
{
    struct daemon daemon = {.exit_code = 0};
    struct findings findings = {0};
    harden_process();
    daemon.runtime = runtime_new();
    if (daemon.runtime == NULL) {
        perror("posthoused: cannot start");
        return 1;
    }
    daemon.runtime->on_read = configure_log;
    const bool good = runtime_configure(daemon.runtime, file, &findings);
    print_findings(&findings);
    const int code = good ? daemon_serve(&daemon) : DAEMON_EXIT_CONFIG;
    if (!(good ? daemon_free(&daemon) : runtime_free(daemon.runtime, CLOSE_LIMIT_MS))) {
        runtime_leave(code);
    }
    return code;
}
