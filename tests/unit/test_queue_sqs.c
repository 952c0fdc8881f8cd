// SPDX-License-Identifier: Apache-2.0
//
// queue-sqs as it was built, over an SQS that the test plays: how calls share requests, what each entry's outcome is, and
// that no job is lost between polls and receives.
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"

#include "core/uuid.h"
#include "plugins/queue-sqs/kept.h"
#include "plugins/queue-sqs/request.h"
#include "plugins/queue-sqs/sqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQS_FILE "plugins/queue-sqs/.libs/queue-sqs.so"
#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
#define ATTRIBUTES                                                                                              \
    "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"3\",\"ApproximateNumberOfMessagesNotVisible\":\"2\","   \
    "\"ApproximateNumberOfMessagesDelayed\":\"1\",\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"a:jobs-" \
    "dead\\\","                                                                                                 \
    "\\\"maxReceiveCount\\\":100}\"}}"

struct scene {
    struct fake_host *fake;
    struct stub *stub;
    struct sqs_config config;
    size_t sent; // requests that the test has seen
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    scene->stub = stub_new(scene->fake);
    scene->config = (struct sqs_config){
        .aws = {.connect_timeout = 3000, .timeout = 10000}, .queue_url = URL, .receives = 4, .requests = 4};
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

static const struct ph_plugin *plugin_of(struct scene *scene)
{
    if (scene->fake->plugin == NULL) {
        // Loaded by an open that a FIFO queue refuses.
        struct sqs_config config = scene->config;
        config.queue_url = URL ".fifo";
        assert_int_equal(fake_open(scene->fake, SQS_FILE, &config), PH_INVALID);
    }
    return scene->fake->plugin;
}

static const struct ph_queue_operations *slots(struct scene *scene)
{
    return plugin_of(scene)->operations;
}

// Waits for the next request, which must be of that operation; gives its body.
static json_t *next_request(struct scene *scene, const char *operation)
{
    json_t *body = stub_wait_json(scene->stub, ++scene->sent, "AmazonSQS", operation);
    assert_string_equal(json_string_value(json_object_get(body, "QueueUrl")), URL);
    return body;
}

// Answers the request that was seen last, or `before` of it.
static void answer(struct scene *scene, size_t before, const char *text)
{
    stub_answer(scene->stub, scene->sent - 1 - before, 200, text);
}

// Some turns, in which no further request may come.
static void want_quiet(struct scene *scene)
{
    for (int i = 0; i < 20; i++) {
        fake_turn(scene->fake);
    }
    assert_int_equal(scene->stub->count, scene->sent);
}

static enum ph_outcome open_answered(struct scene *scene, int status, const char *text)
{
    struct fake_call call;
    struct ph_opened opened;
    const struct ph_open entry = {.config = &scene->config};
    const void *entries[] = {&entry};
    fake_call_init(&call, scene->fake, entries, 1);
    fake_start(&call, plugin_of(scene)->common->open);
    json_decref(next_request(scene, "GetQueueAttributes"));
    stub_answer(scene->stub, scene->sent - 1, status, text);
    fake_until_complete(&call);
    memcpy(&opened, &call.outputs[0], sizeof opened);
    scene->fake->instance = opened.instance;
    return (enum ph_outcome)call.results[0].outcome;
}

static void open_it(struct scene *scene)
{
    assert_int_equal(open_answered(scene, 200, ATTRIBUTES), PH_OK);
}

// --- Opening -----------------------------------------------------------------------------------------------

static void test_open(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(plugin_of(scene)->config_size, sizeof scene->config);
    assert_int_equal(
        open_answered(scene, 400, "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"no\"}"),
        PH_UNAVAILABLE);
    assert_int_equal(open_answered(scene, 200, "{\"Attributes\":[]}"), PH_UNAVAILABLE);
    assert_int_equal(open_answered(scene, 403, "{\"__type\":\"InvalidClientTokenId\",\"message\":\"no\"}"), PH_DENIED);
    assert_null(scene->fake->instance);
    open_it(scene);
    assert_null(strstr(scene->fake->log, "dead-letter")); // all is well with it
}

// Whoever may not look may still send.
static void test_open_without_the_right_to_look(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(open_answered(scene, 403, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}"), PH_OK);
    assert_non_null(strstr(scene->fake->log, "not looked at"));
}

static void test_advice_at_open(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(
        open_answered(scene, 200,
                      "{\"Attributes\":{\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"a:jobs-dead\\\","
                      "\\\"maxReceiveCount\\\":5}\"}}"),
        PH_OK);
    assert_non_null(strstr(scene->fake->log, "jobs-dead after 5 receives"));
    assert_non_null(strstr(scene->fake->log, "raise maxReceiveCount to 100"));
}

// --- Sending -----------------------------------------------------------------------------------------------

static struct ph_job jobs[FAKE_BATCH];

static void start_send(struct scene *scene, struct fake_call *call, uint64_t first, size_t count)
{
    const void *entries[FAKE_BATCH];
    for (size_t i = 0; i < count; i++) {
        jobs[first + i] = (struct ph_job){.id = id_of(first + i), .trace = text_of("00-ab")};
        entries[i] = &jobs[first + i];
    }
    fake_call_init(call, scene->fake, entries, count);
    fake_start(call, slots(scene)->send);
}

static void hash_text(const char *text, size_t length, char md5_r[SQS_MD5_SIZE])
{
    struct md5 hasher = {0};
    md5_hex(&hasher, text, length, md5_r);
    md5_clear(&hasher);
}

// Answers SendMessageBatch: every entry well, but number `bad` with another MD5 and number `silent` not at all.
static void answer_send(struct scene *scene, const json_t *body, size_t bad, size_t silent)
{
    struct buffer text;
    size_t index;
    json_t *entry;
    char md5[SQS_MD5_SIZE];
    buffer_init(&text, 65536);
    buffer_text(&text, "{\"Successful\":[{\"Id\":\"77\"}");
    json_array_foreach(json_object_get(body, "Entries"), index, entry)
    {
        const char *job = json_string_value(json_object_get(entry, "MessageBody"));
        hash_text(job, index == bad ? strlen(job) - 1 : strlen(job), md5);
        if (index != silent) {
            buffer_printf(&text, ",{\"Id\":\"%s\",\"MD5OfMessageBody\":\"%s\"}",
                          json_string_value(json_object_get(entry, "Id")), md5);
        }
    }
    buffer_text(&text, "]}");
    answer(scene, 0, buffer_string(&text));
    buffer_free(&text);
}

static void test_outcomes_by_entry(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_send(scene, &call, 0, 4);
    json_t *body = next_request(scene, "SendMessageBatch");
    assert_int_equal(json_array_size(json_object_get(body, "Entries")), 4);
    answer_send(scene, body, 1, 2);
    fake_until_complete(&call);
    json_decref(body);
    assert_int_equal(call.results[0].outcome, PH_OK);
    assert_int_equal(call.results[1].outcome, PH_UNCERTAIN); // damaged on its way
    assert_int_equal(call.results[2].outcome, PH_UNCERTAIN); // not named
    assert_int_equal(call.results[3].outcome, PH_OK);
    start_send(scene, &call, 0, 3);
    json_decref(next_request(scene, "SendMessageBatch"));
    answer(scene, 0,
           "{\"Failed\":[{\"Id\":\"0\",\"Code\":\"InternalError\",\"SenderFault\":false},{\"Id\":\"1\",\"Code\":"
           "\"InvalidMessageContents\",\"SenderFault\":true},{\"Id\":\"2\",\"Code\":\"KmsThrottled\",\"SenderFault\":"
           "true}]}");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_TRANSIENT);
    assert_int_equal(call.results[1].outcome, PH_INVALID);
    assert_int_equal(call.results[2].outcome, PH_THROTTLED);
}

static void test_whole_requests_that_fail(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    static const struct {
        int status;
        const char *text;
        enum ph_outcome outcome;
    } cases[] = {
        {200, "{\"Successful\":7}", PH_UNCERTAIN},
        {400, "{\"__type\":\"QueueDoesNotExist\"}", PH_UNAVAILABLE},
        {400, "{\"__type\":\"RequestThrottled\"}", PH_THROTTLED},
        {500, "<html>", PH_TRANSIENT},
        {403, "{\"__type\":\"AccessDeniedException\"}", PH_DENIED},
    };
    open_it(scene);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_send(scene, &call, 0, 2);
        json_decref(next_request(scene, "SendMessageBatch"));
        stub_answer(scene->stub, scene->sent - 1, cases[i].status, cases[i].text);
        fake_until_complete(&call);
        assert_int_equal(call.results[0].outcome, cases[i].outcome);
        assert_int_equal(call.results[1].outcome, cases[i].outcome);
    }
    start_send(scene, &call, 0, 1);
    json_decref(next_request(scene, "SendMessageBatch"));
    stub_fail(scene->stub, scene->sent - 1, PH_UNCERTAIN, "the answer was lost");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_UNCERTAIN);
}

