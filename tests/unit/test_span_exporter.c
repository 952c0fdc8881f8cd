// SPDX-License-Identifier: Apache-2.0
//
// core/span_exporter against a receiver on the same loop, which answers what a test wants: batches, repeats, what is counted,
// and the end.
#include "tests/unit/unit.h"

#include "core/clock.h"
#include "core/metrics.h"
#include "core/span.h"
#include "core/span_exporter.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS 600000 // longer than a test: only what is asked for happens

struct site {
    struct event_base *base;
    struct evhttp *receiver;
    struct metrics *metrics;
    struct span_exporter *exporter;
    char endpoint[64];
    int status;              // 0: no answer
    const char *retry_after; // or NULL
    size_t requests;
    size_t spans;   // in the last request
    char first[17]; // id of the first span of the last request
    bool done;
};

static void receive(struct evhttp_request *request, void *context)
{
    struct site *site = context;
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    json_t *json = json_loadb((const char *)evbuffer_pullup(body, -1), evbuffer_get_length(body), 0, NULL);
    const json_t *group = json_array_get(json_object_get(json, "resourceSpans"), 0);
    const json_t *scope = json_array_get(json_object_get(group, "scopeSpans"), 0);
    const json_t *spans = json_object_get(scope, "spans");
    assert_string_equal(evhttp_request_get_uri(request), "/v1/traces");
    site->requests++;
    site->spans = json_array_size(spans);
    snprintf(site->first, sizeof site->first, "%s",
             json_string_value(json_object_get(json_array_get(spans, 0), "spanId")));
    json_decref(json);
    if (site->status == 0) {
        return;
    }
    if (site->retry_after != NULL) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After", site->retry_after);
    }
    evhttp_send_reply(request, site->status, "x", NULL);
}

static struct site *site_with(int64_t interval_ms, size_t queue)
{
    struct site *site = calloc(1, sizeof *site);
    evthread_use_pthreads();
    site->base = event_base_new();
    site->receiver = evhttp_new(site->base);
    site->status = 200;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(site->receiver, "127.0.0.1", 0);
    assert_non_null(bound);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length);
    snprintf(site->endpoint, sizeof site->endpoint, "http://127.0.0.1:%u//", ntohs(address.sin_port));
    evhttp_set_gencb(site->receiver, receive, site);
    site->metrics = metrics_new(64);
    const struct span_exporter_settings settings = {.base = site->base,
                                                    .clock = clock_system(),
                                                    .metrics = site->metrics,
                                                    .endpoint = site->endpoint,
                                                    .service_name = "posthouse",
                                                    .interval_ms = interval_ms,
                                                    .timeout_ms = 60000,
                                                    .queue = queue,
                                                    .retry_ms = 1};
    site->exporter = span_exporter_new(&settings);
    assert_non_null(site->exporter);
    return site;
}

static void site_free(struct site *site)
{
    span_exporter_free(site->exporter);
    evhttp_free(site->receiver);
    metrics_free(site->metrics);
    event_base_free(site->base);
    free(site);
}

static int64_t counted(const struct site *site, size_t family)
{
    return metrics_get(metrics_register(site->metrics, span_exporter_family(family), NULL, 0));
}

enum { SENT, DROPPED, FAILED };

static void add(struct site *site, size_t count)
{
    struct span span;
    for (size_t i = 0; i < count; i++) {
        span_begin(&span, SPAN_SERVER, "x", NULL, 1);
        span.end_ns = 2;
        span_exporter_add(site->exporter, &span);
    }
}

// Turns the loop until as many spans are counted there.
static void until_counted(struct site *site, size_t family, int64_t count)
{
    while (counted(site, family) < count) {
        event_base_loop(site->base, EVLOOP_ONCE);
    }
    assert_int_equal(counted(site, family), count);
}

static void done(void *context)
{
    ((struct site *)context)->done = true;
}

static void finish(struct site *site, int64_t limit_ms)
{
    span_exporter_finish(site->exporter, limit_ms, done, site);
    assert_false(site->done);
    while (!site->done) {
        event_base_loop(site->base, EVLOOP_ONCE);
    }
}

static void test_the_interval_sends(void **state)
{
    (void)state;
    struct site *site = site_with(20, 1000);
    add(site, 3);
    until_counted(site, SENT, 3);
    assert_int_equal(site->requests, 1);
    assert_int_equal(site->spans, 3);
    add(site, 2);
    until_counted(site, SENT, 5);
    assert_int_equal(site->requests, 2);
    site_free(site);
}

