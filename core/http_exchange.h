// SPDX-License-Identifier: Apache-2.0
//
// One request of the HTTP client and its answer: what is told to curl, and what curl tells back. The client
// (core/http_client.c) drives it.
#ifndef CORE_HTTP_EXCHANGE_H
#define CORE_HTTP_EXCHANGE_H

#include "core/buffer.h"
#include "core/deferred.h"
#include "core/http_client.h"
#include "core/list.h"
#include "core/mailbox.h"
#include <curl/curl.h>

#define HTTP_EXCHANGE_MAGIC 0x477be8c4u

struct arena;
struct http_sockets;

/// An easy handle of curl's. Used again it keeps what all requests have in common, so that only the rest is set.
struct http_handle {
    CURL *easy;
    struct http_sockets *sockets;
    bool ready;    ///< it was set up, for requests
    bool post;     ///< that are POST, or else whatever the last one was
    char *ca_file; ///< with these certificates; NULL: the system's
};

struct ph_http_exchange {
    uint32_t magic;
    struct http_client *client;
    const struct ph_http_request *request;
    http_client_done_f *done;
    void *context;
    struct deferred_task task; ///< ends one that was never sent
    LIST_ENTRY(ph_http_exchange) entry;
    unsigned away; ///< items that are with the other thread, or on their way
    bool cancelled;
    struct mailbox_item item;
    struct mailbox_item cancel;
    // The other thread's, until it is back.
    struct http_handle *handle; ///< NULL: not with curl
    uint64_t started_at;        ///< by the count of curl's turns
    struct curl_slist *lines;   ///< the headers that are sent, one beside the other; the texts are the request's
    struct buffer body;
    size_t body_limit;
    struct arena *arena;          ///< holds the answer's headers
    const struct ph_text **names; ///< of the answer
    const struct ph_text **values;
    size_t header_count;
    const char *fault; ///< why this side ended it, or NULL
    struct ph_http_response response;
    char error[CURL_ERROR_SIZE];
};

/// An exchange that is in no list. Never NULL.
struct ph_http_exchange *http_exchange_new(struct http_client *client, const struct ph_http_request *request,
                                           http_client_done_f *done, void *context);

/// Sets up the exchange's handle for its request, which was checked. False: a setting was refused by curl.
bool http_exchange_prepare(struct ph_http_exchange *exchange);

/// Fills `exchange->response` from what curl knows at the end. `code` is CURLE_OK only if all went well; `begun`: curl was
/// called since the exchange was given to it.
void http_exchange_conclude(struct ph_http_exchange *exchange, CURLcode code, bool begun);

/// Frees what it holds but the handle, and itself.
void http_exchange_free(struct ph_http_exchange *exchange);

#endif
