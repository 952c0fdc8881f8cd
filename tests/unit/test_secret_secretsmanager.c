// SPDX-License-Identifier: Apache-2.0
//
// secret-secretsmanager: names and values, what is held, the period, and finding the right password during a rotation.
#include "plugins/secret-secretsmanager/source.h"
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "plugins/secret-secretsmanager/.libs/secret-secretsmanager.so"

// --- Names and values --------------------------------------------------------------------------------------

static void test_names(void **state)
{
    static const char *const bad[] = {"", "a b", "a\n", "%s", "\xc3\xa4", "ssm:", "pending:", "a#b", "a\"b"};
    struct secret_ask ask;
    (void)state;
    assert_true(secret_ask_read(text_of("posthouse/db"), &ask));
    assert_true(ask.any_stage && !ask.parameter && ask.stage == SECRET_CURRENT);
    assert_true(secret_ask_read(text_of("ssm:/posthouse/db:3"), &ask));
    assert_true(ask.parameter && !ask.any_stage);
    assert_string_equal(ask.name, "/posthouse/db:3");
    assert_true(secret_ask_read(text_of("pending:a"), &ask));
    assert_int_equal(ask.stage, SECRET_PENDING);
    assert_true(secret_ask_read(text_of("previous:a"), &ask));
    assert_int_equal(ask.stage, SECRET_PREVIOUS);
    assert_true(secret_ask_read(text_of("arn:aws:secretsmanager:eu-west-1:1:secret:a-AbCdEf"), &ask));
    assert_string_equal(ask.name, "arn:aws:secretsmanager:eu-west-1:1:secret:a-AbCdEf");
    // What RDS calls the secrets that it manages.
    assert_true(secret_ask_read(text_of("arn:aws:secretsmanager:eu-west-1:1:secret:rds!db-0123-AbCdEf"), &ask));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(secret_ask_read(text_of(bad[i]), &ask));
    }
    assert_false(secret_ask_read((struct ph_text){"a\0b", 3}, &ask));
}

// The value that an answer holds, or the fault.
static void value_is(const char *name, const char *answer, const char *wanted, const char *fault)
{
    struct secret_ask ask;
    size_t length;
    const char *said = NULL;
    json_t *tree = json_loads(answer, JSON_ALLOW_NUL, NULL);
    assert_non_null(tree);
    assert_true(secret_ask_read(text_of(name), &ask));
    char *value = secret_value_read(&ask, tree, &length, &said);
    if (wanted != NULL) {
        assert_string_equal(value, wanted);
        assert_int_equal(length, strlen(wanted));
    } else {
        assert_null(value);
        assert_non_null(strstr(said, fault));
    }
    free(value);
    json_decref(tree);
}

static void test_values(void **state)
{
    (void)state;
    value_is("a", "{\"SecretString\":\"geheim \\u00e9\"}", "geheim \xc3\xa9", NULL);
    value_is("a", "{\"SecretString\":\"\"}", "", NULL);
    value_is("a", "{\"SecretBinary\":\"Z2VoZWlt\"}", "geheim", NULL);
    value_is("a", "{\"SecretBinary\":\"Z2VoZWk=\"}", "gehei", NULL);
    value_is("a", "{\"SecretBinary\":\"Z2VoZQ==\"}", "gehe", NULL);
    value_is("ssm:a", "{\"Parameter\":{\"Value\":\"v\"}}", "v", NULL);
    value_is("ssm:a", "{\"SecretString\":\"v\"}", NULL, "no value");
    value_is("a", "{}", NULL, "no value");
    value_is("a", "{\"SecretString\":7}", NULL, "no value");
    value_is("a", "{\"SecretString\":\"a\\u0000b\"}", NULL, "NUL");
    value_is("a", "{\"SecretBinary\":\"Z2Vo!\"}", NULL, "base64");
    value_is("a", "{\"SecretBinary\":\"=\"}", NULL, "base64");
    value_is("a", "{\"SecretBinary\":\"AAAA\"}", NULL, "NUL");
    value_is("a", "{\"SecretBinary\":\"////\"}", NULL, "UTF-8");
    char large[65536 + 64];
    int length = snprintf(large, sizeof large, "{\"SecretString\":\"");
    memset(large + length, 'x', 65537);
    snprintf(large + length + 65537, 3, "\"}");
    value_is("a", large, NULL, "64 KiB");
}

