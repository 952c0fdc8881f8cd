// SPDX-License-Identifier: Apache-2.0
//
// alert-sns: what an alert becomes, how many share a request, and each one's outcome.
#include "core/json_read.h"
#include "core/utf8.h"
#include "plugins/alert-sns/message.h"
#include "plugins/alert-sns/publish.h"
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNS_FILE "plugins/alert-sns/.libs/alert-sns.so"
#define TOPIC "arn:aws:sns:eu-west-1:123456789012:alerts"

static struct ph_alert alert_of(uint64_t number)
{
    return (struct ph_alert){.id = id_of(number),
                             .sender = text_of("alice"),
                             .subject = text_of("fire"),
                             .body = text_of("in the stable"),
                             .attributes = {"", 0},
                             .accepted_at = 1763805600123};
}

// --- Messages ----------------------------------------------------------------------------------------------

static void subject_is(struct ph_text subject, const char *wanted)
{
    struct ph_alert alert = alert_of(1);
    char made[SNS_SUBJECT_SIZE];
    alert.subject = subject;
    sns_subject(&alert, made);
    assert_string_equal(made, wanted);
}

static void test_subjects(void **state)
{
    char long_one[201];
    (void)state;
    subject_is(text_of("fire"), "fire");
    subject_is(text_of(" \t\n fire \r\n"), "fire");
    subject_is(text_of("a\nb\x7f"
                       "c"),
               "a b c");
    subject_is(text_of("Gr\xc3\xb6\xc3\x9f"
                       "e \xf0\x9f\x90\x8e"),
               "Gr??e ?");
    subject_is(text_of(""), "Alert from alice");
    subject_is(text_of(" \n "), "Alert from alice");
    subject_is((struct ph_text){"a\0b", 3}, "a b");
    subject_is(text_of("\xff"), "?");
    memset(long_one, 'x', 200);
    long_one[200] = '\0';
    struct ph_alert alert = alert_of(1);
    char made[SNS_SUBJECT_SIZE];
    alert.subject = text_of(long_one);
    sns_subject(&alert, made);
    assert_int_equal(strlen(made), 100);
}

// The message as an object of texts; the caller decrefs.
static json_t *message_of(const struct ph_alert *alert, size_t limit)
{
    struct buffer out;
    struct json_read_error error;
    buffer_init(&out, 1 << 22);
    sns_message(alert, limit, &out);
    assert_false(buffer_failed(&out));
    json_t *message = json_read(out.data, out.length, JSON_READ_ALLOW_NUL, &error);
    assert_true(json_is_object(message));
    assert_int_equal(json_object_size(message), 3);
    buffer_free(&out);
    return message;
}

static const char *text_for(const json_t *message, const char *protocol)
{
    return json_string_value(json_object_get(message, protocol));
}

static void test_message(void **state)
{
    struct ph_alert alert = alert_of(1);
    (void)state;
    alert.attributes = text_of("{\"place\":\"east\"}");
    json_t *message = message_of(&alert, 8192);
    assert_string_equal(text_for(message, "default"),
                        "{\"id\":\"01900000-0000-7000-0000-000000000001\",\"sender\":\"alice\",\"subject\":\"fire\","
                        "\"body\":\"in the stable\",\"accepted_at\":\"2025-11-22T10:00:00.123Z\","
                        "\"attributes\":{\"place\":\"east\"}}");
    assert_string_equal(text_for(message, "email"), "fire\n\n"
                                                    "in the stable\n\nFrom alice at 2025-11-22T10:00:00.123Z\n"
                                                    "Message 01900000-0000-7000-0000-000000000001\n");
    assert_string_equal(text_for(message, "sms"), "alice: fire: in the stable");
    json_decref(message);
}

static void test_body_is_shortened(void **state)
{
    struct ph_alert alert = alert_of(1);
    (void)state;
    alert.body = text_of("0123456789\xe2\x82\xac tail");
    json_t *message = message_of(&alert, 12);
    assert_non_null(strstr(text_for(message, "default"), "\"body\":\"0123456789\",\"shortened\":true"));
    assert_non_null(strstr(text_for(message, "email"), "\n0123456789\xe2\x80\xa6\n"));
    json_decref(message);
    message = message_of(&alert, 13);
    assert_non_null(strstr(text_for(message, "default"), "\"body\":\"0123456789\xe2\x82\xac\",\"shortened\":true"));
    json_decref(message);
    message = message_of(&alert, 0);
    assert_non_null(strstr(text_for(message, "default"), "\"body\":\"\",\"shortened\":true"));
    json_decref(message);
}

