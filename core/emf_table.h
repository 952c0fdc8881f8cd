// SPDX-License-Identifier: Apache-2.0
//
// The metrics that go to CloudWatch, as one table: what each is called there, in which unit, who reports it, and from
// which of the daemon's own metrics it is taken. The lines (core/emf.h) and the page docs/metrics.md are made from it.
//
// CloudWatch bills a metric for every name and every value of a dimension, so these are the few that autoscaling, alarms
// and the dashboard need; /metrics has all.
#ifndef CORE_EMF_TABLE_H
#define CORE_EMF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How a value comes from the series of its family.
enum emf_how {
    EMF_GAUGE,    ///< the gauge as it is; left out when it is negative (not known) or its backend does not work
    EMF_RISE,     ///< how much counters rose since the last line
    EMF_COUNT,    ///< how many observations of histograms came since the last line
    EMF_SPREAD,   ///< their distribution, as up to 100 values
    EMF_COURIERS, ///< the time since the last line in minutes
    EMF_MEMORY,   ///< the resident memory of the process
    EMF_DROPPED,  ///< lines that were lost since the last line
    EMF_STATE,    ///< the state of each backend, a line each
    EMF_REQUESTS  ///< how much a plugin's requests_total rose, a line each service and operation
};

/// Which series of a family count.
enum emf_filter {
    EMF_ALL,
    EMF_CALLS,  ///< HTTP: calls of the API, without long polls and streams
    EMF_SERVED, ///< HTTP: all but the probes (/healthz, /readyz, /metrics)
    EMF_4XX,    ///< of these, with such a status
    EMF_5XX
};

struct emf_row {
    const char *name; ///< in CloudWatch
    const char *unit; ///< one of CloudWatch's
    enum emf_how how;
    enum emf_filter filter;
    unsigned roles;         ///< EXCHANGE_ROLE_…: who reports it; 0: everyone
    const char *backend;    ///< gauges: the kind that must work; NULL: none
    const char *family;     ///< NULL where `how` says all
    double scale;           ///< from the family's unit (nanoseconds for seconds) to this one
    const char *dimensions; ///< beside `service`; "" for none
    const char *help;
};

extern const struct emf_row emf_rows[];
extern const size_t emf_row_count;

/// True when a series with this route and status (NULL: no such label) passes the filter.
bool emf_filter_passes(enum emf_filter filter, const char *route, const char *status);

#endif
