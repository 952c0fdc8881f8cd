// SPDX-License-Identifier: Apache-2.0
//
// core/alarms: a gauge out of its bounds for the time given is told once, and again when it is back.
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <string.h>

static ph_start_f *real_publish;
static size_t raised;
static size_t cleared;

static void publish_counts(void *instance, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_alert *alert = call->entries[i];
        raised += strcmp(alert->subject.bytes, "posthouse alarm: quiet") == 0;
        cleared += strcmp(alert->subject.bytes, "posthouse all clear: quiet") == 0;
        assert_string_equal(alert->sender.bytes, "posthouse");
    }
    real_publish(instance, call);
}

// An alarm that is on while nobody waits for an inbox.
static const struct exchange_alarm quiet = {
    .name = "quiet", .metric = "readers_waiting", .has_below = true, .below = 1, .hold_ms = 10000};

static struct house *watching_house(void)
{
    struct house *house = house_new();
    real_publish = house_alert(house)->publish;
    house_alert(house)->publish = publish_counts;
    house->settings.alarms = &quiet;
    house->settings.alarm_count = 1;
    raised = cleared = 0;
    house_open(house);
    return house;
}

static void test_raised_once_after_its_time(void **state)
{
    struct house *house = watching_house();
    (void)state;
    house_advance(house, 8000);
    assert_int_equal(raised, 0);
    house_advance(house, 4000);
    assert_int_equal(raised, 1);
    house_advance(house, 60000);
    assert_int_equal(raised, 1);
    assert_int_equal(cleared, 0);
    house_free(house);
}

static void test_told_when_it_is_over_and_counted_anew(void **state)
{
    static const char grace[] = "grace";
    const struct exchange_poll poll = {.read = {.user = {grace, 5}, .limit = 10, .byte_limit = 1000}, .wait_ms = 20000};
    struct house *house = watching_house();
    struct house_call call = {.done = false};
    (void)state;
    house_advance(house, 12000);
    assert_int_equal(raised, 1);
    house_submit(house, &call, EXCHANGE_POLL, &poll);
    house_advance(house, 3000);
    assert_int_equal(cleared, 1);
    exchange_cancel(&call.call);
    house_settle(house);
    assert_true(call.done);
    house_end(house, &call);
    house_advance(house, 8000);
    assert_int_equal(raised, 1);
    house_advance(house, 5000);
    assert_int_equal(raised, 2);
    house_free(house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raised_once_after_its_time),
        cmocka_unit_test(test_told_when_it_is_over_and_counted_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
