// SPDX-License-Identifier: Apache-2.0
//
// The server as a whole: its addresses, its loops and their threads. What the loops share is constant once they run,
// but for two atomics; everything else crosses threads through mailboxes.
#include "core/http_server.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http_loop.h"
#include "core/xalloc.h"

#define SERVER_MAGIC 0x73657276U
#define NS_PER_MS 1000000
// How long an answer that came too early waits for the client to stop sending.
#define LINGER_MS 2000

// One loop with what the server knows of it. `loop` is first: on_drained gets the worker by it.
struct worker {
    struct http_loop loop;
    struct http_server *server;
    pthread_t thread;
    bool running;
    struct mailbox_item drain, stop; // to the loop
    struct mailbox_item drained;     // to the owner
};

struct http_server {
    unsigned magic;
    struct http_shared shared;
    struct ip_network trusted[HTTP_TRUSTED_MAX];
    struct http_address addresses[HTTP_LISTEN_MAX];
    size_t address_count;
    unsigned threads; // 0: on the owner's base
    struct worker *workers;
    size_t worker_count;
    struct event_base *owner;
    struct mailbox *mailbox; // on the owner's base
    bool started;
    bool draining;
    bool stopped;
    size_t undrained;
    void (*on_drained)(void *context);
    void *drained_context;
};

void http_limits_default(struct http_limits *limits_r)
{
    *limits_r = (struct http_limits){
        .head_max = 16384,
        .target_max = 8192,
        .body_max = 1048576,
        .intake_max = 67108864,
        .connections_max = 10000,
        .header_timeout = 10000,
        .body_timeout = 30000,
        .idle_timeout = 75000,
        .write_timeout = 30000,
    };
}

bool http_listen_check(const char *address, char *error_r, size_t size)
{
    struct http_address parsed;
    return http_address_parse(address, &parsed, error_r, size);
}

bool http_trusted_proxy_check(const char *network, char *error_r, size_t size)
{
    struct ip_network parsed;
    if (ip_network_parse(network, &parsed)) {
        return true;
    }
    snprintf(error_r, size,
             "'%.80s' must be an IP address or a network such as 10.0.0.0/8, without bits behind the prefix", network);
    return false;
}

// ---- configuration ----

static bool limits_valid(const struct http_limits *limits, char *error_r, size_t size)
{
    const char *wrong = NULL;
    if (limits->head_max < 256 || limits->head_max > HTTP_HEAD_CEILING) {
        wrong = "head_max must be from 256 to 65535 bytes";
    } else if (limits->target_max < 1 || limits->target_max > limits->head_max) {
        wrong = "target_max must be from 1 byte to head_max";
    } else if (limits->connections_max < 1 || limits->connections_max > 1000000) {
        wrong = "max_connections must be from 1 to 1000000";
    } else if (limits->body_max > limits->intake_max || limits->intake_max > (size_t)1 << 40) {
        wrong = "max_body must not be more than the bytes of bodies that the server may hold";
    } else if (limits->header_timeout == 0 || limits->body_timeout == 0 || limits->idle_timeout == 0 ||
               limits->write_timeout == 0) {
        wrong = "a timeout must not be 0";
    }
    if (wrong != NULL) {
        snprintf(error_r, size, "%s", wrong);
    }
    return wrong == NULL;
}

static bool read_config(struct http_server *server, const struct http_server_config *config, char *error_r, size_t size)
{
    if (config->listen_count < 1 || config->listen_count > HTTP_LISTEN_MAX || config->loops > HTTP_LOOPS_MAX ||
        config->trusted_proxy_count > HTTP_TRUSTED_MAX) {
        snprintf(error_r, size, "listen takes 1 to %d addresses, loops 0 to %d, trusted_proxies 0 to %d networks",
                 HTTP_LISTEN_MAX, HTTP_LOOPS_MAX, HTTP_TRUSTED_MAX);
        return false;
    }
    for (size_t i = 0; i < config->listen_count; i++) {
        if (!http_address_parse(config->listen[i], &server->addresses[i], error_r, size)) {
            return false;
        }
    }
    for (size_t i = 0; i < config->trusted_proxy_count; i++) {
        if (!http_trusted_proxy_check(config->trusted_proxies[i], error_r, size)) {
            return false;
        }
        ip_network_parse(config->trusted_proxies[i], &server->trusted[i]);
    }
    return limits_valid(&config->limits, error_r, size);
}

static void on_loop_drained(struct http_loop *loop);

