// SPDX-License-Identifier: Apache-2.0
//
// See core/emf.h. Each time, the registry is gone through once and summed up by the rows of core/emf_table.h; counters
// and histograms are compared with the sums of the time before.
#include "core/emf.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/emf_spread.h"
#include "core/emf_table.h"
#include "core/exchange_run.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/xalloc.h"

#define LINE_MAX_BYTES 4096 // PIPE_BUF: a pipe takes it whole
#define REQUESTS_MAX 64
#define LABEL_SIZE 64
#define MINUTE_NS 60e9

// What the series of a row come to.
struct tally {
    bool seen;
    int64_t value;
    const uint64_t *bounds;
    size_t bound_count;
    uint64_t counts[METRICS_BUCKETS_MAX + 1];
};

struct request {
    char service[LABEL_SIZE];
    char operation[LABEL_SIZE];
    int64_t now;
    int64_t last;
};

struct emf {
    struct emf_settings settings;
    struct event *timer;
    uint64_t written_ns;
    struct tally *now; // by row
    struct tally *last;
    struct request requests[REQUESTS_MAX];
    size_t request_count;
    struct exchange_snapshot snapshot;
    uint64_t dropped; // lines of ours
    uint64_t dropped_last;
};

// One metric of a document.
struct point {
    const struct emf_row *row;
    double value;
    const double *values; // a distribution, instead of the value
    size_t value_count;
};

// --- Summing up --------------------------------------------------------------------------------------------

static const char *label_of(const struct metrics_sample *sample, const char *name)
{
    for (size_t i = 0; i < sample->label_count; i++) {
        if (strcmp(sample->labels[i].name, name) == 0) {
            return sample->labels[i].value;
        }
    }
    return NULL;
}

static void tally_add(struct tally *tally, const struct metrics_sample *sample)
{
    tally->seen = true;
    if (sample->buckets == NULL) {
        tally->value += sample->value;
        return;
    }
    tally->value += (int64_t)sample->count;
    tally->bounds = sample->family->bounds; // the registry's: as long as it lives
    tally->bound_count = sample->family->bound_count;
    for (size_t i = 0; i <= tally->bound_count; i++) {
        tally->counts[i] += sample->buckets[i] - (i > 0 ? sample->buckets[i - 1] : 0);
    }
}

static bool is_requests(const char *family)
{
    static const char prefix[] = "posthouse_plugin_";
    static const char suffix[] = "_requests_total";
    size_t length = strlen(family);
    return strncmp(family, prefix, sizeof prefix - 1) == 0 && length > sizeof prefix + sizeof suffix &&
           strcmp(family + length - (sizeof suffix - 1), suffix) == 0;
}

static void request_add(struct emf *emf, const char *service, const char *operation, int64_t value)
{
    size_t at = 0;
    while (at < emf->request_count &&
           (strcmp(emf->requests[at].service, service) != 0 || strcmp(emf->requests[at].operation, operation) != 0)) {
        at++;
    }
    if (at == REQUESTS_MAX || strlen(service) >= LABEL_SIZE || strlen(operation) >= LABEL_SIZE) {
        return;
    }
    struct request *request = &emf->requests[at];
    if (at == emf->request_count) {
        emf->request_count++;
        snprintf(request->service, sizeof request->service, "%s", service);
        snprintf(request->operation, sizeof request->operation, "%s", operation);
    }
    request->now += value;
}

static void visit(const struct metrics_sample *sample, void *context)
{
    struct emf *emf = context;
    const char *route = label_of(sample, "route");
    const char *status = label_of(sample, "status");
    const char *service = label_of(sample, "service");
    const char *operation = label_of(sample, "operation");
    for (size_t i = 0; i < emf_row_count; i++) {
        const struct emf_row *row = &emf_rows[i];
        if (row->family != NULL && strcmp(row->family, sample->family->name) == 0 &&
            emf_filter_passes(row->filter, route, status)) {
            tally_add(&emf->now[i], sample);
        }
    }
    if (service != NULL && operation != NULL && is_requests(sample->family->name)) {
        request_add(emf, service, operation, sample->value);
    }
}

static void sum_up(struct emf *emf)
{
    struct tally *last = emf->now;
    emf->now = emf->last;
    emf->last = last;
    memset(emf->now, 0, emf_row_count * sizeof *emf->now);
    for (size_t i = 0; i < emf->request_count; i++) {
        emf->requests[i].last = emf->requests[i].now;
        emf->requests[i].now = 0;
    }
    metrics_each(emf->settings.metrics, visit, emf);
    exchange_snapshot(emf->settings.exchange, &emf->snapshot);
}

