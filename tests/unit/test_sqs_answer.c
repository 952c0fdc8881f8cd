// SPDX-License-Identifier: Apache-2.0
//
// What queue-sqs writes to SQS and reads from it, text against text.
#include "tests/unit/unit.h"

#include "plugins/queue-sqs/answer.h"

#include <stdio.h>
#include <string.h>

#define ID "0190b5d2-0000-7000-8000-0000000000ff"
#define BODY "{\\\"id\\\":\\\"" ID "\\\",\\\"trace\\\":\\\"00-ab\\\"}"

static const struct ph_id id = {{0x01, 0x90, 0xb5, 0xd2, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff}};

static struct aws_tree *tree_of(const char *text)
{
    struct aws_tree *tree = aws_tree_read(text, strlen(text));
    assert_non_null(tree);
    return tree;
}

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static void hash_text(const char *text, char md5_r[SQS_MD5_SIZE])
{
    struct md5 hasher = {0};
    md5_hex(&hasher, text, strlen(text), md5_r);
    const char first = md5_r[0];
    md5_hex(&hasher, text, strlen(text), md5_r); // the kept context begins anew
    assert_int_equal(md5_r[0], first);
    md5_clear(&hasher);
}

static void want_text(struct buffer *buffer, const char *expected)
{
    assert_string_equal(buffer_string(buffer), expected);
    buffer_free(buffer);
}

// --- Requests ----------------------------------------------------------------------------------------------

static void test_a_job_is_a_reference(void **state)
{
    struct buffer text;
    struct ph_job job = {.id = id, .trace = {"00-\"ab", 6}};
    (void)state;
    buffer_init(&text, 4096);
    request_job(&text, &job);
    want_text(&text, "{\"id\":\"" ID "\",\"trace\":\"00-\\\"ab\"}");
    job.trace = (struct ph_text){"\xff", 1}; // not UTF-8: the job goes without
    request_job(&text, &job);
    want_text(&text, "{\"id\":\"" ID "\"}");
}

static void test_batches_are_written(void **state)
{
    struct buffer body;
    char md5[SQS_MD5_SIZE];
    struct md5 hasher = {0};
    const struct ph_job job = {.id = id, .delay_ms = 1001};
    const struct ph_job late = {.id = id, .delay_ms = 3600000};
    (void)state;
    buffer_init(&body, 65536);
    request_batch_begin(&body, "http://q/1/a\"b");
    request_batch_send(&body, 0, &job, &hasher, md5);
    request_batch_send(&body, 1, &late, &hasher, md5);
    md5_clear(&hasher);
    request_batch_end(&body);
    want_text(&body, "{\"QueueUrl\":\"http://q/1/a\\\"b\",\"Entries\":["
                     "{\"Id\":\"0\",\"MessageBody\":\"{\\\"id\\\":\\\"" ID "\\\"}\",\"DelaySeconds\":2},"
                     "{\"Id\":\"1\",\"MessageBody\":\"{\\\"id\\\":\\\"" ID "\\\"}\",\"DelaySeconds\":900}]}");
    assert_int_equal(strlen(md5), 32);
    request_batch_begin(&body, "u");
    request_batch_extend(&body, 0, (struct ph_text){"h", 1}, 30);
    request_batch_remove(&body, 1, (struct ph_text){"i", 1});
    request_batch_end(&body);
    want_text(&body, "{\"QueueUrl\":\"u\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"h\",\"VisibilityTimeout\":30},"
                     "{\"Id\":\"1\",\"ReceiptHandle\":\"i\"}]}");
}

static void test_md5_and_seconds(void **state)
{
    char md5[SQS_MD5_SIZE];
    (void)state;
    hash_text("", md5);
    assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e"); // RFC 1321, A.5
    assert_int_equal(request_seconds(0, 900), 0);
    assert_int_equal(request_seconds(1, 900), 1);
    assert_int_equal(request_seconds(1000, 900), 1);
    assert_int_equal(request_seconds(UINT32_MAX, SQS_LEASE_MAX_S), SQS_LEASE_MAX_S);
}

