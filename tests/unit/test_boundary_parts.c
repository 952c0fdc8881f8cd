// SPDX-License-Identifier: Apache-2.0
//
// The small parts under the wrapper: core/operation.h, core/outcome.h, core/deferred.h, core/timers.h,
// core/breaker.h, core/retry.h, core/backend_settings.h.
#include "tests/unit/unit.h"

#include "core/backend_settings.h"
#include "core/breaker.h"
#include "core/clock.h"
#include "core/deferred.h"
#include "core/operation.h"
#include "core/outcome.h"
#include "core/retry.h"
#include "core/timers.h"
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

// --- Tables ------------------------------------------------------------------------------------------------

static void test_operations_cover_every_slot_once(void **state)
{
    (void)state;
    size_t slots[6] = {0};
    for (size_t i = 0; i < operation_count; i++) {
        const struct operation *operation = &operations[i];
        assert_true(i == 0 || operations[i - 1].number < operation->number);
        assert_true(operation->number < OPERATION_NUMBER_MAX);
        assert_true(operation->output_size <= OPERATION_OUTPUT_MAX);
        assert_ptr_equal(operation_find(operation->number), operation);
        uint32_t kind = operation->kind != 0 ? operation->kind : PH_KIND_META;
        assert_ptr_equal(operation_named(kind, operation->name), operation);
        slots[operation->kind]++;
    }
    assert_int_equal(slots[0] * sizeof(ph_start_f *), sizeof(struct ph_common_operations));
    for (uint32_t kind = PH_KIND_STORAGE; kind <= PH_KIND_SECRET; kind++) {
        assert_int_equal(slots[kind] * sizeof(ph_start_f *), operation_struct_size(kind));
        assert_int_equal(kind_find(kind_name(kind)), kind);
    }
    assert_null(operation_find(0));
    assert_null(operation_find(50));
    assert_null(operation_find(999));
    assert_null(operation_named(PH_KIND_META, "append"));
    assert_string_equal(operation_name(PH_QUEUE_STATS), "stats");
    assert_int_equal(operation_make_size(PH_MAKE_USER), sizeof(struct ph_user));
    assert_int_equal(operation_make_size(0), 0);
}

static void test_outcome_classes(void **state)
{
    (void)state;
    for (uint32_t outcome = PH_PENDING; outcome < OUTCOME_COUNT; outcome++) {
        assert_string_not_equal(outcome_name(outcome), "unknown");
        assert_false(outcome_is_answer(outcome) && outcome_is_retryable(outcome));
    }
    assert_string_equal(outcome_name(99), "unknown");
    assert_true(outcome_is_answer(PH_INVALID));
    assert_false(outcome_is_answer(PH_PENDING));
    assert_true(outcome_is_retryable(PH_UNCERTAIN));
    assert_false(outcome_is_retryable(PH_DENIED));
}

static void test_policy_table(void **state)
{
    (void)state;
    struct backend_policy policy;
    backend_policy_defaults(&policy);
    assert_int_equal(policy.deadline, 5000);
    assert_int_equal(policy.retries, 3);
    assert_int_equal(policy.failures, 5);
    assert_int_equal(policy.cooldown, 1000);
    for (size_t i = 0; i < backend_policy_option_count; i++) {
        assert_non_null(strchr(backend_policy_options[i].name, '.'));
    }
}

// --- Deferred work -----------------------------------------------------------------------------------------

struct step {
    struct deferred_task task;
    struct deferred_queue *queue;
    size_t left;
    size_t ran;
    bool adding;
};

static void step_run(struct deferred_task *task)
{
    struct step *step = (struct step *)((char *)task - offsetof(struct step, task));
    assert_false(step->adding);
    step->ran++;
    if (step->left > 0) {
        step->left--;
        step->adding = true;
        deferred_add(step->queue, task);
        step->adding = false;
    }
}

static void count_timer(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    (*(size_t *)context)++;
}

