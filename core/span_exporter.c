// SPDX-License-Identifier: Apache-2.0
//
// See core/span_exporter.h. One timer decides when the next request goes out: after an interval, at once when a batch is full,
// or after the wait that a failure asked for. A batch stays encoded in `body` until it was taken or given up.
#include "core/span_exporter.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/deferred.h"
#include "core/encode.h"
#include "core/http_client.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/metrics.h"
#include "core/quantity.h"
#include "core/random.h"
#include "core/span.h"
#include "core/span_ring.h"
#include "core/xalloc.h"

#define BODY_MAX ((size_t)1 << 20)
#define ANSWER_MAX ((size_t)64 << 10)
#define RETRY_MS 1000u
#define RETRY_CAP_MS 30000u
#define INSTANCE_BYTES 16
#define CLOCK_STEP_NS INT64_C(2000000) // the wall clock is known to a millisecond

enum { FAMILY_SENT, FAMILY_DROPPED, FAMILY_FAILED, FAMILIES };

static const struct metrics_family families[FAMILIES] = {
    [FAMILY_SENT] = {.name = "posthouse_spans_sent_total",
                     .help = "Spans that the receiver of traces has taken.",
                     .type = METRICS_COUNTER},
    [FAMILY_DROPPED] = {.name = "posthouse_spans_dropped_total",
                        .help = "Spans dropped because too many waited to be sent.",
                        .type = METRICS_COUNTER},
    [FAMILY_FAILED] = {.name = "posthouse_spans_failed_total",
                       .help = "Spans given up because the receiver of traces refused them or could not be reached.",
                       .type = METRICS_COUNTER},
};

static const char *const headers[] = {"Content-Type: application/json", NULL};

struct span_exporter {
    struct span_exporter_settings settings;
    char *url;
    char *service;
    char instance[ENCODE_HEX_SIZE(INSTANCE_BYTES)];
    struct span_ring *ring;
    struct deferred_queue *deferred;
    struct http_client *http;
    struct mailbox *mailbox; // wakes the loop from other threads
    struct mailbox_item full;
    _Atomic bool told; // `full` is on its way
    _Atomic bool closed;
    struct event *timer;
    struct event *limit;
    struct metrics_series *series[FAMILIES];
    int64_t wall_ns; // from the monotonic clock to the wall's
    struct span batch[SPAN_BATCH];
    size_t batch_count; // spans in `body`; 0: none
    struct buffer body;
    uint32_t attempts; // at `body`
    struct ph_http_request request;
    struct ph_http_exchange *exchange; // NULL: nothing is under way
    bool paused;                       // a failure asked for a wait
    bool troubled;                     // the log knows
    bool finishing;
    void (*done)(void *context);
    void *done_context;
};

const struct metrics_family *span_exporter_family(size_t index)
{
    return index < FAMILIES ? &families[index] : NULL;
}

static void timer_set(struct event *timer, int64_t after_ms)
{
    const struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = (suseconds_t)(after_ms % 1000) * 1000};
    event_add(timer, &after);
}

// -------------------------------------------------------------------------------------------------------- finishing

static void finished(struct span_exporter *exporter)
{
    void (*done)(void *context) = exporter->done;
    exporter->done = NULL;
    event_del(exporter->timer);
    event_del(exporter->limit);
    if (done != NULL) {
        const size_t left = span_ring_count(exporter->ring) + exporter->batch_count;
        metrics_add(exporter->series[FAMILY_FAILED], left);
        done(exporter->done_context);
    }
}

static void limit_reached(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    finished(context);
}

// -------------------------------------------------------------------------------------------------------- a request

static void answered(void *context, const struct ph_http_response *response);

static void send_body(struct span_exporter *exporter)
{
    exporter->attempts++;
    exporter->request = (struct ph_http_request){
        .method = "POST",
        .url = exporter->url,
        .headers = headers,
        .body = {exporter->body.data, exporter->body.length},
        .timeout_ms = (uint32_t)exporter->settings.timeout_ms,
        .connect_timeout_ms = (uint32_t)exporter->settings.timeout_ms,
        .response_limit = ANSWER_MAX,
    };
    exporter->exchange = http_client_start(exporter->http, &exporter->request, answered, exporter);
    if (exporter->exchange == NULL) { // cannot be: it is the client's only one
        abort();
    }
}

