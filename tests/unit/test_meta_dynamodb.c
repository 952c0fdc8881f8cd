// SPDX-License-Identifier: Apache-2.0
//
// meta-dynamodb as it was built, over a DynamoDB that the test plays.
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"

#include "plugins/meta-dynamodb/dynamodb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DYNAMODB_FILE "plugins/meta-dynamodb/.libs/meta-dynamodb.so"
#define TABLE(type)                                                                                           \
    "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}]," \
    "\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"" type "\"}]}}"

struct scene {
    struct fake_host *fake;
    struct stub *stub;
    struct dynamodb_config config;
    size_t sent; // requests that the test has seen
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    scene->stub = stub_new(scene->fake);
    scene->config = (struct dynamodb_config){
        .aws = {.region = "eu-west-1", .connect_timeout = 3000, .timeout = 10000}, .table = "t", .requests = 4};
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

static json_t *next_request(struct scene *scene, const char *operation)
{
    return stub_wait_json(scene->stub, ++scene->sent, "DynamoDB_20120810", operation);
}

static void answer(struct scene *scene, size_t before, const char *text)
{
    stub_answer(scene->stub, scene->sent - 1 - before, 200, text);
}

// The plugin is loaded by hand here: its open waits for the test's answer.
static const struct ph_plugin *plugin_of(struct scene *scene)
{
    if (scene->fake->plugin == NULL) {
        struct dynamodb_config config = scene->config;
        config.aws.region = "no region";
        assert_int_not_equal(fake_open(scene->fake, DYNAMODB_FILE, &config), PH_OK);
    }
    return scene->fake->plugin;
}

static enum ph_outcome open_answered(struct scene *scene, int status, const char *text)
{
    struct fake_call call;
    struct ph_opened opened;
    const struct ph_open entry = {.config = &scene->config};
    fake_call_init(&call, scene->fake, (const void *[]){&entry}, 1);
    fake_start(&call, plugin_of(scene)->common->open);
    json_decref(next_request(scene, "DescribeTable"));
    stub_answer(scene->stub, scene->sent - 1, status, text);
    fake_until_complete(&call);
    memcpy(&opened, &call.outputs[0], sizeof opened);
    scene->fake->instance = opened.instance;
    return (enum ph_outcome)call.results[0].outcome;
}

static void open_it(struct scene *scene)
{
    assert_int_equal(open_answered(scene, 200, TABLE("S")), PH_OK);
}

static const struct ph_meta_operations *slots(struct scene *scene)
{
    return plugin_of(scene)->operations;
}

static void test_open(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(plugin_of(scene)->config_size, sizeof scene->config);
    assert_int_equal(open_answered(scene, 400, "{\"__type\":\"x#ResourceNotFoundException\"}"), PH_UNAVAILABLE);
    assert_int_equal(open_answered(scene, 200, TABLE("B")), PH_INVALID);
    assert_int_equal(open_answered(scene, 400, "{\"__type\":\"x#UnrecognizedClientException\"}"), PH_DENIED);
    assert_null(scene->fake->instance);
    assert_int_equal(open_answered(scene, 400, "{\"__type\":\"x#AccessDeniedException\"}"), PH_OK); // only looking is
    assert_non_null(strstr(scene->fake->log, "not looked at"));
}

// --- Puts --------------------------------------------------------------------------------------------------

static struct ph_document documents[FAKE_BATCH];

static void start_put(struct scene *scene, struct fake_call *call, uint64_t first, size_t count, const char *json)
{
    const void *entries[FAKE_BATCH];
    for (size_t i = 0; i < count; i++) {
        documents[first + i] =
            (struct ph_document){.id = id_of(first + i), .json = text_of(json), .sender = text_of("ada"), .status = 1};
        entries[i] = &documents[first + i];
    }
    fake_call_init(call, scene->fake, entries, count);
    fake_start(call, slots(scene)->put);
}

static const json_t *puts_in(const json_t *body)
{
    return json_object_get(json_object_get(body, "RequestItems"), "t");
}

static const char *text_in(const json_t *put, const char *name)
{
    const json_t *item = json_object_get(json_object_get(put, "PutRequest"), "Item");
    return json_string_value(json_object_get(json_object_get(item, name), "S"));
}

static void test_full_batches(void **state)
{
    struct scene *scene = *state;
    struct fake_call many;
    struct fake_call few;
    open_it(scene);
    start_put(scene, &many, 0, 40, "{}");
    start_put(scene, &few, 40, 10, "{}");
    for (int i = 0; i < 2; i++) {
        json_t *body = next_request(scene, "BatchWriteItem");
        assert_int_equal(json_array_size(puts_in(body)), 25);
        json_decref(body);
    }
    answer(scene, 1, "{\"UnprocessedItems\":{}}");
    answer(scene, 0,
           "{\"UnprocessedItems\":{\"t\":[{\"PutRequest\":{\"Item\":{\"id\":{\"S\":"
           "\"01900000-0000-7000-0000-000000000030\"}}}}]}}");
    fake_until_complete(&many);
    fake_until_complete(&few);
    assert_int_equal(many.results[39].outcome, PH_OK);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(few.results[i].outcome, i == 8 ? PH_THROTTLED : PH_OK); // 0x30 is 48
    }
}