static void test_deferred_work_is_later_and_starves_nobody(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct deferred_queue *queue = deferred_new(base);
    struct step step = {.task = {.run = step_run}, .queue = queue, .left = 1000000};
    deferred_add(queue, &step.task);
    assert_int_equal(step.ran, 0);
    size_t timers = 0;
    struct event *timer = event_new(base, -1, 0, count_timer, &timers);
    const struct timeval soon = {0, 1000};
    event_add(timer, &soon);
    while (timers == 0 && step.left > 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    assert_int_equal(timers, 1); // although the task never rests
    assert_true(step.ran > 0);
    deferred_cancel(queue, &step.task);
    assert_true(deferred_idle(queue));
    deferred_cancel(queue, &step.task);
    event_free(timer);
    deferred_free(queue);
    event_base_free(base);
}

// --- Timers ------------------------------------------------------------------------------------------------

struct alarm {
    struct timer timer;
    uint64_t *last;
    size_t *count;
};

static void alarm_expired(struct timer *timer)
{
    struct alarm *alarm = (struct alarm *)((char *)timer - offsetof(struct alarm, timer));
    assert_true(timer->due_ns >= *alarm->last);
    *alarm->last = timer->due_ns;
    (*alarm->count)++;
}

static void test_timers_come_in_order(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct clock_manual clock;
    clock_manual_init(&clock, 1000, 0);
    struct timers *timers = timers_new(base, &clock.clock);
    enum { COUNT = 500 };
    struct alarm *alarms = calloc(COUNT, sizeof *alarms);
    uint64_t last = 0;
    size_t count = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        alarms[i] = (struct alarm){{.expired = alarm_expired}, &last, &count};
        timers_set(timers, &alarms[i].timer, 2000 + i * 7919 % 1000);
    }
    for (uint64_t i = 0; i < COUNT; i += 5) {
        timers_clear(timers, &alarms[i].timer);
        timers_clear(timers, &alarms[i].timer);
    }
    for (uint64_t i = 1; i < COUNT; i += 5) {
        timers_set(timers, &alarms[i].timer, 2000 + i * 31 % 1000); // moved
    }
    timers_run(timers);
    assert_int_equal(count, 0);
    clock_manual_advance(&clock, 1500);
    timers_run(timers);
    assert_true(count > 0 && last <= 2500);
    clock_manual_advance(&clock, 1500);
    timers_run(timers);
    assert_int_equal(count, COUNT - COUNT / 5);
    free(alarms);
    timers_free(timers);
    event_base_free(base);
}

static void test_timers_wake_the_loop(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct timers *timers = timers_new(base, clock_system());
    uint64_t last = 0;
    size_t count = 0;
    struct alarm late = {{.expired = alarm_expired}, &last, &count};
    struct alarm early = {{.expired = alarm_expired}, &last, &count};
    uint64_t now = clock_monotonic_ns(clock_system());
    timers_set(timers, &late.timer, now + 2000000);
    timers_set(timers, &early.timer, now + 1000000);
    event_base_dispatch(base); // ends when nothing is left
    assert_int_equal(count, 2);
    assert_true(clock_monotonic_ns(clock_system()) >= now + 2000000);
    timers_free(timers);
    event_base_free(base);
}

// --- The breaker -------------------------------------------------------------------------------------------

#define MS UINT64_C(1000000)