// Both clocks are read again for each batch, but only a step of the wall clock counts: what one process tells is in order.
static void look_at_clocks(struct span_exporter *exporter)
{
    const struct clock *clock = exporter->settings.clock;
    const int64_t wall_ns = clock_wall_ms(clock) * 1000000 - (int64_t)clock_monotonic_ns(clock);
    const int64_t step = wall_ns - exporter->wall_ns;
    if (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS) {
        exporter->wall_ns = wall_ns;
    }
}

// Encodes the next batch into `body`; false when nothing waits.
static bool take_batch(struct span_exporter *exporter)
{
    const struct span_resource resource = {exporter->service, exporter->instance};
    const size_t count = span_ring_take(exporter->ring, exporter->batch, SPAN_BATCH);
    if (count == 0) {
        return false;
    }
    look_at_clocks(exporter);
    buffer_clear(&exporter->body);
    spans_encode(&exporter->body, &resource, exporter->batch, count, exporter->wall_ns);
    exporter->attempts = 0;
    exporter->batch_count = count;
    return true;
}

static void forget_batch(struct span_exporter *exporter, size_t family)
{
    metrics_add(exporter->series[family], exporter->batch_count);
    exporter->batch_count = 0;
}

static void go_on(struct span_exporter *exporter)
{
    if (exporter->exchange != NULL) {
        return;
    }
    exporter->paused = false;
    if (exporter->batch_count > 0 || take_batch(exporter)) {
        send_body(exporter);
    } else if (exporter->finishing) {
        finished(exporter);
    } else {
        timer_set(exporter->timer, exporter->settings.interval_ms);
    }
}

static void timer_rang(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    go_on(context);
}

static void ring_filled(struct mailbox_item *item)
{
    struct span_exporter *exporter =
        (struct span_exporter *)(void *)((char *)item - offsetof(struct span_exporter, full));
    atomic_store(&exporter->told, false);
    if (!exporter->paused && !atomic_load(&exporter->closed)) {
        go_on(exporter);
    }
}

// --------------------------------------------------------------------------------------------------------- answers

// What OTLP says may be sent again.
static bool may_pass(const struct ph_http_response *response)
{
    if (response->outcome != PH_OK) {
        return response->outcome != PH_INVALID;
    }
    return response->status == 429 || response->status == 502 || response->status == 503 || response->status == 504;
}

static uint32_t retry_after_ms(const struct ph_http_response *response)
{
    uint64_t seconds = 0;
    for (size_t i = 0; response->outcome == PH_OK && i < response->header_count; i++) {
        const struct ph_text *name = response->header_names[i];
        const struct ph_text *value = response->header_values[i];
        if (name->length == 11 && memcmp(name->bytes, "retry-after", 11) == 0 &&
            quantity_parse_unsigned(value->bytes, value->length, &seconds)) {
            return seconds < RETRY_CAP_MS / 1000 ? (uint32_t)seconds * 1000 : RETRY_CAP_MS;
        }
    }
    return 0;
}

// Doubles with each attempt, with jitter, and never comes before the receiver wants it.
static uint32_t wait_ms(const struct span_exporter *exporter, const struct ph_http_response *response)
{
    uint32_t bound = exporter->settings.retry_ms > 0 ? exporter->settings.retry_ms : RETRY_MS;
    for (uint32_t i = 1; i < exporter->attempts && bound < RETRY_CAP_MS; i++) {
        bound *= 2;
    }
    bound = bound < RETRY_CAP_MS ? bound : RETRY_CAP_MS;
    const uint32_t asked = retry_after_ms(response);
    const uint32_t drawn = bound / 2 + (uint32_t)random_below(bound / 2 + 1);
    return drawn > asked ? drawn : asked;
}

static void tell_trouble(struct span_exporter *exporter, const struct ph_http_response *response)
{
    if (!exporter->troubled) {
        exporter->troubled = true;
        log_warn(NULL,
                 "spans are not taken by the receiver of traces; those that do not fit in [tracing] queue are lost",
                 log_text("endpoint", exporter->settings.endpoint), log_int("status", response->status),
                 log_text("reason", response->outcome == PH_OK ? "it answered with an error" : response->error));
    }
}

static void taken(struct span_exporter *exporter)
{
    if (exporter->troubled) {
        exporter->troubled = false;
        log_info(NULL, "spans are taken again by the receiver of traces",
                 log_text("endpoint", exporter->settings.endpoint));
    }
    forget_batch(exporter, FAMILY_SENT);
    if (exporter->finishing || span_ring_count(exporter->ring) >= SPAN_BATCH) {
        go_on(exporter);
    } else {
        timer_set(exporter->timer, exporter->settings.interval_ms);
    }
}

