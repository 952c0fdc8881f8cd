// SPDX-License-Identifier: Apache-2.0
//
// Token buckets against a model that keeps them all, and in bounded memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rate_limit.h"

static uint32_t take(struct rate_limit *limit, const char *key, int64_t now_ms)
{
    return rate_limit_take(limit, key, strlen(key), now_ms);
}

static void test_burst_then_rate(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_create(10, 3, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(limit, "a", 1000), 0);
    }
    assert_int_equal(take(limit, "a", 1000), 100);
    assert_int_equal(take(limit, "b", 1000), 0); // another key has its own
    assert_int_equal(take(limit, "a", 1099), 1);
    assert_int_equal(take(limit, "a", 1100), 0);
    assert_int_equal(take(limit, "a", 1100), 100);
    // A long pause fills it up to the burst and no further.
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(limit, "a", 100000), 0);
    }
    assert_int_equal(take(limit, "a", 100000), 100);
    assert_int_equal(take(limit, "a", INT64_MAX), 0);
    rate_limit_destroy(&limit);
    assert_null(limit);
}

// Over a long time, exactly burst + rate × time are let through.
static void test_long_run(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_create(7, 5, 1);
    int passed = 0;
    for (int64_t now = 0; now <= 10000; now++) {
        passed += take(limit, "a", now) == 0 ? 1 : 0;
    }
    assert_int_equal(passed, 5 + 70);
    rate_limit_destroy(&limit);
}

// The wait that is told is the wait that helps.
static void test_told_wait(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_create(3, 1, 2);
    int64_t now = 5;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(take(limit, "a", now), 0);
        uint32_t wait = take(limit, "a", now);
        assert_true(wait > 0);
        assert_true(take(limit, "a", now + wait - 1) > 0);
        now += wait;
    }
    rate_limit_destroy(&limit);
}

static void test_bounded(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_create(1, 1, 3);
    static const char *const keys[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(take(limit, keys[i], 1000), 0);
    }
    // "a" made room for "d" and is new again; the others are remembered, in the order of use.
    assert_true(take(limit, "d", 1000) > 0);
    assert_true(take(limit, "c", 1000) > 0);
    assert_true(take(limit, "b", 1000) > 0);
    assert_int_equal(take(limit, "a", 1000), 0);
    assert_true(take(limit, "c", 1000) > 0);
    assert_int_equal(take(limit, "d", 1000), 0);
    // Very many keys, and keys that begin alike.
    char key[RATE_LIMIT_KEY_MAX];
    memset(key, 'k', sizeof(key));
    for (int i = 0; i < 100000; i++) {
        memcpy(key + sizeof(key) - sizeof(i), &i, sizeof(i));
        assert_int_equal(rate_limit_take(limit, key, sizeof(key), 2000), 0);
        assert_int_not_equal(rate_limit_take(limit, key, sizeof(key), 2000), 0);
    }
    rate_limit_destroy(&limit);
    rate_limit_destroy(&limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_long_run),
        cmocka_unit_test(test_told_wait),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
