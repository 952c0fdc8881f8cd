// SPDX-License-Identifier: Apache-2.0
//
// See core/http_client.h. curl works on a thread of its own (core/http_transfers.h): an exchange goes there through one
// mailbox and comes back through another, and belongs to one side at a time. One that is cancelled is followed by a second
// item, which comes back too: an exchange has ended here when all that was sent for it is back.
#include "core/http_client.h"
#include "core/http_exchange.h"
#include "core/http_request_check.h"
#include "core/http_transfers.h"
#include "core/xalloc.h"
#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct http_client {
    struct deferred_queue *deferred;
    LIST_HEAD(, ph_http_exchange) exchanges;
    size_t count;
    struct mailbox *home;
    struct mailbox_sender *away;
    bool ending; ///< nothing is handed on any more
    // The other thread's, and the mailbox to it.
    struct event_base *base;
    struct http_transfers *transfers;
    struct mailbox *inbox;
    struct mailbox_sender *back;
    struct mailbox_item quit;
    pthread_t thread;
    bool running;
};

static struct ph_http_exchange *exchange_of(struct mailbox_item *item)
{
    return (struct ph_http_exchange *)((char *)item - offsetof(struct ph_http_exchange, item));
}

static struct ph_http_exchange *cancelled_of(struct mailbox_item *item)
{
    return (struct ph_http_exchange *)((char *)item - offsetof(struct ph_http_exchange, cancel));
}

// --- Ends, on the caller's loop ----------------------------------------------------------------------------

// Tells the end and frees the exchange, which nobody else holds.
static void exchange_end(struct ph_http_exchange *exchange)
{
    struct http_client *client = exchange->client;
    LIST_REMOVE(exchange, entry);
    client->count--;
    exchange->done(exchange->context, &exchange->response);
    http_exchange_free(exchange);
}

static void exchange_end_later(struct deferred_task *task)
{
    exchange_end((struct ph_http_exchange *)((char *)task - offsetof(struct ph_http_exchange, task)));
}

static void on_back(struct mailbox_item *item)
{
    struct ph_http_exchange *exchange = exchange_of(item);
    exchange->away--;
    if (exchange->away == 0 && !exchange->client->ending) {
        exchange_end(exchange);
    }
}

static void on_cancel_back(struct mailbox_item *item)
{
    on_back(&cancelled_of(item)->item);
}

// --- On the other thread -----------------------------------------------------------------------------------

static void on_ended(void *context, struct ph_http_exchange *exchange)
{
    struct http_client *client = context;
    exchange->item.run = on_back;
    mailbox_sender_add(client->back, &exchange->item);
}

static void on_start(struct mailbox_item *item)
{
    struct ph_http_exchange *exchange = exchange_of(item);
    if (!exchange->client->ending) {
        http_transfers_start(exchange->client->transfers, exchange);
    }
}

static void on_cancel(struct mailbox_item *item)
{
    struct ph_http_exchange *exchange = cancelled_of(item);
    if (!exchange->client->ending) {
        http_transfers_cancel(exchange->client->transfers, exchange);
        item->run = on_cancel_back;
        mailbox_sender_add(exchange->client->back, item);
    }
}

static void on_quit(struct mailbox_item *item)
{
    struct http_client *client = (struct http_client *)((char *)item - offsetof(struct http_client, quit));
    event_base_loopbreak(client->base);
}

static void *run_loop(void *context)
{
    struct http_client *client = context;
    event_base_dispatch(client->base);
    return NULL;
}

// --- The client --------------------------------------------------------------------------------------------

// Signals belong to the owner's thread.
static bool start_thread(struct http_client *client)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    client->running = pthread_create(&client->thread, NULL, run_loop, client) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return client->running;
}

static bool client_open(struct http_client *client, struct event_base *base)
{
    client->base = event_base_new();
    client->home = mailbox_create(base, NULL, NULL);
    client->inbox = client->base != NULL ? mailbox_create(client->base, NULL, NULL) : NULL;
    if (client->home == NULL || client->inbox == NULL) {
        return false;
    }
    client->away = mailbox_sender_create(client->inbox, base);
    client->back = mailbox_sender_create(client->home, client->base);
    client->transfers = http_transfers_new(client->base, on_ended, client);
    return client->transfers != NULL && start_thread(client);
}

struct http_client *http_client_new(struct event_base *base, struct deferred_queue *deferred)
{
    struct http_client *client = xcalloc(1, sizeof *client);
    client->deferred = deferred;
    client->quit.run = on_quit;
    LIST_INIT(&client->exchanges);
    if (!client_open(client, base)) {
        http_client_free(client);
        return NULL;
    }
    return client;
}

static void stop_thread(struct http_client *client)
{
    if (client->running) {
        mailbox_sender_flush(client->away);
        mailbox_push(client->inbox, &client->quit);
        pthread_join(client->thread, NULL);
    }
    client->ending = true;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    stop_thread(client);
    mailbox_sender_destroy(&client->away);
    mailbox_sender_destroy(&client->back);
    mailbox_destroy(&client->inbox);
    mailbox_destroy(&client->home);
    struct ph_http_exchange *exchange;
    while ((exchange = LIST_FIRST(&client->exchanges)) != NULL) {
        LIST_REMOVE(exchange, entry);
        http_transfers_drop(client->transfers, exchange);
        http_exchange_free(exchange);
    }
    http_transfers_free(client->transfers);
    if (client->base != NULL) {
        event_base_free(client->base);
    }
    free(client);
}

// --- Starting and cancelling -------------------------------------------------------------------------------

struct ph_http_exchange *http_client_start(struct http_client *client, const struct ph_http_request *request,
                                           http_client_done_f *done, void *context)
{
    if (client->count == HTTP_CLIENT_EXCHANGES_MAX) {
        return NULL;
    }
    struct ph_http_exchange *exchange = http_exchange_new(client, request, done, context);
    LIST_INSERT_HEAD(&client->exchanges, exchange, entry);
    client->count++;
    const char *fault = http_request_check(request);
    if (fault != NULL) {
        exchange->response = (struct ph_http_response){.outcome = PH_INVALID, .error = fault, .body = {"", 0}};
        exchange->task.run = exchange_end_later;
        deferred_add(client->deferred, &exchange->task);
        return exchange;
    }
    exchange->away = 1;
    exchange->item.run = on_start;
    mailbox_sender_add(client->away, &exchange->item);
    return exchange;
}

void http_client_cancel(struct ph_http_exchange *exchange)
{
    assert(exchange->magic == HTTP_EXCHANGE_MAGIC);
    if (exchange->task.queued || exchange->cancelled) {
        return;
    }
    exchange->cancelled = true;
    exchange->away++;
    exchange->cancel.run = on_cancel;
    mailbox_sender_add(exchange->client->away, &exchange->cancel);
}
