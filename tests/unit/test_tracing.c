// SPDX-License-Identifier: Apache-2.0
//
// core/tracing in a whole exchange on the mocks: deliveries that go well and that fail, and contexts that are none. What
// requests make, and what a receiver gets from a daemon: tests/e2e/test_tracing.py.
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include "core/metrics.h"
#include "core/tracing.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLED "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

struct scene {
    struct house *house;
    struct event_base *own_base; // of the exporter's timers, which house_advance() shall leave alone
    struct evhttp *receiver;
    struct metrics *metrics;
    struct tracing *tracing;
    json_t *spans;
    bool done;
};

static void receive(struct evhttp_request *request, void *context)
{
    struct scene *scene = context;
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    json_t *json = json_loadb((const char *)evbuffer_pullup(body, -1), evbuffer_get_length(body), 0, NULL);
    json_t *group = json_array_get(json_object_get(json, "resourceSpans"), 0);
    json_t *scope = json_array_get(json_object_get(group, "scopeSpans"), 0);
    json_array_extend(scene->spans, json_object_get(scope, "spans"));
    json_decref(json);
    evhttp_send_reply(request, 200, "OK", NULL);
}

static struct scene *scene_new(void)
{
    struct scene *scene = calloc(1, sizeof *scene);
    char endpoint[64];
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    scene->spans = json_array();
    scene->house = house_new();
    scene->own_base = event_base_new();
    scene->metrics = metrics_new(64);
    scene->receiver = evhttp_new(scene->own_base);
    evhttp_set_gencb(scene->receiver, receive, scene);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(scene->receiver, "127.0.0.1", 0);
    assert_non_null(bound);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", ntohs(address.sin_port));
    const struct span_exporter_settings settings = {.base = scene->own_base,
                                                    .clock = scene->house->settings.clock,
                                                    .metrics = scene->metrics,
                                                    .endpoint = endpoint,
                                                    .service_name = "posthouse",
                                                    .interval_ms = 3600000,
                                                    .timeout_ms = 60000,
                                                    .queue = 1000};
    scene->tracing = tracing_new(&settings, 0);
    assert_non_null(scene->tracing);
    scene->house->settings.tracing = scene->tracing;
    return scene;
}

static void done(void *context)
{
    ((struct scene *)context)->done = true;
}

// Drains the house, waits for all spans, and ends it.
static void scene_end(struct scene *scene)
{
    house_drain(scene->house);
    tracing_finish(scene->tracing, 60000, done, scene);
    while (!scene->done) {
        event_base_loop(scene->own_base, EVLOOP_ONCE);
    }
    house_free(scene->house);
}

static void scene_free(struct scene *scene)
{
    tracing_free(scene->tracing);
    metrics_free(scene->metrics);
    evhttp_free(scene->receiver);
    event_base_free(scene->own_base);
    json_decref(scene->spans);
    free(scene);
}

static const char *text_of(const json_t *span, const char *name)
{
    return json_string_value(json_object_get(span, name));
}

// The n-th span of a name, or NULL.
static const json_t *span_of(const struct scene *scene, const char *name, size_t n)
{
    size_t i;
    json_t *span;
    json_array_foreach(scene->spans, i, span)
    {
        if (strcmp(text_of(span, "name"), name) == 0 && n-- == 0) {
            return span;
        }
    }
    return NULL;
}

static const char *error_of(const json_t *span)
{
    size_t i;
    json_t *attribute;
    assert_non_null(span);
    json_array_foreach(json_object_get(span, "attributes"), i, attribute)
    {
        if (strcmp(text_of(attribute, "key"), "error.type") == 0) {
            return text_of(json_object_get(attribute, "value"), "stringValue");
        }
    }
    return NULL;
}

static void send_with(struct scene *scene, uint32_t number, const char *trace)
{
    struct ph_message message = house_message(number, PH_PRIORITY_NORMAL);
    message.trace = (struct ph_text){trace, strlen(trace)};
    assert_int_equal(house_send(scene->house, &message), PH_OK);
}

static bool is_delivered(struct house *house)
{
    return house_inbox(house) == 1;
}

static void test_a_delivery_is_below_what_the_message_keeps(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    house_open(scene->house);
    send_with(scene, 1, SAMPLED);
    assert_true(house_until(scene->house, is_delivered, 5000));
    scene_end(scene);
    const json_t *delivery = span_of(scene, "deliver", 0);
    assert_null(error_of(delivery));
    assert_string_equal(text_of(delivery, "traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_string_equal(text_of(delivery, "parentSpanId"), "00f067aa0ba902b7");
    static const char *const below[] = {"storage deliver", "queue remove"};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(text_of(span_of(scene, below[i], 0), "parentSpanId"), text_of(delivery, "spanId"));
    }
    static const char *const beside[] = {"queue send", "meta put"};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(text_of(span_of(scene, beside[i], 0), "parentSpanId"), "00f067aa0ba902b7");
    }
    assert_null(span_of(scene, "deliver", 1));
    scene_free(scene);
}

static void deliver_refuses(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        call->results[i]->outcome = PH_INVALID;
    }
    call->host->complete(call);
}

static bool is_dead(struct house *house)
{
    return house_status(house, 1) == PH_STATE_DEAD;
}

static void test_each_attempt_that_fails_is_a_span(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    house_storage(scene->house)->deliver = deliver_refuses;
    scene->house->settings.attempts = 2;
    house_open(scene->house);
    send_with(scene, 1, SAMPLED);
    assert_true(house_until(scene->house, is_dead, 120000));
    scene_end(scene);
    for (size_t i = 0; i < 2; i++) {
        const json_t *delivery = span_of(scene, "deliver", i);
        assert_string_equal(error_of(delivery), "invalid");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(delivery, "status"), "code")), 2);
        assert_string_equal(text_of(delivery, "parentSpanId"), "00f067aa0ba902b7");
        assert_string_equal(error_of(span_of(scene, "storage deliver", i)), "invalid");
        assert_null(error_of(span_of(scene, "storage fail", i)));
    }
    assert_null(span_of(scene, "deliver", 2));
    scene_free(scene);
}

static void test_what_is_no_context_makes_no_span(void **state)
{
    (void)state;
    static const char *const traces[] = {
        "", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", // not sampled
        "00-4bf92f3577b34da6a3ce929d0e0e473\"-00f067aa0ba902b7-01",    // looks so, but is not well formed
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "a trace of another kind, as long as it may be ... ... 1"};
    struct scene *scene = scene_new();
    house_open(scene->house);
    for (uint32_t i = 0; i < 5; i++) {
        send_with(scene, 1 + i, traces[i]);
    }
    while (house_inbox(scene->house) < 5) {
        house_advance(scene->house, 500);
    }
    scene_end(scene);
    assert_int_equal(json_array_size(scene->spans), 0);
    scene_free(scene);
}

static void test_a_share_is_drawn(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (int i = 0; i < 1000; i++) {
        assert_false(tracing_samples(scene->tracing, NULL)); // its share is none
    }
    assert_true(tracing_samples(scene->tracing, SAMPLED));
    house_open(scene->house);
    scene_end(scene);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_delivery_is_below_what_the_message_keeps),
        cmocka_unit_test(test_each_attempt_that_fails_is_a_span),
        cmocka_unit_test(test_what_is_no_context_makes_no_span),
        cmocka_unit_test(test_a_share_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
