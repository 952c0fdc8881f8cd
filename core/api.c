// SPDX-License-Identifier: Apache-2.0
//
// See api.h. What every request passes, in this order: route, rate of its address, session and role, rate of its user,
// parameters, body; then its handler. A request is answered by whichever stops it.
#include "core/api.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/api_metrics.h"
#include "core/api_task.h"
#include "core/api_trace.h"
#include "core/auth.h"
#include "core/clock.h"
#include "core/json_read.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/rate_limit.h"
#include "core/routes.h"
#include "core/session_cache.h"
#include "core/span.h"
#include "core/xalloc.h"

#define API_MAGIC 0x61706973u
#define RATE_KEYS 65536

struct api {
    uint32_t magic;
    struct api_settings settings;
    struct session_cache *sessions;
    struct http_server *server;
    struct api_loop *loops;
    size_t loop_count;
    pthread_mutex_t rates; // guards both limits
    struct rate_limit *user_rate;
    struct rate_limit *address_rate;
    _Atomic int works;
};

const struct api_settings *api_settings(const struct api *api)
{
    return &api->settings;
}

struct session_cache *api_sessions(struct api *api)
{
    return api->sessions;
}

struct http_server *api_server(struct api *api)
{
    return api->server;
}

bool api_work_begin(struct api *api)
{
    if (atomic_fetch_add_explicit(&api->works, 1, memory_order_relaxed) < API_WORKS_MAX) {
        return true;
    }
    api_work_end(api);
    return false;
}

void api_work_end(struct api *api)
{
    atomic_fetch_sub_explicit(&api->works, 1, memory_order_relaxed);
}

static struct rate_limit *rate_new(const struct api_rate *rate)
{
    return rate->rate > 0 ? rate_limit_create(rate->rate, rate->burst > 0 ? rate->burst : rate->rate, RATE_KEYS) : NULL;
}

struct api *api_new(const struct api_settings *settings)
{
    struct api *api = xcalloc(1, sizeof *api);
    api->magic = API_MAGIC;
    api->settings = *settings;
    api->sessions = session_cache_new();
    pthread_mutex_init(&api->rates, NULL);
    api->user_rate = rate_new(&settings->user_rate);
    api->address_rate = rate_new(&settings->address_rate);
    return api;
}

void api_attach(struct api *api, struct http_server *server, bool threads)
{
    api->server = server;
    api->loop_count = http_server_loop_count(server);
    api->loops = xcalloc(api->loop_count, sizeof api->loops[0]);
    for (size_t i = 0; i < api->loop_count; i++) {
        struct http_loop *loop = http_server_loop(server, i);
        api->loops[i].api = api;
        api->loops[i].port = exchange_port_new(api->settings.exchange, threads ? http_loop_base(loop) : NULL,
                                               threads ? http_loop_mailbox(loop) : NULL);
        api_metrics_attach(&api->loops[i]);
        http_loop_set_data(loop, &api->loops[i]);
    }
}

void api_free(struct api *api)
{
    if (api == NULL) {
        return;
    }
    assert(api->magic == API_MAGIC);
    for (size_t i = 0; i < api->loop_count; i++) {
        exchange_port_free(&api->loops[i].port);
        api_metrics_detach(&api->loops[i]);
    }
    free(api->loops);
    session_cache_free(api->sessions);
    rate_limit_destroy(&api->user_rate);
    rate_limit_destroy(&api->address_rate);
    pthread_mutex_destroy(&api->rates);
    api->magic = 0;
    free(api);
}

// -------------------------------------------------------------------------------------------------- every request

// False, after a 429, when the key's tokens are used up.
static bool take_token(struct task *task, struct rate_limit *limit, const void *key, size_t length)
{
    struct api *api = task->api;
    if (limit == NULL) {
        return true;
    }
    pthread_mutex_lock(&api->rates);
    const int64_t now_ms = (int64_t)(clock_monotonic_ns(api->settings.clock) / 1000000);
    const uint32_t wait_ms = rate_limit_take(limit, key, length, now_ms);
    pthread_mutex_unlock(&api->rates);
    if (wait_ms > 0) {
        task_retry_after(task, 429, "too-many-requests", wait_ms / 1000 + 1,
                         "Too many requests in a short time; nothing was changed. Come again later.");
    }
    return wait_ms == 0;
}

static bool parameters_known(struct task *task)
{
    const struct route *route = task->route;
    if ((route->flags & ROUTE_ANY_PARAMETERS) != 0) {
        return true;
    }
    for (size_t i = 0; i < http_parameter_count(task->request); i++) {
        const char *name = http_parameter(task->request, i).name;
        bool known = false;
        for (size_t k = 0; k < ROUTE_PARAMETERS_MAX && route->parameters[k] != NULL; k++) {
            known = known || strcmp(name, route->parameters[k]) == 0;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(name, http_parameter(task->request, k).name) == 0) {
                task_invalid_one(task, "", "The parameter %.64s occurs more than once.", name);
                return false;
            }
        }
        if (!known) {
            task_invalid_one(task, "", "This call has no parameter %.64s.", name);
            return false;
        }
    }
    return true;
}

