// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/chain.h and fetch.h: every source of credentials, their order, and when they are fetched again.
#include "plugins/aws/chain.h"
#include "plugins/aws/meter.h"
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE 60000

struct scene {
    struct fake_host *fake;
    struct stub *stub;
    struct aws_options options;
    struct aws_settings settings;
    struct aws_meter meter;
    struct aws_chain *chain;
    struct aws_keys keys;
    int changed;
    bool closed;
    char folder[64];
};

static void on_changed(void *context)
{
    ((struct scene *)context)->changed++;
}

static void on_closed(void *context)
{
    ((struct scene *)context)->closed = true;
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    scene->stub = stub_new(scene->fake);
    scene->options = (struct aws_options){.region = "eu-west-1", .connect_timeout = 3000, .timeout = 10000};
    scene->settings.options = &scene->options;
    scene->meter.host = &scene->fake->host;
    scene->chain = aws_chain_new(&scene->fake->host, &scene->settings, &scene->meter, on_changed, scene);
    snprintf(scene->folder, sizeof scene->folder, "/tmp/test_aws_chain.XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"token", "credentials", "config"};
    struct scene *scene = *state;
    aws_chain_close(scene->chain, on_closed, scene);
    while (!scene->closed) {
        fake_turn(scene->fake);
    }
    aws_profile_clear(&scene->settings.profile);
    stub_free(scene->stub);
    fake_host_free(scene->fake);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", scene->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(scene->folder), 0);
    free(scene);
    return 0;
}

// Writes a file below the folder, and sets the variable to its path.
static void file_for(struct scene *scene, const char *variable, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", scene->folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    setenv(variable, path, 1);
}

static enum aws_chain_state ask(struct scene *scene)
{
    return aws_chain_keys(scene->chain, &scene->keys);
}

// Turns until the fetch under way has ended.
static void until_changed(struct scene *scene)
{
    int before = scene->changed;
    while (scene->changed == before) {
        fake_turn(scene->fake);
    }
}

static void has_keys(struct scene *scene, const char *id)
{
    assert_int_equal(ask(scene), AWS_CHAIN_READY);
    assert_string_equal(scene->keys.id, id);
}

static void fails(struct scene *scene, enum ph_outcome outcome, const char *text)
{
    const char *said;
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    until_changed(scene);
    assert_int_equal(ask(scene), AWS_CHAIN_FAILED);
    assert_int_equal(aws_chain_error(scene->chain, &said), outcome);
    assert_non_null(strstr(said, text));
}

static const char *health(struct scene *scene)
{
    static char line[1024];
    aws_chain_health(scene->chain, line, sizeof line);
    return line;
}

static const char *json_keys(const char *id, const char *expiration)
{
    static char text[256];
    snprintf(text, sizeof text,
             "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"hush\",\"Token\":\"t-%s\",\"Expiration\":\"%s\"}", id, id,
             expiration);
    return text;
}

// --- Sources -----------------------------------------------------------------------------------------------

static void test_environment(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c", 1);
    assert_string_equal(health(scene), "no credentials yet");
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    until_changed(scene);
    has_keys(scene, "AKID");
    assert_string_equal(scene->keys.secret, "hush");
    assert_string_equal(scene->keys.token, "token");
    assert_int_equal(scene->stub->count, 0);
    assert_string_equal(health(scene), "credentials from the environment, without an end");
}

static void test_half_an_environment(void **state)
{
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    fails(*state, PH_DENIED, "AWS_SECRET_ACCESS_KEY is not");
}

static void test_profile(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_ACCESS_KEY_ID", "of the environment", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
    scene->options.profile = "work";
    file_for(scene, "AWS_SHARED_CREDENTIALS_FILE", "credentials",
             "[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = hush\n");
    file_for(scene, "AWS_CONFIG_FILE", "config", "[profile work]\nregion = eu-north-1\n");
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    until_changed(scene);
    has_keys(scene, "AKIDWORK");
    assert_string_equal(scene->settings.profile.region, "eu-north-1");
    // Somebody changed the file, and the old keys are refused: it is read again.
    file_for(scene, "AWS_SHARED_CREDENTIALS_FILE", "credentials",
             "[work]\naws_access_key_id = AKIDNEW\naws_secret_access_key = hush\n");
    aws_chain_refuse(scene->chain, "AKIDWORK");
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    until_changed(scene);
    has_keys(scene, "AKIDNEW");
}

static void test_home(void **state)
{
    struct scene *scene = *state;
    char folder[96];
    char path[128];
    snprintf(folder, sizeof folder, "%s/.aws", scene->folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    setenv("HOME", scene->folder, 1);
    snprintf(path, sizeof path, "%s/credentials", folder);
    FILE *file = fopen(path, "we");
    assert_true(fputs("[default]\naws_access_key_id = AKIDHOME\naws_secret_access_key = hush\n", file) >= 0);
    fclose(file);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    until_changed(scene);
    unlink(path);
    rmdir(folder);
    has_keys(scene, "AKIDHOME");
}

static void test_profiles_that_fail(void **state)
{
    struct scene *scene = *state;
    scene->options.profile = "work";
    fails(scene, PH_DENIED, "profile work is not in the shared files");
    scene->fake->now += MINUTE;
    file_for(scene, "AWS_CONFIG_FILE", "config", "[profile work]\nregion = x\n");
    fails(scene, PH_DENIED, "profile work has no keys");
    scene->fake->now += MINUTE;
    file_for(scene, "AWS_CONFIG_FILE", "config", "[profile work]\ncredential_process = /bin/keys\n");
    fails(scene, PH_DENIED, "credential_process, which is not supported");
    scene->fake->now += MINUTE;
    file_for(scene, "AWS_CONFIG_FILE", "config",
             "[profile work]\naws_access_key_id = a\naws_secret_access_key = b c\n");
    fails(scene, PH_DENIED, "the secret access key is missing or malformed");
}

static void test_container(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this one", 1);
    file_for(scene, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token", "secret-token\n");
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    const struct stub_request *sent = stub_wait(scene->stub, 1);
    assert_string_equal(sent->method, "GET");
    assert_string_equal(sent->url, "http://169.254.170.2/v2/credentials/1");
    assert_string_equal(stub_header(sent, "Authorization"), "secret-token");
    assert_int_equal(sent->timeout_ms, 2000);
    stub_answer(scene->stub, 0, 200, json_keys("ASIA1", "2027-01-15T09:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA1");
    assert_string_equal(health(scene), "credentials from the container endpoint, good until 2027-01-15T09:00:00.000Z");
}

static void test_container_is_tried_again(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/c", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 500, "");
    stub_wait(scene->stub, 2);
    stub_fail(scene->stub, 1, PH_TRANSIENT, "refused");
    stub_wait(scene->stub, 3);
    stub_answer(scene->stub, 2, 503, "");
    until_changed(scene);
    const char *text;
    assert_int_equal(ask(scene), AWS_CHAIN_FAILED);
    assert_int_equal(aws_chain_error(scene->chain, &text), PH_UNAVAILABLE);
    assert_string_equal(text, "the container endpoint answered 503");
    assert_int_equal(scene->stub->count, 3);
}

static void test_container_refusals(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example/", 1);
    fails(scene, PH_DENIED, "is refused");
    scene->fake->now += MINUTE;
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.example/", 1);
    fails(scene, PH_DENIED, "is refused");
    scene->fake->now += MINUTE;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y", 1);
    fails(scene, PH_DENIED, "line end");
    scene->fake->now += MINUTE;
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/token", 1);
    fails(scene, PH_DENIED, "/nowhere/token) cannot be read");
    assert_int_equal(scene->stub->count, 0);
}

static void test_instance(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    const struct stub_request *sent = stub_wait(scene->stub, 1);
    assert_string_equal(sent->method, "PUT");
    assert_string_equal(sent->url, "http://169.254.169.254/latest/api/token");
    assert_string_equal(stub_header(sent, "X-aws-ec2-metadata-token-ttl-seconds"), "21600");
    stub_answer(scene->stub, 0, 200, "the-token");
    sent = stub_wait(scene->stub, 2);
    assert_string_equal(sent->method, "GET");
    assert_string_equal(sent->url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/");
    assert_string_equal(stub_header(sent, "X-aws-ec2-metadata-token"), "the-token");
    stub_answer(scene->stub, 1, 200, "role\nother");
    sent = stub_wait(scene->stub, 3);
    assert_string_equal(sent->url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/role");
    assert_string_equal(stub_header(sent, "X-aws-ec2-metadata-token"), "the-token");
    stub_answer(scene->stub, 2, 200, json_keys("ASIA2", "2027-01-15T14:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA2");
}

static void test_instance_without_role(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    assert_string_equal(stub_wait(scene->stub, 1)->url, "http://127.0.0.1:1338/latest/api/token");
    stub_answer(scene->stub, 0, 200, "t");
    stub_wait(scene->stub, 2);
    stub_answer(scene->stub, 1, 404, "");
    until_changed(scene);
    assert_non_null(strstr(health(scene), "this instance has no role"));
}

static void test_instance_that_lies(void **state)
{
    static const char *const names[] = {"", "../../user-data", "a b", "role?x"};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
        stub_wait(scene->stub, 2 * i + 1);
        stub_answer(scene->stub, 2 * i, 200, "t");
        stub_wait(scene->stub, 2 * i + 2);
        stub_answer(scene->stub, 2 * i + 1, 200, names[i]);
        until_changed(scene);
        assert_non_null(strstr(health(scene), "names no role"));
        scene->fake->now += MINUTE;
    }
}

static void test_nothing_is_set_up(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    fails(scene, PH_DENIED, "no credentials: give the task or the instance a role");
    // For a while nobody looks again, then everything is looked at anew.
    assert_int_equal(ask(scene), AWS_CHAIN_FAILED);
    scene->fake->now += 1001;
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    until_changed(scene);
    has_keys(scene, "AKID");
}

#define STS_ANSWER                                                                                            \
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA3</"   \
    "AccessKeyId>"                                                                                            \
    "<SecretAccessKey>hush</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2027-01-15T09:00:00Z</" \
    "Expiration>"                                                                                             \
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"

static void test_web_identity(void **state)
{
    struct scene *scene = *state;
    file_for(scene, "AWS_WEB_IDENTITY_TOKEN_FILE", "token", "ey.J/x\n");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    const struct stub_request *sent = stub_wait(scene->stub, 1);
    assert_string_equal(sent->url, "https://sts.eu-west-1.amazonaws.com/");
    assert_string_equal(sent->body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1"
                                    "%3Arole%2Fr&RoleSessionName=posthouse-1800000000000&WebIdentityToken=ey.J%2Fx");
    assert_string_equal(stub_header(sent, "Authorization"), "");
    stub_answer(scene->stub, 0, 200, STS_ANSWER);
    until_changed(scene);
    has_keys(scene, "ASIA3");
    assert_true(scene->fake->measured > 0.5); // the cost meter saw it
}

static void test_web_identity_refused(void **state)
{
    struct scene *scene = *state;
    file_for(scene, "AWS_WEB_IDENTITY_TOKEN_FILE", "token", "t");
    fails(scene, PH_DENIED, "AWS_ROLE_ARN is not set");
    scene->fake->now += MINUTE;
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 400,
                "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>no</Message></Error></ErrorResponse>");
    until_changed(scene);
    const char *text;
    assert_int_equal(ask(scene), AWS_CHAIN_FAILED);
    assert_int_equal(aws_chain_error(scene->chain, &text), PH_DENIED);
    assert_non_null(strstr(text, "InvalidIdentityToken"));
}

// --- Refresh -----------------------------------------------------------------------------------------------

// The first keys, good for an hour.
static void begin(struct scene *scene)
{
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 200, json_keys("ASIA1", "2027-01-15T09:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA1");
}

static void test_refresh_in_time(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    scene->fake->now += 44 * MINUTE;
    has_keys(scene, "ASIA1");
    assert_int_equal(scene->stub->count, 1);
    scene->fake->now += 2 * MINUTE; // 14 left: fetched beside
    has_keys(scene, "ASIA1");
    stub_wait(scene->stub, 2);
    has_keys(scene, "ASIA1");
    scene->fake->now += 5 * MINUTE; // 9 left: it is worth waiting for
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_answer(scene->stub, 1, 200, json_keys("ASIA2", "2027-01-15T10:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA2");
    assert_int_equal(scene->stub->count, 2);
}

static void test_refresh_fails(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    scene->fake->now += 51 * MINUTE;
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 2);
    stub_answer(scene->stub, 1, 404, "");
    until_changed(scene);
    has_keys(scene, "ASIA1"); // still good
    assert_non_null(
        strstr(health(scene), "; the refresh failed at 2027-01-15T08:51:00.000Z: the container endpoint answered"));
    has_keys(scene, "ASIA1");
    assert_int_equal(scene->stub->count, 2); // and not asked at every request
    scene->fake->now += 1500;
    has_keys(scene, "ASIA1");
    stub_wait(scene->stub, 3);
    stub_answer(scene->stub, 2, 404, "");
    until_changed(scene);
    scene->fake->now += 9 * MINUTE; // now they have ended
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 4);
    stub_answer(scene->stub, 3, 404, "");
    until_changed(scene);
    assert_int_equal(ask(scene), AWS_CHAIN_FAILED);
    scene->fake->now += 5000;
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 5);
    stub_answer(scene->stub, 4, 200, json_keys("ASIA9", "2027-01-15T10:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA9");
    assert_null(strstr(health(scene), "failed"));
}

// Keys of a short life are not fetched again as soon as they are there.
static void test_short_life(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 200, json_keys("ASIA1", "2027-01-15T08:02:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA1");
    scene->fake->now += MINUTE;
    has_keys(scene, "ASIA1");
    assert_int_equal(scene->stub->count, 1);
    scene->fake->now += 45000; // 15 s left
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 2);
    stub_answer(scene->stub, 1, 200, json_keys("ASIA2", "2027-01-15T08:04:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA2");
}

static void test_ended_before_they_came(void **state)
{
    struct scene *scene = *state;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c", 1);
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 200, json_keys("ASIA1", "2027-01-15T07:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA1"); // the service may know better
    assert_non_null(strstr(scene->fake->log, "is this machine's clock right?"));
    scene->fake->now += MINUTE;
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 2);
    stub_answer(scene->stub, 1, 200, json_keys("ASIA2", "2027-01-15T09:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA2");
}

static void test_refused_keys(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    aws_chain_refuse(scene->chain, "somebody else's");
    has_keys(scene, "ASIA1");
    aws_chain_refuse(scene->chain, "ASIA1");
    assert_non_null(strstr(health(scene), "refused as expired"));
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 2);
    stub_answer(scene->stub, 1, 200, json_keys("ASIA1", "2027-01-15T09:00:00Z"));
    until_changed(scene);
    has_keys(scene, "ASIA1"); // nothing new is to be had
    aws_chain_refuse(scene->chain, "ASIA1");
    has_keys(scene, "ASIA1"); // so nobody asks at every refusal
    assert_int_equal(scene->stub->count, 2);
}

static void test_close_while_fetching(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 1);
    (void)scene; // the teardown closes
}

static void test_close_between_tries(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask(scene), AWS_CHAIN_WAIT);
    stub_wait(scene->stub, 1);
    stub_answer(scene->stub, 0, 500, "");
}

static void test_no_helper_thread(void **state)
{
    struct scene *scene = *state;
    file_for(scene, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token", "t");
    scene->fake->offload_refuses = true;
    fails(scene, PH_UNAVAILABLE, "helper threads are busy");
}

static void test_no_secret_is_told(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_null(strstr(scene->fake->log, "hush"));
    assert_null(strstr(scene->fake->log, "t-ASIA1"));
    assert_null(strstr(health(scene), "ASIA1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_environment),
        TEST(test_half_an_environment),
        TEST(test_profile),
        TEST(test_home),
        TEST(test_profiles_that_fail),
        TEST(test_container),
        TEST(test_container_is_tried_again),
        TEST(test_container_refusals),
        TEST(test_instance),
        TEST(test_instance_without_role),
        TEST(test_instance_that_lies),
        TEST(test_nothing_is_set_up),
        TEST(test_web_identity),
        TEST(test_web_identity_refused),
        TEST(test_refresh_in_time),
        TEST(test_refresh_fails),
        TEST(test_short_life),
        TEST(test_ended_before_they_came),
        TEST(test_refused_keys),
        TEST(test_close_while_fetching),
        TEST(test_close_between_tries),
        TEST(test_no_helper_thread),
        TEST(test_no_secret_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
