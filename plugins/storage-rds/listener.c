// SPDX-License-Identifier: Apache-2.0
//
// The listening connection. A payload is the names, apart by a space (which no name holds).
#include "plugins/storage-rds/listener.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/storage-rds/names.h"

#define CHANNEL "posthouse_inbox"
#define PAYLOAD_MOST 7000 // bytes; PostgreSQL takes fewer than 8000
#define NAME_MOST 64      // bytes of a name; the host takes no longer ones
#define RETRY_PAUSE 1     // s

struct listener {
    struct rds *rds;
    PGconn *pg;
    struct event *readable;
    struct event *writable;
    struct event *timer;
    struct connect_request *request;
    char pending[PAYLOAD_MOST + 1];
    size_t length;
    bool telling; // a NOTIFY is under way
    bool ending;
};

static void attempt(struct listener *listener);

static void drop(struct listener *listener)
{
    if (listener->readable != NULL)
        event_free(listener->readable);
    if (listener->writable != NULL)
        event_free(listener->writable);
    listener->readable = listener->writable = NULL;
    PQfinish(listener->pg);
    listener->pg = NULL;
    listener->telling = false;
}

static void retry(struct listener *listener)
{
    struct timeval pause = {.tv_sec = RETRY_PAUSE};
    drop(listener);
    if (!listener->ending)
        event_add(listener->timer, &pause);
}

static void flush(struct listener *listener)
{
    int left = PQflush(listener->pg);
    if (left < 0)
        retry(listener);
    else if (left > 0)
        event_add(listener->writable, NULL);
}

static void tell(struct listener *listener)
{
    if (listener->pg == NULL || listener->telling || listener->length == 0)
        return;
    const char *payload = listener->pending;
    listener->pending[listener->length] = '\0';
    listener->length = 0;
    if (!PQsendQueryParams(listener->pg, "SELECT pg_notify('" CHANNEL "', $1)", 1, NULL, &payload, NULL, NULL, 0)) {
        retry(listener);
        return;
    }
    listener->telling = true;
    flush(listener);
}

static bool is_name(struct ph_text text)
{
    return text.length <= NAME_MOST && names_plain(text);
}

// One notification: hostile like everything from the server, so only what looks like a name is passed on.
static void hear(struct listener *listener, const PGnotify *notification)
{
    const struct ph_host *host = listener->rds->host;
    if (notification->be_pid == PQbackendPID(listener->pg))
        return;
    for (const char *at = notification->extra; *at != '\0';) {
        size_t length = strcspn(at, " ");
        if (is_name((struct ph_text){.bytes = at, .length = length})) {
            char name[NAME_MOST + 1];
            memcpy(name, at, length);
            name[length] = '\0';
            host->hint(host, (struct ph_text){.bytes = name, .length = length});
        }
        at += length;
        at += *at == ' ';
    }
}

static void hear_all(struct listener *listener)
{
    for (PGnotify *notification; (notification = PQnotifies(listener->pg)) != NULL; PQfreemem(notification))
        hear(listener, notification);
}

static void on_readable(evutil_socket_t descriptor, short events, void *context)
{
    struct listener *listener = context;
    (void)descriptor;
    (void)events;
    if (!PQconsumeInput(listener->pg)) {
        retry(listener);
        return;
    }
    while (listener->telling && !PQisBusy(listener->pg)) {
        PGresult *result = PQgetResult(listener->pg);
        listener->telling = result != NULL;
        PQclear(result);
    }
    hear_all(listener);
    if (PQstatus(listener->pg) != CONNECTION_OK)
        retry(listener);
    else
        tell(listener);
}

static void on_writable(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    flush(context);
}

static bool listen_prepare(struct connect_request *request)
{
    PGresult *result = connect_query(request, "LISTEN " CHANNEL);
    PQclear(result);
    return result != NULL;
}

static void work(void *context)
{
    struct listener *listener = context;
    connect_work(listener->request);
}

static void attempted(void *context)
{
    struct listener *listener = context;
    struct connect_request *request = listener->request;
    struct event_base *base = listener->rds->host->base;
    listener->request = NULL;
    listener->pg = request->connection;
    request->connection = NULL;
    connect_request_free(request);
    if (listener->pg != NULL && !listener->ending) {
        listener->readable = event_new(base, PQsocket(listener->pg), EV_READ | EV_PERSIST, on_readable, listener);
        listener->writable = event_new(base, PQsocket(listener->pg), EV_WRITE, on_writable, listener);
        if (listener->readable != NULL && listener->writable != NULL && event_add(listener->readable, NULL) == 0) {
            hear_all(listener); // what came with the answer to LISTEN was read with it
            tell(listener);
            return;
        }
    }
    retry(listener);
    if (listener->ending)
        rds_turn(listener->rds);
}

static void attempt(struct listener *listener)
{
    struct rds *rds = listener->rds;
    struct ph_text anywhere = {.bytes = NULL, .length = 0};
    // While the database is away, the scout among the connections looks for it.
    if (rds->scout != NULL) {
        retry(listener);
        return;
    }
    listener->request = connect_request_new(rds->config, rds->password, listen_prepare);
    if (listener->request != NULL && rds->host->offload(rds->host, anywhere, work, attempted, listener))
        return;
    connect_request_free(listener->request);
    listener->request = NULL;
    retry(listener);
}

static void on_timer(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    attempt(context);
}

struct listener *listener_new(struct rds *rds)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL)
        return NULL;
    listener->rds = rds;
    listener->timer = evtimer_new(rds->host->base, on_timer, listener);
    if (listener->timer == NULL) {
        free(listener);
        return NULL;
    }
    attempt(listener);
    return listener;
}

void listener_tell(struct listener *listener, const struct ph_notify *entry)
{
    for (size_t i = 0; i < entry->user_count; i++) {
        struct ph_text name = entry->users[i];
        if (!is_name(name) || listener->length + name.length + 1 > PAYLOAD_MOST)
            continue;
        if (listener->length > 0)
            listener->pending[listener->length++] = ' ';
        memcpy(listener->pending + listener->length, name.bytes, name.length);
        listener->length += name.length;
    }
    tell(listener);
}

bool listener_end(struct listener *listener)
{
    listener->ending = true;
    event_del(listener->timer);
    drop(listener);
    if (listener->request != NULL)
        atomic_store(&listener->request->stop, true);
    return listener->request == NULL;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    event_free(listener->timer);
    free(listener);
}