// --- Batches -----------------------------------------------------------------------------------------------

static void test_entries_are_found_by_their_names(void **state)
{
    struct answer_entry entries[4];
    struct aws_tree *tree =
        tree_of("{\"Successful\":[{\"Id\":\"2\",\"MD5OfMessageBody\":\"m\"},{\"Id\":\"7\"},{\"Id\":\"x\"},{\"Id\":2},"
                "{\"Id\":\"0\"},\"junk\",{}],\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":\"C\","
                "\"Message\":\"M\"},{\"Id\":\"3\",\"Code\":7},{\"Id\":\"-1\"},{\"Id\":\"00000000000000000001\"}]}");
    (void)state;
    assert_true(answer_batch(aws_tree_root(tree), entries, 4));
    assert_true(entries[0].named && entries[0].failed && entries[0].sender_fault); // in both: it has failed
    assert_string_equal(entries[0].code, "C");
    assert_string_equal(entries[0].message, "M");
    assert_false(entries[1].named);
    assert_true(entries[2].named && !entries[2].failed);
    assert_string_equal(entries[2].md5, "m");
    assert_true(entries[3].named && entries[3].failed && !entries[3].sender_fault);
    assert_string_equal(entries[3].code, "");
    aws_tree_free(tree);
}

static void test_what_is_no_batch_answer(void **state)
{
    static const char *const texts[] = {"[]", "{\"Failed\":{}}", "{\"Successful\":\"x\"}"};
    struct answer_entry entries[1];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct aws_tree *tree = tree_of(texts[i]);
        assert_false(answer_batch(aws_tree_root(tree), entries, 1));
        assert_false(entries[0].named);
        aws_tree_free(tree);
    }
    assert_false(answer_batch(NULL, entries, 1));
}

// --- Received jobs -----------------------------------------------------------------------------------------

static struct answer_job last;
static char last_trace[64];

static void on_job(void *context, const struct answer_job *job)
{
    (void)context;
    last = *job;
    snprintf(last_trace, sizeof last_trace, "%s", job->trace.bytes);
}

static struct answer_received received_of(const char *text, size_t limit)
{
    struct answer_received received;
    struct md5 hasher = {0};
    assert_true(answer_receive((struct ph_text){text, strlen(text)}, limit, &hasher, on_job, NULL, &received));
    md5_clear(&hasher);
    return received;
}

#define MESSAGE(md5, body, more) \
    "{\"MessageId\":\"m\",\"ReceiptHandle\":\"h\",\"MD5OfBody\":\"" md5 "\",\"Body\":\"" body "\"" more "}"
#define GOOD "2b4d3ab9d3bfbbf6a0ac6a1ad8a8f3a6"

static void test_jobs_are_read(void **state)
{
    char md5[SQS_MD5_SIZE];
    char text[1024];
    (void)state;
    const char *plain = "{\"id\":\"" ID "\",\"trace\":\"00-ab\"}";
    hash_text(plain, md5);
    snprintf(text, sizeof text,
             "{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"h\",\"MD5OfBody\":\"%s\",\"Body\":\"" BODY
             "\",\"Attributes\":{\"ApproximateReceiveCount\":\"3\"}}]}",
             md5);
    struct answer_received received = received_of(text, 10);
    assert_int_equal(received.jobs, 1);
    assert_int_equal(received.foreign + received.damaged, 0);
    assert_memory_equal(&last.id, &id, sizeof id);
    assert_string_equal(last_trace, "00-ab");
    assert_int_equal(last.receives, 3);
    assert_int_equal(received_of(text, 0).jobs, 0); // no more than was asked for
    assert_int_equal(received_of("{}", 10).jobs, 0);
    assert_int_equal(received_of("{\"Messages\":null}", 10).jobs, 0);
    assert_int_equal(received_of("", 10).jobs, 0); // an operation without output
}

