// SPDX-License-Identifier: Apache-2.0
//
// One attempt as it goes out: headers, signature, body. Made anew for every attempt.
#ifndef PLUGINS_AWS_WIRE_H
#define PLUGINS_AWS_WIRE_H

#include "core/buffer.h"
#include "plugins/aws/client.h"
#include "plugins/aws/endpoint.h"
#include "plugins/aws/sign.h"

#define AWS_WIRE_HEADERS 8

struct aws_wire_plan {
    const struct aws_request *request;
    const struct aws_endpoint *endpoint;
    const char *region;
    const struct aws_keys *keys;  ///< NULL: it goes out without a signature, as STS wants it of web identities
    struct aws_sign_cache *cache; ///< unless without
    int64_t now_ms;
    int64_t skew_ms; ///< added to now
    uint32_t timeout_ms;
    uint32_t connect_timeout_ms;
    const char *ca_file;
};

/// Zeroed at first; it must not move while the host has `http`.
struct aws_wire {
    struct ph_http_request http;
    const char *lines[AWS_WIRE_HEADERS + 1];
    struct buffer head; ///< holds the lines
    struct buffer form; ///< holds a query's body
    char *key_id;       ///< it was signed with this one
    int64_t skew_ms;
};

/// Makes an attempt. False: it cannot be signed; nothing may be sent.
bool aws_wire_make(struct aws_wire *wire, const struct aws_wire_plan *plan);

/// Wipes and frees what it holds; it is zeroed then.
void aws_wire_clear(struct aws_wire *wire);

#endif
