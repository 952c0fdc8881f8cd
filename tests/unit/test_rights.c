// SPDX-License-Identifier: Apache-2.0
//
// core/rights.h, core/resource.h, core/aws_name.h: what the plugins' tables of rights become with the values of a
// configuration. The tables here have the shapes of the AWS plugins'.
#include "tests/unit/unit.h"

#include "core/aws_name.h"
#include "core/config.h"
#include "core/loader.h"
#include "core/rights.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- Plugins without code ----------------------------------------------------------------------------------

struct thing_config {
    const char *url;
    const char *region;
    const char *role_arn;
    struct ph_list topics;
    int64_t count;
    bool checks;
};

static struct ph_option options[] = {
    PH_TEXT(struct thing_config, url, 0, NULL, "Where."),
    PH_TEXT(struct thing_config, region, 0, NULL, "In which region."),
    PH_TEXT(struct thing_config, role_arn, 0, NULL, "A role to take."),
    PH_LIST(struct thing_config, topics, 0, NULL, "Some topics."),
    PH_INTEGER(struct thing_config, count, 0, "0", 0, 9, "How many."),
    PH_BOOLEAN(struct thing_config, checks, 0, "no", "Whether to check."),
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

static struct ph_right queue_rights[] = {
    {"sqs:SendMessage", PH_QUEUE_SEND, "arn:{partition}:sqs:{region}:{account}:{url/}", NULL, NULL, "Sends."},
    {"sts:AssumeRole", PH_OPEN, "{role_arn}", NULL, NULL, "Takes the role."},
    {"kms:Decrypt", PH_QUEUE_RECEIVE, "{key}", NULL, "sqs", "Reads."},
    {"sqs:CreateQueue", PH_SETUP, "arn:{partition}:sqs:{region}:{account}:{url/}-dead", NULL, NULL, "Makes it."},
};
static struct ph_right alert_rights[] = {
    {"sns:Publish", PH_ALERT_PUBLISH, "arn:{partition}:sns:{region}:{account}:{topics}", NULL, NULL, "Publishes."},
    {"sns:Count", PH_HEALTH, "*", "count", NULL, "Counts."},
    {"sns:Check", PH_HEALTH, "*", "checks", NULL, "Checks."},
    {"sns:Name", PH_HEALTH, "*", "url", NULL, "Names."},
};
static struct ph_right secret_rights[] = {
    {"secretsmanager:GetSecretValue", PH_SECRET_FETCH,
     "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret}-??????", NULL, NULL, "Fetches."},
    {"ssm:GetParameter", PH_SECRET_FETCH, "arn:{partition}:ssm:{region}:{account}:parameter/{secret:ssm:}", NULL, NULL,
     "Fetches."},
    {"kms:Decrypt", PH_SECRET_FETCH, "{key}", NULL, "secretsmanager", "Decrypts."},
    {"kms:Decrypt", PH_SECRET_FETCH, "{key}", NULL, "ssm", "Decrypts."},
};

#define PLUGIN(name_, table)                                              \
    {                                                                     \
        .descriptor = {.name = (name_),                                   \
                       .options = options,                                \
                       .option_count = OPTION_COUNT,                      \
                       .config_size = sizeof(struct thing_config),        \
                       .right_count = sizeof(table) / sizeof((table)[0]), \
                       .rights = (table)},                                \
        .options = options, .rights = (table)                             \
    }
static const struct plugin plain = {.descriptor = {.name = "plain",
                                                   .options = options,
                                                   .option_count = OPTION_COUNT,
                                                   .config_size = sizeof(struct thing_config)},
                                    .options = options};
static const struct plugin queue = PLUGIN("queue", queue_rights);
static const struct plugin alert = PLUGIN("alert", alert_rights);
static const struct plugin secret = PLUGIN("secret", secret_rights);

static const struct plugin *find(void *context, uint32_t kind, const char *name, char **errors_r)
{
    (void)context;
    *errors_r = NULL;
    bool bare = strcmp(name, "plain") == 0;
    return bare || kind == PH_KIND_STORAGE || kind == PH_KIND_META ? &plain
           : kind == PH_KIND_QUEUE                                 ? &queue
           : kind == PH_KIND_ALERT                                 ? &alert
                                                                   : &secret;
}

// --- Asking ------------------------------------------------------------------------------------------------

static const char *const no_environment[] = {NULL};

// "action resource region" of each need, a line each; then the notes with "! " before them.
static char *needs_of(const char *text, const struct rights_settings *settings)
{
    char path[] = "/tmp/test_rights.XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    struct findings findings = {0};
    const struct config_settings reading = {.environment = no_environment, .find = find};
    struct config *config = config_read(path, &reading, &findings);
    if (findings.errors > 0) {
        findings_print(&findings, stderr);
        fail();
    }
    char *said = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&said, &size);
    struct rights *rights = rights_of(config, settings);
    for (size_t i = 0; i < rights->count; i++) {
        fprintf(out, "%s %s %s\n", rights->needs[i].right->action, rights->needs[i].resource, rights->needs[i].region);
    }
    for (size_t i = 0; i < rights->note_count; i++) {
        fprintf(out, "! %s\n", rights->notes[i]);
    }
    fclose(out);
    rights_free(rights);
    config_free(config);
    findings_free(&findings);
    unlink(path);
    return said;
}

