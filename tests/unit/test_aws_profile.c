// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/profile.h and keyset.h: the shared files, and credentials as endpoints answer them.
#include "plugins/aws/keyset.h"
#include "plugins/aws/profile.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <string.h>

static struct aws_profile profile;

static void read_text(enum aws_profile_file file, const char *name, const char *text)
{
    aws_profile_read(&profile, file, name, text, strlen(text));
}

static int clear(void **state)
{
    (void)state;
    aws_profile_clear(&profile);
    return 0;
}

static void test_credentials_file(void **state)
{
    (void)state;
    read_text(
        AWS_PROFILE_CREDENTIALS, "two",
        "# a comment = no key\n[one]\naws_access_key_id = 1\n[ two ]\r\nAWS_Access_Key_Id=AKID2\r\n"
        "aws_secret_access_key\t= a/b+c=#d ; a comment\n  region = nested\n;aws_session_token = no\nnonsense\n= x\n"
        "aws_session_token = t\naws_session_token = second\n[three]\nregion = r3\n");
    assert_true(profile.found);
    assert_string_equal(profile.id, "AKID2");
    assert_string_equal(profile.secret, "a/b+c=#d");
    assert_string_equal(profile.token, "t");
    assert_null(profile.region);
}

static void test_config_file(void **state)
{
    static const char text[] = "[default]\nregion = r0\n[profile work]\nregion = r1\nrole_arn = arn\n[work]\n"
                               "credential_process = never\n[sso-session work]\nsso_start_url = never\n"
                               "[profile default]\nca_bundle = /b\n";
    (void)state;
    read_text(AWS_PROFILE_CONFIG, "work", text);
    assert_string_equal(profile.region, "r1");
    assert_string_equal(profile.role_arn, "arn");
    assert_null(profile.credential_process);
    assert_null(profile.sso);
    aws_profile_clear(&profile);
    read_text(AWS_PROFILE_CONFIG, "default", text);
    assert_string_equal(profile.region, "r0");
    assert_string_equal(profile.ca_bundle, "/b");
    aws_profile_clear(&profile);
    read_text(AWS_PROFILE_CONFIG, "none", text);
    assert_false(profile.found);
}

static void test_first_file_counts(void **state)
{
    (void)state;
    read_text(AWS_PROFILE_CREDENTIALS, "default", "[default]\naws_access_key_id = 1\n");
    read_text(AWS_PROFILE_CONFIG, "default", "[default]\naws_access_key_id = 2\naws_secret_access_key = s");
    assert_string_equal(profile.id, "1");
    assert_string_equal(profile.secret, "s");
}

static void test_odd_files(void **state)
{
    static const char nul[] = "[default]\nregion = a\0b\naws_access_key_id = x\n";
    (void)state;
    read_text(AWS_PROFILE_CREDENTIALS, "default", "");
    read_text(AWS_PROFILE_CREDENTIALS, "default", "[default");
    read_text(AWS_PROFILE_CREDENTIALS, "default", "[]\n[\n]\nregion = x");
    assert_false(profile.found);
    aws_profile_read(&profile, AWS_PROFILE_CREDENTIALS, "default", nul, sizeof nul - 1);
    assert_true(profile.found);
    assert_null(profile.region);
    assert_string_equal(profile.id, "x");
}

// --- Keys --------------------------------------------------------------------------------------------------

static bool keys_from(struct aws_keyset *keys, const char *json, char error[128])
{
    error[0] = '\0';
    return aws_keyset_from_json(keys, json, strlen(json), error, 128);
}

static void test_keys_from_json(void **state)
{
    struct aws_keyset keys = {0};
    char error[128];
    (void)state;
    assert_true(keys_from(&keys,
                          "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                          "\"Expiration\":\"2027-01-15T08:00:00Z\",\"Type\":\"AWS-HMAC\",\"X\":null}",
                          error));
    assert_string_equal(keys.id, "ASIA");
    assert_string_equal(keys.token, "t");
    assert_int_equal(keys.expires_ms, 1800000000000);
    assert_true(keys_from(&keys, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}", error));
    assert_null(keys.token);
    assert_int_equal(keys.expires_ms, 0);
    aws_keyset_clear(&keys);
}

static void test_bad_keys(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"Code\":\"Failed\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\"}",
        "{\"AccessKeyId\":\"A\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\"}",
        "{\"AccessKeyId\":7,\"SecretAccessKey\":\"hush\"}",
        "{\"AccessKeyId\":\"A/b\",\"SecretAccessKey\":\"hush\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush hush\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\",\"Token\":\"a\\r\\nB: c\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\",\"Expiration\":\"soon\"}",
        "{\"AccessKeyId\":\"\xc3\xa4\",\"SecretAccessKey\":\"hush\"}",
    };
    struct aws_keyset keys = {0};
    char error[128];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(keys_from(&keys, bad[i], error));
        assert_null(keys.id);
        assert_null(keys.secret);
        assert_true(error[0] != '\0');
        assert_null(strstr(error, "hush"));
    }
}

static void test_keys_from_xml(void **state)
{
    static const char text[] =
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>A</AccessKeyId>"
        "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2027-01-15T08:00:00Z</"
        "Expiration>"
        "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    struct aws_xml *root = aws_xml_read(text, sizeof text - 1);
    struct aws_keyset keys = {0};
    char error[128];
    (void)state;
    assert_true(aws_keyset_from_xml(&keys, root, error, sizeof error));
    assert_string_equal(keys.secret, "s");
    assert_int_equal(keys.expires_ms, 1800000000000);
    assert_false(aws_keyset_from_xml(&keys, root->first, error, sizeof error));
    assert_null(keys.id);
    aws_xml_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_credentials_file, clear),
        cmocka_unit_test_teardown(test_config_file, clear),
        cmocka_unit_test_teardown(test_first_file_counts, clear),
        cmocka_unit_test_teardown(test_odd_files, clear),
        cmocka_unit_test(test_keys_from_json),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_keys_from_xml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