// What comes alone goes at once; what follows in quick succession fills a request.
static void test_calls_share_requests(void **state)
{
    struct scene *scene = *state;
    struct fake_call alone;
    struct fake_call four;
    struct fake_call eight;
    scene->config.gather = 1000;
    open_it(scene);
    start_send(scene, &alone, 0, 1);
    json_t *body = next_request(scene, "SendMessageBatch");
    answer_send(scene, body, 99, 99);
    json_decref(body);
    fake_until_complete(&alone);
    start_send(scene, &four, 1, 4);
    want_quiet(scene);
    start_send(scene, &eight, 5, 8);
    body = next_request(scene, "SendMessageBatch");
    assert_int_equal(json_array_size(json_object_get(body, "Entries")), 10);
    answer_send(scene, body, 99, 99);
    json_decref(body);
    fake_until_complete(&four);
    assert_int_equal(eight.completed, 0); // two of it wait for more, a second at most
    body = next_request(scene, "SendMessageBatch");
    assert_int_equal(json_array_size(json_object_get(body, "Entries")), 2);
    answer_send(scene, body, 99, 99);
    json_decref(body);
    fake_until_complete(&eight);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(eight.results[i].outcome, PH_OK);
    }
}

static void cancel(struct scene *scene, struct fake_call *victim, enum ph_outcome expected)
{
    const struct ph_cancel entry = {.call = &victim->call};
    assert_int_equal(fake_one(scene->fake, plugin_of(scene)->common->cancel, &entry, NULL, 0), expected);
}