// A request is filled by bytes too: many of them are under way at once. Documents of the usual size still fill it by number.
static void test_large_puts(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    char *json = calloc(1, 300001);
    assert_non_null(json);
    open_it(scene);
    memset(json, 'x', 20 << 10);
    start_put(scene, &call, 0, 25, json);
    json_t *body = next_request(scene, "BatchWriteItem");
    assert_int_equal(json_array_size(puts_in(body)), 25);
    json_decref(body);
    answer(scene, 0, "{}");
    fake_until_complete(&call);
    memset(json, 'x', 300000);
    start_put(scene, &call, 0, 25, json);
    for (size_t i = 0; i < 25; i += 6) {
        body = next_request(scene, "BatchWriteItem");
        assert_true(strlen(scene->stub->requests[scene->sent - 1].body) <= 2 << 20);
        assert_int_equal(json_array_size(puts_in(body)), i + 6 <= 25 ? 6 : 1);
        json_decref(body);
        answer(scene, 0, "{}");
    }
    fake_until_complete(&call);
    assert_int_equal(call.results[24].outcome, PH_OK);
    free(json);
}

// The last of one id wins; it is sent once, and never while an earlier one is under way.
static void test_puts_of_one_id(void **state)
{
    struct scene *scene = *state;
    struct fake_call first;
    struct fake_call second;
    struct fake_call third;
    open_it(scene);
    start_put(scene, &first, 1, 1, "{\"n\":1}");
    json_decref(next_request(scene, "BatchWriteItem"));
    struct ph_document later[] = {documents[1], documents[1]};
    later[0].json = text_of("{\"n\":2}");
    later[1].json = text_of("{\"n\":3}");
    fake_call_init(&second, scene->fake, (const void *[]){&later[0], &later[1]}, 2);
    fake_start(&second, slots(scene)->put);
    start_put(scene, &third, 2, 1, "{}");
    json_t *body = next_request(scene, "BatchWriteItem"); // another id need not wait
    assert_int_equal(json_array_size(puts_in(body)), 1);
    assert_string_equal(text_in(json_array_get(puts_in(body), 0), "document"), "{}");
    json_decref(body);
    answer(scene, 0, "{}");
    fake_until_complete(&third);
    assert_int_equal(scene->stub->count, scene->sent);
    answer(scene, 1, "{}");
    fake_until_complete(&first);
    body = next_request(scene, "BatchWriteItem");
    assert_int_equal(json_array_size(puts_in(body)), 1);
    assert_string_equal(text_in(json_array_get(puts_in(body), 0), "document"), "{\"n\":3}");
    json_decref(body);
    answer(scene, 0, "{}");
    fake_until_complete(&second);
    assert_int_equal(second.results[0].outcome, PH_OK);
    assert_int_equal(second.results[1].outcome, PH_OK);
}

