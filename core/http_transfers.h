// SPDX-License-Identifier: Apache-2.0
//
// curl's side of the HTTP client: exchanges under way, kept connections and handles, on a loop of its own. All functions run
// on that loop's thread, or when the thread has ended.
#ifndef CORE_HTTP_TRANSFERS_H
#define CORE_HTTP_TRANSFERS_H

struct event_base;
struct http_transfers;
struct ph_http_exchange;

/// An exchange has ended and is no longer held here; its response is filled. May run inside http_transfers_start() and
/// http_transfers_cancel().
typedef void http_transfers_ended_f(void *context, struct ph_http_exchange *exchange);

/// NULL when curl cannot be started.
struct http_transfers *http_transfers_new(struct event_base *base, http_transfers_ended_f *ended, void *context)
    __attribute__((warn_unused_result));

/// Frees it, with none under way. NULL is allowed.
void http_transfers_free(struct http_transfers *transfers);

/// Starts an exchange whose request was checked.
void http_transfers_start(struct http_transfers *transfers, struct ph_http_exchange *exchange);

/// Ends one that is under way, now; one that has ended is left.
void http_transfers_cancel(struct http_transfers *transfers, struct ph_http_exchange *exchange);

/// Takes one that is under way from curl without an end; one that has ended is left.
void http_transfers_drop(struct http_transfers *transfers, struct ph_http_exchange *exchange);

#endif