// --- Documents ---------------------------------------------------------------------------------------------

// A dimension beside `service`.
struct dimension {
    const char *name;
    const char *value;
};

static void write_member(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, ",\"%s\":", name);
    buffer_json_string(out, value, strlen(value));
}

static void write_head(const struct emf *emf, const struct dimension *dimensions, size_t count, struct buffer *out)
{
    buffer_printf(out, "{\"_aws\":{\"Timestamp\":%lld,\"CloudWatchMetrics\":[{\"Namespace\":",
                  (long long)clock_wall_ms(emf->settings.clock));
    buffer_json_string(out, emf->settings.namespace, strlen(emf->settings.namespace));
    buffer_text(out, ",\"Dimensions\":[[\"service\"");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, ",\"%s\"", dimensions[i].name);
    }
    buffer_text(out, "]],\"Metrics\":[");
}

static void write_value(struct buffer *out, const struct point *point)
{
    if (point->values == NULL) {
        buffer_printf(out, "%.10g", point->value);
        return;
    }
    for (size_t i = 0; i < point->value_count; i++) {
        buffer_printf(out, "%s%.6g", i > 0 ? "," : "[", point->values[i]);
    }
    buffer_text(out, "]");
}

// A line goes out whole, now, or not at all.
static void send_line(struct emf *emf, struct buffer *out)
{
    struct pollfd ready = {.fd = emf->settings.descriptor, .events = POLLOUT};
    ssize_t sent = -1;
    if (!buffer_failed(out) && poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0) {
        do {
            sent = write(emf->settings.descriptor, out->data, out->length);
        } while (sent < 0 && errno == EINTR);
    }
    if (sent < 0) {
        emf->dropped++;
    }
}

static void write_document(struct emf *emf, const struct dimension *dimensions, size_t dimension_count,
                           const struct point *points, size_t point_count)
{
    struct buffer out;
    buffer_init(&out, LINE_MAX_BYTES);
    write_head(emf, dimensions, dimension_count, &out);
    for (size_t i = 0; i < point_count; i++) {
        buffer_printf(&out, "%s{\"Name\":\"%s\",\"Unit\":\"%s\"}", i > 0 ? "," : "", points[i].row->name,
                      points[i].row->unit);
    }
    buffer_text(&out, "]}]}");
    write_member(&out, "service", emf->settings.service);
    for (size_t i = 0; i < dimension_count; i++) {
        write_member(&out, dimensions[i].name, dimensions[i].value);
    }
    for (size_t i = 0; i < point_count; i++) {
        buffer_printf(&out, ",\"%s\":", points[i].row->name);
        write_value(&out, &points[i]);
    }
    buffer_text(&out, "}\n");
    send_line(emf, &out);
    buffer_free(&out);
}

// --- Values ------------------------------------------------------------------------------------------------

// The second number of statm is resident pages; below 0: not known.
static double resident_bytes(void)
{
    char text[128];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
    if (file >= 0) {
        close(file);
    }
    text[length > 0 ? length : 0] = '\0';
    const char *second = strchr(text, ' ');
    double pages = second != NULL ? (double)strtoul(second + 1, NULL, 10) : 0;
    return pages > 0 ? pages * (double)sysconf(_SC_PAGESIZE) : -1;
}

static bool backend_works(const struct emf *emf, const char *kind)
{
    for (size_t i = 0; i < emf->snapshot.count; i++) {
        if (strcmp(emf->snapshot.backends[i].kind, kind) == 0) {
            return emf->snapshot.backends[i].usable;
        }
    }
    return false;
}

static double dropped_since(struct emf *emf)
{
    uint64_t dropped = emf->dropped + log_dropped();
    double rise = (double)(dropped - emf->dropped_last);
    emf->dropped_last = dropped;
    return rise;
}

// One number; false: it is not known, or not one of this row.
static bool number_of(struct emf *emf, size_t at, double minutes, double *value_r)
{
    const struct emf_row *row = &emf_rows[at];
    switch (row->how) {
    case EMF_GAUGE:
        *value_r = (double)emf->now[at].value * row->scale;
        return emf->now[at].seen && emf->now[at].value >= 0 && backend_works(emf, row->backend);
    case EMF_RISE:
    case EMF_COUNT:
        *value_r = (double)(emf->now[at].value - emf->last[at].value);
        return true;
    case EMF_COURIERS:
        *value_r = minutes;
        return true;
    case EMF_MEMORY:
        *value_r = resident_bytes();
        return *value_r >= 0;
    case EMF_DROPPED:
        *value_r = dropped_since(emf);
        return true;
    case EMF_SPREAD:
    case EMF_STATE:
    case EMF_REQUESTS:
    default:
        return false;
    }
}