// One document's fault is not the others'.
static void test_a_batch_that_is_refused_as_a_whole(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_put(scene, &call, 1, 3, "{}");
    json_decref(next_request(scene, "BatchWriteItem"));
    stub_answer(scene->stub, scene->sent - 1, 400, "{\"__type\":\"x#ValidationException\",\"message\":\"no\"}");
    for (int i = 0; i < 3; i++) {
        json_t *body = next_request(scene, "BatchWriteItem");
        assert_int_equal(json_array_size(puts_in(body)), 1);
        json_decref(body);
    }
    answer(scene, 2, "{}");
    stub_answer(scene->stub, scene->sent - 2, 400, "{\"__type\":\"x#ValidationException\",\"message\":\"no\"}");
    answer(scene, 0, "{}");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_OK);
    assert_int_equal(call.results[1].outcome, PH_INVALID);
    assert_int_equal(call.results[2].outcome, PH_OK);
}

static void test_puts_that_fail(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    static const struct {
        int status;
        const char *text;
        enum ph_outcome outcome;
    } cases[] = {
        {200, "{\"UnprocessedItems\":[]}", PH_UNCERTAIN},
        {400, "{\"__type\":\"x#ProvisionedThroughputExceededException\"}", PH_THROTTLED},
        {400, "{\"__type\":\"x#ResourceNotFoundException\"}", PH_UNAVAILABLE},
        {500, "", PH_TRANSIENT},
        {400, "{\"__type\":\"x#AccessDeniedException\"}", PH_DENIED},
    };
    open_it(scene);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_put(scene, &call, 1, 2, "{}");
        json_decref(next_request(scene, "BatchWriteItem"));
        stub_answer(scene->stub, scene->sent - 1, cases[i].status, cases[i].text);
        fake_until_complete(&call);
        assert_int_equal(call.results[0].outcome, cases[i].outcome);
        assert_int_equal(call.results[1].outcome, cases[i].outcome);
    }
    start_put(scene, &call, 1, 1, "\xff");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_INVALID);
    assert_int_equal(scene->stub->count, scene->sent); // without a request
}

static void test_checksums(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_put(scene, &call, 1, 1, "{}");
    json_decref(next_request(scene, "BatchWriteItem"));
    scene->stub->headers[0] = "x-amz-crc32";
    scene->stub->headers[1] = "2745614147"; // of {}
    answer(scene, 0, "{}");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_OK);
    start_put(scene, &call, 1, 1, "{}");
    json_decref(next_request(scene, "BatchWriteItem"));
    scene->stub->headers[1] = "2745614148";
    answer(scene, 0, "{}");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_UNCERTAIN);
}

// --- Gets --------------------------------------------------------------------------------------------------

