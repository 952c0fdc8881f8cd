// SPDX-License-Identifier: Apache-2.0
//
// The options of the daemon's own sections as tables: [daemon], [http], [metrics], [tracing] and [alarm NAME].
#ifndef CORE_CONFIG_SECTIONS_H
#define CORE_CONFIG_SECTIONS_H

#include "core/options.h"

extern const struct options_table config_daemon_table;
extern const struct options_table config_http_table;
extern const struct options_table config_metrics_table;
extern const struct options_table config_tracing_table;
extern const struct options_table config_alarm_table;

#endif
