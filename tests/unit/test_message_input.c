// SPDX-License-Identifier: Apache-2.0
//
// core/message_input: what a client sends becomes a message, or every mistake in it is named by its pointer.
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_task.h"
#include "core/clock.h"
#include "core/json_read.h"
#include "core/message_input.h"

#define NOW INT64_C(1763800000000) // 2025-11-22T08:26:40Z

struct rig {
    struct clock_manual clock;
    struct api *api;
    struct task *task;
    struct ph_message message;
    struct json_errors errors;
};

static void rig_start(struct rig *rig)
{
    clock_manual_init(&rig->clock, 1, NOW);
    const struct api_settings settings = {.clock = &rig->clock.clock};
    rig->api = api_new(&settings);
    rig->task = task_new(rig->api, NULL, NULL, NULL);
    snprintf(rig->task->session.user, sizeof rig->task->session.user, "ada");
    json_errors_init(&rig->errors);
}

static void rig_stop(struct rig *rig)
{
    task_drop(rig->task);
    api_free(rig->api);
}

static bool read_text(struct rig *rig, const char *text, const char *key)
{
    json_decref(rig->task->body);
    rig->task->body = json_read(text, strlen(text), 0, NULL);
    assert_non_null(rig->task->body);
    json_errors_init(&rig->errors);
    return message_input_read(rig->task, rig->task->body, "", false, key, &rig->message, &rig->errors);
}

static void test_reads(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    assert_true(read_text(&rig,
                          "{\"to\":[\"linus\",\"grace\",\"linus\"],\"subject\":\"s\",\"body\":\"b\","
                          "\"attributes\":{\"z\":\"1\",\"a\":\"2\"},\"priority\":\"alert\","
                          "\"expires_at\":\"2030-01-01T00:00:00Z\"}",
                          NULL));
    assert_int_equal(rig.message.recipient_count, 2);
    assert_string_equal(rig.message.recipients[0].bytes, "grace");
    assert_string_equal(rig.message.recipients[1].bytes, "linus");
    assert_string_equal(rig.message.sender.bytes, "ada");
    assert_string_equal(rig.message.attributes.bytes, "{\"a\":\"2\",\"z\":\"1\"}");
    assert_string_equal(rig.message.content_type.bytes, "text/plain; charset=utf-8");
    assert_int_equal(rig.message.priority, PH_PRIORITY_ALERT);
    assert_int_equal(rig.message.idempotency_key.length, 0);
    rig_stop(&rig);
}

static void test_names_every_mistake(void **state)
{
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        {"{\"to\":[],\"subject\":\"s\",\"body\":\"b\"}", "/to"},
        {"{\"to\":[\"Ada\"],\"subject\":\"s\",\"body\":\"b\"}", "/to/0"},
        {"{\"to\":[\"a\",\"b c\"],\"subject\":\"s\",\"body\":\"b\"}", "/to/1"},
        {"{\"to\":[\"a\"],\"body\":\"b\"}", "/subject"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":7}", "/body"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"colour\":\"red\"}", "/colour"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"priority\":\"high\"}", "/priority"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"content_type\":\"text\"}", "/content_type"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"attributes\":{\"\":\"1\"}}", "/attributes/"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"deliver_at\":\"tomorrow\"}", "/deliver_at"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"expires_at\":\"2020-01-01T00:00:00Z\"}", "/expires_at"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"deliver_at\":\"2031-01-01T00:00:00Z\","
         "\"expires_at\":\"2030-01-01T00:00:00Z\"}",
         "/expires_at"},
        {"{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\",\"idempotency_key\":\"k\"}", "/idempotency_key"},
    };
    struct rig rig;
    (void)state;
    rig_start(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(read_text(&rig, cases[i].text, NULL));
        assert_int_equal(rig.errors.count, 1);
        assert_string_equal(rig.errors.entries[0].pointer, cases[i].pointer);
    }
    rig_stop(&rig);
}

static void test_a_key_stands_for_the_content(void **state)
{
    uint8_t first[HASH_SHA256_SIZE];
    struct rig rig;
    (void)state;
    rig_start(&rig);
    assert_true(read_text(&rig, "{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"b\"}", "k1"));
    assert_string_equal(rig.message.idempotency_key.bytes, "k1");
    memcpy(first, rig.message.content_hash, sizeof first);
    assert_true(read_text(&rig, " { \"body\" : \"b\", \"subject\":\"s\", \"to\":[\"a\"] }", "k2"));
    assert_memory_equal(first, rig.message.content_hash, sizeof first);
    assert_true(read_text(&rig, "{\"to\":[\"a\"],\"subject\":\"s\",\"body\":\"c\"}", "k1"));
    assert_memory_not_equal(first, rig.message.content_hash, sizeof first);
    rig_stop(&rig);
}

// With a larger http.max_body a client may send much more than a message may hold: it is refused, and keeps no copies.
static void test_large_bodies(void **state)
{
    struct rig rig;
    const size_t huge = 12u * 1024 * 1024;
    char *text = malloc(huge + 1024);
    (void)state;
    rig_start(&rig);
    int length = snprintf(text, 1024, "{\"to\":[\"linus\"],\"subject\":\"s\",\"body\":\"b\",\"attributes\":{\"a\":\"");
    memset(text + length, 'x', huge);
    memcpy(text + (size_t)length + huge, "\"}}", 4);
    assert_false(read_text(&rig, text, NULL));
    assert_string_equal(rig.errors.entries[0].pointer, "/attributes/a");
    // A batch of 100 messages with keys, each as large as it may be.
    length = snprintf(text, 1024, "{\"to\":[\"linus\"],\"subject\":\"s\",\"body\":\"");
    memset(text + length, 'x', 256 * 1024);
    memcpy(text + length + 256 * 1024, "\"}", 3);
    for (int i = 0; i < 100; i++) {
        assert_true(read_text(&rig, text, "key"));
    }
    rig_stop(&rig);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_names_every_mistake),
        cmocka_unit_test(test_a_key_stands_for_the_content),
        cmocka_unit_test(test_large_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
