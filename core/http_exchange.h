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
#include <curl/curl.h>

struct arena;

struct ph_http_exchange {
    uint32_t magic;
    struct http_client *client;
    const struct ph_http_request *request;
    http_client_done_f *done;
    void *context;
    CURL *easy;
    struct curl_slist *headers; ///< sent
    struct buffer body;
    size_t body_limit;
    struct arena *arena;          ///< holds the answer's headers
    const struct ph_text **names; ///< of the answer
    const struct ph_text **values;
    size_t header_count;
    const char *fault; ///< why this side ended it, or NULL
    char error[CURL_ERROR_SIZE];
    struct ph_http_response response;
    struct deferred_task task; ///< ends it when curl does not
    LIST_ENTRY(ph_http_exchange) entry;
};

/// An exchange for a request that was checked; `easy` is a fresh handle. NULL: a setting was refused by curl.
bool http_exchange_prepare(struct ph_http_exchange *exchange, CURL *easy);

/// Fills `exchange->response` from what curl knows at the end. `code` is CURLE_OK only if all went well.
void http_exchange_conclude(struct ph_http_exchange *exchange, CURLcode code);

/// Frees what it holds but the easy handle, and itself.
void http_exchange_free(struct ph_http_exchange *exchange);

#endif
