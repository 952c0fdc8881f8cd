// SPDX-License-Identifier: Apache-2.0
//
// The mock alerts: counted, repeats told from new ones while they are kept.
#include "tests/unit/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka.h needs those before it
#include <cmocka.h>

static int setup(void **state)
{
    int64_t limit = 2; // the config's only member
    struct fake_host *fake = fake_host_new();
    assert_int_equal(fake_open(fake, "plugins/alert-mock/.libs/alert-mock.so", &limit), PH_OK);
    assert_int_equal(fake->plugin->config_size, sizeof(limit));
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_host_free(*state);
    return 0;
}

static void publish(struct fake_host *fake, uint64_t number)
{
    const struct ph_alert_operations *slots = fake->plugin->operations;
    struct ph_alert entry = {
        .id = id_of(number), .sender = text_of("alice"), .subject = text_of("fire"), .body = text_of("in the stable")};
    assert_int_equal(fake_one(fake, slots->publish, &entry, NULL, 0), PH_OK);
}

static const char *detail(struct fake_host *fake)
{
    struct ph_health health;
    assert_int_equal(fake_one(fake, fake->plugin->common->health, NULL, &health, sizeof(health)), PH_OK);
    return health.detail;
}

static void test_counts(void **state)
{
    struct fake_host *fake = *state;
    publish(fake, 1);
    publish(fake, 1);
    publish(fake, 2);
    assert_string_equal(detail(fake), "publishes to nobody; 2 alerts so far, 1 repeats");
    assert_int_equal((int)fake->measured, 3);
    assert_string_equal(fake->log, "alert from alice: fire\nalert again from alice: fire\nalert from alice: fire\n");
}

static void test_keeps_the_last(void **state)
{
    struct fake_host *fake = *state;
    for (uint64_t i = 1; i <= 100; i++)
        publish(fake, i);
    publish(fake, 99);
    assert_string_equal(detail(fake), "publishes to nobody; 100 alerts so far, 1 repeats");
    publish(fake, 98); // no longer known
    assert_string_equal(detail(fake), "publishes to nobody; 101 alerts so far, 1 repeats");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keeps_the_last, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