static void share(struct http_server *server, const struct http_server_config *config)
{
    struct http_shared *shared = &server->shared;
    const struct http_limits *limits = &config->limits;
    shared->limits = *limits;
    shared->parse_limits = (struct http_parse_limits){limits->head_max, limits->target_max};
    shared->trusted = (struct http_trusted){server->trusted, config->trusted_proxy_count};
    shared->timeouts_ns[HTTP_PHASE_HEAD] = (int64_t)limits->header_timeout * NS_PER_MS;
    shared->timeouts_ns[HTTP_PHASE_BODY] = (int64_t)limits->body_timeout * NS_PER_MS;
    shared->timeouts_ns[HTTP_PHASE_IDLE] = (int64_t)limits->idle_timeout * NS_PER_MS;
    shared->timeouts_ns[HTTP_PHASE_WRITE] = (int64_t)limits->write_timeout * NS_PER_MS;
    shared->timeouts_ns[HTTP_PHASE_LINGER] = (int64_t)LINGER_MS * NS_PER_MS;
    shared->on_request = config->on_request;
    shared->on_answer = config->on_answer;
    shared->on_notice = config->on_notice;
    shared->context = config->context;
    shared->on_drained = on_loop_drained;
}

// ---- making ----

static struct worker *worker_of(struct mailbox_item *item, size_t offset)
{
    return (struct worker *)((char *)item - offset);
}

static void run_drain(struct mailbox_item *item)
{
    http_loop_drain(&worker_of(item, offsetof(struct worker, drain))->loop);
}

static void run_stop(struct mailbox_item *item)
{
    event_base_loopbreak(worker_of(item, offsetof(struct worker, stop))->loop.base);
}

static void run_drained(struct mailbox_item *item)
{
    struct http_server *server = worker_of(item, offsetof(struct worker, drained))->server;
    if (--server->undrained == 0 && server->on_drained != NULL) {
        server->on_drained(server->drained_context);
    }
}

static void on_loop_drained(struct http_loop *loop)
{
    struct worker *worker = (struct worker *)loop;
    mailbox_push(worker->server->mailbox, &worker->drained);
}

// A base that only its own thread touches needs no locks; other threads come through the mailbox.
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    return base;
}

static bool make_worker(struct http_server *server)
{
    struct worker *worker = &server->workers[server->worker_count];
    struct event_base *base = server->threads == 0 ? server->owner : new_base();
    if (base == NULL) {
        return false;
    }
    worker->server = server;
    worker->drain.run = run_drain;
    worker->stop.run = run_stop;
    worker->drained.run = run_drained;
    server->worker_count++;
    return http_loop_init(&worker->loop, &server->shared, server->worker_count - 1, base) == 0;
}

static bool make_workers(struct http_server *server)
{
    size_t count = server->threads == 0 ? 1 : server->threads;
    server->workers = xcalloc(count, sizeof(*server->workers));
    server->mailbox = mailbox_create(server->owner, NULL, NULL);
    while (server->mailbox != NULL && server->worker_count < count && make_worker(server)) {
    }
    return server->mailbox != NULL && server->worker_count == count;
}

static enum http_server_result listen_all(struct http_server *server, char *error_r, size_t size)
{
    for (size_t i = 0; i < server->address_count; i++) {
        int fds[HTTP_LOOPS_MAX];
        enum http_server_result result = http_listen(&server->addresses[i], fds, server->worker_count, error_r, size);
        if (result != HTTP_SERVER_OK) {
            return result;
        }
        for (size_t worker = 0; worker < server->worker_count; worker++) {
            http_loop_listen(&server->workers[worker].loop, fds[worker]);
        }
    }
    return HTTP_SERVER_OK;
}

enum http_server_result http_server_create(const struct http_server_config *config, struct http_server **server_r,
                                           char *error_r, size_t size)
{
    assert(config->base != NULL && config->on_request != NULL);
    *server_r = NULL;
    struct http_server *server = xcalloc(1, sizeof(*server));
    server->magic = SERVER_MAGIC;
    server->owner = config->base;
    server->threads = config->loops;
    server->address_count = config->listen_count;
    enum http_server_result result = HTTP_SERVER_INVALID;
    if (read_config(server, config, error_r, size)) {
        share(server, config);
        if (make_workers(server)) {
            result = listen_all(server, error_r, size);
        } else {
            snprintf(error_r, size, "cannot make the HTTP loops: %s", strerror(errno));
            result = HTTP_SERVER_FAILED;
        }
    }
    if (result != HTTP_SERVER_OK) {
        http_server_destroy(&server);
    }
    *server_r = server;
    return result;
}

// ---- running ----

