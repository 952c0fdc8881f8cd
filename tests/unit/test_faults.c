// SPDX-License-Identifier: Apache-2.0
//
// core/faults.h: what is read, what is refused and where, and that decisions follow from the seed alone.
#include "tests/unit/unit.h"

#include "core/faults.h"
#include <stdlib.h>
#include <string.h>

static char error[256];

static bool parse(struct fault_settings *settings, const char *key, const char *value)
{
    return faults_parse(settings, PH_KIND_STORAGE, key, value, error, sizeof error);
}

static void test_reads_the_designed_example(void **state)
{
    (void)state;
    struct fault_settings settings = {0};
    assert_true(parse(&settings, "fault.seed", "7"));
    assert_false(settings.present);
    assert_true(parse(&settings, "fault.append",
                      "latency 5ms..80ms, transient 5%, uncertain 2%, throttled 1% 200ms, hang 0.1%, duplicate 1%, "
                      "partial 3%, down 10s..20s"));
    assert_true(settings.present);
    const struct fault_rule *rule = &settings.rules[PH_STORAGE_APPEND];
    assert_true(rule->set);
    assert_int_equal(rule->latency_from_ms, 5);
    assert_int_equal(rule->latency_to_ms, 80);
    assert_int_equal(rule->transient, 50000);
    assert_int_equal(rule->throttled_delay_ms, 200);
    assert_int_equal(rule->hang, 1000);
    assert_int_equal(rule->down_to_ms, 20000);
    assert_true(parse(&settings, "fault.all", "unavailable 0.0001%,throttled 2%"));
    assert_int_equal(settings.all.unavailable, 1);
    assert_int_equal(settings.all.throttled_delay_ms, 100);
    char *text = faults_describe(&settings);
    assert_string_equal(text, "seed 7; append: latency 5ms..80ms, transient 5%, uncertain 2%, throttled 1% 200ms, "
                              "hang 0.1%, duplicate 1%, partial 3%, down 10s..20s; all: throttled 2% 100ms, "
                              "unavailable 0.0001%");
    free(text);
}

static void test_refuses_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *value;
        const char *error;
    } cases[] = {
        {"fault.append", "transient 5",
         "column 11: expected a percentage from 0% to 100% such as 5% or 0.1%, got \"5\""},
        {"fault.append", "transient", "column 10: expected a percentage from 0% to 100% such as 5% or 0.1%"},
        {"fault.append", "transient 101%",
         "column 11: expected a percentage from 0% to 100% such as 5% or 0.1%, got \"101%\""},
        {"fault.append", "hang 0.00001%",
         "column 6: expected a percentage from 0% to 100% such as 5% or 0.1%, got \"0.00001%\""},
        {"fault.append", "slow 5%",
         "column 1: expected latency, transient, uncertain, throttled, hang, unavailable, duplicate, partial or down, "
         "got \"slow\""},
        {"fault.append", "hang 1%, hang 2%", "column 10: expected each fault once, got \"hang\""},
        {"fault.append", "hang 1% hang", "column 9: expected a comma, got \"hang\""},
        {"fault.append", "hang 1%,",
         "column 9: expected latency, transient, uncertain, throttled, hang, unavailable, duplicate, partial or down"},
        {"fault.append", "latency 9ms..5ms", "column 9: expected a range of times such as 5ms..80ms, got \"9ms..5ms\""},
        {"fault.append", "down 5s", "column 6: expected a range of times that is not empty, got \"5s\""},
        {"fault.append", "throttled 1% soon", "column 14: expected a time such as 200ms, got \"soon\""},
        {"fault.append", "transient 60%, hang 50%",
         "column 16: expected transient, uncertain, throttled, hang and unavailable to be 100% together at most, got "
         "\"hang\""},
        {"fault.seed", "x", "column 1: expected a number, got \"x\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault_settings settings = {0};
        assert_false(parse(&settings, cases[i].key, cases[i].value));
        assert_string_equal(error, cases[i].error);
        assert_false(settings.present);
    }
    struct fault_settings settings = {0};
    assert_false(faults_parse(&settings, PH_KIND_META, "fault.append", "hang 1%", error, sizeof error));
    assert_string_equal(error,
                        "meta has no operation \"append\" that takes faults; it has all, open, health, put, get");
    assert_false(parse(&settings, "fault.close", "hang 1%"));
    char *large = calloc(1, FAULTS_VALUE_MAX + 2);
    memset(large, ' ', FAULTS_VALUE_MAX + 1);
    assert_false(parse(&settings, "fault.append", large));
    free(large);
}