// A call that is cancelled leaves the others of its request alone; a request that nobody waits for is cut.
static void test_cancelled_sends(void **state)
{
    struct scene *scene = *state;
    struct fake_call one;
    struct fake_call other;
    open_it(scene);
    start_send(scene, &one, 0, 2);
    start_send(scene, &other, 2, 2);
    json_t *body = next_request(scene, "SendMessageBatch");
    cancel(scene, &one, PH_OK);
    fake_until_complete(&one);
    assert_int_equal(one.results[0].outcome, PH_UNCERTAIN);
    assert_false(scene->stub->requests[scene->sent - 1].cancelled);
    answer_send(scene, body, 99, 99);
    json_decref(body);
    fake_until_complete(&other);
    assert_int_equal(other.results[1].outcome, PH_OK);
    cancel(scene, &other, PH_NOT_FOUND); // it is over
    start_send(scene, &one, 0, 2);
    json_decref(next_request(scene, "SendMessageBatch"));
    cancel(scene, &one, PH_OK);
    fake_until_complete(&one);
    assert_true(scene->stub->requests[scene->sent - 1].cancelled);
}

// --- Receiving ---------------------------------------------------------------------------------------------

static const struct ph_receive asked = {.limit = 100, .wait_ms = 20000, .lease_ms = 30000};

