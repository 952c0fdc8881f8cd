// SPDX-License-Identifier: Apache-2.0
//
// Sends finished spans to an OTLP/HTTP receiver: every now and then, and sooner when many wait, in batches, one request at
// a time, on the exchange loop. A receiver that is away, slow or refuses costs spans and nothing else: a batch is given up after
// a few attempts, spans that find the ring full are dropped, and both are counted. It has an HTTP client of its own, so
// that plugins never wait for it.
#ifndef CORE_SPAN_EXPORTER_H
#define CORE_SPAN_EXPORTER_H

#include <stddef.h>
#include <stdint.h>

struct clock;
struct event_base;
struct metrics_family;
struct metrics;
struct span;
struct span_exporter;

/// Spans in one request: what encodes in a fraction of a millisecond.
#define SPAN_BATCH 128
/// Attempts at a batch when the receiver may take it later.
#define SPAN_ATTEMPTS 5

struct span_exporter_settings {
    struct event_base *base;
    const struct clock *clock;
    struct metrics *metrics;
    const char *endpoint;     ///< without /v1/traces; copied
    const char *service_name; ///< copied
    int64_t interval_ms;      ///< between two requests, unless a batch is full
    int64_t timeout_ms;       ///< of one request
    size_t queue;             ///< spans that may wait
    uint32_t retry_ms;        ///< the longest wait before a second attempt; it doubles; 0: a second
};

/// NULL when the system gives no HTTP client.
struct span_exporter *span_exporter_new(const struct span_exporter_settings *settings)
    __attribute__((warn_unused_result));

/// Takes a copy of a finished span, or counts it as dropped. Never waits. Any thread.
void span_exporter_add(struct span_exporter *exporter, const struct span *span);

/// Sends what waits, one attempt a batch, for at most `limit_ms`; what is left is counted as failed. `done` runs once, later, on
/// the loop. Spans that come afterwards are dropped.
void span_exporter_finish(struct span_exporter *exporter, int64_t limit_ms, void (*done)(void *context), void *context);

/// Drops everything, a request under way too. No thread adds any more. NULL is allowed.
void span_exporter_free(struct span_exporter *exporter);

/// Its metrics, for the reference; NULL behind the last.
const struct metrics_family *span_exporter_family(size_t index);

#endif
