// SPDX-License-Identifier: Apache-2.0
//
// core/instance.h: calls to the scripted plugin without any policy.
#include "tests/unit/unit.h"

#include "core/host.h"
#include "core/instance.h"
#include "core/live_calls.h"
#include "tests/unit/rig.h"
#include <pthread.h>
#include <string.h>

struct seen {
    struct instance *instance;
    struct instance_call *last;
    size_t done;
    size_t closed;
    enum instance_end end;
    bool inside; // a start is running
};

static void done(struct instance_call *call, void *context)
{
    struct seen *seen = context;
    assert_false(seen->inside);
    seen->done++;
    instance_call_free(seen->last);
    seen->last = call;
}

static void closed(enum instance_end end, void *context)
{
    struct seen *seen = context;
    seen->closed++;
    seen->end = end;
}

static void start(struct rig *rig, struct seen *seen, uint32_t operation, size_t count, const void *const *entries)
{
    (void)rig;
    struct instance_call *call = instance_call_new(seen->instance, operation, count, entries);
    seen->inside = true;
    instance_call_start(call, done, seen);
    seen->inside = false;
}

static struct rig *opened(struct seen *seen)
{
    *seen = (struct seen){0};
    struct rig *rig = rig_new(true);
    seen->instance = instance_new(rig->host, rig->plugin, "queue");
    const struct ph_open open = {.config = &rig->config};
    const void *entries[] = {&open};
    start(rig, seen, PH_OPEN, 1, entries);
    assert_false(instance_is_open(seen->instance));
    rig_settle(rig);
    assert_int_equal(seen->done, 1);
    assert_true(instance_is_open(seen->instance));
    return rig;
}

static void end(struct rig *rig, struct seen *seen)
{
    instance_call_free(seen->last);
    seen->last = NULL;
    instance_close(seen->instance, 1000, closed, seen);
    rig_settle(rig);
    assert_int_equal(seen->closed, 1);
    assert_int_equal(seen->end, INSTANCE_CLOSED);
    assert_int_equal(rig->started[PH_CLOSE], 1);
    rig_free(rig);
}

static uint32_t outcome(const struct seen *seen, size_t index)
{
    return instance_call_raw(seen->last)->results[index]->outcome;
}

static void test_opens_calls_and_closes(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    const struct ph_job job = {0};
    const void *entries[] = {&job, &job, &job};
    start(rig, &seen, PH_QUEUE_SEND, 3, entries);
    assert_int_equal(instance_under_way(seen.instance), 1);
    rig_settle(rig);
    assert_int_equal(seen.done, 2);
    assert_int_equal(instance_under_way(seen.instance), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(outcome(&seen, i), PH_OK);
    }
    assert_int_equal(rig->misuses, 0);
    end(rig, &seen);
}

static bool complete_only(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)rig;
    (void)instance;
    if (call->operation == PH_QUEUE_SEND || call->operation == PH_QUEUE_STATS) {
        call->host->complete(call);
        return true;
    }
    return false;
}

static void test_pending_becomes_uncertain_or_internal(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    rig->script = complete_only;
    start(rig, &seen, PH_QUEUE_SEND, 2, NULL);
    rig_settle(rig);
    assert_int_equal(outcome(&seen, 0), PH_UNCERTAIN);
    assert_int_equal(outcome(&seen, 1), PH_UNCERTAIN);
    start(rig, &seen, PH_QUEUE_STATS, 1, NULL);
    rig_settle(rig);
    assert_int_equal(outcome(&seen, 0), PH_INTERNAL);
    end(rig, &seen);
}

static bool complete_twice(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)rig;
    (void)instance;
    if (call->operation != PH_QUEUE_SEND) {
        return false;
    }
    rig_end(call, PH_OK);
    call->host->complete(call);
    return true;
}

static void test_second_completion_is_named(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    rig->script = complete_twice;
    start(rig, &seen, PH_QUEUE_SEND, 1, NULL);
    rig_settle(rig);
    assert_int_equal(seen.done, 2);
    assert_int_equal(rig->misuses, 1);
    assert_string_equal(rig->misuse, "send: a call was completed a second time");
    // Also after the receiver freed it: nothing of it may be read.
    struct ph_call *raw = instance_call_raw(seen.last);
    void (*complete)(struct ph_call * call) = raw->host->complete;
    instance_call_free(seen.last);
    seen.last = NULL;
    complete(raw);
    assert_int_equal(rig->misuses, 2);
    rig_settle(rig);
    assert_int_equal(seen.done, 2);
    end(rig, &seen);
}

static bool odd_outcome(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)rig;
    (void)instance;
    if (call->operation != PH_QUEUE_SEND) {
        return false;
    }
    call->results[0]->outcome = 99;
    call->host->set(call, 5, PH_OK, 0, NULL);
    call->host->complete(call);
    return true;
}

static void test_odd_outcomes_and_indexes_are_named(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    rig->script = odd_outcome;
    start(rig, &seen, PH_QUEUE_SEND, 1, NULL);
    assert_string_equal(rig->misuse, "send: set result 5 of a call with 1 entries");
    rig_settle(rig);
    assert_int_equal(outcome(&seen, 0), PH_INTERNAL);
    assert_string_equal(rig->misuse, "send: outcome 99 does not exist");
    end(rig, &seen);
}

