// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/pace.h: two appends at once where commits take long, and no swinging.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/pace.h"

#define MS INT64_C(1000000)

static void note(struct pace *pace, unsigned times, int64_t working, int64_t committing)
{
    for (unsigned i = 0; i < times; i++)
        pace_note(pace, working, committing);
}

static void test_two_until_it_is_known(void **state)
{
    (void)state;
    struct pace pace = {.appends = 0};
    assert_false(pace_alone(&pace));
    note(&pace, 1, MS, MS);
    assert_true(pace_alone(&pace));
}

static void test_slow_commits(void **state)
{
    (void)state;
    struct pace pace = {.appends = 0};
    note(&pace, 1, MS, 3 * MS);
    assert_false(pace_alone(&pace));
    // One that was quick by chance changes nothing.
    note(&pace, 1, MS, 0);
    assert_false(pace_alone(&pace));
    note(&pace, 40, MS, 0);
    assert_true(pace_alone(&pace));
    note(&pace, 40, MS, 3 * MS);
    assert_false(pace_alone(&pace));
}

static void test_what_lies_between_changes_nothing(void **state)
{
    (void)state;
    struct pace slow = {.appends = 0};
    struct pace quick = {.appends = 0};
    note(&slow, 1, 4 * MS, 12 * MS);
    note(&quick, 1, 4 * MS, 4 * MS);
    note(&slow, 100, 4 * MS, 7 * MS);
    note(&quick, 100, 4 * MS, 7 * MS);
    assert_false(pace_alone(&slow));
    assert_true(pace_alone(&quick));
}

static void test_few_are_measured(void **state)
{
    (void)state;
    struct pace pace = {.appends = 0};
    unsigned count = 0;
    for (unsigned i = 0; i < 8; i++)
        assert_true(pace_measures(&pace));
    for (unsigned i = 0; i < 160; i++)
        count += pace_measures(&pace);
    assert_int_equal(count, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_until_it_is_known),
        cmocka_unit_test(test_slow_commits),
        cmocka_unit_test(test_what_lies_between_changes_nothing),
        cmocka_unit_test(test_few_are_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
