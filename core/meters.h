// SPDX-License-Identifier: Apache-2.0
//
// Meters: the exchange's own metrics, registered once and found by their members.
#ifndef CORE_METERS_H
#define CORE_METERS_H

#include "core/metrics.h"

struct meters {
    // Counters.
    struct metrics_series *accepted;   ///< messages committed by storage
    struct metrics_series *delivered;  ///< messages whose inbox rows this process wrote
    struct metrics_series *rows;       ///< inbox rows this process wrote
    struct metrics_series *duplicates; ///< jobs whose message was settled before
    struct metrics_series *given_back; ///< jobs given back because the outcome was not known
    struct metrics_series *failures;   ///< failed attempts that were recorded
    struct metrics_series *dead;       ///< messages that died here
    struct metrics_series *expired;    ///< messages that the sweeper ended as expired
    struct metrics_series *swept;      ///< outbox marks that the sweeper sent again
    struct metrics_series *published;  ///< alerts
    // Gauges.
    struct metrics_series *outbox_waiting;
    struct metrics_series *outbox_oldest;
    struct metrics_series *dead_letters;
    struct metrics_series *alerts_waiting;
    struct metrics_series *documents_waiting;
    struct metrics_series *queue_waiting;
    struct metrics_series *queue_in_flight;
    struct metrics_series *queue_delayed;
    struct metrics_series *queue_oldest;
    struct metrics_series *readers_waiting;
    struct metrics_series *jobs;
    struct metrics_series *appends_waiting;
    // Histograms.
    struct metrics_series *delivery; ///< from acceptance, or deliver_at, to delivery
    struct metrics_series *lag;      ///< how late the exchange loop's timers run
};

/// Registers all; never NULL.
struct meters *meters_new(struct metrics *metrics);
void meters_free(struct meters *meters);

/// All families, for the reference; NULL behind the last.
const struct metrics_family *meters_family(size_t index);

/// The gauges that an alarm may watch, such as "queue_waiting" (without the prefix posthouse_); NULL behind the last.
const char *meters_gauge_name(size_t index);

/// A gauge's value, in seconds where its name says so; 0 for a name that is none.
int64_t meters_gauge(const struct meters *meters, const char *name);

#endif
