// SPDX-License-Identifier: Apache-2.0
//
// See core/metrics.h; the text format is written in metrics_text.c.
//
// Families and their series are two lists that only grow. A series never moves, so a pointer to it is good for the
// registry's life and an update is one atomic addition; the mutex guards the lists alone.
#include "core/metrics.h"

#include "core/list.h"
#include "core/utf8.h"
#include "core/xalloc.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define METRICS_MAGIC 0x3e721c50u
#define LABEL_VALUE_MAX 128
#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

const uint64_t metrics_latency_bounds[] = {
    100 * US, 250 * US, 500 * US, 1 * MS,    2500 * US, 5 * MS,    10 * MS,    25 * MS,    50 * MS,
    100 * MS, 250 * MS, 500 * MS, 1000 * MS, 2500 * MS, 5000 * MS, 10000 * MS, 30000 * MS,
};
const size_t metrics_latency_count = sizeof metrics_latency_bounds / sizeof metrics_latency_bounds[0];

struct registered {
    struct metrics_series series;
    struct metrics_label labels[METRICS_LABELS_MAX];
    size_t label_count;
    STAILQ_ENTRY(registered) entry;
};

struct family {
    struct metrics_family family;
    STAILQ_HEAD(series_list, registered) series;
    STAILQ_ENTRY(family) entry;
};

struct metrics {
    unsigned magic;
    pthread_mutex_t mutex;
    STAILQ_HEAD(family_list, family) families;
    size_t count;
    size_t limit;
    struct metrics_series *refused;
    struct metrics_series hidden;
    _Atomic uint64_t hidden_bucket;
};

const struct metrics_family metrics_own_family = {
    .name = "posthouse_metrics_refused_total",
    .help = "Series that were not registered because the registry was full or their description was wrong.",
    .type = METRICS_COUNTER,
};

struct metrics *metrics_new(size_t limit)
{
    struct metrics *metrics = xcalloc(1, sizeof *metrics);
    metrics->magic = METRICS_MAGIC;
    metrics->limit = limit + 1;
    pthread_mutex_init(&metrics->mutex, NULL);
    STAILQ_INIT(&metrics->families);
    metrics->hidden.buckets = &metrics->hidden_bucket;
    metrics->refused = metrics_register(metrics, &metrics_own_family, NULL, 0);
    return metrics;
}

static void free_labels(struct metrics_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)(uintptr_t)labels[i].name);
        free((char *)(uintptr_t)labels[i].value);
    }
}

static void free_family(struct family *family)
{
    struct registered *series;
    while ((series = STAILQ_FIRST(&family->series)) != NULL) {
        STAILQ_REMOVE_HEAD(&family->series, entry);
        free_labels(series->labels, series->label_count);
        free(series->series.buckets);
        free(series);
    }
    free((char *)(uintptr_t)family->family.name);
    free((char *)(uintptr_t)family->family.help);
    free((uint64_t *)(uintptr_t)family->family.bounds);
    free(family);
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    assert(metrics->magic == METRICS_MAGIC);
    struct family *family;
    while ((family = STAILQ_FIRST(&metrics->families)) != NULL) {
        STAILQ_REMOVE_HEAD(&metrics->families, entry);
        free_family(family);
    }
    pthread_mutex_destroy(&metrics->mutex);
    metrics->magic = 0;
    free(metrics);
}

static bool is_name(const char *name)
{
    if (name == NULL || (name[0] >= '0' && name[0] <= '9')) {
        return false;
    }
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return length > 0 && length <= 128 && name[length] == '\0';
}

static bool bounds_rise(const struct metrics_family *family)
{
    for (size_t i = 1; family->bounds != NULL && i < family->bound_count; i++) {
        if (family->bounds[i - 1] >= family->bounds[i]) {
            return false;
        }
    }
    return family->bounds == NULL || family->bound_count <= METRICS_BUCKETS_MAX;
}

static bool is_sound(const struct metrics_family *family, const struct metrics_label *labels, size_t count)
{
    bool good = is_name(family->name) && strncmp(family->name, "posthouse_", 10) == 0 && count <= METRICS_LABELS_MAX &&
                family->help != NULL && (family->type != METRICS_HISTOGRAM || bounds_rise(family));
    for (size_t i = 0; good && i < count; i++) {
        good = is_name(labels[i].name) && strncmp(labels[i].name, "__", 2) != 0 && strcmp(labels[i].name, "le") != 0 &&
               labels[i].value != NULL;
    }
    return good;
}

/// The bounds that a description stands for.
static const uint64_t *family_bounds(const struct metrics_family *family, size_t *count_r)
{
    *count_r = 0;
    if (family->type != METRICS_HISTOGRAM) {
        return NULL;
    }
    *count_r = family->bounds != NULL ? family->bound_count : metrics_latency_count;
    return family->bounds != NULL ? family->bounds : metrics_latency_bounds;
}

static bool same_family(const struct metrics_family *known, const struct metrics_family *wanted)
{
    size_t count;
    const uint64_t *bounds = family_bounds(wanted, &count);
    return known->type == wanted->type && known->unit == wanted->unit && known->bound_count == count &&
           (count == 0 || memcmp(known->bounds, bounds, count * sizeof *bounds) == 0);
}

