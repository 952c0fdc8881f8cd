// SPDX-License-Identifier: Apache-2.0
//
// The plugins of examples/: they work, so that what authors copy is right.
#include "tests/unit/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka.h needs those before it
#include <cmocka.h>

static void test_queue_null(void **state)
{
    (void)state;
    struct fake_host *fake = fake_host_new();
    assert_int_equal(fake_open(fake, "examples/queue-null/.libs/queue-null.so", NULL), PH_OK);
    const struct ph_queue_operations *slots = fake->plugin->operations;
    struct ph_job job = {.id = id_of(1)};
    struct ph_receive receive = {.limit = 1, .wait_ms = 2, .lease_ms = 1000};
    struct ph_received_jobs jobs;
    struct ph_receipt receipt = {.receipt = text_of("x")};
    struct ph_queue_stats stats;
    assert_int_equal(fake_one(fake, slots->send, &job, NULL, 0), PH_OK);
    assert_int_equal(fake_one(fake, slots->receive, &receive, &jobs, sizeof(jobs)), PH_OK);
    assert_int_equal(jobs.count, 0);
    assert_int_equal(fake_one(fake, slots->remove, &receipt, NULL, 0), PH_OK);
    assert_int_equal(fake_one(fake, slots->extend, &receipt, NULL, 0), PH_NOT_FOUND);
    assert_int_equal(fake_one(fake, slots->stats, NULL, &stats, sizeof(stats)), PH_OK);
    struct fake_call call;
    fake_call_init(&call, fake, NULL, 0);
    fake_start(&call, slots->receive);
    assert_int_equal(call.completed, 1);
    assert_int_equal(fake_one(fake, fake->plugin->common->close, NULL, NULL, 0), PH_OK);
    fake_host_free(fake);
}

// As the example's own.
struct file_config {
    const char *path;
    bool with_body;
};

static enum ph_outcome publish(struct fake_host *fake)
{
    const struct ph_alert_operations *slots = fake->plugin->operations;
    struct ph_alert alert = {
        .id = id_of(1), .sender = text_of("alice"), .subject = text_of("fire\nhere"), .body = text_of("now")};
    return fake_one(fake, slots->publish, &alert, NULL, 0);
}

static void test_alert_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_examples.XXXXXX";
    char path[64];
    char line[256];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/alerts", folder);
    struct file_config config = {.path = path, .with_body = true};
    struct fake_host *fake = fake_host_new();
    assert_int_equal(fake_open(fake, "examples/alert-file/.libs/alert-file.so", &config), PH_OK);
    assert_int_equal(fake->plugin->config_size, sizeof(config));
    assert_int_equal(publish(fake), PH_OK);
    config.with_body = false;
    assert_int_equal(publish(fake), PH_OK);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_string_equal(fgets(line, sizeof(line), file), "alice: fire here: now\n");
    assert_string_equal(fgets(line, sizeof(line), file), "alice: fire here\n");
    assert_null(fgets(line, sizeof(line), file));
    fclose(file);
    unlink(path);
    config.path = folder;
    assert_int_equal(publish(fake), PH_UNAVAILABLE);
    fake->offload_refuses = true;
    assert_int_equal(publish(fake), PH_UNAVAILABLE);
    fake_host_free(fake);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_null),
        cmocka_unit_test(test_alert_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
