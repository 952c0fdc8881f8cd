// SPDX-License-Identifier: Apache-2.0
//
// A span: one piece of work of a trace, from its beginning to its end, and the JSON in which OTLP carries it.
//
// All texts in it are constants of the program, or live longer than the tracing (names of plugins, routes); the only thing
// of a user's in it is a message's id. So nothing that somebody wrote can be in a span.
// Sources: OTLP 1 (JSON over HTTP), OpenTelemetry's semantic conventions for HTTP and messaging.
#ifndef CORE_SPAN_H
#define CORE_SPAN_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/traceparent.h"

struct buffer;

#define SPAN_ATTRIBUTES_MAX 8
#define SPAN_ERROR_SIZE 16

enum span_kind { SPAN_SERVER = 2, SPAN_CLIENT = 3, SPAN_CONSUMER = 5 }; // the numbers of OTLP

struct span_attribute {
    const char *key;
    const char *text; ///< NULL: it is the number
    int64_t number;
};

struct span {
    struct traceparent own;
    uint8_t parent[SPAN_ID_BYTES]; ///< zeros: it begins its trace
    char text[TRACEPARENT_SIZE];   ///< `own`: the context of what is done on its behalf
    enum span_kind kind;
    bool has_message;
    const char *name;
    const char *subject; ///< behind the name, after a space; NULL: nothing
    uint64_t start_ns;   ///< both of the monotonic clock
    uint64_t end_ns;
    struct ph_id message;
    char error[SPAN_ERROR_SIZE]; ///< "": it went well
    size_t attribute_count;
    struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
};

/// Begins a span with a fresh id: a child, or the first of a new trace when `parent` is NULL.
void span_begin(struct span *span, enum span_kind kind, const char *name, const struct traceparent *parent,
                uint64_t start_ns);

/// Adds an attribute; what comes beyond SPAN_ATTRIBUTES_MAX is left out.
void span_text(struct span *span, const char *key, const char *text);
void span_number(struct span *span, const char *key, int64_t number);

/// The message that it is about.
void span_message(struct span *span, const struct ph_id *message);

/// It failed; `error` is a short word of a small set, and is copied.
void span_fail(struct span *span, const char *error);

/// What sends the spans.
struct span_resource {
    const char *service;  ///< UTF-8
    const char *instance; ///< tells this process from others of the same service
};

/// Writes the body of an OTLP export request. `wall_ns` is what leads from the monotonic clock to the time since 1970.
void spans_encode(struct buffer *out, const struct span_resource *resource, const struct span *spans, size_t count,
                  int64_t wall_ns);

#endif