static bool is_ours(const struct emf *emf, const struct emf_row *row)
{
    return row->roles == 0 || (row->roles & emf->settings.roles) != 0;
}

static void write_numbers(struct emf *emf, double minutes)
{
    struct point *points = xcalloc(emf_row_count, sizeof *points);
    size_t count = 0;
    for (size_t i = 0; i < emf_row_count; i++) {
        double value;
        if (is_ours(emf, &emf_rows[i]) && number_of(emf, i, minutes, &value)) {
            points[count++] = (struct point){.row = &emf_rows[i], .value = value};
        }
    }
    write_document(emf, NULL, 0, points, count);
    free(points);
}

static void write_spread(struct emf *emf, size_t at)
{
    const struct tally *now = &emf->now[at];
    uint64_t counts[METRICS_BUCKETS_MAX + 1];
    double values[EMF_SPREAD_MAX];
    for (size_t i = 0; i <= now->bound_count; i++) {
        counts[i] = now->counts[i] - emf->last[at].counts[i];
    }
    size_t count = now->seen ? emf_spread(now->bounds, now->bound_count, counts, values) : 0;
    for (size_t i = 0; i < count; i++) {
        values[i] *= emf_rows[at].scale;
    }
    if (count > 0) {
        const struct point point = {.row = &emf_rows[at], .values = values, .value_count = count};
        write_document(emf, NULL, 0, &point, 1);
    }
}

static void write_states(struct emf *emf, const struct emf_row *row)
{
    for (size_t i = 0; i < emf->snapshot.count; i++) {
        const struct exchange_backend *backend = &emf->snapshot.backends[i];
        const struct dimension kind = {"kind", backend->kind};
        bool ready = strcmp(backend->state, "ready") == 0;
        bool ending = strcmp(backend->state, "closing") == 0 || strcmp(backend->state, "closed") == 0;
        const struct point point = {.row = row, .value = ready ? 0 : backend->usable ? 1 : 2};
        if (!ending) {
            write_document(emf, &kind, 1, &point, 1);
        }
    }
}

static void write_requests(struct emf *emf, const struct emf_row *row)
{
    for (size_t i = 0; i < emf->request_count; i++) {
        const struct request *request = &emf->requests[i];
        const struct dimension dimensions[] = {{"aws_service", request->service}, {"operation", request->operation}};
        const struct point point = {.row = row, .value = (double)(request->now - request->last)};
        if (request->now > request->last) {
            write_document(emf, dimensions, 2, &point, 1);
        }
    }
}

void emf_write(struct emf *emf)
{
    uint64_t now_ns = clock_monotonic_ns(emf->settings.clock);
    double minutes = (double)(now_ns - emf->written_ns) / MINUTE_NS;
    emf->written_ns = now_ns;
    sum_up(emf);
    write_numbers(emf, minutes);
    for (size_t i = 0; i < emf_row_count; i++) {
        const struct emf_row *row = &emf_rows[i];
        if (!is_ours(emf, row)) {
            continue;
        }
        if (row->how == EMF_SPREAD) {
            write_spread(emf, i);
        } else if (row->how == EMF_STATE) {
            write_states(emf, row);
        } else if (row->how == EMF_REQUESTS) {
            write_requests(emf, row);
        }
    }
}

// --- Life --------------------------------------------------------------------------------------------------

static void due(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    emf_write(context);
}

struct emf *emf_new(const struct emf_settings *settings)
{
    struct emf *emf = xcalloc(1, sizeof *emf);
    emf->settings = *settings;
    emf->now = xcalloc(emf_row_count, sizeof *emf->now);
    emf->last = xcalloc(emf_row_count, sizeof *emf->last);
    emf->written_ns = clock_monotonic_ns(settings->clock);
    emf->timer = event_new(settings->base, -1, EV_PERSIST, due, emf);
    const struct timeval interval = {.tv_sec = settings->interval_ms / 1000,
                                     .tv_usec = (suseconds_t)(settings->interval_ms % 1000) * 1000};
    if (emf->timer == NULL || event_add(emf->timer, &interval) != 0) {
        abort();
    }
    return emf;
}

void emf_free(struct emf *emf)
{
    if (emf == NULL) {
        return;
    }
    event_free(emf->timer);
    free(emf->now);
    free(emf->last);
    free(emf);
}
