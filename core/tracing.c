// SPDX-License-Identifier: Apache-2.0
//
// See core/tracing.h.
#include "core/tracing.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/operation.h"
#include "core/outcome.h"
#include "core/quantity.h"
#include "core/random.h"
#include "core/xalloc.h"

struct tracing {
    const struct clock *clock;
    uint32_t sample;
    struct span_exporter *exporter;
};

struct tracing *tracing_new(const struct span_exporter_settings *settings, uint32_t sample)
{
    struct tracing *tracing = xcalloc(1, sizeof *tracing);
    tracing->clock = settings->clock;
    tracing->sample = sample;
    tracing->exporter = span_exporter_new(settings);
    if (tracing->exporter == NULL) {
        tracing_free(tracing);
        return NULL;
    }
    return tracing;
}

void tracing_finish(struct tracing *tracing, int64_t limit_ms, void (*done)(void *context), void *context)
{
    span_exporter_finish(tracing->exporter, limit_ms, done, context);
}

void tracing_free(struct tracing *tracing)
{
    if (tracing != NULL) {
        span_exporter_free(tracing->exporter);
        free(tracing);
    }
}

bool tracing_samples(const struct tracing *tracing, const char *traceparent)
{
    if (traceparent != NULL) {
        return traceparent_looks_sampled((struct ph_text){traceparent, strlen(traceparent)});
    }
    return tracing->sample == QUANTITY_WHOLE || (tracing->sample > 0 && random_below(QUANTITY_WHOLE) < tracing->sample);
}

bool tracing_follow(const struct tracing *tracing, struct ph_text trace, enum span_kind kind, const char *name,
                    uint64_t start_ns, struct span *span_r)
{
    struct traceparent parent;
    if (!tracing_follows(tracing, trace) || !traceparent_parse(trace.bytes, trace.length, &parent)) {
        return false;
    }
    span_begin(span_r, kind, name, &parent, start_ns);
    return true;
}

void tracing_end(struct tracing *tracing, struct span *span)
{
    tracing_end_at(tracing, span, clock_monotonic_ns(tracing->clock));
}

void tracing_end_at(struct tracing *tracing, struct span *span, uint64_t end_ns)
{
    span->end_ns = end_ns;
    span_exporter_add(tracing->exporter, span);
}

void tracing_record_call(struct tracing *tracing, const struct tracing_call *call)
{
    struct span span;
    const struct operation *operation = operation_find(call->operation);
    const char *kind = kind_name(operation->kind);
    if (!tracing_follow(tracing, call->trace, SPAN_CLIENT, kind, call->start_ns, &span)) {
        return;
    }
    span.subject = operation->name;
    span_text(&span, "posthouse.backend", kind);
    span_text(&span, "posthouse.plugin", call->plugin);
    span_text(&span, "posthouse.operation", operation->name);
    span_number(&span, "posthouse.batch.entries", (int64_t)call->count);
    if (tracing_is_failure(call->outcome)) {
        span_fail(&span, outcome_name(call->outcome));
    }
    tracing_end(tracing, &span);
}

bool tracing_is_failure(uint32_t outcome)
{
    return outcome != PH_OK && outcome != PH_DUPLICATE && outcome != PH_NOT_FOUND && outcome != PH_CONFLICT;
}
