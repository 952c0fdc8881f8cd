// SPDX-License-Identifier: Apache-2.0
//
// core/clock: the system's clock moves, the manual one only when told.
#include "tests/unit/unit.h"

#include "core/clock.h"

static void test_system(void **state)
{
    (void)state;
    const struct clock *clock = clock_system();
    uint64_t before = clock_monotonic_ns(clock);
    assert_true(before > 0);
    assert_true(clock_monotonic_ns(clock) >= before);
    assert_true(clock_wall_ms(clock) > INT64_C(1700000000000));
}

static void test_manual(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, 5, 1000);
    assert_int_equal(clock_monotonic_ns(&manual.clock), 5);
    assert_int_equal(clock_wall_ms(&manual.clock), 1000);
    for (int i = 0; i < 2000; i++) {
        clock_manual_advance(&manual, 1000);
    }
    assert_int_equal(clock_monotonic_ns(&manual.clock), 2000005);
    assert_int_equal(clock_wall_ms(&manual.clock), 1002);
    clock_manual_set_wall(&manual, 7);
    assert_int_equal(clock_wall_ms(&manual.clock), 7);
    assert_int_equal(clock_monotonic_ns(&manual.clock), 2000005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_system), cmocka_unit_test(test_manual)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
