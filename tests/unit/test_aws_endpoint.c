// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/endpoint.h and settings.h: where services are, and who has a say in it.
#include "plugins/aws/client.h"
#include "plugins/aws/fetch.h"
#include "plugins/aws/settings.h"
#include "tests/unit/aws_stub.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct aws_service sqs = {.name = "sqs", .id = "SQS", .protocol = AWS_JSON_1_0, .version = "AmazonSQS"};

static void url_is(const char *service, const char *region, bool fips, bool dual_stack, const char *wanted)
{
    char url[AWS_URL_SIZE];
    assert_true(aws_endpoint_url(service, region, fips, dual_stack, url));
    assert_string_equal(url, wanted);
}

static void test_partitions(void **state)
{
    char url[AWS_URL_SIZE];
    (void)state;
    url_is("sqs", "eu-west-1", false, false, "https://sqs.eu-west-1.amazonaws.com/");
    url_is("sqs", "eu-west-1", true, false, "https://sqs-fips.eu-west-1.amazonaws.com/");
    url_is("sqs", "eu-west-1", false, true, "https://sqs.eu-west-1.api.aws/");
    url_is("dynamodb", "cn-north-1", false, false, "https://dynamodb.cn-north-1.amazonaws.com.cn/");
    url_is("sns", "us-gov-west-1", true, false, "https://sns.us-gov-west-1.amazonaws.com/");
    url_is("sns", "eusc-de-east-1", false, false, "https://sns.eusc-de-east-1.amazonaws.eu/");
    assert_false(aws_endpoint_url("sqs", "", false, false, url));
    assert_false(aws_endpoint_url("sqs", "evil.example/", false, false, url));
    assert_false(aws_endpoint_url("sqs", "-a", false, false, url));
    assert_false(aws_endpoint_url("sqs", "EU-WEST-1", false, false, url));
}

static void parts_are(const char *text, const char *url, const char *host, const char *path)
{
    struct aws_endpoint endpoint;
    assert_true(aws_endpoint_read(text, &endpoint));
    assert_string_equal(endpoint.url, url);
    assert_string_equal(endpoint.host, host);
    assert_string_equal(endpoint.path, path);
}

static void test_parts(void **state)
{
    static const char *const bad[] = {
        "",           "sqs",          "ftp://a/",      "http://",         "http:///a", "http://u@h/", "http://h/?a",
        "http://h#a", "http://h/a b", "http://h/\x7f", "http://\xc3\xa4/"};
    struct aws_endpoint endpoint;
    (void)state;
    parts_are("https://h", "https://h/", "h", "/");
    parts_are("https://h:443/", "https://h:443/", "h", "/");
    parts_are("http://h:443/a/b", "http://h:443/a/b", "h:443", "/a/b");
    parts_are("HTTP://[::1]:80", "HTTP://[::1]:80/", "[::1]", "/");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(aws_endpoint_read(bad[i], &endpoint));
    }
    char *long_url = malloc(AWS_URL_SIZE + 1);
    memset(long_url, 'a', AWS_URL_SIZE);
    memcpy(long_url, "http://", 7);
    long_url[AWS_URL_SIZE] = '\0';
    assert_false(aws_endpoint_read(long_url, &endpoint));
    long_url[AWS_URL_SIZE - 2] = '\0';
    assert_true(aws_endpoint_read(long_url, &endpoint));
    free(long_url);
}

static void test_regions_in_names(void **state)
{
    static const char *const names[][2] = {
        {"arn:aws:sns:eu-west-1:123456789012:alerts", "eu-west-1"},
        {"arn:aws-us-gov:sns:us-gov-west-1:123456789012:alerts", "us-gov-west-1"},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "eu-west-1"},
        {"https://sqs-fips.us-east-2.api.aws:443/1/q", "us-east-2"},
        {"https://eu-central-1.queue.amazonaws.com/1/q", "eu-central-1"},
        {"https://vpce-0a1b-2.sqs.eu-west-1.vpce.amazonaws.com/1/q", "eu-west-1"},
        {"sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"https://queue.amazonaws.com/1/q", NULL},
        {"http://localhost:4566/000000000000/q", NULL},
        {"http://sqs.eu-west-1.localhost.localstack.cloud:4566/1/q", NULL},
        {"https://eu-west-1.example.com/amazonaws.com", NULL},
        {"arn:aws:sns::1:a", NULL},
        {"arn:aws", NULL},
        {"", NULL},
    };
    char region[AWS_REGION_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool known = aws_region_of(names[i][0], region, sizeof region);
        assert_int_equal(known, names[i][1] != NULL);
        if (known) {
            assert_string_equal(region, names[i][1]);
        }
    }
    assert_false(aws_region_of(names[0][0], region, 5));
}

