// SPDX-License-Identifier: Apache-2.0
//
// What the wrapper measures of a backend. Series are registered when they are first needed and kept, so that
// the way of a good call is two lookups in arrays.
#ifndef CORE_BACKEND_METRICS_H
#define CORE_BACKEND_METRICS_H

#include "core/operation.h"
#include "core/outcome.h"
#include <stddef.h>
#include <stdint.h>

struct backend_metrics;
struct metrics;
struct metrics_family;

/// All families, for the reference; NULL behind the last.
const struct metrics_family *backend_metrics_family(size_t index);

/// `metrics` may be NULL: then nothing is kept.
struct backend_metrics *backend_metrics_new(struct metrics *metrics, uint32_t kind, const char *plugin)
    __attribute__((warn_unused_result));
void backend_metrics_free(struct backend_metrics *kept);

/// A plugin call ended after so long; `tally` counts its entries by outcome.
void backend_metrics_attempt(struct backend_metrics *kept, uint32_t operation, uint64_t duration_ns,
                             const uint32_t tally[OUTCOME_COUNT]);

/// Entries of that operation are repeated.
void backend_metrics_retries(struct backend_metrics *kept, uint32_t operation, size_t entries);

/// A plugin call was met by an injected fault; `fault` names it: "hang", "latency", ….
void backend_metrics_fault(struct backend_metrics *kept, uint32_t operation, const char *fault);

/// The breaker (0 closed, 1 half open, 2 open), and plugin calls under way and waiting.
void backend_metrics_breaker(struct backend_metrics *kept, int state);
void backend_metrics_load(struct backend_metrics *kept, size_t under_way, size_t waiting);

#endif
