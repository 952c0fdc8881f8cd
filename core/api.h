// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API, version 1: routes, authentication, validation and encoding between the HTTP server and the exchange.
#ifndef CORE_API_H
#define CORE_API_H

#include <stdbool.h>
#include <stdint.h>

#include "core/http_server.h"

struct api;
struct clock;
struct exchange;
struct metrics;
struct tracing;

/// A rate limit; rate 0: none.
struct api_rate {
    uint32_t rate;  ///< requests a second
    uint32_t burst; ///< at once
};

struct api_settings {
    struct exchange *exchange;
    struct metrics *metrics;
    const struct clock *clock;
    struct tracing *tracing; ///< NULL: off
    bool messages;           ///< role api: the /v1 calls; without it only health, metrics and the document
    bool plain_passwords;    ///< the storage is volatile: stored passwords of the form plain:PASSWORD are taken
    struct api_rate user_rate;
    struct api_rate address_rate;
};

/// Makes the API; never NULL. On the exchange's thread.
struct api *api_new(const struct api_settings *settings);

/// Gives each loop of a server its way to the exchange, between http_server_create() and http_server_start(). `threads`:
/// the loops have threads of their own (loops > 0).
void api_attach(struct api *api, struct http_server *server, bool threads);

/// The server's callbacks; their context is the api.
void api_on_request(void *context, struct http_request *request);
void api_on_answer(void *context, struct http_loop *loop, const struct http_answer *answer);

/// Frees it, after http_server_destroy() and before exchange_free(). NULL is allowed.
void api_free(struct api *api);

#endif
