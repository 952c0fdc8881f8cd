// SPDX-License-Identifier: Apache-2.0
//
// See core/http_transfers.h. curl tells which sockets it waits for and when it wants to be called; this file hands both to
// libevent, and ends exchanges outside of curl's callbacks.
#include "core/http_transfers.h"
#include "core/http_exchange.h"
#include "core/http_sockets.h"
#include "core/xalloc.h"
#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

/// Easy handles that are kept for the next request.
#define SPARE_MAX 256
#define CONNECTIONS_KEPT 512L
#define CONNECTIONS_PER_HOST 512L

struct http_transfers {
    struct event_base *base;
    http_transfers_ended_f *ended;
    void *context;
    CURLM *multi;
    struct http_sockets *sockets;
    struct event *timer;
    uint64_t turns; ///< how often curl was called
    struct http_handle *spare[SPARE_MAX];
    size_t spare_count;
};

// --- Handles -----------------------------------------------------------------------------------------------

static void handle_free(struct http_handle *handle)
{
    if (handle->easy != NULL) {
        curl_easy_cleanup(handle->easy);
    }
    free(handle->ca_file);
    free(handle);
}

static struct http_handle *handle_take(struct http_transfers *transfers)
{
    if (transfers->spare_count > 0) {
        return transfers->spare[--transfers->spare_count];
    }
    struct http_handle *handle = xcalloc(1, sizeof *handle);
    handle->easy = curl_easy_init();
    handle->sockets = transfers->sockets;
    return handle;
}

static void handle_give_back(struct http_transfers *transfers, struct http_handle *handle)
{
    if (transfers->spare_count < SPARE_MAX && handle->easy != NULL) {
        curl_easy_setopt(handle->easy, CURLOPT_ERRORBUFFER, NULL);
        transfers->spare[transfers->spare_count++] = handle;
    } else {
        handle_free(handle);
    }
}

// --- Ends --------------------------------------------------------------------------------------------------

// The exchange is no longer with curl, and its answer is made.
static void transfer_end(struct http_transfers *transfers, struct ph_http_exchange *exchange)
{
    handle_give_back(transfers, exchange->handle);
    exchange->handle = NULL;
    transfers->ended(transfers->context, exchange);
}

// Ends what curl has finished.
static void collect(struct http_transfers *transfers)
{
    int left;
    const CURLMsg *message;
    transfers->turns++;
    while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        struct ph_http_exchange *exchange = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange);
        assert(exchange != NULL && exchange->magic == HTTP_EXCHANGE_MAGIC);
        http_exchange_conclude(exchange, code, true);
        curl_multi_remove_handle(transfers->multi, easy);
        transfer_end(transfers, exchange);
    }
}

// --- curl and libevent -------------------------------------------------------------------------------------

static void on_timer(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    struct http_transfers *transfers = context;
    int running;
    curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(transfers);
}

static void on_ready(void *context, curl_socket_t socket, int action)
{
    struct http_transfers *transfers = context;
    int running;
    curl_multi_socket_action(transfers->multi, socket, action, &running);
    collect(transfers);
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_transfers *transfers = context;
    if (timeout_ms < 0) {
        event_del(transfers->timer);
    } else {
        struct timeval after = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
        event_add(transfers->timer, &after);
    }
    return 0;
}

static int set_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *socket_context)
{
    (void)easy;
    (void)socket_context;
    struct http_transfers *transfers = context;
    return http_sockets_watch(transfers->sockets, socket, what) ? 0 : -1;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_transfers *http_transfers_new(struct event_base *base, http_transfers_ended_f *ended, void *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    struct http_transfers *transfers = xcalloc(1, sizeof *transfers);
    transfers->base = base;
    transfers->ended = ended;
    transfers->context = context;
    transfers->multi = curl_multi_init();
    transfers->sockets = http_sockets_new(base, on_ready, transfers);
    transfers->timer = event_new(base, -1, 0, on_timer, transfers);
    if (transfers->multi == NULL || transfers->timer == NULL) {
        http_transfers_free(transfers);
        return NULL;
    }
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_PER_HOST);
    return transfers;
}

void http_transfers_free(struct http_transfers *transfers)
{
    if (transfers == NULL) {
        return;
    }
    for (size_t i = 0; i < transfers->spare_count; i++) {
        handle_free(transfers->spare[i]);
    }
    // Closing kept connections takes their sockets from libevent, and may set the timer.
    curl_multi_cleanup(transfers->multi);
    http_sockets_free(transfers->sockets);
    if (transfers->timer != NULL) {
        event_free(transfers->timer);
    }
    free(transfers);
}

// --- Starting and cancelling -------------------------------------------------------------------------------

void http_transfers_start(struct http_transfers *transfers, struct ph_http_exchange *exchange)
{
    exchange->handle = handle_take(transfers);
    exchange->started_at = transfers->turns;
    if (exchange->handle->easy == NULL || !http_exchange_prepare(exchange)) {
        exchange->response = (struct ph_http_response){
            .outcome = PH_INVALID, .error = "the request could not be set up; is the URL sound?", .body = {"", 0}};
    } else if (curl_multi_add_handle(transfers->multi, exchange->handle->easy) != CURLM_OK) {
        exchange->response = (struct ph_http_response){
            .outcome = PH_TRANSIENT, .error = "the request could not be started", .body = {"", 0}};
    } else {
        return;
    }
    transfer_end(transfers, exchange);
}

void http_transfers_drop(struct http_transfers *transfers, struct ph_http_exchange *exchange)
{
    if (exchange->handle != NULL) {
        curl_multi_remove_handle(transfers->multi, exchange->handle->easy);
        handle_free(exchange->handle);
        exchange->handle = NULL;
    }
}

void http_transfers_cancel(struct http_transfers *transfers, struct ph_http_exchange *exchange)
{
    if (exchange->handle == NULL) {
        return;
    }
    exchange->fault = "cancelled";
    // Before curl was called the handle still tells of the request before.
    http_exchange_conclude(exchange, CURLE_ABORTED_BY_CALLBACK, transfers->turns != exchange->started_at);
    curl_multi_remove_handle(transfers->multi, exchange->handle->easy);
    transfer_end(transfers, exchange);
}
