// SPDX-License-Identifier: Apache-2.0
//
// core/span and core/span_ring: ids and attributes of spans, the JSON that OTLP wants of them, and the ring they wait in. The
// whole request against a schema: tests/e2e/test_tracing.py.
#include "tests/unit/unit.h"

#include "core/buffer.h"
#include "core/span.h"
#include "core/span_ring.h"

#include <jansson.h>
#include <pthread.h>
#include <string.h>

#define WALL_NS INT64_C(1700000000000000000)

static struct traceparent parent_of(const char *text)
{
    struct traceparent parent;
    assert_true(traceparent_parse(text, strlen(text), &parent));
    return parent;
}

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

// The value of an attribute, whatever its type, or NULL.
static const char *attribute(const json_t *object, const char *key)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(object, "attributes"), i, each)
    {
        if (strcmp(text_at(each, "key"), key) == 0) {
            const json_t *value = json_object_get(each, "value");
            const json_t *text = json_object_get(value, "stringValue");
            return json_string_value(text != NULL ? text : json_object_get(value, "intValue"));
        }
    }
    return NULL;
}

static json_t *encode(const struct span_resource *resource, const struct span *spans, size_t count)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    spans_encode(&out, resource, spans, count, WALL_NS);
    assert_false(buffer_failed(&out));
    json_t *json = json_loadb(out.data, out.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    buffer_free(&out);
    return json;
}

static const json_t *group_of(const json_t *json)
{
    return json_array_get(json_object_get(json, "resourceSpans"), 0);
}

static const json_t *span_at(const json_t *json, size_t index)
{
    const json_t *scope = json_array_get(json_object_get(group_of(json), "scopeSpans"), 0);
    return json_array_get(json_object_get(scope, "spans"), index);
}

static void test_a_child_goes_on_with_its_trace(void **state)
{
    (void)state;
    const struct traceparent parent = parent_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff");
    struct span span;
    span_begin(&span, SPAN_SERVER, "GET /v1/inbox", &parent, 7);
    assert_memory_equal(span.own.trace, parent.trace, sizeof parent.trace);
    assert_memory_equal(span.parent, parent.span, sizeof parent.span);
    assert_memory_not_equal(span.own.span, parent.span, sizeof parent.span);
    assert_int_equal(span.own.flags,
                     TRACEPARENT_SAMPLED | TRACEPARENT_RANDOM); // bits that nobody knows yet go no further
    const struct traceparent again = parent_of(span.text);
    assert_memory_equal(again.span, span.own.span, sizeof again.span);
}

static void test_a_first_span_has_no_parent(void **state)
{
    (void)state;
    const struct span_resource resource = {"a \"b\"\n", "1"};
    struct span spans[2];
    for (size_t i = 0; i < 2; i++) {
        span_begin(&spans[i], SPAN_SERVER, "GET /v1/inbox", NULL, 1000);
        spans[i].end_ns = 2500;
        assert_true(traceparent_looks_sampled((struct ph_text){spans[i].text, strlen(spans[i].text)}));
    }
    assert_memory_not_equal(spans[0].own.trace, spans[1].own.trace, sizeof spans[0].own.trace);
    json_t *json = encode(&resource, spans, 2);
    assert_string_equal(attribute(json_object_get(group_of(json), "resource"), "service.name"), "a \"b\"\n");
    const json_t *span = span_at(json, 1);
    assert_null(json_object_get(span, "parentSpanId"));
    assert_null(json_object_get(span, "status"));
    assert_int_equal(strlen(text_at(span, "traceId")), 32);
    assert_memory_equal(text_at(span, "traceId"), spans[1].text + 3, 32);
    assert_memory_equal(text_at(span, "spanId"), spans[1].text + 36, 16);
    assert_string_equal(text_at(span, "startTimeUnixNano"), "1700000000000001000");
    assert_string_equal(text_at(span, "endTimeUnixNano"), "1700000000000002500");
    assert_null(span_at(json, 2));
    json_decref(json);
}

static void test_what_a_span_tells(void **state)
{
    (void)state;
    const struct span_resource resource = {"posthouse", "1"};
    const struct traceparent parent = parent_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const struct ph_id id = {{0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff}};
    struct span span;
    span_begin(&span, SPAN_CLIENT, "storage", &parent, 0);
    span.subject = "append";
    span_text(&span, "a.text", "x");
    span_number(&span, "a.number", -42);
    span_message(&span, &id);
    span_fail(&span, "a word that is much too long");
    for (int i = 0; i < 2 * SPAN_ATTRIBUTES_MAX; i++) {
        span_number(&span, "more", i);
    }
    json_t *json = encode(&resource, &span, 1);
    const json_t *told = span_at(json, 0);
    assert_string_equal(text_at(told, "name"), "storage append");
    assert_int_equal(json_integer_value(json_object_get(told, "kind")), 3);
    assert_string_equal(text_at(told, "parentSpanId"), "00f067aa0ba902b7");
    assert_string_equal(attribute(told, "a.text"), "x");
    assert_string_equal(attribute(told, "a.number"), "-42");
    assert_string_equal(attribute(told, "messaging.message.id"), "01930000-0000-7000-8000-0000000000ff");
    assert_string_equal(attribute(told, "error.type"), "a word that is ");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(told, "status"), "code")), 2);
    assert_int_equal(json_array_size(json_object_get(told, "attributes")), SPAN_ATTRIBUTES_MAX + 2);
    json_decref(json);
}

static void test_a_ring_keeps_order_and_its_limit(void **state)
{
    (void)state;
    struct span_ring *ring = span_ring_new(3);
    struct span span = {0}, taken[4];
    size_t count;
    assert_int_equal(span_ring_take(ring, taken, 4), 0);
    for (uint64_t round = 0; round < 5; round++) { // over the end and on from the beginning
        for (uint64_t i = 0; i < 5; i++) {
            span.start_ns = round * 10 + i;
            assert_int_equal(span_ring_add(ring, &span, &count), i < 3);
            assert_int_equal(count, i < 3 ? i + 1 : 3);
        }
        assert_int_equal(span_ring_take(ring, taken, 2), 2);
        assert_int_equal(taken[0].start_ns, round * 10);
        assert_int_equal(taken[1].start_ns, round * 10 + 1);
        assert_int_equal(span_ring_count(ring), 1);
        assert_int_equal(span_ring_take(ring, taken, 4), 1);
        assert_int_equal(taken[0].start_ns, round * 10 + 2);
    }
    span_ring_free(ring);
    span_ring_free(NULL);
}

#define WRITERS 4
#define EACH 2000

static void *write_spans(void *context)
{
    struct span span = {0};
    size_t count, kept = 0;
    for (int i = 0; i < EACH; i++) {
        kept += span_ring_add(context, &span, &count);
    }
    return (void *)kept;
}

static void test_many_threads_add(void **state)
{
    (void)state;
    struct span_ring *ring = span_ring_new(64);
    pthread_t threads[WRITERS];
    struct span taken[64];
    size_t kept = 0, got = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_spans, ring), 0);
    }
    for (int i = 0; i < 1000; i++) {
        got += span_ring_take(ring, taken, 64);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        void *mine;
        pthread_join(threads[i], &mine);
        kept += (size_t)mine;
    }
    assert_int_equal(got + span_ring_take(ring, taken, 64), kept);
    span_ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_child_goes_on_with_its_trace),
        cmocka_unit_test(test_a_first_span_has_no_parent),
        cmocka_unit_test(test_what_a_span_tells),
        cmocka_unit_test(test_a_ring_keeps_order_and_its_limit),
        cmocka_unit_test(test_many_threads_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
