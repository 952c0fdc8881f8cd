// SPDX-License-Identifier: Apache-2.0
//
// secret-env: where names are looked for, which files are refused, and that no text ever holds a value.
#include "tests/unit/fake_host.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
// cmocka.h needs those before it
#include <cmocka.h>

#define SECRET_ENV_FILE "plugins/secret-env/.libs/secret-env.so"
#define VALUE "s3cr3t-value"

// As the plugin's own, which is in one of its files.
struct secrets_config {
    const char *prefix;
    const char *directory;
};

static char folder[] = "/tmp/test_secret_env.XXXXXX";
static char path[64];
static char file_name[80];
static struct secrets_config config;

static int setup(void **state)
{
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/db", folder);
    snprintf(file_name, sizeof(file_name), "file:%s", path);
    config = (struct secrets_config){.prefix = "", .directory = NULL};
    setenv("TEST_SECRET_ENV", VALUE, 1);
    *state = fake_host_new();
    return 0;
}

static int teardown(void **state)
{
    fake_host_free(*state);
    unlink(path);
    rmdir(path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static void write_file(const char *bytes, size_t length, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(file, bytes, length), length);
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static void write_secret(void)
{
    write_file(VALUE "\n", sizeof(VALUE), 0600);
}

// Fetches one secret; gives the outcome, the value, and the text for the log.
struct fetched {
    enum ph_outcome outcome;
    struct ph_text value;
    const char *text;
};

static struct fetched fetch(struct fake_host *fake, const char *name)
{
    const struct ph_secret_operations *slots = fake->plugin->operations;
    struct ph_secret_name entry = {.name = text_of(name)};
    const void *entries[] = {&entry};
    struct fake_call call;
    fake_call_init(&call, fake, entries, 1);
    fake_start(&call, slots->fetch);
    while (!call.completed)
        fake_turn(fake);
    if (call.results[0].text)
        assert_null(strstr(call.results[0].text, VALUE));
    return (struct fetched){.outcome = call.results[0].outcome,
                            .value = ((struct ph_secret *)(void *)&call.outputs[0])->value,
                            .text = call.results[0].text};
}

static void assert_value(struct fetched fetched, const char *value)
{
    assert_int_equal(fetched.outcome, PH_OK);
    assert_null(fetched.text);
    assert_int_equal(fetched.value.length, strlen(value));
    assert_string_equal(fetched.value.bytes, value);
}

static void test_environment(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(fake_open(fake, SECRET_ENV_FILE, &config), PH_OK);
    assert_int_equal(fake->plugin->config_size, sizeof(config));
    assert_value(fetch(fake, "TEST_SECRET_ENV"), VALUE);
    struct fetched none = fetch(fake, "TEST_SECRET_ENV_NONE");
    assert_int_equal(none.outcome, PH_NOT_FOUND);
    assert_non_null(strstr(none.text, "TEST_SECRET_ENV_NONE"));
    assert_int_equal(fetch(fake, "").outcome, PH_NOT_FOUND);
    setenv("TEST_SECRET_ENV", "other", 1);
    assert_value(fetch(fake, "TEST_SECRET_ENV"), "other");
}

static void test_prefix(void **state)
{
    struct fake_host *fake = *state;
    config.prefix = "TEST_SECRET_";
    assert_int_equal(fake_open(fake, SECRET_ENV_FILE, &config), PH_OK);
    assert_value(fetch(fake, "ENV"), VALUE);
    assert_int_equal(fetch(fake, "TEST_SECRET_ENV").outcome, PH_NOT_FOUND);
}

static void test_files(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(fake_open(fake, SECRET_ENV_FILE, &config), PH_OK);
    assert_int_equal(fetch(fake, path).outcome, PH_NOT_FOUND);
    write_secret();
    assert_value(fetch(fake, path), VALUE);
    assert_value(fetch(fake, file_name), VALUE);
    write_file("changed\r\n", 9, 0600);
    assert_value(fetch(fake, path), "changed");
    write_file("two\n\n", 5, 0600);
    assert_value(fetch(fake, path), "two\n");
    write_file("", 0, 0600);
    assert_value(fetch(fake, path), "");
    assert_int_equal(fetch(fake, "file:db").outcome, PH_INVALID);
}

static void test_refused_files(void **state)
{
    struct fake_host *fake = *state;
    static char large[65538];
    assert_int_equal(fake_open(fake, SECRET_ENV_FILE, &config), PH_OK);
    assert_int_equal(fetch(fake, folder).outcome, PH_DENIED);
    write_file(VALUE, strlen(VALUE), 0606);
    assert_int_equal(fetch(fake, path).outcome, PH_DENIED);
    write_file(VALUE "\0x", sizeof(VALUE) + 1, 0600);
    assert_int_equal(fetch(fake, path).outcome, PH_INVALID);
    memset(large, 'x', sizeof(large));
    write_file(large, 65536, 0600);
    assert_int_equal(fetch(fake, path).value.length, 65536);
    write_file(large, 65537, 0600);
    assert_int_equal(fetch(fake, path).outcome, PH_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(fetch(fake, path).outcome, PH_DENIED); // and does not wait for a writer
}

static void test_unreadable_file(void **state)
{
    struct fake_host *fake = *state;
    if (geteuid() == 0)
        skip(); // nothing is unreadable to root
    assert_int_equal(fake_open(fake, SECRET_ENV_FILE, &config), PH_OK);
    write_file(VALUE, strlen(VALUE), 0);
    assert_int_equal(fetch(fake, path).outcome, PH_DENIED);
}

static void test_directory(void **state)
{
    struct fake_host *fake = *state;
    config.directory = folder;
    assert_int_equal(fake_open(fake, SECRET_ENV_FILE, &config), PH_OK);
    write_secret();
    assert_value(fetch(fake, "db"), VALUE);
    assert_value(fetch(fake, "file:db"), VALUE);
    assert_value(fetch(fake, "TEST_SECRET_ENV"), VALUE); // not there: the environment
    assert_int_equal(fetch(fake, "db/below").outcome, PH_NOT_FOUND);
    static const char *const outside[] = {"../db", "a/../../db", ".", "a//b", "a/", "./db", "file:../db", "file:"};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        assert_int_equal(fetch(fake, outside[i]).outcome, PH_INVALID);
}

static void test_batches(void **state)
{
    struct fake_host *fake = *state;
    const struct ph_secret_operations *slots;
    struct ph_secret_name names[] = {
        {.name = text_of("TEST_SECRET_ENV")}, {.name = text_of(path)}, {.name = text_of("NO_SUCH_SECRET")}};
    const void *entries[] = {&names[0], &names[1], &names[2]};
    struct fake_call call;
    write_secret();
    assert_int_equal(fake_open(fake, SECRET_ENV_FILE, &config), PH_OK);
    slots = fake->plugin->operations;
    fake_call_init(&call, fake, entries, 3);
    fake_start(&call, slots->fetch);
    fake_turn(fake);
    assert_int_equal(call.completed, 1);
    assert_int_equal(call.results[0].outcome, PH_OK);
    assert_int_equal(call.results[1].outcome, PH_OK);
    assert_int_equal(call.results[2].outcome, PH_NOT_FOUND);
    fake_call_init(&call, fake, NULL, 0);
    fake_start(&call, slots->fetch);
    assert_int_equal(call.completed, 1);
    fake->offload_refuses = true;
    assert_int_equal(fetch(fake, path).outcome, PH_UNAVAILABLE);
    assert_value(fetch(fake, "TEST_SECRET_ENV"), VALUE);
}

int main(void)
{
#define SECRET_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SECRET_TEST(test_environment),     SECRET_TEST(test_prefix),    SECRET_TEST(test_files),
        SECRET_TEST(test_refused_files),   SECRET_TEST(test_directory), SECRET_TEST(test_batches),
        SECRET_TEST(test_unreadable_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
