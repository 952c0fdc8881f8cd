// SPDX-License-Identifier: Apache-2.0
//
// The metrics that plugins make for themselves, behind ph_host.metric and ph_host.measure. They are named
// posthouse_plugin_<kind>_<plugin>_<name>; a name that ends in _seconds counts seconds. Made on the loop,
// measured on any thread.
#ifndef CORE_PLUGIN_METRICS_H
#define CORE_PLUGIN_METRICS_H

#include <posthouse/plugin.h>

struct metrics;
struct plugin_metrics;

/// All plugins together have at most so many; labels count.
#define PLUGIN_METRICS_MAX 500

/// `metrics` may be NULL: then there are none.
struct plugin_metrics *plugin_metrics_new(struct metrics *metrics) __attribute__((warn_unused_result));
void plugin_metrics_free(struct plugin_metrics *all);

/// Finds or makes a metric; NULL when there are too many, or name, type or labels are not sound, or the name
/// is in use with another type.
struct ph_metric *plugin_metrics_get(struct plugin_metrics *all, uint32_t kind, const char *plugin,
                                     enum ph_metric_type type, const char *name, const char *help,
                                     const char *const *labels);

/// As ph_host.measure. NULL, NaN and negative values of counters and histograms are left out. Any thread.
void plugin_metrics_measure(struct ph_metric *metric, double value);

#endif
