// SPDX-License-Identifier: Apache-2.0
//
// Counters, gauges and histograms, updated from any thread without a lock and read as Prometheus text.
//
// A series (a name with its labels) is registered once and lives as long as the registry; registering it
// again gives the same one. The registry holds a bounded number of series: what comes beyond goes to a hidden
// one that is not shown, so callers never check, and `posthouse_metrics_refused_total` counts it. Names begin
// with `posthouse_`. Values are 64-bit integers; a series in METRICS_SECONDS counts nanoseconds and is shown
// in seconds.
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct metrics;

#define METRICS_LABELS_MAX 8
#define METRICS_BUCKETS_MAX 24

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };
enum metrics_unit { METRICS_PLAIN, METRICS_SECONDS };

struct metrics_label {
    const char *name;
    const char *value;
};

/// What a family of series is; a constant of the code that uses it.
struct metrics_family {
    const char *name; ///< posthouse_…, with _total and _seconds where Prometheus wants them
    const char *help; ///< one sentence
    enum metrics_type type;
    enum metrics_unit unit;
    const uint64_t *bounds; ///< histograms: rising upper bounds in the unit (nanoseconds); NULL: metrics_latency_bounds
    size_t bound_count;     ///< at most METRICS_BUCKETS_MAX
    const char *labels;     ///< their names, apart by ", ", for the reference; NULL: none
};

/// Bounds for latencies: 100 µs to 30 s.
extern const uint64_t metrics_latency_bounds[];
extern const size_t metrics_latency_count;

/// One series. Opaque but for the inline updates below.
struct metrics_series {
    _Atomic int64_t value;     ///< counters and gauges
    _Atomic uint64_t sum;      ///< histograms
    _Atomic uint64_t *buckets; ///< histograms: one a bound and one for +Inf, not cumulated
    const uint64_t *bounds;
    size_t bound_count;
};

/// The registry's own family, for the reference.
extern const struct metrics_family metrics_own_family;

/// A registry for at most `limit` series.
struct metrics *metrics_new(size_t limit) __attribute__((warn_unused_result));

/// Frees the registry and all its series. NULL is allowed.
void metrics_free(struct metrics *metrics);

/// Registers a series, or finds it. Never NULL. Everything is copied. A series is refused (see above) beyond the
/// limit, when a name is not one for Prometheus or does not begin with posthouse_, and when its family came with
/// another type, unit or other bounds before. Label values are cut at 128 bytes and cleaned. Takes a lock: keep the
/// result. Any thread.
struct metrics_series *metrics_register(struct metrics *metrics, const struct metrics_family *family,
                                        const struct metrics_label *labels, size_t count);

/// Counters only rise.
static inline void metrics_add(struct metrics_series *series, uint64_t amount)
{
    atomic_fetch_add_explicit(&series->value, (int64_t)amount, memory_order_relaxed);
}

static inline void metrics_increment(struct metrics_series *series)
{
    metrics_add(series, 1);
}

/// Gauges are set or moved.
static inline void metrics_set(struct metrics_series *series, int64_t value)
{
    atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

static inline void metrics_move(struct metrics_series *series, int64_t difference)
{
    atomic_fetch_add_explicit(&series->value, difference, memory_order_relaxed);
}

/// The value of a counter or gauge.
static inline int64_t metrics_get(const struct metrics_series *series)
{
    return atomic_load_explicit(&series->value, memory_order_relaxed);
}

/// Puts a value (nanoseconds, in METRICS_SECONDS) into a histogram.
void metrics_observe(struct metrics_series *series, uint64_t value);

/// A series as the iteration shows it; valid during the callback.
struct metrics_sample {
    const struct metrics_family *family;
    const struct metrics_label *labels;
    size_t label_count;
    int64_t value;           ///< counters and gauges
    uint64_t count;          ///< histograms: observations
    uint64_t sum;            ///< histograms
    const uint64_t *buckets; ///< histograms: cumulated, one a bound and one for +Inf
};

typedef void metrics_visit_f(const struct metrics_sample *sample, void *context);

/// Shows every series, family by family. Holds the registry's lock: the callback must not register.
void metrics_each(struct metrics *metrics, metrics_visit_f *visit, void *context);

/// Appends all series in the Prometheus text format 0.0.4; false when the buffer's ceiling is reached.
bool metrics_prometheus(struct metrics *metrics, struct buffer *out);

#endif
