// SPDX-License-Identifier: Apache-2.0
//
// Tracing: which traces are recorded, and what becomes a span.
//
// A trace begins with an HTTP request. When the client sent a traceparent, its flag decides whether the trace is recorded;
// else a share of all requests is drawn. What is decided there holds for all that follows: the context goes with the message
// into storage and queue, and whoever finds one that is not sampled, or none, records nothing. A request that is not
// recorded costs one draw. Where tracing is off the struct is NULL, and that is all that is looked at.
#ifndef CORE_TRACING_H
#define CORE_TRACING_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"
#include "core/span_exporter.h"

struct tracing;

/// The names that OpenTelemetry has for what messages go through.
#define TRACING_SYSTEM "messaging.system", "posthouse"
#define TRACING_OPERATION_NAME "messaging.operation.name"
#define TRACING_OPERATION_TYPE "messaging.operation.type"
#define TRACING_BATCH "messaging.batch.message_count"

/// NULL when the system gives no HTTP client. `sample` is the share of new traces in millionths.
struct tracing *tracing_new(const struct span_exporter_settings *settings, uint32_t sample)
    __attribute__((warn_unused_result));

/// As span_exporter_finish() and span_exporter_free().
void tracing_finish(struct tracing *tracing, int64_t limit_ms, void (*done)(void *context), void *context);
void tracing_free(struct tracing *tracing);

/// Whether a request is recorded. `traceparent` is what its client sent, well formed, or NULL. Any thread.
bool tracing_samples(const struct tracing *tracing, const char *traceparent);

/// Begins a span below a context that goes with a message or call; false when that trace is not recorded, or `tracing` is
/// NULL. Any thread.
bool tracing_follow(const struct tracing *tracing, struct ph_text trace, enum span_kind kind, const char *name,
                    uint64_t start_ns, struct span *span_r);

/// What is done for a context is recorded.
static inline bool tracing_follows(const struct tracing *tracing, struct ph_text trace)
{
    return tracing != NULL && traceparent_looks_sampled(trace);
}

/// Ends a span now, or at a time, and takes a copy of it. Any thread.
void tracing_end(struct tracing *tracing, struct span *span);
void tracing_end_at(struct tracing *tracing, struct span *span, uint64_t end_ns);

/// What a backend did for one entry of a call.
struct tracing_call {
    struct ph_text trace;
    uint32_t operation; ///< enum ph_operation
    const char *plugin;
    size_t count; ///< entries in the call
    uint64_t start_ns;
    uint32_t outcome; ///< enum ph_outcome
};

/// Records it as a span that ends now, if the context is recorded.
void tracing_record_call(struct tracing *tracing, const struct tracing_call *call);

/// True for what an operator should look at, rather than for an answer that is simply no.
bool tracing_is_failure(uint32_t outcome);

#endif
