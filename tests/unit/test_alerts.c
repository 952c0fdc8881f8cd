// SPDX-License-Identifier: Apache-2.0
//
// core/alerts: guarantee 5, an alert is published at least once, and again only for the reasons that are named.
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <string.h>

#define ALERTS_MAX 2000

static ph_start_f *real_publish;
static size_t published[ALERTS_MAX];
static size_t total;

static void publish_counts(void *instance, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_alert *alert = call->entries[i];
        const size_t number = (size_t)alert->id.bytes[14] << 8 | alert->id.bytes[15];
        assert_true(number < ALERTS_MAX);
        published[number]++;
        total++;
    }
    real_publish(instance, call);
}

static struct house *counting_house(void)
{
    struct house *house = house_new();
    real_publish = house_alert(house)->publish;
    house_alert(house)->publish = publish_counts;
    memset(published, 0, sizeof published);
    total = 0;
    return house;
}

static bool no_marks(struct house *house)
{
    return house_stats(house).outbox_waiting == 0 && house_stats(house).alerts_waiting == 0;
}

static void assert_each_once(uint32_t first, uint32_t count)
{
    for (uint32_t number = first; number < first + count; number++) {
        assert_int_equal(published[number], 1);
    }
}

static void test_only_alerts_are_published_and_once(void **state)
{
    struct house *house = counting_house();
    (void)state;
    house_open(house);
    house_send_many(house, 1, 20, PH_PRIORITY_ALERT);
    house_send_many(house, 100, 20, PH_PRIORITY_NORMAL);
    assert_true(house_until(house, no_marks, 5000));
    house_advance(house, 60000);
    assert_each_once(1, 20);
    assert_int_equal(total, 20);
    house_free(house);
}

// What does not fit at once follows what was published, without waiting for a tick.
static void test_a_crowd_of_alerts_waits_for_no_tick(void **state)
{
    struct house *house = counting_house();
    (void)state;
    house_open(house);
    house_send_many(house, 1, 1500, PH_PRIORITY_ALERT);
    house_settle(house);
    assert_int_equal(total, 1500);
    assert_each_once(1, 1500);
    house_free(house);
}

// A backend so slow that leases would end while alerts wait for it.
static void test_a_slow_backend_gets_each_once(void **state)
{
    struct house *house = counting_house();
    (void)state;
    house_fault(house, PH_KIND_ALERT, "fault.seed", "11");
    house_fault(house, PH_KIND_ALERT, "fault.publish", "latency 1700ms..1900ms, transient 50%");
    house_open(house);
    house_send_many(house, 1, 1000, PH_PRIORITY_ALERT);
    assert_true(house_until(house, no_marks, 1000000));
    assert_each_once(1, 1000);
    house_free(house);
}

// Invariant 8: the mark waits in storage.
static void test_an_outage_only_delays(void **state)
{
    struct house *house = counting_house();
    (void)state;
    house_fault(house, PH_KIND_ALERT, "fault.all", "down 1s..100s");
    house_open(house);
    house_advance(house, 2000);
    house_send_many(house, 1, 50, PH_PRIORITY_ALERT);
    house_advance(house, 90000);
    assert_int_equal(total, 0);
    assert_int_equal(house_inbox(house), 50); // nothing waits for alerts
    assert_int_equal(house_stats(house).alerts_waiting, 50);
    assert_true(house_until(house, no_marks, 70000));
    assert_each_once(1, 50);
    house_free(house);
}

static void test_lost_answers_publish_at_least_once(void **state)
{
    struct house *house = counting_house();
    (void)state;
    house_fault(house, PH_KIND_ALERT, "fault.publish", "uncertain 30%, partial 30%");
    house_fault(house, PH_KIND_STORAGE, "fault.settle", "transient 30%");
    house_open(house);
    house_send_many(house, 1, 100, PH_PRIORITY_ALERT);
    assert_true(house_until(house, no_marks, 200000));
    for (uint32_t number = 1; number <= 100; number++) {
        assert_true(published[number] >= 1);
    }
    house_free(house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_alerts_are_published_and_once),
        cmocka_unit_test(test_a_crowd_of_alerts_waits_for_no_tick),
        cmocka_unit_test(test_a_slow_backend_gets_each_once),
        cmocka_unit_test(test_an_outage_only_delays),
        cmocka_unit_test(test_lost_answers_publish_at_least_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
