// SPDX-License-Identifier: Apache-2.0
//
// Trying rights, through queue-sqs and alert-sns as they were built, over an AWS that the test plays: what is sent, and what
// each answer proves. That nothing of it has an effect is proved with moto, in tests/e2e/test_deep_check.py.
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"

#include "plugins/alert-sns/publish.h"
#include "plugins/queue-sqs/sqs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQS_FILE "plugins/queue-sqs/.libs/queue-sqs.so"
#define SNS_FILE "plugins/alert-sns/.libs/alert-sns.so"
#define PLACE "https://sqs.eu-west-1.amazonaws.com/123456789012/"
#define ELSEWHERE "no-right-is-meant-for-this-name"
#define REFUSED(code) "{\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":\"" code "\",\"Message\":\"no\"}]}"
#define ERROR(code) "{\"__type\":\"com.amazonaws.sqs#" code "\",\"message\":\"no\"}"

struct scene {
    struct fake_host *fake;
    struct stub *stub;
    struct sqs_config queue;
    struct sns_config alert;
    struct fake_call call;
    struct ph_right rights[8];
    size_t sent; // requests that the test has seen
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    scene->stub = stub_new(scene->fake);
    scene->queue = (struct sqs_config){
        .aws = {.connect_timeout = 3000, .timeout = 10000}, .queue_url = PLACE "jobs", .receives = 4, .requests = 4};
    scene->alert = (struct sns_config){.aws = {.connect_timeout = 3000, .timeout = 10000},
                                       .topic_arn = "arn:aws:sns:eu-west-1:123456789012:alerts.fifo"};
    stub_give_keys();
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    fake_host_free(scene->fake);
    stub_free(scene->stub);
    free(scene);
    return 0;
}

// Opens a plugin; its look at the resource is denied by a policy for SQS, which is borne, and answered for SNS.
static void open_it(struct scene *scene, const char *file, const void *config, int status, const char *text)
{
    struct fake_call call;
    struct ph_opened opened;
    const struct ph_open entry = {.config = config};
    const void *entries[] = {&entry};
    // Loaded by an open that is refused.
    struct sqs_config wrong_queue = scene->queue;
    struct sns_config wrong_topic = scene->alert;
    wrong_queue.queue_url = PLACE "jobs.fifo";
    wrong_topic.topic_arn = "topic";
    const bool is_queue = config == (const void *)&scene->queue;
    assert_int_equal(fake_open(scene->fake, file, is_queue ? (const void *)&wrong_queue : &wrong_topic), PH_INVALID);
    fake_call_init(&call, scene->fake, entries, 1);
    fake_start(&call, scene->fake->plugin->common->open);
    stub_wait(scene->stub, ++scene->sent);
    stub_answer(scene->stub, scene->sent - 1, status, text);
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_OK);
    memcpy(&opened, &call.outputs[0], sizeof opened);
    scene->fake->instance = opened.instance;
}

static void open_queue(struct scene *scene)
{
    open_it(scene, SQS_FILE, &scene->queue, 403, ERROR("AccessDeniedException"));
}

static void try(struct scene *scene, const char *const *actions, size_t count)
{
    const void *entries[8];
    for (size_t i = 0; i < count; i++) {
        scene->rights[i] = (struct ph_right){.action = actions[i]};
        entries[i] = &scene->rights[i];
    }
    fake_call_init(&scene->call, scene->fake, entries, count);
    fake_start(&scene->call, scene->fake->plugin->common->probe);
}

static void try_one(struct scene *scene, const char *action)
{
    try(scene, &action, 1);
}

// Waits for the next request; its body is checked to be for the queue of that name.
static json_t *next_request(struct scene *scene, const char *operation, const char *queue)
{
    char text[256];
    json_t *body = stub_wait_json(scene->stub, ++scene->sent, "AmazonSQS", operation);
    snprintf(text, sizeof text, PLACE "%s", queue);
    assert_string_equal(json_string_value(json_object_get(body, "QueueUrl")), text);
    return body;
}

static void answer(struct scene *scene, int status, const char *text)
{
    stub_answer(scene->stub, scene->sent - 1, status, text);
}

static enum ph_outcome ended(struct scene *scene)
{
    fake_until_complete(&scene->call);
    assert_int_equal(scene->stub->count, scene->sent);
    return (enum ph_outcome)scene->call.results[0].outcome;
}

static const char *said(const struct scene *scene)
{
    return scene->call.results[0].text;
}