static void test_a_full_batch_goes_at_once(void **state)
{
    (void)state;
    struct site *site = site_with(LONG_MS, 1000);
    add(site, SPAN_BATCH * 3 + 5);
    until_counted(site, SENT, SPAN_BATCH * 3);
    assert_int_equal(site->requests, 3);
    assert_int_equal(site->spans, SPAN_BATCH);
    finish(site, LONG_MS);
    assert_int_equal(counted(site, SENT), SPAN_BATCH * 3 + 5);
    assert_int_equal(counted(site, FAILED), 0);
    site_free(site);
}

static void test_what_does_not_fit_is_dropped(void **state)
{
    (void)state;
    struct site *site = site_with(LONG_MS, SPAN_BATCH);
    add(site, SPAN_BATCH + 7);
    assert_int_equal(counted(site, DROPPED), 7);
    until_counted(site, SENT, SPAN_BATCH);
    finish(site, LONG_MS);
    add(site, 1); // nobody sends it any more
    assert_int_equal(counted(site, DROPPED), 8);
    site_free(site);
}

static void test_the_same_batch_is_sent_again(void **state)
{
    (void)state;
    static const int passing[] = {429, 502, 503, 504};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        char first[sizeof((struct site *)0)->first];
        struct site *site = site_with(1, 1000);
        site->status = passing[i];
        site->retry_after = "0";
        add(site, 2);
        while (site->requests < 2) {
            event_base_loop(site->base, EVLOOP_ONCE);
        }
        memcpy(first, site->first, sizeof first);
        add(site, 2); // waits behind it
        site->status = 202;
        while (counted(site, SENT) == 0) {
            event_base_loop(site->base, EVLOOP_ONCE);
        }
        assert_string_equal(site->first, first);
        assert_int_equal(site->spans, 2);
        until_counted(site, SENT, 4);
        assert_int_equal(counted(site, FAILED), 0);
        site_free(site);
    }
}

static void test_a_batch_is_given_up(void **state)
{
    (void)state;
    struct site *site = site_with(1, 1000);
    site->status = 503;
    add(site, 2);
    until_counted(site, FAILED, 2);
    assert_int_equal(site->requests, SPAN_ATTEMPTS);
    site->status = 200;
    add(site, 1);
    until_counted(site, SENT, 1);
    site_free(site);
}

static void test_a_refusal_is_not_repeated(void **state)
{
    (void)state;
    static const int final[] = {400, 401, 404, 413, 500, 302};
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        struct site *site = site_with(1, 1000);
        site->status = final[i];
        add(site, 2);
        until_counted(site, FAILED, 2);
        assert_int_equal(site->requests, 1);
        site_free(site);
    }
}

static void test_the_end_waits_for_no_answer(void **state)
{
    (void)state;
    struct site *site = site_with(1, 1000);
    site->status = 0;
    add(site, 2);
    while (site->requests == 0) {
        event_base_loop(site->base, EVLOOP_ONCE);
    }
    add(site, 3);
    finish(site, 1);
    assert_int_equal(counted(site, FAILED), 5);
    assert_int_equal(counted(site, SENT), 0);
    site_free(site); // with the request under way
}

static void test_the_end_tries_once(void **state)
{
    (void)state;
    struct site *site = site_with(LONG_MS, 1000);
    site->status = 503;
    add(site, SPAN_BATCH - 1);
    finish(site, LONG_MS);
    assert_int_equal(site->requests, 1);
    assert_int_equal(counted(site, FAILED), SPAN_BATCH - 1);
    site_free(site);
}

static void test_the_end_of_nothing(void **state)
{
    (void)state;
    struct site *site = site_with(LONG_MS, 1000);
    finish(site, LONG_MS);
    assert_int_equal(site->requests, 0);
    site_free(site);
    span_exporter_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_interval_sends),           cmocka_unit_test(test_a_full_batch_goes_at_once),
        cmocka_unit_test(test_what_does_not_fit_is_dropped), cmocka_unit_test(test_the_same_batch_is_sent_again),
        cmocka_unit_test(test_a_batch_is_given_up),          cmocka_unit_test(test_a_refusal_is_not_repeated),
        cmocka_unit_test(test_the_end_waits_for_no_answer),  cmocka_unit_test(test_the_end_tries_once),
        cmocka_unit_test(test_the_end_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