static bool keep_sends(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)instance;
    return call->operation == PH_QUEUE_SEND && rig_keep(rig, call);
}

static void test_close_waits_for_calls(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    rig->script = keep_sends;
    start(rig, &seen, PH_QUEUE_SEND, 1, NULL);
    struct instance *instance = seen.instance;
    instance_close(instance, 1000, closed, &seen);
    assert_false(instance_is_open(instance));
    rig_advance(rig, 500);
    assert_int_equal(rig->started[PH_CLOSE], 0);
    rig_end_kept(rig, 0, PH_OK);
    rig_settle(rig);
    assert_int_equal(seen.done, 2);
    assert_int_equal(rig->started[PH_CLOSE], 1);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(seen.end, INSTANCE_CLOSED);
    instance_call_free(seen.last);
    rig_free(rig);
}

static void test_quarantine_until_the_last_call_is_back(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    rig->script = keep_sends;
    start(rig, &seen, PH_QUEUE_SEND, 1, NULL);
    instance_close(seen.instance, 1000, closed, &seen);
    rig_advance(rig, 1001);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(seen.end, INSTANCE_QUARANTINED);
    assert_int_equal(rig->started[PH_CLOSE], 0);
    rig_end_kept(rig, 0, PH_OK);
    rig_settle(rig);
    assert_int_equal(seen.done, 2);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(rig->started[PH_CLOSE], 1);
    instance_call_free(seen.last);
    rig_free(rig);
}

static bool cancelled(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)instance;
    if (call->operation == PH_CANCEL) {
        const struct ph_cancel *cancel = call->entries[0];
        assert_ptr_equal(cancel->call, rig->kept[0]);
        rig_end_kept(rig, 0, PH_UNCERTAIN);
        return false;
    }
    return keep_sends(rig, instance, call);
}

static void test_cancel_names_the_call(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    rig->script = cancelled;
    struct instance_call *call = instance_call_new(seen.instance, PH_QUEUE_SEND, 1, NULL);
    instance_call_start(call, done, &seen);
    assert_true(instance_call_cancel(call));
    assert_int_equal(instance_under_way(seen.instance), 2);
    rig_settle(rig);
    assert_int_equal(instance_under_way(seen.instance), 0);
    assert_int_equal(outcome(&seen, 0), PH_UNCERTAIN);
    end(rig, &seen);
}

static void test_refuses_what_is_not_open_or_offered(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true);
    struct seen seen = {0};
    seen.instance = instance_new(rig->host, rig->plugin, "queue");
    start(rig, &seen, PH_QUEUE_SEND, 1, NULL);
    rig_settle(rig);
    assert_int_equal(outcome(&seen, 0), PH_INVALID);
    start(rig, &seen, PH_META_PUT, 1, NULL);
    rig_settle(rig);
    assert_int_equal(outcome(&seen, 0), PH_INVALID);
    instance_call_free(seen.last);
    instance_close(seen.instance, 0, closed, &seen);
    rig_settle(rig);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(rig->started[PH_CLOSE], 0);
    rig_free(rig);
}

static bool use_arena(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)rig;
    (void)instance;
    if (call->operation != PH_QUEUE_STATS) {
        return false;
    }
    unsigned char *bytes = call->host->alloc(call, 1000);
    assert_non_null(bytes);
    assert_int_equal(bytes[999], 0);
    struct ph_received *received = call->host->make(call, PH_MAKE_RECEIVED);
    assert_non_null(received);
    assert_null(call->host->make(call, (enum ph_make)77));
    assert_null(call->host->alloc(call, (size_t)65 << 20));
    ((struct ph_queue_stats *)call->outputs[0])->waiting = 12;
    return false;
}

static void *free_call(void *call)
{
    instance_call_free(call);
    return NULL;
}

static void test_answers_live_with_the_call_and_end_on_any_thread(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    rig->script = use_arena;
    start(rig, &seen, PH_QUEUE_STATS, 1, NULL);
    rig_settle(rig);
    const struct ph_queue_stats *stats = instance_call_raw(seen.last)->outputs[0];
    assert_int_equal(stats->waiting, 12);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_call, seen.last), 0);
    pthread_join(thread, NULL);
    seen.last = NULL;
    end(rig, &seen);
}

static void test_empty_and_large_calls(void **state)
{
    (void)state;
    struct seen seen;
    struct rig *rig = opened(&seen);
    start(rig, &seen, PH_QUEUE_SEND, 0, NULL);
    rig_settle(rig);
    assert_int_equal(seen.done, 2);
    start(rig, &seen, PH_QUEUE_SEND, 5000, NULL);
    rig_settle(rig);
    assert_int_equal(outcome(&seen, 4999), PH_OK);
    end(rig, &seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_calls_and_closes),
        cmocka_unit_test(test_pending_becomes_uncertain_or_internal),
        cmocka_unit_test(test_second_completion_is_named),
        cmocka_unit_test(test_odd_outcomes_and_indexes_are_named),
        cmocka_unit_test(test_close_waits_for_calls),
        cmocka_unit_test(test_quarantine_until_the_last_call_is_back),
        cmocka_unit_test(test_cancel_names_the_call),
        cmocka_unit_test(test_refuses_what_is_not_open_or_offered),
        cmocka_unit_test(test_answers_live_with_the_call_and_end_on_any_thread),
        cmocka_unit_test(test_empty_and_large_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