static struct faults *faults_of(uint64_t seed, const char *all, const char *append)
{
    struct fault_settings settings = {.seed = seed};
    assert_true(parse(&settings, "fault.all", all));
    if (append != NULL) {
        assert_true(parse(&settings, "fault.append", append));
    }
    struct faults *faults = faults_new(&settings, 1000);
    assert_non_null(faults);
    return faults;
}

static void test_same_seed_same_decisions_operation_by_operation(void **state)
{
    (void)state;
    static const char rule[] = "transient 20%, hang 10%, latency 1ms..9ms, partial 30%, duplicate 10%";
    struct faults *one = faults_of(7, rule, NULL);
    struct faults *two = faults_of(7, rule, NULL);
    struct faults *other = faults_of(8, rule, NULL);
    size_t differ = 0;
    for (size_t i = 0; i < 1000; i++) {
        struct fault_decision a = {0};
        struct fault_decision b = {0};
        struct fault_decision c = {0};
        bool hit = faults_decide(one, PH_STORAGE_APPEND, 2000, &a);
        // The other generator serves other operations in between.
        faults_decide(two, PH_STORAGE_DELIVER, 2000, &b);
        assert_int_equal(faults_decide(two, PH_STORAGE_APPEND, 2000, &b), hit);
        assert_int_equal(a.choice, b.choice);
        assert_int_equal(a.latency_ms, b.latency_ms);
        assert_int_equal(a.duplicate, b.duplicate);
        assert_true(a.latency_ms >= 1 && a.latency_ms <= 9);
        assert_int_equal(faults_leaves_out(&a), faults_leaves_out(&b));
        faults_decide(other, PH_STORAGE_APPEND, 2000, &c);
        differ += a.choice != c.choice;
    }
    assert_true(differ > 0);
    faults_free(one);
    faults_free(two);
    faults_free(other);
}

static void test_shares_are_kept(void **state)
{
    (void)state;
    struct faults *faults = faults_of(3, "transient 10%, unavailable 20%", NULL);
    size_t counts[6] = {0};
    for (size_t i = 0; i < 10000; i++) {
        struct fault_decision decision = {0};
        faults_decide(faults, PH_STORAGE_STATS, 2000, &decision);
        counts[decision.choice]++;
    }
    assert_in_range(counts[FAULT_TRANSIENT], 850, 1150);
    assert_in_range(counts[FAULT_UNAVAILABLE], 1800, 2200);
    assert_int_equal(counts[FAULT_HANG], 0);
    faults_free(faults);
}

static void test_all_gives_way_and_has_bounds(void **state)
{
    (void)state;
    struct faults *faults = faults_of(1, "transient 100%", "down 1s..2s");
    struct fault_decision decision;
    assert_false(faults_decide(faults, PH_OPEN, 2000, &decision));
    assert_false(faults_decide(faults, PH_CLOSE, 2000, &decision));
    assert_true(faults_decide(faults, PH_HEALTH, 2000, &decision));
    assert_false(faults_decide(faults, PH_STORAGE_APPEND, 1000, &decision));
    assert_false(faults_decide(faults, PH_STORAGE_APPEND, 1000 + 999999999, &decision));
    assert_true(faults_decide(faults, PH_STORAGE_APPEND, 1000 + 1000000000, &decision));
    assert_int_equal(decision.choice, FAULT_UNAVAILABLE);
    assert_false(faults_decide(faults, PH_STORAGE_APPEND, 1000 + 2000000000, &decision));
    faults_free(faults);
    struct fault_settings none = {.seed = 9};
    assert_null(faults_new(&none, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_designed_example),
        cmocka_unit_test(test_refuses_with_the_place),
        cmocka_unit_test(test_same_seed_same_decisions_operation_by_operation),
        cmocka_unit_test(test_shares_are_kept),
        cmocka_unit_test(test_all_gives_way_and_has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