static void *run_loop(void *context)
{
    struct worker *worker = context;
    http_loop_open(&worker->loop);
    event_base_dispatch(worker->loop.base);
    return NULL;
}

// Signals belong to the owner's thread.
static int start_thread(struct worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, run_loop, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->running = error == 0;
    return error;
}

enum http_server_result http_server_start(struct http_server *server, char *error_r, size_t size)
{
    assert(server->magic == SERVER_MAGIC && !server->started);
    server->started = true;
    if (server->threads == 0) {
        http_loop_open(&server->workers[0].loop);
        return HTTP_SERVER_OK;
    }
    for (size_t i = 0; i < server->worker_count; i++) {
        int error = start_thread(&server->workers[i]);
        if (error != 0) {
            snprintf(error_r, size, "cannot start an HTTP thread: %s", strerror(error));
            return HTTP_SERVER_FAILED;
        }
    }
    return HTTP_SERVER_OK;
}

const char *http_server_address(const struct http_server *server, size_t index)
{
    assert(server->magic == SERVER_MAGIC && index < server->address_count);
    return server->addresses[index].text;
}

uint16_t http_server_port(const struct http_server *server, size_t index)
{
    assert(server->magic == SERVER_MAGIC && index < server->address_count);
    return http_address_port(&server->addresses[index]);
}

void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context)
{
    assert(server->magic == SERVER_MAGIC && server->started && !server->draining);
    server->draining = true;
    server->on_drained = drained;
    server->drained_context = context;
    server->undrained = server->worker_count;
    for (size_t i = 0; i < server->worker_count; i++) {
        mailbox_push(http_loop_mailbox(&server->workers[i].loop), &server->workers[i].drain);
    }
}

static void stop_threads(struct http_server *server)
{
    for (size_t i = 0; i < server->worker_count; i++) {
        if (server->workers[i].running) {
            mailbox_push(server->workers[i].loop.mailbox, &server->workers[i].stop);
        }
    }
    for (size_t i = 0; i < server->worker_count; i++) {
        if (server->workers[i].running) {
            pthread_join(server->workers[i].thread, NULL);
        }
    }
}

void http_server_stop(struct http_server *server)
{
    assert(server->magic == SERVER_MAGIC);
    if (server->stopped) {
        return;
    }
    server->stopped = true;
    stop_threads(server);
    server->on_drained = NULL;
    for (size_t i = 0; i < server->worker_count; i++) {
        http_loop_close(&server->workers[i].loop);
    }
}

void http_server_destroy(struct http_server **server_r)
{
    struct http_server *server = *server_r;
    if (server == NULL) {
        return;
    }
    http_server_stop(server);
    for (size_t i = 0; i < server->worker_count; i++) {
        struct event_base *base = server->workers[i].loop.base;
        http_loop_clear(&server->workers[i].loop);
        if (server->threads > 0) {
            event_base_free(base);
        }
    }
    mailbox_destroy(&server->mailbox);
    free(server->workers);
    server->magic = 0;
    free(server);
    *server_r = NULL;
}

void http_server_counters(const struct http_server *server, struct http_counters *counters_r)
{
    assert(server->magic == SERVER_MAGIC);
    memset(counters_r, 0, sizeof(*counters_r));
    for (size_t i = 0; i < server->worker_count; i++) {
        const struct http_loop_counters *counters = &server->workers[i].loop.counters;
        counters_r->accepted += atomic_load_explicit(&counters->accepted, memory_order_relaxed);
        counters_r->refused += atomic_load_explicit(&counters->refused, memory_order_relaxed);
        counters_r->timed_out += atomic_load_explicit(&counters->timed_out, memory_order_relaxed);
        counters_r->malformed += atomic_load_explicit(&counters->malformed, memory_order_relaxed);
        counters_r->requests += atomic_load_explicit(&counters->requests, memory_order_relaxed);
        counters_r->lost += atomic_load_explicit(&counters->lost, memory_order_relaxed);
        counters_r->unanswered += atomic_load_explicit(&counters->unanswered, memory_order_relaxed);
    }
    counters_r->open = atomic_load_explicit(&server->shared.open, memory_order_relaxed);
    counters_r->intake_bytes = atomic_load_explicit(&server->shared.intake, memory_order_relaxed);
}

size_t http_server_loop_count(const struct http_server *server)
{
    assert(server->magic == SERVER_MAGIC);
    return server->worker_count;
}

struct http_loop *http_server_loop(const struct http_server *server, size_t index)
{
    assert(server->magic == SERVER_MAGIC && index < server->worker_count);
    return &server->workers[index].loop;
}