static void test_short_text(void **state)
{
    struct ph_alert alert = alert_of(1);
    char body[400];
    (void)state;
    for (size_t i = 0; i < sizeof body - 1; i++) {
        body[i] = "\xe2\x82\xac"[i % 3];
    }
    body[399] = '\0';
    alert.body = text_of(body);
    alert.subject = text_of("a\nb");
    json_t *message = message_of(&alert, 8192);
    const char *sms = text_for(message, "sms");
    assert_true(strlen(sms) <= 140 && strlen(sms) > 136);
    assert_true(utf8_valid(sms, strlen(sms)));
    assert_int_equal(strncmp(sms, "alice: a b: \xe2\x82\xac", 15), 0);
    json_decref(message);
}

static void test_odd_characters(void **state)
{
    struct ph_alert alert = alert_of(1);
    static const char odd[] = "a\0b\x01\xef\xbf\xbf\xff\"\\";
    (void)state;
    alert.body = (struct ph_text){odd, sizeof odd - 1};
    json_t *message = message_of(&alert, 8192);
    struct json_read_error error;
    const char *text = text_for(message, "default");
    json_t *inner = json_read(text, strlen(text), 0, &error);
    assert_string_equal(json_string_value(json_object_get(inner, "body")), "a\xef\xbf\xbd"
                                                                           "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\\");
    json_decref(inner);
    json_decref(message);
}

static struct buffer entry_of(const struct ph_alert *alert, bool fifo, size_t *weight_r)
{
    struct buffer form;
    buffer_init(&form, 8 << 20);
    *weight_r = sns_entry(alert, 1, 7, 65536, fifo, &form);
    assert_non_null(buffer_string(&form));
    return form;
}

static void test_attributes(void **state)
{
    struct ph_alert alert = alert_of(1);
    size_t weight;
    (void)state;
    alert.attributes =
        text_of("{\"priority\":\"low\",\"sender\":\"mallory\",\"empty\":\"\",\"a b\":\"x\",\".a\":\"x\",\"a..b\":\"x\","
                "\"AWS.x\":\"x\",\"\xc3\xa4\":\"x\",\"place\":\"e\xc3\xa4st \\u0001\",\"n\":7}");
    struct buffer form = entry_of(&alert, false, &weight);
    const char *text = form.data;
    assert_non_null(strstr(text, "&PublishBatchRequestEntries.member.1.Id=7&"));
    assert_non_null(strstr(text, ".entry.1.Name=priority&"));
    assert_non_null(strstr(text, ".entry.1.Value.StringValue=alert&"));
    assert_non_null(strstr(text, ".entry.2.Value.StringValue=alice&"));
    assert_non_null(strstr(text, ".entry.3.Name=place&"));
    assert_non_null(strstr(text, ".entry.3.Value.StringValue=e%C3%A4st+%EF%BF%BD&"));
    assert_null(strstr(text, ".entry.4."));
    assert_null(strstr(text, "MessageGroupId"));
    buffer_free(&form);
    // Ten at most.
    alert.attributes = text_of(
        "{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":\"1\",\"f\":\"1\",\"g\":\"1\",\"h\":\"1\",\"i\":\"1\","
        "\"j\":\"1\"}");
    form = entry_of(&alert, true, &weight);
    assert_non_null(strstr(form.data, ".entry.10.Name="));
    assert_null(strstr(form.data, ".entry.11.Name="));
    assert_non_null(strstr(form.data, "MessageGroupId=alice&"));
    assert_non_null(strstr(form.data, "MessageDeduplicationId=01900000-0000-7000-0000-000000000001&"));
    buffer_free(&form);
    alert.attributes = text_of("no JSON");
    form = entry_of(&alert, false, &weight);
    buffer_free(&form);
}

static void test_weight(void **state)
{
    struct ph_alert alert = alert_of(1);
    size_t weight;
    (void)state;
    char *body = malloc(262145);
    assert_non_null(body);
    memset(body, '"', 262144); // each becomes four bytes
    body[262144] = '\0';
    alert.body = text_of(body);
    struct buffer form = entry_of(&alert, false, &weight);
    assert_true(weight > 100000 && weight <= SNS_PUBLISH_MAX);
    buffer_free(&form);
    free(body);
}

// --- The plugin --------------------------------------------------------------------------------------------

struct scene {
    struct fake_host *fake;
    struct stub *stub;
    struct sns_config config;
    size_t sent; // requests so far
};

#define ATTRIBUTES "<GetTopicAttributesResponse><GetTopicAttributesResult/></GetTopicAttributesResponse>"

// Starts a common operation of one entry and waits for its request.
static void start_common(struct scene *scene, struct fake_call *call, ph_start_f *start, const void *entry)
{
    fake_call_init(call, scene->fake, &entry, 1);
    fake_start(call, start);
    stub_wait(scene->stub, ++scene->sent);
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    scene->stub = stub_new(scene->fake);
    scene->config = (struct sns_config){
        .aws = {.connect_timeout = 3000, .timeout = 10000}, .topic_arn = TOPIC, .body_limit = 65536};
    stub_give_keys();
    *state = scene;
    return 0;
}

