// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/client.h: what is sent, how it ends, when it is sent again; cancel and close; the cost meter.
#include "plugins/aws/client.h"
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct aws_service sqs = {.name = "sqs", .id = "SQS", .protocol = AWS_JSON_1_0, .version = "AmazonSQS"};
static const struct aws_service sns = {.name = "sns", .id = "SNS", .protocol = AWS_QUERY, .version = "2010-03-31"};

struct scene {
    struct fake_host *fake;
    struct stub *stub;
    struct aws_options options;
    struct aws_client *client;
    // the last answer
    int answers;
    enum ph_outcome outcome;
    uint32_t delay_ms;
    int status;
    char code[128];
    char text[1024];
    bool has_json;
    bool has_xml;
    bool closed;
    bool close_inside; // the done function closes the client
};

static void on_closed(void *context)
{
    ((struct scene *)context)->closed = true;
}

static void on_done(void *context, const struct aws_answer *answer)
{
    struct scene *scene = context;
    scene->answers++;
    scene->outcome = answer->outcome;
    scene->delay_ms = answer->delay_ms;
    scene->status = answer->status;
    snprintf(scene->code, sizeof scene->code, "%s", answer->code);
    snprintf(scene->text, sizeof scene->text, "%s", answer->text != NULL ? answer->text : "");
    scene->has_json = answer->json != NULL;
    scene->has_xml = answer->xml != NULL;
    if (scene->close_inside) {
        aws_client_close(scene->client, on_closed, scene);
    }
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    scene->stub = stub_new(scene->fake);
    scene->options = (struct aws_options){.region = "eu-west-1", .connect_timeout = 3000, .timeout = 10000};
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG", 1);
    scene->client = aws_client_new(&scene->fake->host, &scene->options, NULL);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    if (!scene->closed && !scene->close_inside) {
        aws_client_close(scene->client, on_closed, scene);
    }
    while (!scene->closed) {
        fake_turn(scene->fake);
    }
    stub_free(scene->stub);
    fake_host_free(scene->fake);
    free(scene);
    return 0;
}

static struct aws_exchange *send(struct scene *scene, const struct aws_service *service, const char *operation,
                                 const char *body)
{
    const struct aws_request request = {.service = service, .operation = operation, .body = text_of(body)};
    return aws_send(scene->client, &request, on_done, scene);
}

static void until_answers(struct scene *scene, int answers)
{
    while (scene->answers < answers) {
        fake_turn(scene->fake);
    }
    assert_int_equal(scene->answers, answers);
}

// --- What goes out -----------------------------------------------------------------------------------------

static void test_json_request(void **state)
{
    struct scene *scene = *state;
    const struct aws_request request = {
        .service = &sqs, .operation = "SendMessageBatch", .body = text_of("{\"a\":1}"), .wait_ms = 20000};
    aws_send(scene->client, &request, on_done, scene);
    const struct stub_request *sent = stub_wait(scene->stub, 1);
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url, "https://sqs.eu-west-1.amazonaws.com/");
    assert_string_equal(sent->body, "{\"a\":1}");
    assert_string_equal(stub_header(sent, "Host"), "sqs.eu-west-1.amazonaws.com");
    assert_string_equal(stub_header(sent, "X-Amz-Target"), "AmazonSQS.SendMessageBatch");
    assert_string_equal(stub_header(sent, "Content-Type"), "application/x-amz-json-1.0");
    assert_string_equal(stub_header(sent, "X-Amz-Date"), "20270115T080000Z");
    assert_string_equal(stub_header(sent, "X-Amz-Security-Token"), "");
    assert_non_null(strstr(stub_header(sent, "Authorization"),
                           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270115/eu-west-1/sqs/aws4_request, "
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature="));
    assert_int_equal(sent->timeout_ms, 30000);
    assert_int_equal(sent->connect_timeout_ms, 3000);
    stub_answer(scene->stub, 0, 200, "{\"Successful\":[]}");
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_OK);
    assert_int_equal(scene->status, 200);
    assert_true(scene->has_json);
    assert_string_equal(scene->text, "");
}