static bool content_type_is_json(const struct http_request *request)
{
    const char *type = http_header(request, "Content-Type");
    if (type == NULL || http_header_count(request, "Content-Type") != 1) {
        return false;
    }
    const size_t length = strcspn(type, "; \t");
    if (length != strlen("application/json") || strncasecmp(type, "application/json", length) != 0) {
        return false;
    }
    type += length;
    type += strspn(type, "; \t");
    return *type == '\0' || strcasecmp(type, "charset=utf-8") == 0 || strcasecmp(type, "charset=\"utf-8\"") == 0;
}

static bool body_read(struct task *task)
{
    struct json_read_error error;
    const size_t length = http_body_length(task->request);
    if ((task->route->flags & ROUTE_BODY) == 0) {
        if (length > 0) {
            task_problem(task, 400, "bad-request", "This call takes no body.");
            return false;
        }
        return true;
    }
    if (length == 0) {
        task_problem(task, 400, "bad-request", "This call needs a JSON object as its body.");
        return false;
    }
    if (!content_type_is_json(task->request)) {
        task_problem(task, 415, "unsupported-media-type", "The body must be application/json in UTF-8.");
        return false;
    }
    task->body = json_read(http_body(task->request), length, 0, &error);
    if (task->body == NULL) {
        task_problem(task, 400, "bad-json", "The body is not JSON that can be taken: %s", error.text);
        return false;
    }
    if (!json_is_object(task->body)) {
        task_invalid_one(task, "", "The body must be a JSON object.");
        return false;
    }
    return true;
}

static void request_admitted(struct task *task)
{
    const struct route *route = task->route;
    if (route->access == ROUTE_OPERATOR && (task->session.roles & PH_ROLE_OPERATOR) == 0) {
        task_problem(task, 403, "forbidden", "This call is for operators.");
        return;
    }
    if (route->access != ROUTE_OPEN &&
        !take_token(task, task->api->user_rate, task->session.user, strlen(task->session.user))) {
        return;
    }
    if ((route->flags & ROUTE_MESSAGE) != 0 && !exchange_has_room(task->api->settings.exchange)) {
        task_retry_after(task, 503, "overloaded", 1,
                         "Too many messages wait to be stored. This one was not taken; send it again later.");
        return;
    }
    if (parameters_known(task) && body_read(task)) {
        route->handler(task);
    }
}

static void refuse_unrouted(struct task *task, const char *allow)
{
    if (allow[0] == '\0') {
        task_problem(task, 404, "not-found", "There is nothing at this path.");
        return;
    }
    const struct http_header header = {"Allow", allow};
    const struct problem problem = {
        .status = 405, .type = "method-not-allowed", .detail = "This path does not take this method; see Allow."};
    struct http_request *request = task->request;
    task->request = NULL;
    http_respond_problem(request, &problem, &header, 1);
    task_drop(task);
}

void api_on_request(void *context, struct http_request *request)
{
    struct api *api = context;
    struct api_loop *loop = http_loop_data(http_request_loop(request));
    char allow[ROUTE_ALLOW_SIZE];
    unsigned char address[HTTP_CLIENT_KEY_SIZE];
    assert(api->magic == API_MAGIC);
    const struct route *route = routes_find(request, allow);
    if (route != NULL && !api->settings.messages && (route->flags & ROUTE_ALWAYS) == 0) {
        route = NULL;
        allow[0] = '\0';
    }
    struct task *task = task_new(api, loop, request, route);
    http_set_data(request, task);
    if (route == NULL) {
        refuse_unrouted(task, allow);
        return;
    }
    http_set_route(request, route->label);
    if ((route->flags & ROUTE_ALWAYS) == 0) {
        if (api->settings.tracing != NULL) {
            api_trace_begin(task);
        }
        http_client_key(request, address);
        if (!take_token(task, api->address_rate, address, sizeof address)) {
            return;
        }
    }
    if (route->access == ROUTE_OPEN) {
        request_admitted(task);
    } else {
        auth_check(task, request_admitted);
    }
}

// ---------------------------------------------------------------------------------------------------- every answer

void api_on_answer(void *context, struct http_loop *loop, const struct http_answer *answer)
{
    (void)context;
    const struct task *task = answer->data;
    const struct span *span = task != NULL ? task->span : NULL;
    api_metrics_answer(http_loop_data(loop), answer);
    const struct log_context place = {.request_id = answer->request_id,
                                      .trace_id = span != NULL ? span->text : answer->traceparent};
    log_debug(&place, "answered", log_text("method", answer->method), log_text("path", answer->path),
              log_int("status", answer->status), log_text("client", answer->client_address),
              log_real("ms", (double)answer->duration_ns / 1e6), log_bool("lost", answer->lost));
    if (span != NULL) {
        api_trace_end(answer->data, answer);
    }
}