static void answered(void *context, const struct ph_http_response *response)
{
    struct span_exporter *exporter = context;
    exporter->exchange = NULL;
    if (atomic_load(&exporter->closed) && exporter->done == NULL) {
        return; // the limit has passed
    }
    if (response->outcome == PH_OK && response->status >= 200 && response->status < 300) {
        taken(exporter);
        return;
    }
    tell_trouble(exporter, response);
    const bool again = may_pass(response);
    const uint32_t wait = wait_ms(exporter, response);
    if (!again || exporter->finishing || exporter->attempts >= SPAN_ATTEMPTS) {
        forget_batch(exporter, FAMILY_FAILED);
    }
    exporter->paused = true;
    if (exporter->finishing && again) {
        finished(exporter); // it would not take the next one either
    } else {
        timer_set(exporter->timer, exporter->finishing ? 0 : (int64_t)wait);
    }
}

// ------------------------------------------------------------------------------------------------------------ life

struct span_exporter *span_exporter_new(const struct span_exporter_settings *settings)
{
    struct span_exporter *exporter = xcalloc(1, sizeof *exporter);
    uint8_t instance[INSTANCE_BYTES];
    exporter->settings = *settings;
    exporter->settings.endpoint = xstrdup(settings->endpoint);
    exporter->service = xstrdup(settings->service_name);
    size_t length = strlen(settings->endpoint);
    while (length > 0 && settings->endpoint[length - 1] == '/') {
        length--;
    }
    exporter->url = xasprintf("%.*s/v1/traces", (int)length, settings->endpoint);
    random_bytes(instance, sizeof instance);
    encode_hex(instance, sizeof instance, exporter->instance);
    buffer_init(&exporter->body, BODY_MAX);
    exporter->ring = span_ring_new(settings->queue);
    exporter->full.run = ring_filled;
    exporter->deferred = deferred_new(settings->base);
    exporter->http = exporter->deferred != NULL ? http_client_new(settings->base, exporter->deferred) : NULL;
    exporter->mailbox = mailbox_create(settings->base, NULL, NULL);
    exporter->timer = evtimer_new(settings->base, timer_rang, exporter);
    exporter->limit = evtimer_new(settings->base, limit_reached, exporter);
    if (exporter->http == NULL || exporter->mailbox == NULL || exporter->timer == NULL || exporter->limit == NULL) {
        span_exporter_free(exporter);
        return NULL;
    }
    for (size_t i = 0; i < FAMILIES; i++) {
        exporter->series[i] = metrics_register(settings->metrics, &families[i], NULL, 0);
    }
    timer_set(exporter->timer, settings->interval_ms);
    return exporter;
}

void span_exporter_add(struct span_exporter *exporter, const struct span *span)
{
    size_t count = 0;
    if (atomic_load(&exporter->closed) || !span_ring_add(exporter->ring, span, &count)) {
        metrics_increment(exporter->series[FAMILY_DROPPED]);
        return;
    }
    if (count >= SPAN_BATCH && !atomic_exchange(&exporter->told, true)) {
        mailbox_push(exporter->mailbox, &exporter->full);
    }
}

void span_exporter_finish(struct span_exporter *exporter, int64_t limit_ms, void (*done)(void *context), void *context)
{
    exporter->finishing = true;
    exporter->done = done;
    exporter->done_context = context;
    atomic_store(&exporter->closed, true);
    timer_set(exporter->limit, limit_ms);
    timer_set(exporter->timer, 0);
}

static void event_drop(struct event *event)
{
    if (event != NULL) {
        event_free(event);
    }
}

void span_exporter_free(struct span_exporter *exporter)
{
    if (exporter == NULL) {
        return;
    }
    atomic_store(&exporter->closed, true);
    if (exporter->mailbox != NULL) {
        mailbox_destroy(&exporter->mailbox);
    }
    http_client_free(exporter->http);
    deferred_free(exporter->deferred);
    event_drop(exporter->timer);
    event_drop(exporter->limit);
    span_ring_free(exporter->ring);
    buffer_free(&exporter->body);
    free(exporter->url);
    free(exporter->service);
    free((char *)(uintptr_t)exporter->settings.endpoint);
    free(exporter);
}