static void test_query_request(void **state)
{
    struct scene *scene = *state;
    send(scene, &sns, "Publish", "&Message=a+b");
    const struct stub_request *sent = stub_wait(scene->stub, 1);
    assert_string_equal(sent->url, "https://sns.eu-west-1.amazonaws.com/");
    assert_string_equal(sent->body, "Action=Publish&Version=2010-03-31&Message=a+b");
    assert_string_equal(stub_header(sent, "Content-Type"), "application/x-www-form-urlencoded; charset=utf-8");
    assert_string_equal(stub_header(sent, "X-Amz-Target"), "");
    stub_answer(scene->stub, 0, 200, "<PublishResponse xmlns='x'><PublishResult/></PublishResponse>");
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_OK);
    assert_true(scene->has_xml);
}

// The caller reads what answers a 2xx, whatever it is; a failure is read here all the same.
static void test_unread_answer(void **state)
{
    struct scene *scene = *state;
    const struct aws_request request = {
        .service = &sqs, .operation = "ReceiveMessage", .body = text_of("{}"), .unread = true};
    static const char *const texts[] = {"{\"Messages\":[]}", "<html>"};
    for (size_t i = 0; i < 2; i++) {
        aws_send(scene->client, &request, on_done, scene);
        stub_wait(scene->stub, i + 1);
        stub_answer(scene->stub, i, 200, texts[i]);
        until_answers(scene, (int)i + 1);
        assert_int_equal(scene->outcome, PH_OK);
        assert_false(scene->has_json);
    }
    aws_send(scene->client, &request, on_done, scene);
    stub_wait(scene->stub, 3);
    stub_answer(scene->stub, 2, 400, "{\"__type\":\"ThrottlingException\"}");
    until_answers(scene, 3);
    assert_int_equal(scene->outcome, PH_THROTTLED);
}

static void test_given_endpoint_and_bundle(void **state)
{
    struct scene *scene = *state;
    scene->options.endpoint = "http://127.0.0.1:4566/base";
    scene->options.ca_file = "/etc/ca.pem";
    send(scene, &sqs, "ListQueues", "{}");
    const struct stub_request *sent = stub_wait(scene->stub, 1);
    assert_string_equal(sent->url, "http://127.0.0.1:4566/base");
    assert_string_equal(stub_header(sent, "Host"), "127.0.0.1:4566");
    assert_string_equal(sent->ca_file, "/etc/ca.pem");
    stub_answer(scene->stub, 0, 200, "");
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_OK);
    assert_true(scene->has_json); // an empty answer is an empty object
}

static void test_no_region(void **state)
{
    struct scene *scene = *state;
    scene->options.region = NULL;
    send(scene, &sqs, "ListQueues", "{}");
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_INVALID);
    assert_string_equal(scene->text,
                        "sqs ListQueues: no region is known: set option region, or AWS_REGION, such as eu-west-1");
    assert_int_equal(scene->stub->count, 0);
}

static void test_meter(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < 3; i++) {
        send(scene, &sqs, "ListQueues", "{}");
        stub_wait(scene->stub, i + 1);
        stub_answer(scene->stub, i, 200, "{}");
    }
    until_answers(scene, 3);
    assert_true(scene->fake->measured > 2.5 && scene->fake->measured < 3.5);
}

// --- How it ends -------------------------------------------------------------------------------------------

static void ends(struct scene *scene, const struct aws_service *service, int status, const char *body,
                 enum ph_outcome outcome, const char *code)
{
    int before = scene->answers;
    size_t index = scene->stub->count;
    send(scene, service, "Do", service->protocol == AWS_QUERY ? "" : "{}");
    stub_wait(scene->stub, index + 1);
    stub_answer(scene->stub, index, status, body);
    until_answers(scene, before + 1);
    assert_int_equal(scene->outcome, outcome);
    assert_string_equal(scene->code, code);
    assert_true(scene->text[0] != '\0');
    assert_int_equal(scene->status, status);
}