static void start_receive(struct scene *scene, struct fake_call *call, const struct ph_receive *entry)
{
    const void *entries[] = {entry};
    fake_call_init(call, scene->fake, entries, 1);
    fake_start(call, slots(scene)->receive);
}

static struct ph_received_jobs jobs_of(struct fake_call *call)
{
    struct ph_received_jobs received;
    fake_until_complete(call);
    assert_int_equal(call->results[0].outcome, PH_OK);
    memcpy(&received, &call->outputs[0], sizeof received);
    return received;
}

// Messages `first` and so on, received for the `turn`th time.
static void answer_jobs(struct scene *scene, size_t before, uint64_t first, size_t count, unsigned turn)
{
    struct buffer text;
    struct buffer body;
    char md5[SQS_MD5_SIZE];
    buffer_init(&text, 65536);
    buffer_text(&text, "{\"Messages\":[");
    for (uint64_t i = first; i < first + count; i++) {
        const struct ph_job job = {.id = id_of(i), .trace = text_of("00-ab")};
        buffer_init(&body, SQS_JOB_MAX);
        request_job(&body, &job);
        hash_text(body.data, body.length, md5);
        buffer_printf(&text,
                      "%s{\"MessageId\":\"m%u\",\"ReceiptHandle\":\"h%u-%u\",\"MD5OfBody\":\"%s\","
                      "\"Attributes\":{\"ApproximateReceiveCount\":\"%u\"},\"Body\":",
                      i > first ? "," : "", (unsigned)i, (unsigned)i, turn, md5, turn);
        buffer_json_string(&text, body.data, body.length);
        buffer_byte(&text, '}');
        buffer_free(&body);
    }
    buffer_text(&text, "]}");
    answer(scene, before, buffer_string(&text));
    buffer_free(&text);
}

static enum ph_outcome with_receipt(struct scene *scene, ph_start_f *start, const struct ph_received *job,
                                    uint32_t lease_ms, const char *operation)
{
    struct fake_call call;
    const struct ph_receipt entry = {.id = job->id, .receipt = job->receipt, .lease_ms = lease_ms};
    const void *entries[] = {&entry};
    fake_call_init(&call, scene->fake, entries, 1);
    fake_start(&call, start);
    if (operation != NULL) {
        json_decref(next_request(scene, operation));
        answer(scene, 0, "{\"Successful\":[{\"Id\":\"0\"}]}");
    }
    fake_until_complete(&call);
    return (enum ph_outcome)call.results[0].outcome;
}

static int64_t number_in(const json_t *body, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(body, name));
}

static void test_polls(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_receive(scene, &call, &asked);
    json_t *body = next_request(scene, "ReceiveMessage");
    assert_int_equal(number_in(body, "MaxNumberOfMessages"), 10);
    assert_int_equal(number_in(body, "VisibilityTimeout"), 30);
    assert_int_equal(number_in(body, "WaitTimeSeconds"), 1); // an instance's first
    json_decref(body);
    answer(scene, 0, "{}");
    body = next_request(scene, "ReceiveMessage");
    assert_int_equal(number_in(body, "WaitTimeSeconds"), 20);
    assert_int_equal(scene->stub->requests[scene->sent - 1].timeout_ms, 30000); // above the wait
    json_decref(body);
    answer_jobs(scene, 0, 1, 3, 1);
    const struct ph_received_jobs received = jobs_of(&call);
    assert_int_equal(received.count, 3);
    const struct ph_id id = id_of(2);
    assert_memory_equal(&received.jobs[1]->id, &id, sizeof id);
    assert_string_equal(received.jobs[1]->trace.bytes, "00-ab");
    assert_int_equal(received.jobs[1]->receives, 1);
    want_quiet(scene); // nobody waits: nothing is asked
}

