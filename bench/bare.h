// SPDX-License-Identifier: Apache-2.0
//
// What the bare programs of the bench share: an evhttp server on one loop, the parsing of a posted message, and its answer.
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define BARE_ID_SIZE 33

struct bare {
    struct event_base *base;
    struct evhttp *http;
    struct event *ends[2];
    uint64_t next;
    void (*on_message)(struct evhttp_request *request, void *context);
};

/// Opens a server on 127.0.0.1 at `port` (0: any) that gives every POST to /v1/messages to `on_message` with `bare` as its
/// context, answers GET /healthz, and prints "listening on 127.0.0.1:PORT". False after a message on stderr.
bool bare_open(struct bare *bare, const char *port, void (*on_message)(struct evhttp_request *request, void *context));

void bare_close(struct bare *bare);

/// The request's body as a JSON object with the members of a message, or NULL.
json_t *bare_parse(struct evhttp_request *request);

/// An id that differs from all before.
void bare_new_id(struct bare *bare, char id_r[BARE_ID_SIZE]);

/// Answers 202 with the id.
void bare_accept(struct evhttp_request *request, const char *id);

#endif