static void test_failures(void **state)
{
    struct scene *scene = *state;
    ends(scene, &sqs, 400, "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"gone\"}", PH_NOT_FOUND,
         "QueueDoesNotExist");
    assert_string_equal(scene->text, "sqs Do: QueueDoesNotExist (400): gone");
    ends(scene, &sqs, 400, "{\"__type\":\"x#AccessDeniedException\",\"Message\":\"no\"}", PH_DENIED,
         "AccessDeniedException");
    assert_string_equal(scene->text,
                        "sqs Do: AccessDeniedException (400): no; give these credentials the right sqs:Do");
    ends(scene, &sns, 403,
         "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error>"
         "</ErrorResponse>",
         PH_DENIED, "AuthorizationError");
    ends(scene, &sqs, 403, "<Response><Errors><Error><Code>SignatureDoesNotMatch</Code></Error></Errors></Response>",
         PH_DENIED, "SignatureDoesNotMatch");
    ends(scene, &sqs, 500, "<!DOCTYPE html><html>Internal Server Error</html>", PH_TRANSIENT, "");
    ends(scene, &sqs, 404, "<html><body>nginx</body></html>", PH_UNAVAILABLE, "");
    ends(scene, &sqs, 302, "", PH_UNAVAILABLE, "");
    ends(scene, &sqs, 429, "", PH_THROTTLED, "");
    ends(scene, &sqs, 413, "too large", PH_INVALID, "");
    ends(scene, &sqs, 400, "{\"__type\":\"NeverHeardOf\"}", PH_INVALID, "NeverHeardOf");
    ends(scene, &sqs, 200, "<html/>", PH_UNCERTAIN, "");
    ends(scene, &sqs, 200, "[]", PH_UNCERTAIN, "");
    ends(scene, &sqs, 200, "{\"a\":", PH_UNCERTAIN, "");
    ends(scene, &sns, 200, "{}", PH_UNCERTAIN, "");
}

static void test_throttled_with_delay(void **state)
{
    struct scene *scene = *state;
    scene->stub->headers[0] = "retry-after";
    scene->stub->headers[1] = "3";
    ends(scene, &sqs, 400, "{\"__type\":\"ThrottlingException\"}", PH_THROTTLED, "ThrottlingException");
    assert_int_equal(scene->delay_ms, 3000);
}

static void test_lost(void **state)
{
    struct scene *scene = *state;
    static const enum ph_outcome told[] = {PH_TRANSIENT, PH_UNCERTAIN, PH_INVALID};
    static const enum ph_outcome wanted[] = {PH_UNAVAILABLE, PH_UNCERTAIN, PH_INVALID};
    for (size_t i = 0; i < 3; i++) {
        send(scene, &sqs, "ListQueues", "{}");
        stub_wait(scene->stub, i + 1);
        stub_fail(scene->stub, i, told[i], "no way");
        until_answers(scene, (int)i + 1);
        assert_int_equal(scene->outcome, wanted[i]);
        assert_string_equal(scene->text, "sqs ListQueues: no way");
    }
    scene->stub->refuses = true;
    send(scene, &sqs, "ListQueues", "{}");
    assert_int_equal(scene->answers, 3); // never inside
    until_answers(scene, 4);
    assert_int_equal(scene->outcome, PH_UNAVAILABLE);
    scene->stub->refuses = false;
}

// --- Sent again --------------------------------------------------------------------------------------------

static void test_skewed_clock(void **state)
{
    struct scene *scene = *state;
    scene->stub->date = scene->fake->now + 3600000;
    send(scene, &sqs, "ListQueues", "{}");
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 403, "{\"__type\":\"RequestTimeTooSkewed\"}");
    const struct stub_request *sent = stub_wait(scene->stub, 2);
    assert_string_equal(stub_header(sent, "X-Amz-Date"), "20270115T090000Z");
    assert_non_null(strstr(scene->fake->log, "3600 s"));
    stub_answer(scene->stub, 1, 200, "{}");
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_OK);
    // The next one has it right at once; once is all that it is tried again.
    send(scene, &sqs, "ListQueues", "{}");
    assert_string_equal(stub_header(stub_wait(scene->stub, 3), "X-Amz-Date"), "20270115T090000Z");
    stub_answer(scene->stub, 2, 403, "{\"__type\":\"RequestTimeTooSkewed\"}");
    until_answers(scene, 2);
    assert_int_equal(scene->outcome, PH_DENIED);
}

static void test_wrong_signature_is_no_skew(void **state)
{
    struct scene *scene = *state;
    scene->stub->date = scene->fake->now + 60000;
    send(scene, &sqs, "ListQueues", "{}");
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 403, "{\"__type\":\"InvalidSignatureException\"}");
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_DENIED);
    assert_int_equal(scene->stub->count, 1);
}