// What a poll brings after its receive has ended is kept for the next one.
static void test_late_jobs_are_kept(void **state)
{
    struct scene *scene = *state;
    struct fake_call first;
    struct fake_call second;
    open_it(scene);
    start_receive(scene, &first, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer_jobs(scene, 0, 1, 10, 1); // full: the next time two polls go out
    assert_int_equal(jobs_of(&first).count, 10);
    start_receive(scene, &first, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    json_decref(next_request(scene, "ReceiveMessage"));
    answer_jobs(scene, 1, 11, 2, 1);
    assert_int_equal(jobs_of(&first).count, 2);
    answer_jobs(scene, 0, 13, 3, 1);
    want_quiet(scene);
    start_receive(scene, &second, &asked);
    const struct ph_received_jobs received = jobs_of(&second);
    assert_int_equal(received.count, 3);
    assert_int_equal(scene->stub->count, scene->sent); // without a request
}

// However many polls are allowed and wanted: what all that are under way may bring can be kept, though nobody takes it meanwhile.
static void test_no_more_is_asked_than_can_be_kept(void **state)
{
    const struct ph_receive many = {.limit = 5000, .wait_ms = 20000, .lease_ms = 30000};
    const size_t most = KEPT_MAX / SQS_BATCH;
    struct scene *scene = *state;
    struct fake_call call;
    size_t answered = 1; // the look at the queue's attributes
    uint64_t number = 1;
    scene->config.receives = 300;
    open_it(scene);
    // Each full answer makes the next receive ask for one more at once.
    for (size_t i = 0; i < most + 5; i++, number += SQS_BATCH) {
        start_receive(scene, &call, &many);
        stub_wait(scene->stub, answered + 1);
        fake_turn(scene->fake);
        scene->sent = scene->stub->count;
        assert_in_range(scene->sent - answered, 1, most);
        answer_jobs(scene, scene->sent - ++answered, number, SQS_BATCH, 1);
        assert_int_equal(jobs_of(&call).count, SQS_BATCH);
    }
    start_receive(scene, &call, &many);
    fake_turn(scene->fake);
    scene->sent = scene->stub->count;
    assert_int_equal(scene->sent - answered, most);
    cancel(scene, &call, PH_OK);
    for (size_t i = 0; i < most; i++, number += SQS_BATCH) {
        answer_jobs(scene, scene->sent - ++answered, number, SQS_BATCH, 1);
    }
    want_quiet(scene);
    start_receive(scene, &call, &many);
    assert_int_equal(jobs_of(&call).count, most * SQS_BATCH);
}

// A kept job whose lease is old is renewed before it is handed over; one that cannot be renewed is forgotten.
static void test_kept_jobs_are_renewed(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_receive(scene, &call, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    cancel(scene, &call, PH_OK);
    assert_int_equal(jobs_of(&call).count, 0);
    answer_jobs(scene, 0, 1, 2, 1);
    want_quiet(scene);
    scene->fake->now += 8000; // a quarter of 30 s is gone
    start_receive(scene, &call, &asked);
    json_t *body = next_request(scene, "ChangeMessageVisibilityBatch");
    assert_int_equal(json_array_size(json_object_get(body, "Entries")), 2);
    assert_int_equal(number_in(json_array_get(json_object_get(body, "Entries"), 0), "VisibilityTimeout"), 30);
    json_decref(body);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer(scene, 1,
           "{\"Successful\":[{\"Id\":\"1\"}],\"Failed\":[{\"Id\":\"0\",\"Code\":\"ReceiptHandleIsInvalid\"}]}");
    assert_int_equal(jobs_of(&call).count, 1);
    answer(scene, 0, "{}");
}

static void test_old_receipts(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_receive(scene, &call, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer_jobs(scene, 0, 1, 1, 1);
    const struct ph_received *old = jobs_of(&call).jobs[0];
    scene->fake->now += 30000;
    assert_int_equal(with_receipt(scene, slots(scene)->extend, old, 1000, NULL), PH_NOT_FOUND); // its lease is over
    start_receive(scene, &call, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer_jobs(scene, 0, 1, 1, 2);
    const struct ph_received *again = jobs_of(&call).jobs[0];
    assert_int_equal(again->receives, 2);
    // SQS might obey the old handle: it is not asked.
    assert_int_equal(with_receipt(scene, slots(scene)->remove, old, 0, NULL), PH_OK);
    assert_int_equal(with_receipt(scene, slots(scene)->extend, old, 1000, NULL), PH_NOT_FOUND);
    assert_int_equal(with_receipt(scene, slots(scene)->extend, again, 60000, "ChangeMessageVisibilityBatch"), PH_OK);
    scene->fake->now += 59000;
    assert_int_equal(with_receipt(scene, slots(scene)->remove, again, 0, "DeleteMessageBatch"), PH_OK);
    assert_int_equal(with_receipt(scene, slots(scene)->remove, again, 0, NULL), PH_OK); // a repeat
    const struct ph_received forged = {.receipt = text_of("forged")};
    assert_int_equal(with_receipt(scene, slots(scene)->remove, &forged, 0, NULL), PH_OK);
    assert_int_equal(with_receipt(scene, slots(scene)->extend, &forged, 0, NULL), PH_NOT_FOUND);
}

static void test_failed_polls(void **state)
{
    struct scene *scene = *state;
    struct fake_call one;
    struct fake_call other;
    open_it(scene);
    start_receive(scene, &one, &asked);
    start_receive(scene, &other, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    stub_answer(scene->stub, scene->sent - 1, 403, "{\"__type\":\"AccessDeniedException\"}");
    fake_until_complete(&one);
    assert_int_equal(one.results[0].outcome, PH_DENIED);
    json_decref(next_request(scene, "ReceiveMessage")); // the other one's
    assert_int_equal(other.completed, 0);
    stub_fail(scene->stub, scene->sent - 1, PH_UNCERTAIN, "the answer was lost");
    fake_until_complete(&other);
    assert_int_equal(other.results[0].outcome, PH_TRANSIENT); // nothing was changed for good
}

static void test_a_look_without_a_wait(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    const struct ph_receive look = {.limit = 3, .lease_ms = 1};
    open_it(scene);
    start_receive(scene, &call, &look);
    json_t *body = next_request(scene, "ReceiveMessage");
    assert_int_equal(number_in(body, "MaxNumberOfMessages"), 3);
    assert_int_equal(number_in(body, "WaitTimeSeconds"), 0);
    assert_int_equal(number_in(body, "VisibilityTimeout"), 1);
    json_decref(body);
    answer(scene, 0, "{}");
    assert_int_equal(jobs_of(&call).count, 0);
    want_quiet(scene);
}

// More than was asked for, and what is none of ours.
static void test_hostile_answers(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    const struct ph_receive two = {.limit = 2, .wait_ms = 20000, .lease_ms = 30000};
    open_it(scene);
    start_receive(scene, &call, &two);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer_jobs(scene, 0, 1, 10, 1);
    assert_int_equal(jobs_of(&call).count, 2);
    start_receive(scene, &call, &two);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer(scene, 0,
           "{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"h\",\"Body\":\"hello\","
           "\"MD5OfBody\":\"5d41402abc4b2a76b9719d911017c592\"},{\"MessageId\":\"n\"}]}");
    json_decref(next_request(scene, "ReceiveMessage"));
    assert_non_null(strstr(scene->fake->log, "1 messages in the queue are no jobs of posthouse"));
    assert_non_null(strstr(scene->fake->log, "1 received messages do not agree with their MD5"));
    answer(scene, 0, "{\"Messages\":{}}");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_TRANSIENT);
}

// --- The end -----------------------------------------------------------------------------------------------

static void test_close_gives_kept_jobs_back(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct fake_call close;
    open_it(scene);
    start_receive(scene, &call, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer(scene, 0, "{}");
    json_decref(next_request(scene, "ReceiveMessage"));
    cancel(scene, &call, PH_OK);
    fake_until_complete(&call);
    answer_jobs(scene, 0, 1, 2, 1);
    want_quiet(scene);
    start_receive(scene, &call, &asked);
    assert_int_equal(jobs_of(&call).count, 2);
    start_receive(scene, &call, &asked);
    json_decref(next_request(scene, "ReceiveMessage")); // this one would wait for 20 s
    cancel(scene, &call, PH_OK);
    fake_until_complete(&call);
    answer_jobs(scene, 0, 3, 1, 1);
    want_quiet(scene);
    fake_call_init(&close, scene->fake, (const void *[]){NULL}, 1);
    fake_start(&close, plugin_of(scene)->common->close);
    json_t *body = next_request(scene, "ChangeMessageVisibilityBatch");
    const json_t *entry = json_array_get(json_object_get(body, "Entries"), 0);
    assert_int_equal(number_in(entry, "VisibilityTimeout"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "ReceiptHandle")), "h3-1");
    json_decref(body);
    answer(scene, 0, "{\"Successful\":[{\"Id\":\"0\"}]}");
    fake_until_complete(&close);
    assert_int_equal(close.results[0].outcome, PH_OK);
    scene->fake->instance = NULL;
}

static void test_close_cuts_long_polls(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_receive(scene, &call, &asked);
    json_decref(next_request(scene, "ReceiveMessage"));
    answer(scene, 0, "{}");
    json_decref(next_request(scene, "ReceiveMessage"));
    cancel(scene, &call, PH_OK);
    fake_until_complete(&call);
    assert_int_equal(fake_one(scene->fake, plugin_of(scene)->common->close, NULL, NULL, 0), PH_OK);
    assert_true(scene->stub->requests[scene->sent - 1].cancelled);
    scene->fake->instance = NULL;
}

static void test_stats_and_health(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_queue_stats counts;
    open_it(scene);
    fake_call_init(&call, scene->fake, (const void *[]){NULL}, 1);
    fake_start(&call, slots(scene)->stats);
    json_decref(next_request(scene, "GetQueueAttributes"));
    answer(scene, 0, ATTRIBUTES);
    fake_until_complete(&call);
    memcpy(&counts, &call.outputs[0], sizeof counts);
    assert_int_equal(counts.waiting, 3);
    assert_int_equal(counts.in_flight, 2);
    assert_int_equal(counts.delayed, 1);
    assert_int_equal(counts.oldest_ms, -1);
    fake_call_init(&call, scene->fake, (const void *[]){NULL}, 1);
    fake_start(&call, plugin_of(scene)->common->health);
    json_decref(next_request(scene, "GetQueueAttributes"));
    answer(scene, 0, "{\"Attributes\":{}}");
    fake_until_complete(&call);
    struct ph_health health;
    memcpy(&health, &call.outputs[0], sizeof health);
    assert_int_equal(call.results[0].outcome, PH_OK);
    assert_non_null(strstr(health.detail, "no dead-letter queue"));
    assert_non_null(strstr(health.detail, "environment")); // where the credentials come from
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open),
        TEST(test_open_without_the_right_to_look),
        TEST(test_advice_at_open),
        TEST(test_outcomes_by_entry),
        TEST(test_whole_requests_that_fail),
        TEST(test_calls_share_requests),
        TEST(test_cancelled_sends),
        TEST(test_polls),
        TEST(test_late_jobs_are_kept),
        TEST(test_no_more_is_asked_than_can_be_kept),
        TEST(test_kept_jobs_are_renewed),
        TEST(test_old_receipts),
        TEST(test_failed_polls),
        TEST(test_a_look_without_a_wait),
        TEST(test_hostile_answers),
        TEST(test_close_gives_kept_jobs_back),
        TEST(test_close_cuts_long_polls),
        TEST(test_stats_and_health),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
