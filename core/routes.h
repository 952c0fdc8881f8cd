// SPDX-License-Identifier: Apache-2.0
//
// Routes: which path and method is which handler, who may call it, and which parameters and body it takes.
#ifndef CORE_ROUTES_H
#define CORE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/http_request.h"

struct task;

#define ROUTE_ALLOW_SIZE 64
#define ROUTE_PARAMETERS_MAX 4

enum route_access {
    ROUTE_OPEN,    ///< anybody
    ROUTE_SESSION, ///< any user
    ROUTE_OPERATOR ///< users with the role operator
};

enum route_flags {
    ROUTE_BODY = 1,           ///< takes a JSON object
    ROUTE_ALWAYS = 2,         ///< also without the role api
    ROUTE_ANY_PARAMETERS = 4, ///< query parameters are ignored
    ROUTE_MESSAGE = 8         ///< refused while too much waits for storage
};

struct route {
    enum http_method method;
    const char *path; ///< segments; one in braces stands for any
    enum route_access access;
    unsigned flags;
    void (*handler)(struct task *task);
    const char *parameters[ROUTE_PARAMETERS_MAX]; ///< the query parameters it knows
    const char *label;                            ///< "GET /v1/inbox", for metrics and logs
};

/// Finds the route of a request. NULL: `allow_r` holds the methods that the path has ("" for an unknown path). HEAD finds
/// GET's.
const struct route *routes_find(const struct http_request *request, char allow_r[ROUTE_ALLOW_SIZE]);

/// The same for given segments (tests).
const struct route *routes_match(enum http_method method, const char *const *segments, size_t count,
                                 char allow_r[ROUTE_ALLOW_SIZE]);

/// The label of an inbox call that waits: a route of its own for metrics, since it is meant to take long.
extern const char routes_wait_label[];

/// All routes, for metrics and tests.
const struct route *routes_all(size_t *count_r);

#endif
