// SPDX-License-Identifier: Apache-2.0
//
// See core/emf_table.h.
#include "core/emf_table.h"

#include <string.h>

#include "core/exchange_run.h"
#include "core/routes.h"

#define API EXCHANGE_ROLE_API
#define COURIER EXCHANGE_ROLE_COURIER
#define HTTP "posthouse_http_request_seconds"
#define TO_SECONDS 1e-9
#define TO_MS 1e-6

const struct emf_row emf_rows[] = {
    {"queue_waiting", "Count", EMF_GAUGE, EMF_ALL, COURIER, "queue", "posthouse_queue_waiting", 1, "",
     "Jobs that wait in the queue, as it says itself."},
    {"queue_in_flight", "Count", EMF_GAUGE, EMF_ALL, COURIER, "queue", "posthouse_queue_in_flight", 1, "",
     "Jobs received and not yet removed."},
    {"couriers", "Count", EMF_COURIERS, EMF_ALL, COURIER, NULL, NULL, 1, "",
     "The time since the last line in minutes, so that the **sum over a minute is the number of couriers**."},
    {"outbox_waiting", "Count", EMF_GAUGE, EMF_ALL, COURIER, "storage", "posthouse_outbox_waiting", 1, "",
     "Accepted messages that are not settled yet, delayed ones too."},
    {"outbox_oldest_seconds", "Seconds", EMF_GAUGE, EMF_ALL, COURIER, "storage", "posthouse_outbox_oldest_seconds",
     TO_SECONDS, "", "How long the oldest message that could be delivered has waited; 0 without one."},
    {"dead_letters", "Count", EMF_GAUGE, EMF_ALL, COURIER, "storage", "posthouse_dead_letters", 1, "",
     "Messages that are dead."},
    {"alerts_waiting", "Count", EMF_GAUGE, EMF_ALL, COURIER, "storage", "posthouse_alerts_waiting", 1, "",
     "Alerts that are still to be published."},
    {"backend_state", "None", EMF_STATE, EMF_ALL, 0, NULL, NULL, 1, "kind",
     "0 ready, 1 degraded, 2 does not work; `kind` is storage, meta, queue, alert or secret."},
    {"accepted", "Count", EMF_RISE, EMF_ALL, API, NULL, "posthouse_messages_accepted_total", 1, "",
     "Messages accepted since the last line."},
    {"delivered", "Count", EMF_RISE, EMF_ALL, COURIER, NULL, "posthouse_messages_delivered_total", 1, "",
     "Messages that reached a recipient since the last line."},
    {"failed", "Count", EMF_RISE, EMF_ALL, COURIER, NULL, "posthouse_delivery_failures_total", 1, "",
     "Attempts to deliver that failed for good since the last line."},
    {"delivery_latency_ms", "Milliseconds", EMF_SPREAD, EMF_ALL, COURIER, NULL, "posthouse_delivery_seconds", TO_MS, "",
     "From the acceptance of a message (or its `deliver_at`) to its delivery; a distribution."},
    {"http_requests", "Count", EMF_COUNT, EMF_SERVED, API, NULL, HTTP, 1, "",
     "Requests answered since the last line, without those of probes (`/healthz`, `/readyz`, `/metrics`)."},
    {"http_4xx", "Count", EMF_COUNT, EMF_4XX, API, NULL, HTTP, 1, "", "Of them, answered with 4xx."},
    {"http_5xx", "Count", EMF_COUNT, EMF_5XX, API, NULL, HTTP, 1, "", "Of them, answered with 5xx."},
    {"http_refused", "Count", EMF_RISE, EMF_ALL, API, NULL, "posthouse_http_refused_total", 1, "",
     "Of them, answered with 503: overload, or a storage that does not work."},
    {"http_latency_ms", "Milliseconds", EMF_SPREAD, EMF_CALLS, API, NULL, HTTP, TO_MS, "",
     "From a request's first byte to its answer, of calls of the API **without long polls and streams**; a "
     "distribution."},
    {"alerts_published", "Count", EMF_RISE, EMF_ALL, COURIER, NULL, "posthouse_alerts_published_total", 1, "",
     "Alerts that the alert backend took since the last line."},
    {"aws_requests", "Count", EMF_REQUESTS, EMF_ALL, 0, NULL, NULL, 1, "aws_service, operation",
     "Requests to AWS since the last line: the cost meter."},
    {"memory_bytes", "Bytes", EMF_MEMORY, EMF_ALL, 0, NULL, NULL, 1, "", "Resident memory."},
    {"log_dropped", "Count", EMF_DROPPED, EMF_ALL, 0, NULL, NULL, 1, "",
     "Lines of the log and of metrics that were lost since the last line, because their reader was too slow."},
};
const size_t emf_row_count = sizeof emf_rows / sizeof emf_rows[0];

static bool holds(const char *text, const char *part)
{
    return text != NULL && strstr(text, part) != NULL;
}

bool emf_filter_passes(enum emf_filter filter, const char *route, const char *status)
{
    bool probe = holds(route, " /healthz") || holds(route, " /readyz") || holds(route, " /metrics");
    switch (filter) {
    case EMF_CALLS:
        return holds(route, " /v1/") && strcmp(route, routes_wait_label) != 0 && !holds(route, "/stream");
    case EMF_SERVED:
        return !probe;
    case EMF_4XX:
        return !probe && holds(status, "4xx");
    case EMF_5XX:
        return !probe && holds(status, "5xx");
    case EMF_ALL:
    default:
        return true;
    }
}