// --- The plugin --------------------------------------------------------------------------------------------

// As the plugin's own, which is in one of its files.
struct secrets_config {
    struct aws_options aws;
    int64_t refresh;
};

struct scene {
    struct fake_host *fake;
    struct stub *stub;
    struct secrets_config config;
    struct ph_secret_name names[8];
};

static int setup_with(void **state, int64_t refresh)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    scene->stub = stub_new(scene->fake);
    scene->config = (struct secrets_config){.aws = {.region = "eu-west-1", .connect_timeout = 3000, .timeout = 10000},
                                            .refresh = refresh};
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
    assert_int_equal(fake_open(scene->fake, FILE_NAME, &scene->config), PH_OK);
    assert_int_equal(scene->fake->plugin->config_size, sizeof scene->config);
    *state = scene;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, 0);
}

static int setup_with_period(void **state)
{
    return setup_with(state, 1);
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    fake_host_free(scene->fake);
    stub_free(scene->stub);
    free(scene);
    return 0;
}

static void start(struct scene *scene, struct fake_call *call, const char *name, bool fresh)
{
    const struct ph_secret_operations *slots = scene->fake->plugin->operations;
    scene->names[0] = (struct ph_secret_name){.name = text_of(name), .fresh = fresh};
    const void *entry = &scene->names[0];
    fake_call_init(call, scene->fake, &entry, 1);
    fake_start(call, slots->fetch);
}

static const char *value_of(const struct fake_call *call, size_t index)
{
    struct ph_secret secret;
    memcpy(&secret, &call->outputs[index], sizeof secret);
    return secret.value.bytes;
}

static void has_value(struct fake_call *call, const char *wanted)
{
    fake_until_complete(call);
    assert_int_equal(call->results[0].outcome, PH_OK);
    assert_string_equal(value_of(call, 0), wanted);
}

#define CURRENT_OF(name) "{\"SecretId\":\"" name "\",\"VersionStage\":\"AWSCURRENT\"}"
#define PENDING_OF(name) "{\"SecretId\":\"" name "\",\"VersionStage\":\"AWSPENDING\"}"

// The next request asks for this, and gets that.
static void asks(struct scene *scene, size_t index, const char *body, int status, const char *answer)
{
    const struct stub_request *sent = stub_wait(scene->stub, index + 1);
    assert_string_equal(sent->body, body);
    stub_answer(scene->stub, index, status, answer);
}

static void test_fetched_once_and_held(void **state)
{
    struct scene *scene = *state;
    struct fake_call first;
    struct fake_call second;
    start(scene, &first, "db", false);
    start(scene, &second, "db", false);
    asks(scene, 0, CURRENT_OF("db"), 200, "{\"SecretString\":\"one\"}");
    has_value(&first, "one");
    has_value(&second, "one");
    assert_string_equal(stub_header(&scene->stub->requests[0], "X-Amz-Target"), "secretsmanager.GetSecretValue");
    assert_string_equal(stub_header(&scene->stub->requests[0], "Content-Type"), "application/x-amz-json-1.1");
    start(scene, &first, "db", false);
    has_value(&first, "one");
    assert_int_equal(scene->stub->count, 1);
    start(scene, &first, "db", true);
    asks(scene, 1, CURRENT_OF("db"), 200, "{\"SecretString\":\"two\"}");
    has_value(&first, "two");
    start(scene, &first, "db", false);
    has_value(&first, "two");
}

static void test_parameter(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    start(scene, &call, "ssm:/a", true);
    asks(scene, 0, "{\"Name\":\"/a\",\"WithDecryption\":true}", 200, "{\"Parameter\":{\"Value\":\"v\"}}");
    has_value(&call, "v");
    assert_string_equal(scene->stub->requests[0].url, "https://ssm.eu-west-1.amazonaws.com/");
    start(scene, &call, "ssm:/a", true); // no stages there
    asks(scene, 1, "{\"Name\":\"/a\",\"WithDecryption\":true}", 200, "{\"Parameter\":{\"Value\":\"v\"}}");
    has_value(&call, "v");
    start(scene, &call, "ssm:/none", false);
    stub_wait(scene->stub, 3);
    stub_answer(scene->stub, 2, 400, "{\"__type\":\"ParameterNotFound\"}");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_NOT_FOUND);
}