static void test_breaker_opens_and_doubles(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 3, 1000);
    uint64_t now = 5000 * MS;
    breaker_failure(&breaker, false, 1, now, 0);
    breaker_failure(&breaker, false, 1, now, 0);
    breaker_success(&breaker, false);
    breaker_failure(&breaker, false, 2, now, 0);
    assert_int_equal(breaker_ask(&breaker, now), BREAKER_GO);
    breaker_failure(&breaker, false, 1, now, 0);
    assert_int_equal(breaker_ask(&breaker, now), BREAKER_REFUSE);
    assert_int_equal(breaker_wait_ms(&breaker, now), 1000);
    uint32_t expected = 2000;
    for (size_t i = 0; i < 8; i++) {
        now += breaker_wait_ms(&breaker, now) * MS;
        assert_int_equal(breaker_ask(&breaker, now), BREAKER_PROBE);
        assert_int_equal(breaker_ask(&breaker, now), BREAKER_WAIT);
        breaker_success(&breaker, false); // an old call: says nothing
        assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
        breaker_failure(&breaker, true, 1, now, 0);
        assert_int_equal(breaker_wait_ms(&breaker, now), expected);
        expected = expected * 2 < BREAKER_COOLDOWN_MAX_MS ? expected * 2 : BREAKER_COOLDOWN_MAX_MS;
    }
    now += breaker_wait_ms(&breaker, now) * MS;
    assert_int_equal(breaker_ask(&breaker, now), BREAKER_PROBE);
    breaker_probe_lost(&breaker);
    assert_int_equal(breaker_ask(&breaker, now), BREAKER_PROBE);
    breaker_success(&breaker, true);
    assert_int_equal(breaker_ask(&breaker, now), BREAKER_GO);
    breaker_failure(&breaker, false, 3, now, 999);
    assert_in_range(breaker_wait_ms(&breaker, now), 1240, 1250); // the first cooldown again, and its jitter
}

static void test_breaker_hears_health(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 1, 1000);
    breaker_healthy(&breaker);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    breaker_failure(&breaker, false, 1, MS, 0);
    breaker_healthy(&breaker);
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    breaker_healthy(&breaker);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    breaker_failure(&breaker, false, 1, MS, 0);
    breaker_healthy(&breaker);
    assert_int_equal(breaker_ask(&breaker, MS), BREAKER_PROBE);
    breaker_healthy(&breaker); // the probe decides
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
}

static void test_breaker_forgets_a_health_call_that_failed(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 5, 1000);
    breaker_failure(&breaker, false, 1, MS, 0);
    breaker_unhealthy(&breaker, MS, 0);
    breaker_healthy(&breaker);
    assert_int_equal(breaker.failures, 1); // that of a call, which only a call makes good
    breaker_unhealthy(&breaker, MS, 0);
    breaker_success(&breaker, false);
    breaker_healthy(&breaker);
    assert_int_equal(breaker.failures, 0);
    breaker_unhealthy(&breaker, MS, 0);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    breaker_unhealthy(&breaker, MS, 0);
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

// --- Repeats -----------------------------------------------------------------------------------------------

static void test_retry_bounds_and_budget(void **state)
{
    (void)state;
    assert_int_equal(retry_bound_ms(1), 20);
    assert_int_equal(retry_bound_ms(2), 40);
    assert_int_equal(retry_bound_ms(7), 1280);
    assert_int_equal(retry_bound_ms(8), RETRY_CAP_MS);
    assert_int_equal(retry_bound_ms(1000000), RETRY_CAP_MS);
    struct retry_budget budget;
    retry_budget_init(&budget);
    for (size_t i = 0; i < RETRY_RESERVE; i++) {
        assert_true(retry_budget_spend(&budget, false));
    }
    assert_false(retry_budget_spend(&budget, false));
    assert_true(retry_budget_spend(&budget, true));
    retry_budget_earn(&budget, 4);
    assert_false(retry_budget_spend(&budget, false));
    retry_budget_earn(&budget, 1);
    assert_true(retry_budget_spend(&budget, false));
    assert_false(retry_budget_spend(&budget, false));
    retry_budget_earn(&budget, 1000000);
    for (size_t i = 0; i < RETRY_RESERVE; i++) {
        assert_true(retry_budget_spend(&budget, false));
    }
    assert_false(retry_budget_spend(&budget, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_cover_every_slot_once),
        cmocka_unit_test(test_outcome_classes),
        cmocka_unit_test(test_policy_table),
        cmocka_unit_test(test_deferred_work_is_later_and_starves_nobody),
        cmocka_unit_test(test_timers_come_in_order),
        cmocka_unit_test(test_timers_wake_the_loop),
        cmocka_unit_test(test_breaker_opens_and_doubles),
        cmocka_unit_test(test_breaker_hears_health),
        cmocka_unit_test(test_breaker_forgets_a_health_call_that_failed),
        cmocka_unit_test(test_retry_bounds_and_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
