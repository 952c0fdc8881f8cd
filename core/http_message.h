// SPDX-License-Identifier: Apache-2.0
//
// What the HTTP layer knows of a request behind http_request.h: one block of memory that holds the head's text, its
// fields and everything decoded from it, and a growing body. Only the layer's own files include this.
#ifndef CORE_HTTP_MESSAGE_H
#define CORE_HTTP_MESSAGE_H

#include "core/http_chunks.h"
#include "core/http_forwarded.h"
#include "core/http_parse.h"
#include "core/http_request.h"
#include "core/ip_network.h"

#define HTTP_REQUEST_MAGIC 0x68747470U

struct http_connection;

struct http_request {
    unsigned magic;
    enum http_method method;
    struct http_connection *connection; ///< its own, as long as the request lives
    uint64_t handle;
    int64_t started_ns;
    bool version_1_1;
    bool keep_alive;
    bool expects_continue;
    bool secure;
    bool chunked;
    uint16_t field_count;

    const char *route;
    void *data;
    http_gone_callback gone;
    void *gone_context;

    char *text; ///< the head; a NUL behind each name, value and the path
    struct http_field *fields;
    const char *path;
    const char *authority;
    const char *traceparent;
    size_t segment_count;
    const char *segments[HTTP_SEGMENTS_MAX];
    size_t parameter_count;
    struct http_parameter *parameters;
    struct ip_address client;
    const char *client_text;
    char client_buffer[IP_TEXT_MAX];
    char id[HTTP_REQUEST_ID_MAX + 1];

    uint64_t body_expected; ///< with a Content-Length
    size_t body_length;
    size_t body_capacity; ///< charged to the server's intake; a NUL has room besides
    char *body;
    struct http_chunks chunks;
};

/// Who sent it, as far as the socket knows.
struct http_peer {
    struct ip_address address;
    const char *text; ///< outlives the request
};

/// Makes a request from a head that was read to its end. `bytes` are the head's. NONE, or why its target is refused.
enum http_fault http_message_create(const struct http_head *head, const char *bytes, const struct http_peer *peer,
                                    const struct http_trusted *trusted, struct http_request **request_r);

/// Frees it with its body.
void http_message_free(struct http_request *request);

/// Writes a new random id of 32 digits and a NUL.
void http_message_random_id(char id_r[HTTP_REQUEST_ID_MAX + 1]);

#endif
