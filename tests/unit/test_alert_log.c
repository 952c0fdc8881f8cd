// SPDX-License-Identifier: Apache-2.0
//
// alert-log: lines of the log and of a file; rotation, torn lines, and files that cannot be written.
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

#define ALERT_LOG_FILE "plugins/alert-log/.libs/alert-log.so"

// As the plugin's own, which is in one of its files.
struct alert_log_config {
    const char *path;
    uint32_t level;
    uint64_t body_limit;
};

static char folder[] = "/tmp/test_alert_log.XXXXXX";
static char path[64];
static struct alert_log_config config;

static int setup(void **state)
{
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/alerts", folder);
    config = (struct alert_log_config){.path = path, .level = 1, .body_limit = 20};
    *state = fake_host_new();
    return 0;
}

static int teardown(void **state)
{
    char old[80];
    snprintf(old, sizeof(old), "%s.old", path);
    fake_host_free(*state);
    unlink(old);
    unlink(path);
    rmdir(path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static struct ph_alert alert_of(uint64_t number)
{
    return (struct ph_alert){.id = id_of(number),
                             .sender = text_of("alice"),
                             .subject = text_of("fire"),
                             .body = text_of("in the stable"),
                             .accepted_at = 1763805600123};
}

static enum ph_outcome publish(struct fake_host *fake, const struct ph_alert *alert)
{
    const struct ph_alert_operations *slots = fake->plugin->operations;
    return fake_one(fake, slots->publish, alert, NULL, 0);
}

static enum ph_outcome health(struct fake_host *fake)
{
    return fake_one(fake, fake->plugin->common->health, NULL, NULL, 0);
}

static const char *content(const char *name)
{
    static char bytes[8192];
    int file = open(name, O_RDONLY);
    assert_true(file >= 0);
    ssize_t length = read(file, bytes, sizeof(bytes) - 1);
    assert_true(length >= 0);
    bytes[length] = '\0';
    close(file);
    return bytes;
}

static void write_file(const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
}

#define LINE_BEGIN "{\"id\":\"01900000-0000-7000-0000-000000000001\",\"sender\":\"alice\","
#define LINE \
    LINE_BEGIN "\"subject\":\"fire\",\"body\":\"in the stable\",\"accepted_at\":\"2025-11-22T10:00:00.123Z\"}\n"

static void test_logs(void **state)
{
    struct fake_host *fake = *state;
    struct ph_alert alert = alert_of(1);
    config.path = NULL;
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_OK);
    assert_int_equal(fake->plugin->config_size, sizeof(config));
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_string_equal(fake->log, "alert 01900000-0000-7000-0000-000000000001 from alice: fire: in the stable\n");
    fake_log_clear(fake);
    alert.body = text_of("0123456789012345678ü end");
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_non_null(strstr(fake->log, ": 0123456789012345678…\n"));
    assert_int_equal(health(fake), PH_OK);
}

static void test_appends(void **state)
{
    struct fake_host *fake = *state;
    struct ph_alert alert = alert_of(1);
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_OK);
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_string_equal(content(path), LINE LINE);
    assert_int_equal(health(fake), PH_OK);
}

static void test_escapes(void **state)
{
    struct fake_host *fake = *state;
    struct ph_alert alert = alert_of(1);
    alert.subject = text_of("a \"b\"\\ \n\x01ü");
    alert.body = text_of("0123456789012345678ü end");
    alert.attributes = text_of("{\"a\":\n\"b\"}");
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_OK);
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_string_equal(content(path),
                        LINE_BEGIN "\"subject\":\"a \\\"b\\\"\\\\ \\n\\u0001ü\",\"body\":\"0123456789012345678\","
                                   "\"shortened\":true,\"accepted_at\":\"2025-11-22T10:00:00.123Z\","
                                   "\"attributes\":{\"a\": \"b\"}}\n");
}

static void test_rotation(void **state)
{
    struct fake_host *fake = *state;
    struct ph_alert alert = alert_of(1);
    char old[80];
    snprintf(old, sizeof(old), "%s.old", path);
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_OK);
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(health(fake), PH_OK);
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_string_equal(content(path), LINE);
    assert_string_equal(content(old), LINE);
}

static void test_closes_a_torn_line(void **state)
{
    struct fake_host *fake = *state;
    struct ph_alert alert = alert_of(1);
    write_file("{\"id\":\"01");
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_OK);
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_int_equal(publish(fake, &alert), PH_OK);
    assert_string_equal(content(path), "{\"id\":\"01\n" LINE LINE);
}

static void test_batches(void **state)
{
    struct fake_host *fake = *state;
    struct ph_alert alert = alert_of(1);
    const void *entries[] = {&alert, &alert, &alert};
    const struct ph_alert_operations *slots;
    struct fake_call call;
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_OK);
    slots = fake->plugin->operations;
    fake_call_init(&call, fake, entries, 3);
    fake_start(&call, slots->publish);
    assert_int_equal(call.completed, 0); // a helper thread has it
    fake_turn(fake);
    assert_int_equal(call.completed, 1);
    assert_string_equal(content(path), LINE LINE LINE);
    fake_call_init(&call, fake, NULL, 0);
    fake_start(&call, slots->publish);
    assert_int_equal(call.completed, 1);
}

static void test_bad_paths_at_open(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_INVALID);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_INVALID);
    assert_int_equal(unlink(path), 0);
    config.path = "/no/such/folder/alerts";
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_INVALID);
    config.path = path;
    fake->offload_refuses = true;
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_UNAVAILABLE);
}

static void test_trouble_while_running(void **state)
{
    struct fake_host *fake = *state;
    struct ph_alert alert = alert_of(1);
    assert_int_equal(fake_open(fake, ALERT_LOG_FILE, &config), PH_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(publish(fake, &alert), PH_UNAVAILABLE);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(publish(fake, &alert), PH_OK); // mended
    fake->offload_refuses = true;
    assert_int_equal(publish(fake, &alert), PH_UNAVAILABLE);
    fake->offload_refuses = false;
    fake->arena_left = 10;
    assert_int_equal(publish(fake, &alert), PH_INTERNAL);
    fake->arena_left = SIZE_MAX;
    assert_string_equal(content(path), LINE);
}

int main(void)
{
#define ALERT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        ALERT_TEST(test_logs),
        ALERT_TEST(test_appends),
        ALERT_TEST(test_escapes),
        ALERT_TEST(test_rotation),
        ALERT_TEST(test_closes_a_torn_line),
        ALERT_TEST(test_batches),
        ALERT_TEST(test_bad_paths_at_open),
        ALERT_TEST(test_trouble_while_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