static void test_rotation(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    start(scene, &call, "db", false);
    asks(scene, 0, CURRENT_OF("db"), 200, "{\"SecretString\":\"old\"}");
    has_value(&call, "old");
    // The database has the new password already: the old one was refused.
    start(scene, &call, "db", true);
    asks(scene, 1, CURRENT_OF("db"), 200, "{\"SecretString\":\"old\"}");
    asks(scene, 2, PENDING_OF("db"), 200, "{\"SecretString\":\"new\"}");
    has_value(&call, "new");
    // It was not that one: the database has not changed yet.
    start(scene, &call, "db", true);
    asks(scene, 3, CURRENT_OF("db"), 200, "{\"SecretString\":\"old\"}");
    has_value(&call, "old");
    // And again; then the rotation ends.
    start(scene, &call, "db", true);
    asks(scene, 4, CURRENT_OF("db"), 200, "{\"SecretString\":\"new\"}");
    has_value(&call, "new");
}

static void test_no_rotation(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    start(scene, &call, "db", false);
    asks(scene, 0, CURRENT_OF("db"), 200, "{\"SecretString\":\"old\"}");
    has_value(&call, "old");
    start(scene, &call, "db", true);
    asks(scene, 1, CURRENT_OF("db"), 200, "{\"SecretString\":\"old\"}");
    asks(scene, 2, PENDING_OF("db"), 400, "{\"__type\":\"ResourceNotFoundException\"}");
    has_value(&call, "old");
    // A pending version that is the same is none.
    start(scene, &call, "db", true);
    asks(scene, 3, CURRENT_OF("db"), 200, "{\"SecretString\":\"old\"}");
    asks(scene, 4, PENDING_OF("db"), 200, "{\"SecretString\":\"old\"}");
    has_value(&call, "old");
    // Who asks for a stage gets that one.
    start(scene, &call, "pending:db", true);
    asks(scene, 5, PENDING_OF("db"), 200, "{\"SecretString\":\"new\"}");
    has_value(&call, "new");
}

static void fails(struct scene *scene, const char *name, int status, const char *answer, enum ph_outcome outcome,
                  const char *text)
{
    struct fake_call call;
    size_t index = scene->stub->count;
    start(scene, &call, name, false);
    stub_wait(scene->stub, index + 1);
    stub_answer(scene->stub, index, status, answer);
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, outcome);
    assert_non_null(strstr(call.results[0].text, text));
    assert_null(strstr(call.results[0].text, "hush"));
}

static void test_failures(void **state)
{
    struct scene *scene = *state;
    fails(scene, "db", 400, "{\"__type\":\"ResourceNotFoundException\",\"message\":\"x\"}", PH_NOT_FOUND,
          "the secret db does not exist");
    fails(scene, "db", 400, "{\"__type\":\"InvalidRequestException\",\"message\":\"marked for deletion\"}",
          PH_NOT_FOUND, "marked for deletion");
    fails(
        scene, "db", 400, "{\"__type\":\"AccessDeniedException\"}", PH_DENIED,
        "the secret db: secretsmanager GetSecretValue: AccessDeniedException (400): ; give these credentials the right "
        "secretsmanager:GetSecretValue");
    fails(scene, "db", 400, "{\"__type\":\"DecryptionFailure\"}", PH_DENIED, "DecryptionFailure");
    fails(scene, "db", 500, "", PH_TRANSIENT, "answered 500");
    fails(scene, "db", 400, "{\"__type\":\"ThrottlingException\"}", PH_THROTTLED, "db");
    fails(scene, "db", 200, "{\"SecretString\":\"hush\\u0000\"}", PH_INVALID, "the secret db holds a NUL byte");
    struct fake_call call;
    start(scene, &call, "a b", false);
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_INVALID);
}