static int64_t number_of(const json_t *object, const char *name)
{
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

// --- What is sent ------------------------------------------------------------------------------------------

static json_t *entry_of(json_t *body)
{
    json_t *entries = json_object_get(body, "Entries");
    assert_int_equal(json_array_size(entries), 1);
    return json_array_get(entries, 0);
}

static void test_a_send_that_sqs_refuses(void **state)
{
    struct scene *scene = *state;
    open_queue(scene);
    try_one(scene, "sqs:SendMessage");
    json_t *body = next_request(scene, "SendMessageBatch", "jobs");
    assert_true(number_of(entry_of(body), "DelaySeconds") > 1209600); // the longest that a queue keeps a message
    json_decref(body);
    answer(scene, 200, REFUSED("InvalidParameterValue"));
    assert_int_equal(ended(scene), PH_OK);
}

static void test_a_receive_that_sqs_refuses(void **state)
{
    struct scene *scene = *state;
    open_queue(scene);
    try_one(scene, "sqs:ReceiveMessage");
    json_t *body = next_request(scene, "ReceiveMessage", "jobs");
    assert_int_equal(number_of(body, "MaxNumberOfMessages"), 11);
    assert_int_equal(number_of(body, "WaitTimeSeconds"), 0);
    assert_int_equal(number_of(body, "VisibilityTimeout"), 0);
    json_decref(body);
    answer(scene, 403, ERROR("AccessDeniedException"));
    assert_int_equal(ended(scene), PH_DENIED);
    assert_non_null(strstr(said(scene), "sqs:ReceiveMessage"));
}

static void test_handles_that_sqs_never_gave(void **state)
{
    static const char *const actions[] = {"sqs:DeleteMessage", "sqs:ChangeMessageVisibility"};
    static const char *const operations[] = {"DeleteMessageBatch", "ChangeMessageVisibilityBatch"};
    struct scene *scene = *state;
    open_queue(scene);
    for (size_t i = 0; i < 2; i++) {
        try_one(scene, actions[i]);
        json_t *body = next_request(scene, operations[i], "jobs");
        assert_string_equal(json_string_value(json_object_get(entry_of(body), "ReceiptHandle")), "no-receipt-handle");
        json_decref(body);
        answer(scene, 200, REFUSED("ReceiptHandleIsInvalid"));
        assert_int_equal(ended(scene), PH_OK);
    }
}

static void test_an_alert_that_sns_refuses(void **state)
{
    struct scene *scene = *state;
    open_it(scene, SNS_FILE, &scene->alert, 200, "<GetTopicAttributesResponse/>");
    try_one(scene, "sns:Publish");
    const char *form = stub_wait(scene->stub, ++scene->sent)->body;
    assert_non_null(strstr(form, "TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Aalerts.fifo&"));
    const char *subject = strstr(form, "member.1.Subject=") + strlen("member.1.Subject=");
    assert_true(strcspn(subject, "&") > 100); // characters that SNS takes
    assert_non_null(strstr(form, "member.1.MessageStructure=json"));
    assert_non_null(strstr(form, "member.1.Message=%7B%7D"));
    assert_non_null(strstr(form, "member.1.MessageGroupId="));
    answer(scene, 400,
           "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>Subject</Message></Error>"
           "</ErrorResponse>");
    form = stub_wait(scene->stub, ++scene->sent)->body;
    assert_non_null(strstr(form, "TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3A" ELSEWHERE ".fifo&"));
    answer(scene, 403,
           "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error>"
           "</ErrorResponse>");
    assert_int_equal(ended(scene), PH_OK);
}

static void test_an_alert_that_is_refused_by_itself(void **state)
{
    static const struct {
        const char *code;
        enum ph_outcome outcome;
    } cases[] = {{"InvalidParameter", PH_OK}, {"AuthorizationError", PH_DENIED}};
    struct scene *scene = *state;
    open_it(scene, SNS_FILE, &scene->alert, 200, "<GetTopicAttributesResponse/>");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        try_one(scene, "sns:Publish");
        stub_wait(scene->stub, ++scene->sent);
        snprintf(text, sizeof text,
                 "<PublishBatchResponse><PublishBatchResult><Successful/><Failed><member><Id>0</Id><Code>%s</Code>"
                 "<SenderFault>true</SenderFault></member></Failed></PublishBatchResult></PublishBatchResponse>",
                 cases[i].code);
        answer(scene, 200, text);
        assert_int_equal(ended(scene), cases[i].outcome);
    }
}

// --- What answers prove ------------------------------------------------------------------------------------

static void test_an_entry_that_is_denied(void **state)
{
    struct scene *scene = *state;
    open_queue(scene);
    try_one(scene, "sqs:SendMessage");
    json_decref(next_request(scene, "SendMessageBatch", "jobs"));
    answer(scene, 200, REFUSED("AccessDenied"));
    assert_int_equal(ended(scene), PH_DENIED);
}