static const struct ph_plugin *plugin_of(struct scene *scene)
{
    if (scene->fake->plugin == NULL) {
        // Loaded by an open that a wrong topic refuses.
        struct sns_config config = scene->config;
        config.topic_arn = "alerts";
        assert_int_equal(fake_open(scene->fake, SNS_FILE, &config), PH_INVALID);
    }
    return scene->fake->plugin;
}

static void open_it(struct scene *scene)
{
    struct fake_call call;
    const struct ph_open entry = {.config = &scene->config};
    start_common(scene, &call, plugin_of(scene)->common->open, &entry);
    stub_answer(scene->stub, scene->sent - 1, 200, ATTRIBUTES);
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_OK);
    struct ph_opened opened;
    memcpy(&opened, &call.outputs[0], sizeof opened);
    scene->fake->instance = opened.instance;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    fake_host_free(scene->fake);
    stub_free(scene->stub);
    free(scene);
    return 0;
}

static void start_publish(struct scene *scene, struct fake_call *call, const struct ph_alert *alerts, size_t count)
{
    const void *entries[FAKE_BATCH];
    const struct ph_alert_operations *slots = scene->fake->plugin->operations;
    for (size_t i = 0; i < count; i++) {
        entries[i] = &alerts[i];
    }
    fake_call_init(call, scene->fake, entries, count);
    fake_start(call, slots->publish);
}

static void test_open(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    const struct ph_open entry = {.config = &scene->config};
    assert_int_equal(plugin_of(scene)->config_size, sizeof scene->config);
    start_common(scene, &call, plugin_of(scene)->common->open, &entry);
    assert_string_equal(scene->stub->requests[0].url, "https://sns.eu-west-1.amazonaws.com/"); // of the topic
    assert_string_equal(scene->stub->requests[0].body,
                        "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns"
                        "%3Aeu-west-1%3A123456789012%3Aalerts");
    stub_answer(scene->stub, 0, 404, "<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_UNAVAILABLE);
    assert_non_null(strstr(call.results[0].text, "the topic " TOPIC " does not exist; make it"));
    start_common(scene, &call, plugin_of(scene)->common->open, &entry);
    stub_answer(scene->stub, 1, 403,
                "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_DENIED);
    assert_non_null(strstr(call.results[0].text, "sns:GetTopicAttributes"));
    open_it(scene);
}

static void test_outcomes_by_entry(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_alert alerts[] = {alert_of(1), alert_of(2), alert_of(3), alert_of(4)};
    open_it(scene);
    start_publish(scene, &call, alerts, 4);
    const struct stub_request *sent = stub_wait(scene->stub, ++scene->sent);
    assert_non_null(strstr(sent->body, "Action=PublishBatch&Version=2010-03-31&TopicArn="));
    assert_non_null(strstr(sent->body, ".member.4.Id=3&"));
    stub_answer(
        scene->stub, 1, 200,
        "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult><Failed>"
        "<member><Id>0</Id><Code>InternalError</Code><Message>oops</Message><SenderFault>false</SenderFault></member>"
        "<member><Id>2</Id><Code>InvalidParameter</Code><Message>bad</Message><SenderFault>true</SenderFault></member>"
        "<member><Id>99</Id></member><member><Id>x</Id></member><member/></Failed>"
        "<Successful><member><Id>1</Id><MessageId>m</MessageId></member></Successful></PublishBatchResult>"
        "</PublishBatchResponse>");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_TRANSIENT);
    assert_int_equal(call.results[1].outcome, PH_OK);
    assert_int_equal(call.results[2].outcome, PH_INVALID);
    assert_string_equal(call.results[2].text, "sns PublishBatch: InvalidParameter: bad");
    assert_int_equal(call.results[3].outcome, PH_UNCERTAIN); // not named
}

static void answer_all_good(struct scene *scene, size_t index, size_t first, size_t count)
{
    char body[4096];
    int length = snprintf(body, sizeof body, "<PublishBatchResponse><PublishBatchResult><Successful>");
    for (size_t i = first; i < first + count; i++) {
        length += snprintf(body + length, sizeof body - (size_t)length, "<member><Id>%zu</Id></member>", i);
    }
    snprintf(body + length, sizeof body - (size_t)length, "</Successful></PublishBatchResult></PublishBatchResponse>");
    stub_answer(scene->stub, index, 200, body);
}

static void test_batches_of_ten(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_alert alerts[23];
    for (size_t i = 0; i < 23; i++) {
        alerts[i] = alert_of(i);
    }
    open_it(scene);
    start_publish(scene, &call, alerts, 23);
    stub_wait(scene->stub, 4);
    answer_all_good(scene, 3, 20, 3);
    answer_all_good(scene, 1, 0, 10);
    assert_int_equal(call.completed, 0);
    answer_all_good(scene, 2, 10, 10);
    fake_until_complete(&call);
    for (size_t i = 0; i < 23; i++) {
        assert_int_equal(call.results[i].outcome, PH_OK);
    }
}

static void test_batches_by_weight(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_alert alerts[3] = {alert_of(1), alert_of(2), alert_of(3)};
    char *body = malloc(60001);
    assert_non_null(body);
    memset(body, 'x', 60000);
    body[60000] = '\0';
    for (size_t i = 0; i < 3; i++) {
        alerts[i].body = text_of(body); // some 120,000 bytes each, since two texts hold it
    }
    open_it(scene);
    start_publish(scene, &call, alerts, 3);
    stub_wait(scene->stub, 3);
    assert_non_null(strstr(scene->stub->requests[1].body, ".member.2.Id=1&"));
    assert_null(strstr(scene->stub->requests[1].body, ".member.3."));
    assert_non_null(strstr(scene->stub->requests[2].body, ".member.1.Id=2&"));
    answer_all_good(scene, 1, 0, 2);
    answer_all_good(scene, 2, 2, 1);
    fake_until_complete(&call);
    assert_int_equal(call.results[2].outcome, PH_OK);
    free(body);
}

static void test_one_bad_harms_no_other(void **state)
{
    static const char refusal[] = "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>";
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_alert alerts[] = {alert_of(1), alert_of(2)};
    open_it(scene);
    start_publish(scene, &call, alerts, 2);
    stub_wait(scene->stub, 2);
    stub_answer(scene->stub, 1, 400, refusal);
    stub_wait(scene->stub, 4);
    stub_answer(scene->stub, 2, 400, refusal);
    answer_all_good(scene, 3, 1, 1);
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_INVALID);
    assert_int_equal(call.results[1].outcome, PH_OK);
    assert_int_equal(scene->stub->count, 4);
}