static struct family *find_family(struct metrics *metrics, const char *name)
{
    struct family *family;
    STAILQ_FOREACH(family, &metrics->families, entry)
    {
        if (strcmp(family->family.name, name) == 0) {
            return family;
        }
    }
    return NULL;
}

static struct family *add_family(struct metrics *metrics, const struct metrics_family *wanted)
{
    struct family *family = xcalloc(1, sizeof *family);
    size_t count;
    const uint64_t *bounds = family_bounds(wanted, &count);
    family->family = *wanted;
    family->family.name = xstrdup(wanted->name);
    family->family.help = xstrdup(wanted->help);
    family->family.labels = NULL; // the caller's; nothing here needs it
    family->family.bounds = count > 0 ? xmemdup(bounds, count * sizeof *bounds) : NULL;
    family->family.bound_count = count;
    STAILQ_INIT(&family->series);
    STAILQ_INSERT_TAIL(&metrics->families, family, entry);
    return family;
}

static bool same_labels(const struct registered *series, const struct metrics_label *labels, size_t count)
{
    if (series->label_count != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(series->labels[i].name, labels[i].name) != 0 ||
            strcmp(series->labels[i].value, labels[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static struct registered *find_series(struct family *family, const struct metrics_label *labels, size_t count)
{
    struct registered *series;
    STAILQ_FOREACH(series, &family->series, entry)
    {
        if (same_labels(series, labels, count)) {
            return series;
        }
    }
    return NULL;
}

static struct registered *add_series(struct metrics *metrics, struct family *family, const struct metrics_label *labels,
                                     size_t count)
{
    struct registered *series = xcalloc(1, sizeof *series);
    for (size_t i = 0; i < count; i++) {
        series->labels[i] = (struct metrics_label){.name = xstrdup(labels[i].name), .value = xstrdup(labels[i].value)};
    }
    series->label_count = count;
    series->series.bounds = family->family.bounds;
    series->series.bound_count = family->family.bound_count;
    if (family->family.type == METRICS_HISTOGRAM) {
        series->series.buckets = xcalloc(family->family.bound_count + 1, sizeof *series->series.buckets);
    }
    STAILQ_INSERT_TAIL(&family->series, series, entry);
    metrics->count++;
    return series;
}

/// With the mutex held; NULL when the series is refused.
static struct registered *find_or_add(struct metrics *metrics, const struct metrics_family *wanted,
                                      const struct metrics_label *labels, size_t count)
{
    struct family *family = find_family(metrics, wanted->name);
    if (family != NULL && !same_family(&family->family, wanted)) {
        return NULL;
    }
    struct registered *series = family != NULL ? find_series(family, labels, count) : NULL;
    if (series != NULL || metrics->count >= metrics->limit) {
        return series;
    }
    return add_series(metrics, family != NULL ? family : add_family(metrics, wanted), labels, count);
}

struct metrics_series *metrics_register(struct metrics *metrics, const struct metrics_family *family,
                                        const struct metrics_label *labels, size_t count)
{
    assert(metrics->magic == METRICS_MAGIC);
    struct registered *series = NULL;
    if (is_sound(family, labels, count)) {
        char values[METRICS_LABELS_MAX][LABEL_VALUE_MAX + 1];
        struct metrics_label clean[METRICS_LABELS_MAX];
        for (size_t i = 0; i < count; i++) {
            utf8_clean(values[i], sizeof values[i], labels[i].value, strlen(labels[i].value));
            clean[i] = (struct metrics_label){.name = labels[i].name, .value = values[i]};
        }
        pthread_mutex_lock(&metrics->mutex);
        series = find_or_add(metrics, family, clean, count);
        pthread_mutex_unlock(&metrics->mutex);
    }
    if (series == NULL) {
        metrics_increment(metrics->refused);
        return &metrics->hidden;
    }
    return &series->series;
}

void metrics_observe(struct metrics_series *series, uint64_t value)
{
    size_t at = 0;
    if (series->buckets == NULL) {
        return;
    }
    while (at < series->bound_count && value > series->bounds[at]) {
        at++;
    }
    atomic_fetch_add_explicit(&series->buckets[at], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->sum, value, memory_order_relaxed);
}

static void show_series(const struct family *family, const struct registered *registered, metrics_visit_f *visit,
                        void *context)
{
    const struct metrics_series *series = &registered->series;
    uint64_t buckets[METRICS_BUCKETS_MAX + 1];
    uint64_t count = 0;
    for (size_t i = 0; series->buckets != NULL && i <= series->bound_count; i++) {
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        buckets[i] = count;
    }
    struct metrics_sample sample = {
        .family = &family->family,
        .labels = registered->labels,
        .label_count = registered->label_count,
        .value = metrics_get(series),
        .count = count,
        .sum = atomic_load_explicit(&series->sum, memory_order_relaxed),
        .buckets = series->buckets != NULL ? buckets : NULL,
    };
    visit(&sample, context);
}

void metrics_each(struct metrics *metrics, metrics_visit_f *visit, void *context)
{
    assert(metrics->magic == METRICS_MAGIC);
    struct family *family;
    struct registered *series;
    pthread_mutex_lock(&metrics->mutex);
    STAILQ_FOREACH(family, &metrics->families, entry)
    {
        STAILQ_FOREACH(series, &family->series, entry)
        {
            show_series(family, series, visit, context);
        }
    }
    pthread_mutex_unlock(&metrics->mutex);
}