// --- Settings ----------------------------------------------------------------------------------------------

static struct aws_options options;
static struct aws_settings settings;
static struct fake_host *fake;
static struct stub *stub;

static int setup(void **state)
{
    (void)state;
    fake = fake_host_new();
    stub = stub_new(fake); // for the environment that it clears
    options = (struct aws_options){0};
    settings = (struct aws_settings){.options = &options};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stub_free(stub);
    fake_host_free(fake);
    return 0;
}

static void test_region_order(void **state)
{
    (void)state;
    assert_null(aws_settings_region(&settings));
    char from_profile[] = "p-1";
    settings.profile.region = from_profile;
    assert_string_equal(aws_settings_region(&settings), "p-1");
    setenv("AWS_DEFAULT_REGION", "d-1", 1);
    assert_string_equal(aws_settings_region(&settings), "d-1");
    setenv("AWS_REGION", "e-1", 1);
    assert_string_equal(aws_settings_region(&settings), "e-1");
    snprintf(settings.hint, sizeof settings.hint, "h-1");
    assert_string_equal(aws_settings_region(&settings), "h-1");
    options.region = "o-1";
    assert_string_equal(aws_settings_region(&settings), "o-1");
}

static void endpoint_is(bool common, const char *wanted)
{
    struct aws_endpoint endpoint;
    char error[256];
    assert_true(aws_settings_endpoint(&settings, &sqs, common, &endpoint, error, sizeof error));
    assert_string_equal(endpoint.url, wanted);
}

static void test_endpoint_order(void **state)
{
    (void)state;
    options.region = "eu-west-1";
    endpoint_is(false, "https://sqs.eu-west-1.amazonaws.com/");
    setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
    endpoint_is(false, "https://sqs-fips.eu-west-1.amazonaws.com/");
    options.dual_stack = true;
    endpoint_is(false, "https://sqs-fips.eu-west-1.api.aws/");
    char of_profile[] = "http://profile";
    settings.profile.endpoint_url = of_profile;
    endpoint_is(false, "http://profile/");
    setenv("AWS_ENDPOINT_URL", "http://all", 1);
    endpoint_is(false, "http://all/");
    setenv("AWS_ENDPOINT_URL_SQS", "http://one", 1);
    endpoint_is(false, "http://one/");
    options.endpoint = "http://section";
    endpoint_is(false, "http://section/");
    endpoint_is(true, "http://one/");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    endpoint_is(true, "https://sqs-fips.eu-west-1.api.aws/");
    endpoint_is(false, "http://section/");
}

static void test_endpoint_refusals(void **state)
{
    struct aws_endpoint endpoint;
    char error[256];
    (void)state;
    assert_false(aws_settings_endpoint(&settings, &sqs, false, &endpoint, error, sizeof error));
    options.region = "Atlantis";
    assert_false(aws_settings_endpoint(&settings, &sqs, false, &endpoint, error, sizeof error));
    assert_non_null(strstr(error, "Atlantis"));
    options.region = "eu-west-1";
    options.endpoint = "http://user:hush@h/";
    assert_false(aws_settings_endpoint(&settings, &sqs, false, &endpoint, error, sizeof error));
    assert_null(strstr(error, "hush"));
}

static void test_container_addresses(void **state)
{
    static const char *const good[] = {
        "https://anything.example/c", "http://127.0.0.1:1234/c",    "http://localhost/c",     "http://[::1]:80/c",
        "http://169.254.170.2/c",     "http://169.254.170.23/v1/c", "http://[fd00:ec2::23]/c"};
    static const char *const bad[] = {
        "http://example.com/c",        "http://169.254.169.254/c",    "http://127.0.0.1.example/c",
        "http://10.0.0.1/c",           "http://169.254.170.2@evil/c", "ftp://127.0.0.1/",
        "http://169.254.170.2.evil/c", "http://[fd00:ec2::24]/c",     "127.0.0.1",
        "http://localhost.evil/c"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(aws_container_url_is_allowed(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(aws_container_url_is_allowed(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_regions_in_names),
        cmocka_unit_test_setup_teardown(test_region_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endpoint_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endpoint_refusals, setup, teardown),
        cmocka_unit_test(test_container_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
