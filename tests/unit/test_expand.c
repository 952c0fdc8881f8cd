// SPDX-License-Identifier: Apache-2.0
//
// core/expand: variables and secrets in values, and that no secret shows.
#include "tests/unit/unit.h"

#include "core/buffer.h"
#include "core/expand.h"
#include "core/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const ENVIRONMENT[] = {"HOST=db.example", "EMPTY=", "NESTED=${HOST}", "HOSTNAME=x", NULL};

static const struct {
    const char *name;
    const char *value;
    size_t length;
} SECRETS[] = {
    {"plain", "hunter2\n", 8},
    {"a/b:c", "{\"password\":\"s3cr3t\",\"port\":5432,\"on\":true,\"list\":[1]}", 54},
    {"nul", "a\0b", 3},
    {"arn:aws:secretsmanager:eu-west-1:1:secret:x-AbC", "v4lue", 5},
};

static bool answer(void *context, const char *name, struct ph_text *value_r, const char **error_r)
{
    (void)context;
    for (size_t i = 0; i < sizeof SECRETS / sizeof SECRETS[0]; i++) {
        if (strcmp(SECRETS[i].name, name) == 0) {
            *value_r = (struct ph_text){SECRETS[i].value, SECRETS[i].length};
            return true;
        }
    }
    *error_r = "there is no such secret";
    return false;
}

// Expands; the value or the error is in `out`.
static bool expand(const char *text, bool *secret_r, char *out, size_t size)
{
    const struct expand_settings settings = {.environment = ENVIRONMENT, .answer = answer};
    struct buffer error;
    buffer_init(&error, 1024);
    char *value = expand_value(text, &settings, secret_r, &error);
    bool good = value != NULL;
    snprintf(out, size, "%s", good ? value : buffer_string(&error));
    expand_free(value);
    buffer_free(&error);
    return good;
}

static void test_values(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
        bool secret;
    } cases[] = {
        {"", "", false},
        {"plain", "plain", false},
        {"$", "$", false},
        {"a$b $1 $$ {x} }", "a$b $1 $$ {x} }", false},
        {"${HOST}", "db.example", false},
        {"https://${HOST}:${EMPTY}80/", "https://db.example:80/", false},
        {"${NESTED}", "${HOST}", false},
        {"$${HOST}", "${HOST}", false},
        {"$$${HOST}", "$${HOST}", false},
        {"${secret:plain}", "hunter2", true},
        {"x${secret:a/b:c#password}y", "xs3cr3ty", true},
        {"${secret:a/b:c#port}", "5432", true},
        {"${secret:a/b:c#on}", "true", true},
        {"${secret:arn:aws:secretsmanager:eu-west-1:1:secret:x-AbC}", "v4lue", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[256];
        bool secret = !cases[i].secret;
        assert_true(expand(cases[i].text, &secret, out, sizeof out));
        assert_string_equal(out, cases[i].expected);
        assert_int_equal(secret, cases[i].secret);
    }
}

static void test_errors(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"${MISSING}", "the environment variable MISSING is not set"},
        {"${HOST", "\"}\" is missing after \"${\"; write $${ for a \"${\" that is meant"},
        {"${}", "${} is neither ${VARIABLE} nor ${secret:NAME#key}; write $${ for a \"${\" that is meant"},
        {"${a b}", "${a b} is neither ${VARIABLE} nor ${secret:NAME#key}; write $${ for a \"${\" that is meant"},
        {"${1A}", "${1A} is neither ${VARIABLE} nor ${secret:NAME#key}; write $${ for a \"${\" that is meant"},
        {"${secret:}", "${secret:…} names no secret; write ${secret:NAME} or ${secret:NAME#key}"},
        {"${secret:a#}", "${secret:…#} names no key after the \"#\""},
        {"${secret:gone}", "secret gone cannot be read: there is no such secret"},
        {"${secret:plain#k}", "secret plain is no JSON object, so \"#k\" cannot be taken from it"},
        {"${secret:a/b:c#user}", "secret a/b:c has no key \"user\""},
        {"${secret:a/b:c#list}", "key \"list\" of secret a/b:c is no text"},
        {"${secret:nul}", "secret nul holds a NUL byte"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[256];
        bool secret = false;
        assert_false(expand(cases[i].text, &secret, out, sizeof out));
        assert_string_equal(out, cases[i].expected);
    }
}

static void test_without_backend(void **state)
{
    const struct expand_settings settings = {.environment = ENVIRONMENT};
    struct buffer error;
    bool secret = false;
    (void)state;
    buffer_init(&error, 1024);
    assert_null(expand_value("${secret:plain}", &settings, &secret, &error));
    assert_string_equal(buffer_string(&error), "secret plain cannot be read");
    buffer_free(&error);
}

static void collect(void *names_, const char *name)
{
    char *names = names_;
    size_t length = strlen(names);
    snprintf(names + length, 100 - length, "%s|", name);
}

static void test_names(void **state)
{
    char names[100] = "";
    struct buffer error;
    (void)state;
    buffer_init(&error, 1024);
    assert_int_equal(expand_secrets("${secret:a#b}${HOST}$${secret:no}-${secret:c}", collect, names, &error), 2);
    assert_string_equal(names, "a|c|");
    assert_int_equal(expand_secrets("${secret:a", collect, names, &error), -1);
    assert_true(error.length > 0);
    buffer_free(&error);
    assert_true(expand_needed("a${"));
    assert_false(expand_needed("a$b{}"));
}

static void test_too_long(void **state)
{
    char *big = malloc(EXPAND_VALUE_MAX + 10);
    const char *environment[] = {big, NULL};
    const struct expand_settings settings = {.environment = environment};
    struct buffer error;
    bool secret = false;
    (void)state;
    assert_non_null(big);
    memset(big, 'x', EXPAND_VALUE_MAX + 9);
    memcpy(big, "BIG=", 4);
    big[4 + EXPAND_VALUE_MAX] = '\0';
    buffer_init(&error, 1024);
    char *value = expand_value("${BIG}", &settings, &secret, &error);
    assert_non_null(value);
    assert_int_equal(strlen(value), EXPAND_VALUE_MAX);
    expand_free(value);
    assert_null(expand_value("${BIG}x", &settings, &secret, &error));
    buffer_free(&error);
    free(big);
}

static void test_redaction(void **state)
{
    int ends[2];
    char line[512] = "";
    char out[64];
    bool secret = false;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, ends[1]);
    assert_true(expand("${secret:plain}", &secret, out, sizeof out));
    assert_true(expand("${secret:a/b:c#password}", &secret, out, sizeof out));
    log_info(NULL, "login", log_text("with", "hunter2 and s3cr3t"));
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_null(strstr(line, "hunter2"));
    assert_null(strstr(line, "s3cr3t"));
    assert_non_null(strstr(line, "***"));
    close(ends[0]);
    close(ends[1]);
    log_redact_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_errors),   cmocka_unit_test(test_without_backend),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_too_long), cmocka_unit_test(test_redaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