static void test_a_refusal_proves_nothing_alone(void **state)
{
    static const struct {
        int status;
        const char *text;
        enum ph_outcome outcome;
        const char *said;
    } elsewhere[] = {
        {403, ERROR("AccessDeniedException"), PH_OK, NULL},
        {400, ERROR("InvalidParameterValue"), PH_INVALID, "ended with InvalidParameterValue"},
        {400, ERROR("QueueDoesNotExist"), PH_INVALID, "ended with QueueDoesNotExist"},
        {200, "{}", PH_INVALID, "ended with an answer"},
        {403, ERROR("InvalidClientTokenId"), PH_INVALID, "InvalidClientTokenId"},
        {400, ERROR("RequestThrottled"), PH_THROTTLED, "RequestThrottled"},
        {500, "", PH_TRANSIENT, "500"},
    };
    struct scene *scene = *state;
    open_queue(scene);
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        try_one(scene, "sqs:ReceiveMessage");
        json_decref(next_request(scene, "ReceiveMessage", "jobs"));
        answer(scene, 400, ERROR("InvalidParameterValue"));
        json_t *body = next_request(scene, "ReceiveMessage", ELSEWHERE);
        assert_int_equal(number_of(body, "MaxNumberOfMessages"), 11);
        json_decref(body);
        answer(scene, elsewhere[i].status, elsewhere[i].text);
        assert_int_equal(ended(scene), elsewhere[i].outcome);
        assert_true(elsewhere[i].said == NULL || strstr(said(scene), elsewhere[i].said) != NULL);
    }
}

static void test_what_is_no_answer_of_a_policy(void **state)
{
    static const struct {
        int status;
        const char *text;
        enum ph_outcome outcome;
    } cases[] = {
        {403, ERROR("InvalidClientTokenId"), PH_INVALID},
        {403, "<html/>", PH_INVALID},
        {400, ERROR("KMS.AccessDeniedException"), PH_INVALID},
        {400, ERROR("RequestThrottled"), PH_THROTTLED},
        {503, "", PH_TRANSIENT},
        {400, ERROR("QueueDoesNotExist"), PH_UNAVAILABLE},
        {404, "", PH_UNAVAILABLE},
    };
    struct scene *scene = *state;
    open_queue(scene);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        try_one(scene, "sqs:DeleteMessage");
        json_decref(next_request(scene, "DeleteMessageBatch", "jobs"));
        answer(scene, cases[i].status, cases[i].text);
        assert_int_equal(ended(scene), cases[i].outcome);
        assert_non_null(said(scene));
    }
    try_one(scene, "sqs:DeleteMessage");
    json_decref(next_request(scene, "DeleteMessageBatch", "jobs"));
    stub_fail(scene->stub, scene->sent - 1, PH_UNCERTAIN, "gone");
    assert_int_equal(ended(scene), PH_UNAVAILABLE);
}

// --- The call ----------------------------------------------------------------------------------------------

static void test_each_right_by_itself(void **state)
{
    static const char *const actions[] = {"sqs:SendMessage", "sqs:Juggle", "sqs:DeleteMessage"};
    struct scene *scene = *state;
    open_queue(scene);
    try(scene, actions, 3);
    scene->sent += 2;
    stub_wait(scene->stub, scene->sent);
    for (size_t i = 0; i < 2; i++) {
        const size_t index = scene->sent - 2 + i;
        const bool sends = strstr(scene->stub->requests[index].head, "SendMessageBatch") != NULL;
        stub_answer(scene->stub, index, sends ? 403 : 200,
                    sends ? ERROR("AccessDenied") : REFUSED("ReceiptHandleIsInvalid"));
    }
    assert_int_equal(ended(scene), PH_DENIED);
    assert_int_equal(scene->call.results[1].outcome, PH_INVALID);
    assert_int_equal(scene->call.results[2].outcome, PH_OK);
    try(scene, NULL, 0);
    assert_int_equal(scene->call.completed, 1);
}

static void test_cancel(void **state)
{
    struct scene *scene = *state;
    struct fake_call cancel;
    open_queue(scene);
    try_one(scene, "sqs:ReceiveMessage");
    json_decref(next_request(scene, "ReceiveMessage", "jobs"));
    const struct ph_cancel entry = {.call = &scene->call.call};
    const void *entries[] = {&entry};
    fake_call_init(&cancel, scene->fake, entries, 1);
    fake_start(&cancel, scene->fake->plugin->common->cancel);
    assert_int_equal(cancel.results[0].outcome, PH_OK);
    assert_true(scene->stub->requests[scene->sent - 1].cancelled);
    if (scene->stub->requests[scene->sent - 1].open) {
        answer(scene, 400, ERROR("InvalidParameterValue")); // which came all the same: nothing is asked elsewhere
    }
    assert_int_not_equal(ended(scene), PH_OK);
    fake_call_init(&cancel, scene->fake, entries, 1);
    fake_start(&cancel, scene->fake->plugin->common->cancel);
    assert_int_equal(cancel.results[0].outcome, PH_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_send_that_sqs_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_receive_that_sqs_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handles_that_sqs_never_gave, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_alert_that_sns_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_alert_that_is_refused_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_entry_that_is_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_proves_nothing_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_answer_of_a_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_right_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