static void check(const char *text, const struct rights_settings *settings, const char *wanted)
{
    char *said = needs_of(text, settings);
    assert_string_equal(said, wanted);
    free(said);
}

#define BASE                      \
    "[storage]\nplugin = plain\n" \
    "[meta]\nplugin = plain\n"
#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
#define NOTE(section, what) \
    "! [" section "] does not tell the " what ", so its resources hold \"*\" instead; give --" what "\n"

static const struct rights_settings nothing = {.environment = no_environment};

static void test_resources_come_from_the_section(void **state)
{
    (void)state;
    check(BASE "[queue]\nplugin = q\nurl = " URL "\n[alert]\nplugin = plain\n", &nothing,
          "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:jobs eu-west-1\n");
    check(BASE "[queue]\nplugin = q\nurl = " URL "\nrole_arn = arn:aws:iam::1:role/x\n[alert]\nplugin = plain\n",
          &nothing,
          "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:jobs eu-west-1\n"
          "sts:AssumeRole arn:aws:iam::1:role/x eu-west-1\n");
    const struct rights_settings all = {
        .environment = no_environment, .setup = true, .key = "arn:aws:kms:eu-west-3:1:key/7"};
    check(BASE "[queue]\nplugin = q\nurl = " URL "\n[alert]\nplugin = plain\n", &all,
          "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:jobs eu-west-1\n"
          "kms:Decrypt arn:aws:kms:eu-west-3:1:key/7 eu-west-3\n"
          "sqs:CreateQueue arn:aws:sqs:eu-west-1:123456789012:jobs-dead eu-west-1\n");
}

static void test_an_option_without_a_value_needs_nothing(void **state)
{
    (void)state;
    check(BASE "[queue]\nplugin = q\n[alert]\nplugin = a\n", &nothing, "");
    check(BASE "[queue]\nplugin = plain\n[alert]\nplugin = a\ncount = 2\nchecks = yes\nurl = x\nregion = eu-west-1\n",
          &nothing, "sns:Count * eu-west-1\nsns:Check * eu-west-1\nsns:Name * eu-west-1\n");
}

static void test_a_list_gives_a_resource_an_item(void **state)
{
    (void)state;
    check(BASE "[queue]\nplugin = plain\n[alert]\nplugin = a\n"
               "topics = one, arn:aws-cn:sns:cn-north-1:2:two three\nregion = eu-west-1\n",
          &nothing,
          "sns:Publish arn:aws-cn:sns:eu-west-1:2:one eu-west-1\n"
          "sns:Publish arn:aws-cn:sns:cn-north-1:2:two cn-north-1\n"
          "sns:Publish arn:aws-cn:sns:eu-west-1:2:three eu-west-1\n");
}

static void test_secrets_are_those_that_the_file_names(void **state)
{
    (void)state;
    check(
        BASE "[queue]\nplugin = q\nurl = " URL "\n[alert]\nplugin = plain\n"
             "url = ${secret:house/db#a}${secret:house/db#b}${secret:ssm:/house/x}${secret:ssm:plain}\n"
             "role_arn = ${secret:arn:aws:secretsmanager:eu-west-2:3:secret:other-AbCdEf#key}\n"
             "[secret]\nplugin = s\n",
        &nothing,
        "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:jobs eu-west-1\n"
        "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-1:123456789012:secret:house/db-?????? eu-west-1\n"
        "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-2:3:secret:other-AbCdEf eu-west-2\n"
        "ssm:GetParameter arn:aws:ssm:eu-west-1:123456789012:parameter/house/x eu-west-1\n"
        "ssm:GetParameter arn:aws:ssm:eu-west-1:123456789012:parameter/plain eu-west-1\n");
}