static void test_what_is_no_receive_answer(void **state)
{
    static const char *const texts[] = {"[]", "<html>", "{\"Messages\":{}}", "{\"Messages\":[]", "{} {}", "\"\""};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct answer_received received;
        struct md5 hasher = {0};
        assert_false(
            answer_receive((struct ph_text){texts[i], strlen(texts[i])}, 10, &hasher, on_job, NULL, &received));
        assert_int_equal(received.jobs + received.foreign + received.damaged, 0);
        md5_clear(&hasher);
    }
}

// What its MD5 does not bear out, or what lacks a part, is damaged.
static void test_damaged_messages(void **state)
{
    static const char *const texts[] = {
        "{\"Messages\":[" MESSAGE(GOOD, BODY, "") "]}", // another body's MD5
        "{\"Messages\":[7]}",
        "{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"h\",\"Body\":\"" BODY "\"}]}",
        "{\"Messages\":[{\"MessageId\":\"m\",\"MD5OfBody\":\"d41d8cd98f00b204e9800998ecf8427e\",\"Body\":\"\"}]}",
        ("{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"a b\","
         "\"MD5OfBody\":\"d41d8cd98f00b204e9800998ecf8427e\",\"Body\":\"\"}]}"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct answer_received received = received_of(texts[i], 10);
        assert_int_equal(received.damaged, 1);
        assert_int_equal(received.jobs, 0);
    }
}

static void want_foreign(const char *body)
{
    char md5[SQS_MD5_SIZE];
    hash_text(body, md5);
    json_t *json = json_pack("{s:[{s:s,s:s,s:s,s:s}]}", "Messages", "MessageId", "m", "ReceiptHandle", "h", "MD5OfBody",
                             md5, "Body", body);
    char *text = json_dumps(json, 0);
    const struct answer_received received = received_of(text, 10);
    assert_int_equal(received.foreign, 1);
    assert_int_equal(received.jobs, 0);
    free(text);
    json_decref(json);
}

static void test_messages_of_others_are_left_alone(void **state)
{
    (void)state;
    want_foreign("");
    want_foreign("hello");
    want_foreign("{}");
    want_foreign("{\"id\":7}");
    want_foreign("{\"id\":\"0190b5d2\"}");
    want_foreign("{\"id\":\"" ID "\",\"id\":\"" ID "\"}");
}

// --- Attributes --------------------------------------------------------------------------------------------

static void test_attributes(void **state)
{
    struct answer_attributes attributes;
    json_t *json =
        json_of("{\"Attributes\":{\"ApproximateNumberOfMessages\":\"3\",\"ApproximateNumberOfMessagesDelayed\":4,"
                "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:r:1:jobs-dead\\\","
                "\\\"maxReceiveCount\\\":\\\"5\\\"}\"}}");
    (void)state;
    assert_true(answer_attributes(json, &attributes));
    assert_int_equal(attributes.waiting, 3);
    assert_int_equal(attributes.in_flight, -1);
    assert_int_equal(attributes.delayed, -1);
    assert_int_equal(attributes.receives, 5);
    assert_string_equal(attributes.dead_letters, "jobs-dead");
    json_decref(json);
    json = json_of("{\"Attributes\":{\"RedrivePolicy\":\"nonsense\"}}");
    assert_true(answer_attributes(json, &attributes));
    assert_int_equal(attributes.receives, 0);
    json_decref(json);
    json = json_of("{\"Attributes\":[]}");
    assert_false(answer_attributes(json, &attributes));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_is_a_reference),
        cmocka_unit_test(test_batches_are_written),
        cmocka_unit_test(test_md5_and_seconds),
        cmocka_unit_test(test_entries_are_found_by_their_names),
        cmocka_unit_test(test_what_is_no_batch_answer),
        cmocka_unit_test(test_jobs_are_read),
        cmocka_unit_test(test_what_is_no_receive_answer),
        cmocka_unit_test(test_damaged_messages),
        cmocka_unit_test(test_messages_of_others_are_left_alone),
        cmocka_unit_test(test_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
