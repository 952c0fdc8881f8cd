// SPDX-License-Identifier: Apache-2.0
//
// See core/backend_metrics.h.
#include "core/backend_metrics.h"
#include "core/metrics.h"
#include "core/xalloc.h"
#include <stdlib.h>

struct operation_series {
    struct metrics_series *seconds[OUTCOME_COUNT]; ///< by the outcome that names the call
    struct metrics_series *entries[OUTCOME_COUNT];
    struct metrics_series *retries;
};

struct backend_metrics {
    struct metrics *metrics;
    const char *kind;
    const char *plugin;
    struct metrics_series *breaker;
    struct metrics_series *under_way;
    struct metrics_series *waiting;
    struct operation_series operations[OPERATION_NUMBER_MAX];
};

static const struct metrics_family seconds_family = {
    .name = "posthouse_backend_call_seconds",
    .help = "How long calls of a plugin took, by operation and by the gravest outcome of their entries.",
    .type = METRICS_HISTOGRAM,
    .unit = METRICS_SECONDS,
    .labels = "kind, plugin, operation, outcome",
};
static const struct metrics_family entries_family = {
    .name = "posthouse_backend_entries_total",
    .help = "Entries of plugin calls, by operation and outcome.",
    .type = METRICS_COUNTER,
    .labels = "kind, plugin, operation, outcome",
};
static const struct metrics_family retries_family = {
    .name = "posthouse_backend_retries_total",
    .help = "Entries that were repeated.",
    .type = METRICS_COUNTER,
    .labels = "kind, plugin, operation",
};
static const struct metrics_family faults_family = {
    .name = "posthouse_backend_injected_faults_total",
    .help = "Plugin calls that met an injected fault.",
    .type = METRICS_COUNTER,
    .labels = "kind, plugin, operation, fault",
};
static const struct metrics_family breaker_family = {
    .name = "posthouse_backend_breaker_state",
    .help = "The circuit breaker: 0 closed, 1 half open, 2 open.",
    .type = METRICS_GAUGE,
    .labels = "kind, plugin",
};
static const struct metrics_family under_way_family = {
    .name = "posthouse_backend_calls_in_flight",
    .help = "Plugin calls under way, those that were given up included.",
    .type = METRICS_GAUGE,
    .labels = "kind, plugin",
};
static const struct metrics_family waiting_family = {
    .name = "posthouse_backend_calls_waiting",
    .help = "Plugin calls that wait for a place.",
    .type = METRICS_GAUGE,
    .labels = "kind, plugin",
};

const struct metrics_family *backend_metrics_family(size_t index)
{
    static const struct metrics_family *const families[] = {
        &seconds_family, &entries_family,   &retries_family, &faults_family,
        &breaker_family, &under_way_family, &waiting_family,
    };
    return index < sizeof families / sizeof families[0] ? families[index] : NULL;
}

static struct metrics_series *series_of(struct backend_metrics *kept, const struct metrics_family *family,
                                        const char *operation, const char *name, const char *value)
{
    const struct metrics_label labels[] = {
        {"kind", kept->kind}, {"plugin", kept->plugin}, {"operation", operation}, {name, value}};
    return metrics_register(kept->metrics, family, labels, operation == NULL ? 2 : name == NULL ? 3 : 4);
}

struct backend_metrics *backend_metrics_new(struct metrics *metrics, uint32_t kind, const char *plugin)
{
    if (metrics == NULL) {
        return NULL;
    }
    struct backend_metrics *kept = xcalloc(1, sizeof *kept);
    kept->metrics = metrics;
    kept->kind = kind_name(kind);
    kept->plugin = plugin;
    kept->breaker = series_of(kept, &breaker_family, NULL, NULL, NULL);
    kept->under_way = series_of(kept, &under_way_family, NULL, NULL, NULL);
    kept->waiting = series_of(kept, &waiting_family, NULL, NULL, NULL);
    return kept;
}

void backend_metrics_free(struct backend_metrics *kept)
{
    free(kept);
}

static void count_entries(struct backend_metrics *kept, uint32_t operation, uint32_t outcome, uint32_t count)
{
    struct metrics_series **entries = &kept->operations[operation].entries[outcome];
    if (*entries == NULL) {
        *entries = series_of(kept, &entries_family, operation_name(operation), "outcome", outcome_name(outcome));
    }
    metrics_add(*entries, count);
}

void backend_metrics_attempt(struct backend_metrics *kept, uint32_t operation, uint64_t duration_ns,
                             const uint32_t tally[OUTCOME_COUNT])
{
    if (kept == NULL) {
        return;
    }
    // Outcomes are numbered so that a higher one is graver, but for the order among failures, which is of no
    // weight here.
    uint32_t gravest = PH_OK;
    for (uint32_t outcome = PH_OK; outcome < OUTCOME_COUNT; outcome++) {
        if (tally[outcome] > 0) {
            gravest = outcome;
            count_entries(kept, operation, outcome, tally[outcome]);
        }
    }
    struct metrics_series **seconds = &kept->operations[operation].seconds[gravest];
    if (*seconds == NULL) {
        *seconds = series_of(kept, &seconds_family, operation_name(operation), "outcome", outcome_name(gravest));
    }
    metrics_observe(*seconds, duration_ns);
}

void backend_metrics_retries(struct backend_metrics *kept, uint32_t operation, size_t entries)
{
    if (kept == NULL) {
        return;
    }
    struct metrics_series **retries = &kept->operations[operation].retries;
    if (*retries == NULL) {
        *retries = series_of(kept, &retries_family, operation_name(operation), NULL, NULL);
    }
    metrics_add(*retries, entries);
}

void backend_metrics_fault(struct backend_metrics *kept, uint32_t operation, const char *fault)
{
    if (kept != NULL) {
        metrics_increment(series_of(kept, &faults_family, operation_name(operation), "fault", fault));
    }
}

void backend_metrics_breaker(struct backend_metrics *kept, int state)
{
    if (kept != NULL) {
        metrics_set(kept->breaker, state);
    }
}

void backend_metrics_load(struct backend_metrics *kept, size_t under_way, size_t waiting)
{
    if (kept != NULL) {
        metrics_set(kept->under_way, (int64_t)under_way);
        metrics_set(kept->waiting, (int64_t)waiting);
    }
}
