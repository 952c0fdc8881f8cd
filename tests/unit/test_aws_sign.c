// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/sign.h on fixed cases; tests/e2e/test_aws_botocore.py compares it with botocore on random ones. And form.h.
#include "plugins/aws/form.h"
#include "plugins/aws/sign.h"
#include "tests/unit/unit.h"
#include <string.h>

// The example of "Create a signed AWS API request" in the IAM user guide: 2015-08-30T12:36:00Z.
#define EXAMPLE_TIME INT64_C(1440938160000)

static const struct aws_keys example_keys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL};
static const struct aws_header example_headers[] = {
    {"Host", "iam.amazonaws.com"},
    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
    {"X-Amz-Date", "20150830T123600Z"},
};

static struct aws_signing example(void)
{
    return (struct aws_signing){.method = "GET",
                                .path = "/",
                                .query = "Action=ListUsers&Version=2010-05-08",
                                .headers = example_headers,
                                .header_count = 3,
                                .body = {"", 0},
                                .region = "us-east-1",
                                .service = "iam",
                                .keys = &example_keys,
                                .time_ms = EXAMPLE_TIME};
}

static void canonical_is(const struct aws_signing *signing, const char *wanted)
{
    struct buffer out;
    buffer_init(&out, 1 << 16);
    assert_true(aws_sign_canonical(signing, &out));
    assert_string_equal(buffer_string(&out), wanted);
    buffer_free(&out);
}

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_published_example(void **state)
{
    struct aws_sign_cache cache = {0};
    struct aws_signing signing = example();
    struct buffer out;
    (void)state;
    canonical_is(&signing, "GET\n/\nAction=ListUsers&Version=2010-05-08\n"
                           "content-type:application/x-www-form-urlencoded; charset=utf-8\nhost:iam.amazonaws.com\n"
                           "x-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n" EMPTY_HASH);
    for (int i = 0; i < 2; i++) { // with a fresh key, and with the cached one
        buffer_init(&out, 1 << 16);
        assert_true(aws_sign(&signing, &cache, &out));
        assert_string_equal(buffer_string(&out),
                            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
                            "SignedHeaders=content-type;host;x-amz-date, "
                            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
        buffer_free(&out);
    }
    aws_sign_forget(&cache);
    for (size_t i = 0; i < sizeof cache; i++) {
        assert_int_equal(((const char *)&cache)[i], 0);
    }
}

// A key of HMAC that is longer than a block of SHA-256 is hashed first; "AWS4" and 60 bytes fill one. Computed with Python's hmac.
static void test_long_secrets(void **state)
{
    static const char *const signatures[] = {"d5ecbe6d518030528939889c8015c11d86dc1b36394776303920f71626d6c533",
                                             "2718f208b804371aca33794db4651dbfd3a33c3f312ba1d3213be5b2c5a10108"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct aws_sign_cache cache = {0};
        char secret[62] = "";
        memset(secret, 'k', 60 + i);
        const struct aws_keys keys = {"AKIDEXAMPLE", secret, NULL};
        struct aws_signing signing = example();
        struct buffer out;
        signing.keys = &keys;
        buffer_init(&out, 1 << 16);
        assert_true(aws_sign(&signing, &cache, &out));
        assert_non_null(strstr(buffer_string(&out), signatures[i]));
        buffer_free(&out);
        aws_sign_forget(&cache);
    }
}

static void test_canonical_form(void **state)
{
    static const struct aws_header headers[] = {
        {"x-amz-foo-bar", "1"}, {"X-AMZ-Foo", "  a \t b  "}, {"Host", "h"}, {"b", "2"}, {"B", "3"}, {"c", ""}};
    struct aws_signing signing = example();
    (void)state;
    signing.path = "/a/./b/../\xc3\xa4 %20//c/";
    signing.query = "b=2&a=1&a=0&c";
    signing.headers = headers;
    signing.header_count = 6;
    signing.body = (struct ph_text){"x", 1};
    canonical_is(&signing, "GET\n/a/%C3%A4%20%2520/c/\na=0&a=1&b=2&c=\n"
                           "b:2,3\nc:\nhost:h\nx-amz-foo:a b\nx-amz-foo-bar:1\n\nb;c;host;x-amz-foo;x-amz-foo-bar\n"
                           "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    signing.path = "/../..";
    signing.query = "";
    signing.header_count = 0;
    signing.body = (struct ph_text){"", 0};
    canonical_is(&signing, "GET\n/\n\n\n\n\n" EMPTY_HASH);
}

static void refuses(struct aws_signing signing)
{
    struct aws_sign_cache cache = {0};
    struct buffer out;
    buffer_init(&out, 1 << 16);
    assert_false(aws_sign(&signing, &cache, &out));
    buffer_free(&out);
}

static void test_refusals(void **state)
{
    static const struct aws_keys no_id = {"", "x", NULL};
    static const struct aws_keys no_secret = {"x", NULL, NULL};
    static const struct aws_header split[] = {{"A", "a\r\nB: b"}};
    static const struct aws_header named[] = {{"A\n", "a"}};
    struct aws_signing signing = example();
    (void)state;
    signing.keys = NULL;
    refuses(signing);
    signing.keys = &no_id;
    refuses(signing);
    signing.keys = &no_secret;
    refuses(signing);
    signing = example();
    signing.headers = split;
    signing.header_count = 1;
    refuses(signing);
    signing.headers = named;
    refuses(signing);
    signing = example();
    signing.header_count = AWS_SIGN_HEADERS_MAX + 1;
    refuses(signing);
}

static void test_time(void **state)
{
    char time[AWS_SIGN_TIME_SIZE];
    (void)state;
    aws_sign_time(EXAMPLE_TIME + 999, time);
    assert_string_equal(time, "20150830T123600Z");
    aws_sign_time(INT64_MAX, time);
    assert_string_equal(time, "19700101T000000Z");
}

static void test_form(void **state)
{
    struct buffer form;
    (void)state;
    buffer_init(&form, 1 << 16);
    aws_form_add(&form, "A", "a b/\xc3\xa4~_.-*", 11);
    aws_form_addf(&form, "", 0, "E.%d.Id", 7);
    aws_form_add(&form, "Z", "\0&=", 3);
    assert_string_equal(buffer_string(&form), "&A=a+b%2F%C3%A4~_.-%2A&E.7.Id=&Z=%00%26%3D");
    buffer_free(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_example),
        cmocka_unit_test(test_long_secrets),
        cmocka_unit_test(test_canonical_form),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