static void test_a_key_only_for_services_that_are_used(void **state)
{
    (void)state;
    const struct rights_settings with_key = {.environment = no_environment, .key = "arn:aws:kms:eu-west-3:1:key/7"};
    check(BASE "[queue]\nplugin = plain\n[alert]\nplugin = plain\nregion = eu-west-3\n"
               "url = ${secret:arn:aws:secretsmanager:eu-west-3:3:secret:other-AbCdEf}\n[secret]\nplugin = s\n",
          &with_key,
          "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-3:3:secret:other-AbCdEf eu-west-3\n"
          "kms:Decrypt arn:aws:kms:eu-west-3:1:key/7 eu-west-3\n");
}

static void test_places_in_their_order(void **state)
{
    (void)state;
    static const char *const environment[] = {"AWS_DEFAULT_REGION=us-gov-west-1", "AWS_REGION=cn-north-1", NULL};
    const struct rights_settings with_environment = {.environment = environment};
    const struct rights_settings given = {
        .environment = environment, .partition = "aws-x", .region = "x-y-1", .account = "9"};
    static const char text[] = BASE "[queue]\nplugin = q\nurl = http://127.0.0.1:5000/123456789012/jobs\n"
                                    "[alert]\nplugin = plain\nrole_arn = arn:aws:iam:eu-south-1:4:role/r\n";
    check(text, &nothing, "sqs:SendMessage arn:aws:sqs:eu-south-1:123456789012:jobs eu-south-1\n");
    check(text, &with_environment, "sqs:SendMessage arn:aws:sqs:cn-north-1:123456789012:jobs cn-north-1\n");
    check(text, &given, "sqs:SendMessage arn:aws-x:sqs:x-y-1:9:jobs x-y-1\n");
    static const char own[] = BASE "[queue]\nplugin = q\nregion = us-gov-east-1\nurl = jobs\n[alert]\nplugin = plain\n";
    check(own, &with_environment,
          "sqs:SendMessage arn:aws-us-gov:sqs:us-gov-east-1:*:jobs us-gov-east-1\n" NOTE("queue", "account"));
    check(BASE "[queue]\nplugin = q\nurl = jobs\n[alert]\nplugin = plain\n", &nothing,
          "sqs:SendMessage arn:aws:sqs:*:*:jobs *\n" NOTE("queue", "region") NOTE("queue", "account"));
}

// --- Names -------------------------------------------------------------------------------------------------

static void test_names_of_aws(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *partition, *region, *account; // NULL: no name
    } cases[] = {
        {"arn:aws:sqs:eu-west-1:123456789012:jobs", "aws", "eu-west-1", "123456789012"},
        {"arn:aws:s3:::bucket/key", "aws", "", ""},
        {"arn:aws:sqs:eu-west-1", NULL, NULL, NULL},
        {"arn:", NULL, NULL, NULL},
        {"arn:::::x", NULL, NULL, NULL},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "", "eu-west-1", "123456789012"},
        {"https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/jobs", "", "us-gov-west-1", "123456789012"},
        {"https://eu-west-1.queue.amazonaws.com/123456789012/jobs", "", "eu-west-1", "123456789012"},
        {"https://queue.amazonaws.com/123456789012/jobs", "", "", "123456789012"},
        {"http://localhost:4566/000000000000/jobs", "", "", "000000000000"},
        {"https://sqs.evil.example/123456789012/jobs", "", "", "123456789012"},
        {"https://sqs.eu-west-1.amazonaws.com/12345678901/jobs", NULL, NULL, NULL},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/", NULL, NULL, NULL},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/a/b", NULL, NULL, NULL},
        {"https://sqs.eu-west-1.amazonaws.com", NULL, NULL, NULL},
        {"jobs", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_name name;
        bool is = aws_name_read(cases[i].value, &name);
        if (is != (cases[i].partition != NULL)) {
            fail_msg("%s", cases[i].value);
        }
        if (is) {
            assert_string_equal(name.partition, cases[i].partition);
            assert_string_equal(name.region, cases[i].region);
            assert_string_equal(name.account, cases[i].account);
        }
    }
    assert_string_equal(aws_name_partition("eusc-de-east-1"), "aws-eusc");
    assert_string_equal(aws_name_suffix("cn-north-1"), "amazonaws.com.cn");
    assert_string_equal(aws_name_partition(""), "aws");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resources_come_from_the_section),
        cmocka_unit_test(test_an_option_without_a_value_needs_nothing),
        cmocka_unit_test(test_a_list_gives_a_resource_an_item),
        cmocka_unit_test(test_secrets_are_those_that_the_file_names),
        cmocka_unit_test(test_a_key_only_for_services_that_are_used),
        cmocka_unit_test(test_places_in_their_order),
        cmocka_unit_test(test_names_of_aws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
