// SPDX-License-Identifier: Apache-2.0
//
// See core/api_metrics.h.
#include "core/api_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "core/api_task.h"
#include "core/metrics.h"
#include "core/routes.h"
#include "core/xalloc.h"

enum {
    FAMILY_SECONDS,
    FAMILY_REFUSED,
    FAMILY_CONNECTIONS,
    FAMILY_UNANSWERED,
    FAMILY_INTAKE,
    FAMILY_TURNED_AWAY,
    FAMILY_MALFORMED,
    FAMILY_TIMED_OUT,
    FAMILIES
};

static const struct metrics_family families[FAMILIES] = {
    [FAMILY_SECONDS] = {.name = "posthouse_http_request_seconds",
                        .help = "Time from a request's first byte to its answer.",
                        .type = METRICS_HISTOGRAM,
                        .unit = METRICS_SECONDS,
                        .labels = "route, status"},
    [FAMILY_REFUSED] = {.name = "posthouse_http_refused_total",
                        .help = "Calls answered with 503, probes not counted: overload, or a backend that cannot work.",
                        .type = METRICS_COUNTER},
    [FAMILY_CONNECTIONS] = {.name = "posthouse_http_connections", .help = "Open connections.", .type = METRICS_GAUGE},
    [FAMILY_UNANSWERED] = {.name = "posthouse_http_unanswered",
                           .help = "Requests that wait for their answer.",
                           .type = METRICS_GAUGE},
    [FAMILY_INTAKE] = {.name = "posthouse_http_intake_bytes",
                       .help = "Bytes of request bodies held.",
                       .type = METRICS_GAUGE},
    [FAMILY_TURNED_AWAY] = {.name = "posthouse_http_connections_refused",
                            .help = "Connections turned away at the cap since the start.",
                            .type = METRICS_GAUGE},
    [FAMILY_MALFORMED] = {.name = "posthouse_http_malformed",
                          .help = "Requests refused by the HTTP layer since the start.",
                          .type = METRICS_GAUGE},
    [FAMILY_TIMED_OUT] = {.name = "posthouse_http_timed_out",
                          .help = "Connections ended by a deadline since the start.",
                          .type = METRICS_GAUGE},
};

const struct metrics_family *api_metrics_family(size_t index)
{
    return index < FAMILIES ? &families[index] : NULL;
}

static struct metrics_series *plain_series(struct api *api, size_t family)
{
    return metrics_register(api_settings(api)->metrics, &families[family], NULL, 0);
}

// A row a route, one for answers without, one for calls that wait.
void api_metrics_attach(struct api_loop *loop)
{
    size_t routes;
    routes_all(&routes);
    loop->seconds = xcalloc(routes + 2, sizeof loop->seconds[0]);
    loop->refused = plain_series(loop->api, FAMILY_REFUSED);
}

void api_metrics_detach(struct api_loop *loop)
{
    free(loop->seconds);
}

static struct metrics_series *series_new(struct api *api, const char *route, int class)
{
    const char status[4] = {(char)('0' + class), 'x', 'x', '\0'};
    const struct metrics_label labels[] = {{"route", route != NULL ? route : "none"}, {"status", status}};
    return metrics_register(api_settings(api)->metrics, &families[FAMILY_SECONDS], labels, 2);
}

void api_metrics_answer(struct api_loop *loop, const struct http_answer *answer)
{
    size_t count, index = 0;
    const struct route *routes = routes_all(&count);
    while (index < count && routes[index].label != answer->route) {
        index++; // labels are the table's own: the pointer tells
    }
    const bool probe = index < count && (routes[index].flags & ROUTE_ALWAYS) != 0;
    index += answer->route == routes_wait_label ? 1 : 0;
    const int class = answer->status / 100 % API_STATUS_CLASSES;
    struct metrics_series **series = &loop->seconds[index][class];
    if (*series == NULL) {
        *series = series_new(loop->api, answer->route, class);
    }
    metrics_observe(*series, answer->duration_ns > 0 ? (uint64_t)answer->duration_ns : 0);
    if (answer->status == 503 && !probe) {
        metrics_increment(loop->refused);
    }
}

void api_metrics_refresh(struct api *api)
{
    struct http_counters counters;
    http_server_counters(api_server(api), &counters);
    const int64_t values[FAMILIES] = {
        [FAMILY_CONNECTIONS] = (int64_t)counters.open,    [FAMILY_UNANSWERED] = (int64_t)counters.unanswered,
        [FAMILY_INTAKE] = (int64_t)counters.intake_bytes, [FAMILY_TURNED_AWAY] = (int64_t)counters.refused,
        [FAMILY_MALFORMED] = (int64_t)counters.malformed, [FAMILY_TIMED_OUT] = (int64_t)counters.timed_out,
    };
    for (size_t i = FAMILY_CONNECTIONS; i < FAMILIES; i++) {
        metrics_set(plain_series(api, i), values[i]);
    }
}
