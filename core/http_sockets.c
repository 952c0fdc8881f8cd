// SPDX-License-Identifier: Apache-2.0
//
// See core/http_sockets.h. A descriptor's number may be another socket's the next moment. An event therefore stays while curl
// does not wait only where the socket was opened here and is a connection by now, since then it is closed here too. An attempt to
// connect that came to nothing (another address was quicker, or time was up) curl 7.88 closes by itself, and tells that it does
// not wait any more only afterwards: such a socket was only ever waited for to become writable.
#include "core/http_sockets.h"
#include "core/xalloc.h"
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct watched {
    struct event *event; ///< NULL: none
    short events;        ///< that it is for; 0: none
    bool own;            ///< opened here, and so far closed nowhere else
    bool rests;          ///< curl does not wait for it now
};

struct http_sockets {
    struct event_base *base;
    http_sockets_ready_f *ready;
    void *context;
    struct watched *all; ///< by the descriptor's number
    size_t count;
};

static void forget(struct watched *watched)
{
    if (watched->event != NULL) {
        event_free(watched->event);
        watched->event = NULL;
    }
    watched->events = 0;
}

static struct watched *watched_of(struct http_sockets *sockets, curl_socket_t socket)
{
    const size_t index = (size_t)socket;
    if (index >= sockets->count) {
        const size_t count = index < 64 ? 128 : 2 * index;
        sockets->all = xrealloc_array(sockets->all, count, sizeof sockets->all[0]);
        memset(sockets->all + sockets->count, 0, (count - sockets->count) * sizeof sockets->all[0]);
        sockets->count = count;
    }
    return &sockets->all[index];
}

static void on_event(evutil_socket_t socket, short events, void *context)
{
    struct http_sockets *sockets = context;
    struct watched *watched = watched_of(sockets, socket);
    if (watched->rests) {
        forget(watched); // the other side has closed a connection that rests: curl finds out when it looks at it
        return;
    }
    const int action = ((events & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
                       ((events & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    sockets->ready(sockets->context, socket, action);
}

static bool watch(struct http_sockets *sockets, curl_socket_t socket, struct watched *watched, short events)
{
    if (watched->event != NULL && watched->events == events) {
        return true;
    }
    forget(watched);
    watched->events = events;
    watched->event = event_new(sockets->base, socket, (short)(EV_PERSIST | events), on_event, sockets);
    if (watched->event == NULL || event_add(watched->event, NULL) != 0) {
        forget(watched); // else it would pass for watched the next time
        return false;
    }
    return true;
}

bool http_sockets_watch(struct http_sockets *sockets, curl_socket_t socket, int what)
{
    struct watched *watched = watched_of(sockets, socket);
    watched->rests = what == CURL_POLL_REMOVE || what == CURL_POLL_NONE;
    if (!watched->rests) {
        return watch(sockets, socket, watched,
                     (short)((what != CURL_POLL_OUT ? EV_READ : 0) | (what != CURL_POLL_IN ? EV_WRITE : 0)));
    }
    if ((watched->events & EV_WRITE) != 0) {
        watched->own = false; // perhaps curl has closed it
    }
    if (!watched->own) {
        forget(watched);
    }
    return true;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_sockets *sockets = context;
    (void)purpose;
    const int descriptor = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (descriptor < 0) {
        return CURL_SOCKET_BAD;
    }
    struct watched *watched = watched_of(sockets, descriptor);
    forget(watched);
    watched->own = true;
    return descriptor;
}

static int close_socket(void *context, curl_socket_t socket)
{
    struct watched *watched = watched_of(context, socket);
    forget(watched);
    watched->own = false;
    return close(socket);
}

bool http_sockets_use(struct http_sockets *sockets, CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets) == CURLE_OK;
}

struct http_sockets *http_sockets_new(struct event_base *base, http_sockets_ready_f *ready, void *context)
{
    struct http_sockets *sockets = xcalloc(1, sizeof *sockets);
    sockets->base = base;
    sockets->ready = ready;
    sockets->context = context;
    return sockets;
}

void http_sockets_free(struct http_sockets *sockets)
{
    if (sockets == NULL) {
        return;
    }
    for (size_t i = 0; i < sockets->count; i++) {
        forget(&sockets->all[i]);
    }
    free(sockets->all);
    free(sockets);
}