static void test_last_value_is_kept(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct ph_health health;
    start(scene, &call, "db", false);
    asks(scene, 0, CURRENT_OF("db"), 200, "{\"SecretString\":\"hush\"}");
    has_value(&call, "hush");
    start(scene, &call, "db", true);
    asks(scene, 1, CURRENT_OF("db"), 503, "");
    fake_until_complete(&call);
    assert_int_equal(call.results[0].outcome, PH_TRANSIENT); // who was refused is told
    start(scene, &call, "db", false);
    has_value(&call, "hush"); // others have the last one
    assert_int_equal(fake_one(scene->fake, scene->fake->plugin->common->health, NULL, &health, sizeof health),
                     PH_TRANSIENT);
    assert_string_equal(health.detail, "1 secret held; credentials from the environment, without an end");
    start(scene, &call, "db", true);
    asks(scene, 2, CURRENT_OF("db"), 200, "{\"SecretString\":\"hush2\"}");
    has_value(&call, "hush2");
    assert_int_equal(fake_one(scene->fake, scene->fake->plugin->common->health, NULL, &health, sizeof health), PH_OK);
    assert_null(strstr(scene->fake->log, "hush"));
    assert_non_null(strstr(scene->fake->log, "the secret db has changed"));
}

static void test_period(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    start(scene, &call, "db", false);
    asks(scene, 0, CURRENT_OF("db"), 200, "{\"SecretString\":\"one\"}");
    has_value(&call, "one");
    asks(scene, 1, CURRENT_OF("db"), 200, "{\"SecretString\":\"two\"}"); // by itself
    start(scene, &call, "db", false);
    has_value(&call, "two");
    asks(scene, 2, CURRENT_OF("db"), 200, "{\"SecretString\":\"two\"}"); // the same is no rotation
    asks(scene, 3, CURRENT_OF("db"), 400, "{\"__type\":\"AccessDeniedException\"}");
    start(scene, &call, "db", false);
    has_value(&call, "two");
    assert_non_null(strstr(scene->fake->log, "the last value is kept"));
    stub_wait(scene->stub, 5); // closed while one is under way
}

static void test_many_at_once(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    const struct ph_secret_operations *slots = scene->fake->plugin->operations;
    static const char *const names[] = {"a", "b", "a", "no such", "c"};
    const void *entries[5];
    for (size_t i = 0; i < 5; i++) {
        scene->names[i] = (struct ph_secret_name){.name = text_of(names[i])};
        entries[i] = &scene->names[i];
    }
    fake_call_init(&call, scene->fake, entries, 5);
    fake_start(&call, slots->fetch);
    asks(scene, 0, CURRENT_OF("a"), 200, "{\"SecretString\":\"A\"}");
    stub_wait(scene->stub, 3);
    asks(scene, 2, CURRENT_OF("c"), 200, "{\"SecretString\":\"C\"}");
    assert_int_equal(call.completed, 0);
    asks(scene, 1, CURRENT_OF("b"), 400, "{\"__type\":\"ResourceNotFoundException\"}");
    fake_until_complete(&call);
    static const enum ph_outcome wanted[] = {PH_OK, PH_NOT_FOUND, PH_OK, PH_INVALID, PH_OK};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(call.results[i].outcome, wanted[i]);
    }
    assert_string_equal(value_of(&call, 2), "A");
    assert_string_equal(value_of(&call, 4), "C");
}

static void test_cancel(void **state)
{
    struct scene *scene = *state;
    struct fake_call call;
    struct fake_call other;
    start(scene, &call, "db", false);
    start(scene, &other, "db", false);
    stub_wait(scene->stub, 1);
    const struct ph_cancel entry = {.call = &call.call};
    assert_int_equal(fake_one(scene->fake, scene->fake->plugin->common->cancel, &entry, NULL, 0), PH_OK);
    assert_int_equal(call.completed, 1);
    assert_int_equal(call.results[0].outcome, PH_TRANSIENT);
    assert_int_equal(fake_one(scene->fake, scene->fake->plugin->common->cancel, &entry, NULL, 0), PH_NOT_FOUND);
    stub_answer(scene->stub, 0, 200, "{\"SecretString\":\"one\"}");
    has_value(&other, "one");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
        TEST(test_fetched_once_and_held),
        TEST(test_parameter),
        TEST(test_rotation),
        TEST(test_no_rotation),
        TEST(test_failures),
        TEST(test_last_value_is_kept),
        cmocka_unit_test_setup_teardown(test_period, setup_with_period, teardown),
        TEST(test_many_at_once),
        TEST(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
