// SPDX-License-Identifier: Apache-2.0
//
// The HTTP client behind ph_host.http: one curl multi handle on a thread of its own, connections kept.
//
// It speaks http and https only, verifies certificates, follows no redirect, takes no proxy from the
// environment, and sends no `Expect:`. What a request holds and what an answer may be is bounded: see the
// constants. Nothing blocks: names are resolved on a thread of curl's. The caller's loop's thread only: what curl does for
// a request, TLS above all, costs more than the rest of its way, and would take that loop's time.
#ifndef CORE_HTTP_CLIENT_H
#define CORE_HTTP_CLIENT_H

#include <posthouse/plugin.h>
#include <stdint.h>

/// An answer's body is at most this, unless the request says otherwise.
#define HTTP_CLIENT_BODY_DEFAULT ((size_t)16 << 20)
/// The names and values of all headers of an answer are at most this many bytes, and this many lines.
#define HTTP_CLIENT_HEAD_MAX ((size_t)64 << 10)
#define HTTP_CLIENT_HEADERS_MAX 100
/// The longest time a request may take, and the time to connect unless the request says otherwise.
#define HTTP_CLIENT_TIMEOUT_MAX_MS 120000u
#define HTTP_CLIENT_CONNECT_MS 5000u
/// Requests under way at once; more are refused.
#define HTTP_CLIENT_EXCHANGES_MAX 1024

struct deferred_queue;
struct event_base;
struct http_client;

typedef void http_client_done_f(void *context, const struct ph_http_response *response);

/// A client on that loop. NULL when curl cannot be started.
struct http_client *http_client_new(struct event_base *base, struct deferred_queue *deferred)
    __attribute__((warn_unused_result));

/// Frees it. Requests under way are dropped without their done function. NULL is allowed.
void http_client_free(struct http_client *client);

/// As ph_host.http: starts a request; `done` runs once, later. All that `request` points to must stay until
/// then. NULL: the request cannot even be held (too many under way); `done` will not run. A request that is
/// not sound ends later with PH_INVALID and the reason.
struct ph_http_exchange *http_client_start(struct http_client *client, const struct ph_http_request *request,
                                           http_client_done_f *done, void *context);

/// As ph_host.http_cancel. An exchange is valid until its done function begins.
void http_client_cancel(struct ph_http_exchange *exchange);

#endif