static void test_expired_token(void **state)
{
    struct scene *scene = *state;
    send(scene, &sqs, "ListQueues", "{}");
    stub_wait(scene->stub, 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDSECOND", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    stub_answer(scene->stub, 0, 403, "{\"__type\":\"ExpiredTokenException\"}");
    const struct stub_request *sent = stub_wait(scene->stub, 2);
    assert_non_null(strstr(stub_header(sent, "Authorization"), "Credential=AKIDSECOND/"));
    assert_non_null(strstr(stub_header(sent, "Authorization"), ";x-amz-security-token;"));
    assert_string_equal(stub_header(sent, "X-Amz-Security-Token"), "token");
    stub_answer(scene->stub, 1, 403, "{\"__type\":\"ExpiredTokenException\"}");
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_DENIED);
    assert_int_equal(scene->stub->count, 2); // once is enough
}

// --- Cancel and close --------------------------------------------------------------------------------------

static void test_cancel(void **state)
{
    struct scene *scene = *state;
    struct aws_exchange *waiting = send(scene, &sqs, "ListQueues", "{}");
    aws_cancel(waiting); // it waits for credentials
    assert_int_equal(scene->answers, 0);
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_TRANSIENT);
    struct aws_exchange *sent = send(scene, &sqs, "ListQueues", "{}");
    stub_wait(scene->stub, 1);
    aws_cancel(sent);
    aws_cancel(sent);
    assert_int_equal(scene->answers, 1);
    until_answers(scene, 2);
    assert_int_equal(scene->outcome, PH_UNCERTAIN);
    assert_true(scene->stub->requests[0].cancelled);
}

static void test_close_with_requests(void **state)
{
    struct scene *scene = *state;
    send(scene, &sqs, "ListQueues", "{}");
    send(scene, &sqs, "ListQueues", "{}");
    stub_wait(scene->stub, 2);
    aws_client_close(scene->client, on_closed, scene);
    assert_false(scene->closed);
    until_answers(scene, 2);
    while (!scene->closed) {
        fake_turn(scene->fake);
    }
}

static void test_close_while_credentials_are_fetched(void **state)
{
    struct scene *scene = *state;
    send(scene, &sqs, "ListQueues", "{}");
    setenv("HOME", "/tmp", 1);
    aws_client_close(scene->client, on_closed, scene);
    until_answers(scene, 1);
    while (!scene->closed) {
        fake_turn(scene->fake);
    }
    assert_int_equal(scene->stub->count, 0);
}

static void test_close_inside_done(void **state)
{
    struct scene *scene = *state;
    scene->close_inside = true;
    send(scene, &sqs, "ListQueues", "{}");
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 200, "{}");
    assert_true(scene->closed);
}

static void test_close_inside_failure(void **state)
{
    struct scene *scene = *state;
    scene->close_inside = true;
    scene->options.region = NULL;
    aws_prepare(scene->client, &sqs, on_done, scene);
    while (!scene->closed) {
        fake_turn(scene->fake);
    }
    assert_int_equal(scene->outcome, PH_INVALID);
}

static void test_health(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    fake_call_init(&call, scene->fake, NULL, 0);
    assert_string_equal(aws_client_health(scene->client, &call.call), "no credentials yet");
    aws_prepare(scene->client, &sqs, on_done, scene);
    until_answers(scene, 1);
    assert_int_equal(scene->outcome, PH_OK);
    assert_string_equal(aws_client_health(scene->client, &call.call),
                        "credentials from the environment, without an end");
}

static void test_no_secret_is_told(void **state)
{
    struct scene *scene = *state;
    send(scene, &sqs, "ListQueues", "{}");
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 403, "{\"__type\":\"UnrecognizedClientException\",\"message\":\"bad\\ntoken\\u0000\"}");
    until_answers(scene, 1);
    assert_null(strstr(scene->text, "wJalr"));
    assert_null(strstr(scene->fake->log, "wJalr"));
    assert_string_equal(scene->text, "sqs ListQueues: UnrecognizedClientException (403): bad?token?; check the "
                                     "credentials and this machine's clock");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_json_request),
        TEST(test_query_request),
        TEST(test_unread_answer),
        TEST(test_given_endpoint_and_bundle),
        TEST(test_no_region),
        TEST(test_meter),
        TEST(test_failures),
        TEST(test_throttled_with_delay),
        TEST(test_lost),
        TEST(test_skewed_clock),
        TEST(test_wrong_signature_is_no_skew),
        TEST(test_expired_token),
        TEST(test_cancel),
        TEST(test_close_with_requests),
        TEST(test_close_while_credentials_are_fetched),
        TEST(test_close_inside_done),
        TEST(test_close_inside_failure),
        TEST(test_health),
        TEST(test_no_secret_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
