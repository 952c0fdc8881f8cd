// SPDX-License-Identifier: Apache-2.0
//
// See core/plugin_metrics.h. Metrics are found again by a key of all that tells them apart.
#include "core/plugin_metrics.h"
#include "core/buffer.h"
#include "core/map.h"
#include "core/metrics.h"
#include "core/operation.h"
#include "core/xalloc.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LENGTH 64
#define KEY_CEILING 4096
#define NANOSECONDS 1e9

struct ph_metric {
    struct metrics_series *series;
    enum ph_metric_type type;
    bool seconds;
};

struct plugin_metrics {
    struct metrics *metrics;
    struct map *known; ///< by name and labels
    struct map *types; ///< by name: a metric of that name
};

// Powers of four, for bytes, rows and such.
static const uint64_t plain_bounds[] = {1,     4,     16,     64,      256,     1024,     4096,
                                        16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

struct plugin_metrics *plugin_metrics_new(struct metrics *metrics)
{
    struct plugin_metrics *all = xcalloc(1, sizeof *all);
    all->metrics = metrics;
    all->known = map_new(PLUGIN_METRICS_MAX);
    all->types = map_new(PLUGIN_METRICS_MAX);
    return all;
}

void plugin_metrics_free(struct plugin_metrics *all)
{
    if (all == NULL) {
        return;
    }
    struct map_cursor cursor = {0};
    while (map_next(all->known, &cursor)) {
        free(cursor.value);
    }
    map_free(all->known);
    map_free(all->types);
    free(all);
}

static bool is_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= NAME_MAX_LENGTH && name[length] == '\0';
}

// Reads pairs of name and value; false when they are too many or a name is odd.
static bool take_labels(const char *const *pairs, struct metrics_label labels[METRICS_LABELS_MAX], size_t *count_r)
{
    size_t count = 0;
    for (; pairs != NULL && pairs[2 * count] != NULL; count++) {
        if (count == METRICS_LABELS_MAX || pairs[2 * count + 1] == NULL || !is_name(pairs[2 * count])) {
            return false;
        }
        labels[count] = (struct metrics_label){pairs[2 * count], pairs[2 * count + 1]};
    }
    *count_r = count;
    return true;
}

static bool ends_in_seconds(const char *name)
{
    static const char suffix[] = "_seconds";
    size_t length = strlen(name);
    return length >= sizeof suffix && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

static struct ph_metric *make(struct plugin_metrics *all, enum ph_metric_type type, const char *full, const char *help,
                              const struct metrics_label *labels, size_t count)
{
    struct ph_metric *metric = xcalloc(1, sizeof *metric);
    metric->type = type;
    metric->seconds = ends_in_seconds(full);
    struct metrics_family family = {.name = full,
                                    .help = help != NULL ? help : "A plugin's own metric.",
                                    .type = METRICS_GAUGE,
                                    .unit = metric->seconds ? METRICS_SECONDS : METRICS_PLAIN};
    if (type == PH_METRIC_COUNTER) {
        family.type = METRICS_COUNTER;
    } else if (type == PH_METRIC_HISTOGRAM) {
        family.type = METRICS_HISTOGRAM;
        family.bounds = metric->seconds ? NULL : plain_bounds;
        family.bound_count = metric->seconds ? 0 : sizeof plain_bounds / sizeof plain_bounds[0];
    }
    metric->series = metrics_register(all->metrics, &family, labels, count);
    return metric;
}

// The known metric of this key, or a new one; NULL when it may not be.
static struct ph_metric *find_or_make(struct plugin_metrics *all, enum ph_metric_type type, const char *full,
                                      const char *help, const struct metrics_label *labels, size_t count,
                                      struct buffer *key)
{
    const struct ph_metric *same_name = map_get(all->types, full, strlen(full));
    if (same_name != NULL && same_name->type != type) {
        return NULL;
    }
    struct ph_metric *metric = map_get(all->known, key->data, key->length);
    if (metric != NULL || map_count(all->known) == PLUGIN_METRICS_MAX) {
        return metric;
    }
    metric = make(all, type, full, help, labels, count);
    (void)map_add(all->known, key->data, key->length, metric);
    (void)map_add(all->types, full, strlen(full), metric);
    return metric;
}

struct ph_metric *plugin_metrics_get(struct plugin_metrics *all, uint32_t kind, const char *plugin,
                                     enum ph_metric_type type, const char *name, const char *help,
                                     const char *const *labels)
{
    struct metrics_label taken[METRICS_LABELS_MAX];
    size_t count;
    if (all->metrics == NULL || name == NULL || !is_name(name) || type < PH_METRIC_COUNTER ||
        type > PH_METRIC_HISTOGRAM || !take_labels(labels, taken, &count)) {
        return NULL;
    }
    char full[sizeof "posthouse_plugin___" + 16 + 64 + NAME_MAX_LENGTH];
    snprintf(full, sizeof full, "posthouse_plugin_%s_%s_%s", kind_name(kind), plugin, name);
    for (char *at = full; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
    struct buffer key;
    buffer_init(&key, KEY_CEILING);
    buffer_text(&key, full);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&key, "\n%s=%zu:%s", taken[i].name, strlen(taken[i].value), taken[i].value);
    }
    struct ph_metric *metric = buffer_failed(&key) ? NULL : find_or_make(all, type, full, help, taken, count, &key);
    buffer_free(&key);
    return metric;
}

void plugin_metrics_measure(struct ph_metric *metric, double value)
{
    if (metric == NULL || !isfinite(value) || (value < 0 && metric->type != PH_METRIC_GAUGE)) {
        return;
    }
    double scaled = metric->seconds ? value * NANOSECONDS : value;
    if (scaled > 9e18 || scaled < -9e18) {
        return;
    }
    if (metric->type == PH_METRIC_HISTOGRAM) {
        metrics_observe(metric->series, (uint64_t)(scaled + 0.5));
    } else {
        metrics_move(metric->series, (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
}