static void test_gets(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_document_id ids[] = {{id_of(1)}, {id_of(2)}, {id_of(3)}, {id_of(4)}, {id_of(1)}, {id_of(5)}};
    const void *entries[6];
    char text[2048];
    scene->config.consistent_reads = true;
    open_it(scene);
    for (size_t i = 0; i < 6; i++) {
        entries[i] = &ids[i];
    }
    fake_call_init(&call, scene->fake, entries, 6);
    fake_start(&call, slots(scene)->get);
    json_t *body = next_request(scene, "BatchGetItem");
    const json_t *asked = json_object_get(json_object_get(body, "RequestItems"), "t");
    assert_int_equal(json_array_size(json_object_get(asked, "Keys")), 5); // no key twice
    assert_true(json_is_true(json_object_get(asked, "ConsistentRead")));
    json_decref(body);
#define WITH_ID(number) "{\"id\":{\"S\":\"01900000-0000-7000-0000-00000000000" number "\"}"
    snprintf(
        text, sizeof text,
        "{\"Responses\":{\"t\":[" WITH_ID("1") ",\"document\":{\"S\":\"{\\\"a\\\":1}\"},\"expires_at\":{\"N\":\"%lld\"}"
                                               "}," WITH_ID("2") ",\"document\":{\"S\":\"{}\"},\"expires_at\":{\"N\":"
                                                                 "\"%lld\"}}," WITH_ID("3") "}," WITH_ID(
                                                                     "9") ",\"document\":{\"S\":\"{}\"}}]},"
                                                                          "\"UnprocessedKeys\":{\"t\":{\"Keys\":"
                                                                          "[" WITH_ID("4") "}]}}}",
        (long long)scene->fake->now + 1, (long long)scene->fake->now);
    answer(scene, 0, text);
    fake_until_complete(&call);
    struct ph_document_found found[2];
    memcpy(&found[0], &call.outputs[0], sizeof found[0]);
    memcpy(&found[1], &call.outputs[4], sizeof found[1]);
    assert_int_equal(call.results[0].outcome, PH_OK);
    assert_string_equal(found[0].json.bytes, "{\"a\":1}");
    assert_int_equal(call.results[1].outcome, PH_NOT_FOUND); // expired
    assert_int_equal(call.results[2].outcome, PH_INTERNAL);  // no document
    assert_int_equal(call.results[3].outcome, PH_THROTTLED);
    assert_int_equal(call.results[4].outcome, PH_OK);
    assert_string_equal(found[1].json.bytes, "{\"a\":1}");
    assert_int_equal(call.results[5].outcome, PH_NOT_FOUND);
}

static void test_cancelled_put(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    start_put(scene, &call, 1, 1, "{}");
    json_decref(next_request(scene, "BatchWriteItem"));
    const struct ph_cancel entry = {.call = &call.call};
    assert_int_equal(fake_one(scene->fake, plugin_of(scene)->common->cancel, &entry, NULL, 0), PH_OK);
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_UNCERTAIN);
    assert_true(scene->stub->requests[scene->sent - 1].cancelled);
    assert_int_equal(fake_one(scene->fake, plugin_of(scene)->common->cancel, &entry, NULL, 0), PH_NOT_FOUND);
}

// A put that went well is proof enough; else the table is asked for.
static void test_health(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    open_it(scene);
    fake_call_init(&call, scene->fake, (const void *[]){NULL}, 1);
    fake_start(&call, plugin_of(scene)->common->health);
    json_decref(next_request(scene, "DescribeTable"));
    answer(scene, 0, TABLE("S"));
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_OK);
    start_put(scene, &call, 1, 1, "{}");
    json_decref(next_request(scene, "BatchWriteItem"));
    answer(scene, 0, "{}");
    fake_until_complete(&call);
    assert_int_equal(fake_one(scene->fake, plugin_of(scene)->common->health, NULL, NULL, 0), PH_OK);
    scene->fake->now += 60000;
    fake_call_init(&call, scene->fake, (const void *[]){NULL}, 1);
    fake_start(&call, plugin_of(scene)->common->health);
    json_decref(next_request(scene, "DescribeTable"));
    stub_answer(scene->stub, scene->sent - 1, 400, "{\"__type\":\"x#ResourceNotFoundException\"}");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_UNAVAILABLE);
    assert_non_null(strstr(call.results[0].text, "posthouse setup"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open),           TEST(test_full_batches),
        TEST(test_puts_of_one_id), TEST(test_a_batch_that_is_refused_as_a_whole),
        TEST(test_puts_that_fail), TEST(test_checksums),
        TEST(test_gets),           TEST(test_cancelled_put),
        TEST(test_health),         TEST(test_large_puts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