static void test_topic_is_gone(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_alert alert = alert_of(1);
    open_it(scene);
    start_publish(scene, &call, &alert, 1);
    stub_wait(scene->stub, 2);
    stub_answer(scene->stub, 1, 404, "<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_UNAVAILABLE);
}

static void test_cancel(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_alert alerts[11];
    open_it(scene);
    for (size_t i = 0; i < 11; i++) {
        alerts[i] = alert_of(i);
    }
    start_publish(scene, &call, alerts, 11);
    stub_wait(scene->stub, 3);
    const struct ph_cancel entry = {.call = &call.call};
    assert_int_equal(fake_one(scene->fake, scene->fake->plugin->common->cancel, &entry, NULL, 0), PH_OK);
    fake_until_complete(&call);
    assert_int_equal(call.results[10].outcome, PH_UNCERTAIN);
    assert_int_equal(fake_one(scene->fake, scene->fake->plugin->common->cancel, &entry, NULL, 0), PH_NOT_FOUND);
}

static void test_health(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct fake_call publish;
    struct ph_alert alert = alert_of(1);
    struct ph_health health;
    open_it(scene);
    start_common(scene, &call, scene->fake->plugin->common->health, NULL);
    stub_answer(scene->stub, 1, 200, ATTRIBUTES);
    fake_until_complete(&call);
    memcpy(&health, &call.outputs[0], sizeof health);
    assert_string_equal(health.detail, "credentials from the environment, without an end");
    start_publish(scene, &publish, &alert, 1);
    stub_wait(scene->stub, 3);
    answer_all_good(scene, 2, 0, 1);
    fake_until_complete(&publish);
    // A publish just now is proof enough; a minute later it is not.
    assert_int_equal(fake_one(scene->fake, scene->fake->plugin->common->health, NULL, &health, sizeof health), PH_OK);
    assert_int_equal(scene->stub->count, 3);
    scene->fake->now += 61000;
    scene->sent = 3;
    start_common(scene, &call, scene->fake->plugin->common->health, NULL);
    stub_fail(scene->stub, 3, PH_TRANSIENT, "refused");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_UNAVAILABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_body_is_shortened),
        cmocka_unit_test(test_short_text),
        cmocka_unit_test(test_odd_characters),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_weight),
        TEST(test_open),
        TEST(test_outcomes_by_entry),
        TEST(test_batches_of_ten),
        TEST(test_batches_by_weight),
        TEST(test_one_bad_harms_no_other),
        TEST(test_topic_is_gone),
        TEST(test_cancel),
        TEST(test_health),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
