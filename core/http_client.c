// SPDX-License-Identifier: Apache-2.0
//
// See core/http_client.h. curl tells which sockets it waits for and when it wants to be called; this file
// hands both to libevent, and ends exchanges outside of curl's callbacks.
#include "core/http_client.h"
#include "core/http_exchange.h"
#include "core/http_request_check.h"
#include "core/xalloc.h"
#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

#define EXCHANGE_MAGIC 0x477be8c4u
/// Easy handles that are kept for the next request.
#define SPARE_MAX 256
#define CONNECTIONS_KEPT 256L
#define CONNECTIONS_PER_HOST 256L

struct http_client {
    struct event_base *base;
    struct deferred_queue *deferred;
    CURLM *multi;
    struct event *timer;
    LIST_HEAD(, ph_http_exchange) exchanges;
    size_t count;
    CURL *spare[SPARE_MAX];
    size_t spare_count;
};

// --- Ends --------------------------------------------------------------------------------------------------

static void give_back_easy(struct http_client *client, CURL *easy)
{
    if (easy == NULL) {
        return;
    }
    if (client->spare_count < SPARE_MAX) {
        curl_easy_reset(easy);
        client->spare[client->spare_count++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

// Tells the end and frees the exchange, which is no longer with curl.
static void exchange_end(struct ph_http_exchange *exchange)
{
    struct http_client *client = exchange->client;
    LIST_REMOVE(exchange, entry);
    client->count--;
    exchange->done(exchange->context, &exchange->response);
    give_back_easy(client, exchange->easy);
    http_exchange_free(exchange);
}

static void exchange_end_later(struct deferred_task *task)
{
    exchange_end((struct ph_http_exchange *)((char *)task - offsetof(struct ph_http_exchange, task)));
}

// Ends what curl has finished. A done function may start and cancel others, so each message is copied first.
static void collect(struct http_client *client)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        struct ph_http_exchange *exchange = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange);
        assert(exchange != NULL && exchange->magic == EXCHANGE_MAGIC);
        http_exchange_conclude(exchange, code);
        curl_multi_remove_handle(client->multi, easy);
        exchange_end(exchange);
    }
}

// --- curl and libevent -------------------------------------------------------------------------------------

static void on_timer(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    struct http_client *client = context;
    int running;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(client);
}

static void on_socket(evutil_socket_t descriptor, short events, void *context)
{
    struct http_client *client = context;
    int action = ((events & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((events & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running;
    curl_multi_socket_action(client->multi, descriptor, action, &running);
    collect(client);
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_client *client = context;
    if (timeout_ms < 0) {
        event_del(client->timer);
    } else {
        struct timeval after = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
        event_add(client->timer, &after);
    }
    return 0;
}

static int set_socket(CURL *easy, curl_socket_t descriptor, int what, void *context, void *socket_context)
{
    (void)easy;
    struct http_client *client = context;
    struct event *event = socket_context;
    if (event != NULL) {
        event_free(event);
        event = NULL;
    }
    if (what != CURL_POLL_REMOVE) {
        short events = EV_PERSIST;
        events = (short)(events | (what != CURL_POLL_OUT ? EV_READ : 0) | (what != CURL_POLL_IN ? EV_WRITE : 0));
        event = event_new(client->base, descriptor, events, on_socket, client);
        if (event == NULL || event_add(event, NULL) != 0) {
            return -1;
        }
    }
    curl_multi_assign(client->multi, descriptor, event);
    return 0;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(struct event_base *base, struct deferred_queue *deferred)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    struct http_client *client = xcalloc(1, sizeof *client);
    client->base = base;
    client->deferred = deferred;
    LIST_INIT(&client->exchanges);
    client->multi = curl_multi_init();
    client->timer = event_new(base, -1, 0, on_timer, client);
    if (client->multi == NULL || client->timer == NULL) {
        http_client_free(client);
        return NULL;
    }
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_PER_HOST);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    struct ph_http_exchange *exchange;
    while ((exchange = LIST_FIRST(&client->exchanges)) != NULL) {
        LIST_REMOVE(exchange, entry);
        if (exchange->easy != NULL) {
            curl_multi_remove_handle(client->multi, exchange->easy);
            curl_easy_cleanup(exchange->easy);
        }
        http_exchange_free(exchange);
    }
    for (size_t i = 0; i < client->spare_count; i++) {
        curl_easy_cleanup(client->spare[i]);
    }
    // Closing kept connections takes their sockets from libevent, and may set the timer.
    curl_multi_cleanup(client->multi);
    if (client->timer != NULL) {
        event_free(client->timer);
    }
    free(client);
}

// --- Starting and cancelling -------------------------------------------------------------------------------

static void end_without_curl(struct ph_http_exchange *exchange, enum ph_outcome outcome, const char *error)
{
    exchange->response = (struct ph_http_response){.outcome = outcome, .error = error, .body = {"", 0}};
    deferred_add(exchange->client->deferred, &exchange->task);
}

struct ph_http_exchange *http_client_start(struct http_client *client, const struct ph_http_request *request,
                                           http_client_done_f *done, void *context)
{
    if (client->count == HTTP_CLIENT_EXCHANGES_MAX) {
        return NULL;
    }
    struct ph_http_exchange *exchange = xcalloc(1, sizeof *exchange);
    exchange->magic = EXCHANGE_MAGIC;
    exchange->client = client;
    exchange->request = request;
    exchange->done = done;
    exchange->context = context;
    exchange->task.run = exchange_end_later;
    LIST_INSERT_HEAD(&client->exchanges, exchange, entry);
    client->count++;
    const char *fault = http_request_check(request);
    if (fault != NULL) {
        end_without_curl(exchange, PH_INVALID, fault);
        return exchange;
    }
    CURL *easy = client->spare_count > 0 ? client->spare[--client->spare_count] : curl_easy_init();
    if (easy == NULL || !http_exchange_prepare(exchange, easy)) {
        end_without_curl(exchange, PH_INVALID, "the request could not be set up; is the URL sound?");
    } else if (curl_multi_add_handle(client->multi, easy) != CURLM_OK) {
        end_without_curl(exchange, PH_TRANSIENT, "the request could not be started");
    }
    return exchange;
}

void http_client_cancel(struct ph_http_exchange *exchange)
{
    assert(exchange->magic == EXCHANGE_MAGIC);
    if (exchange->task.queued) {
        return;
    }
    exchange->fault = "cancelled";
    http_exchange_conclude(exchange, CURLE_ABORTED_BY_CALLBACK);
    curl_multi_remove_handle(exchange->client->multi, exchange->easy);
    deferred_add(exchange->client->deferred, &exchange->task);
}
