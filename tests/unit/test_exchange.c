// SPDX-License-Identifier: Apache-2.0
//
// core/exchange and its parts: the guarantees, over mock backends that lose, repeat, fail and hang on purpose. Numbers of
// invariants are those of core/README.md.
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "core/backend.h"

static size_t wanted; // how many messages a check waits for

static bool inbox_full(struct house *house)
{
    return house_inbox(house) >= wanted;
}

static bool outbox_empty(struct house *house)
{
    return house_stats(house).outbox_waiting == 0;
}

static void complete_all(struct ph_call *call, enum ph_outcome outcome)
{
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, outcome, 0, "as the test wants it");
    }
    call->host->complete(call);
}

static void test_a_message_is_delivered_at_once(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_open(house);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    house_settle(house);
    assert_int_equal(house_inbox(house), 1);
    assert_int_equal(house_status(house, 1), PH_STATE_DELIVERED);
    assert_true(house_has_document(house, 1));
    assert_int_equal(house_stats(house).outbox_waiting, 0);
    house_free(house);
}

// ------------------------------------------------------------------------------------------------ a queue that lies

static size_t sends_lost;

static void send_loses(void *instance, struct ph_call *call)
{
    (void)instance;
    sends_lost += call->count;
    complete_all(call, PH_OK);
}

// Invariant 3: a mark that exists is due again by itself.
static void test_a_queue_that_loses_jobs_only_delays(void **state)
{
    struct house *house = house_new();
    (void)state;
    ph_start_f *real = house_queue(house)->send;
    house_queue(house)->send = send_loses;
    sends_lost = 0;
    house_open(house);
    house_send_many(house, 1, 300, PH_PRIORITY_NORMAL);
    house_advance(house, 50000); // the first send, the mark moved by 30 s, and a second send
    assert_true(sends_lost >= 600);
    assert_int_equal(house_inbox(house), 0);
    house_queue(house)->send = real;
    wanted = 300;
    assert_true(house_until(house, inbox_full, 130000)); // the third is 60 s behind the second
    assert_true(house_until(house, outbox_empty, 1000));
    assert_int_equal(house_inbox(house), 300);
    house_free(house);
}

// A process that dies between accepting and sending: within 45 s.
static void test_what_was_never_sent_goes_out_within_45_s(void **state)
{
    struct house *house = house_new();
    (void)state;
    ph_start_f *real = house_queue(house)->send;
    house_queue(house)->send = send_loses;
    house_open(house);
    house_send_many(house, 1, 10, PH_PRIORITY_NORMAL);
    house_queue(house)->send = real;
    wanted = 10;
    assert_true(house_until(house, inbox_full, 45000));
    house_free(house);
}

// Invariant 2: what the queue repeats changes nothing.
static void test_a_queue_that_repeats_jobs_delivers_once(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_QUEUE, "fault.seed", "3");
    house_fault(house, PH_KIND_QUEUE, "fault.send", "duplicate 100%");
    house_open(house);
    house_send_many(house, 1, 300, PH_PRIORITY_NORMAL);
    house_advance(house, 60000);
    assert_int_equal(house_inbox(house), 300);
    assert_int_equal(house_stats(house).outbox_waiting, 0);
    house_free(house);
}

// Invariant 5, and a job that cannot be removed comes again.
static void test_a_queue_that_never_removes_delivers_once(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_QUEUE, "fault.remove", "transient 100%");
    house_open(house);
    house_send_many(house, 1, 50, PH_PRIORITY_NORMAL);
    house_advance(house, 100000);
    assert_int_equal(house_inbox(house), 50);
    house_free(house);
}

// ----------------------------------------------------------------------------------------------- backends that fail

// Guarantee 4, and all goes out soon after the queue is back.
static void test_a_queue_that_was_down_for_minutes(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_QUEUE, "fault.all", "down 1s..200s");
    house_open(house);
    house_advance(house, 2000);
    house_send_many(house, 1, 100, PH_PRIORITY_NORMAL);
    house_advance(house, 120000);
    house_send_many(house, 101, 2400, PH_PRIORITY_NORMAL); // more than one lease
    house_advance(house, 70000);
    assert_int_equal(house_inbox(house), 0);
    house_advance(house, 8000); // it is back
    wanted = 2500;
    assert_true(house_until(house, inbox_full, 45000));
    assert_int_equal(house_inbox(house), 2500);
    house_free(house);
}

static void test_lost_answers_of_deliver_deliver_once(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_STORAGE, "fault.seed", "5");
    house_fault(house, PH_KIND_STORAGE, "fault.deliver", "uncertain 40%, transient 20%, duplicate 20%");
    house_fault(house, PH_KIND_STORAGE, "fault.append", "uncertain 40%, partial 20%");
    house_open(house);
    house_send_many(house, 1, 200, PH_PRIORITY_ALERT);
    wanted = 200;
    assert_true(house_until(house, inbox_full, 60000));
    house_advance(house, 60000);
    assert_int_equal(house_inbox(house), 200);
    assert_int_equal(house_stats(house).outbox_waiting, 0);
    assert_int_equal(house_stats(house).alerts_waiting, 0);
    house_free(house);
}

// Who repeats a delivery whose answer was lost is told that it is done already: it counts, and its readers are woken.
static void test_lost_answers_of_deliver_count(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_STORAGE, "fault.seed", "5");
    house_fault(house, PH_KIND_STORAGE, "fault.deliver", "uncertain 40%");
    house_open(house);
    house_send_many(house, 1, 200, PH_PRIORITY_NORMAL);
    wanted = 200;
    assert_true(house_until(house, inbox_full, 60000));
    house_advance(house, 60000);
    assert_true(house_counter(house, "posthouse_jobs_duplicate_total") > 0);
    assert_int_equal(house_counter(house, "posthouse_messages_delivered_total"), 200);
    house_free(house);
}

// Storage away and back: nothing is accepted meanwhile, all that was accepted arrives.
static void test_a_storage_that_was_down(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_STORAGE, "fault.all", "down 10s..60s");
    house_fault(house, PH_KIND_QUEUE, "fault.receive", "down 0s..30s");
    house_open(house);
    house_send_many(house, 1, 100, PH_PRIORITY_NORMAL);
    house_advance(house, 30000);
    const struct ph_message message = house_message(1000, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_UNAVAILABLE);
    house_advance(house, 35000);
    wanted = 100;
    assert_true(house_until(house, inbox_full, 30000));
    assert_int_equal(house_send(house, &message), PH_OK);
    wanted = 101;
    assert_true(house_until(house, inbox_full, 1000));
    house_free(house);
}

static bool all_documents(struct house *house)
{
    for (uint32_t number = 1; number <= wanted; number++) {
        if (!house_has_document(house, number)) {
            return false;
        }
    }
    return house_stats(house).documents_waiting == 0;
}

// Invariant 8: a document that could not be put has a mark, and is put when meta is back.
static void test_a_meta_that_was_down_gets_its_documents(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_META, "fault.all", "down 1s..60s");
    house_open(house);
    house_advance(house, 2000);
    house_send_many(house, 1, 50, PH_PRIORITY_NORMAL);
    house_settle(house);
    assert_int_equal(house_inbox(house), 50);
    house_advance(house, 10000);
    assert_int_equal(house_stats(house).documents_waiting, 50);
    house_advance(house, 50000);
    wanted = 50;
    assert_true(house_until(house, all_documents, 65000));
    house_free(house);
}

// ------------------------------------------------------------------------------------------------------ dead letters

static ph_start_f *real_deliver;
static size_t deliver_refused;

static void deliver_refuses(void *instance, struct ph_call *call)
{
    (void)instance;
    deliver_refused += call->count;
    complete_all(call, PH_INVALID);
}

static bool is_dead(struct house *house)
{
    return house_status(house, 1) == PH_STATE_DEAD;
}

static struct ph_call *held_fail;

static void fail_hangs(void *instance, struct ph_call *call)
{
    (void)instance;
    assert_null(held_fail);
    held_fail = call;
}

static size_t extended; // jobs that were given a whole lease more
static ph_start_f *real_extend;

static void extend_counts(void *instance, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_receipt *entry = call->entries[i];
        extended += entry->lease_ms == 30000 ? 1 : 0;
    }
    real_extend(instance, call);
}

// Work on a job that goes on for long keeps its lease, so that the queue does not bring it a second time.
static void test_leases_are_extended_while_work_goes_on(void **state)
{
    struct house *house = house_new();
    struct backend_policy policy;
    ph_start_f *real_fail = house_storage(house)->fail;
    (void)state;
    backend_policy_defaults(&policy);
    policy.deadline = policy.attempt = 100000;
    real_deliver = house_storage(house)->deliver;
    real_extend = house_queue(house)->extend;
    house_storage(house)->deliver = deliver_refuses;
    house_storage(house)->fail = fail_hangs;
    house_queue(house)->extend = extend_counts;
    held_fail = NULL;
    extended = deliver_refused = 0;
    house_open(house);
    backend_set_policy(house->backends[PH_KIND_STORAGE], &policy);
    house_send_many(house, 1, 20, PH_PRIORITY_NORMAL);
    house_advance(house, 14000);
    assert_int_equal(extended, 0);
    house_advance(house, 6000);
    assert_int_equal(extended, 20);
    assert_int_equal(deliver_refused, 40); // all in one batch, which counts for nothing, then each alone
    house_storage(house)->deliver = real_deliver;
    house_storage(house)->fail = real_fail;
    complete_all(held_fail, PH_TRANSIENT);
    house_advance(house, 120000);
    assert_int_equal(house_inbox(house), 20);
    house_free(house);
}

// Invariant 6: attempts count under their numbers; at the limit the message is dead; a redrive opens it again.
static void dead_and_redriven(const char *fail_fault, bool exact)
{
    struct house *house = house_new();
    real_deliver = house_storage(house)->deliver;
    house_storage(house)->deliver = deliver_refuses;
    deliver_refused = 0;
    house_fault(house, PH_KIND_STORAGE, "fault.fail", fail_fault);
    house_open(house);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    assert_true(house_until(house, is_dead, 200000));
    assert_true(deliver_refused == 3 || (!exact && deliver_refused > 3)); // never dead before its time
    assert_int_equal(house_stats(house).dead, 1);
    assert_int_equal(house_stats(house).outbox_waiting, 0);
    wanted = 1;
    assert_true(house_until(house, all_documents, 5000));

    house_storage(house)->deliver = real_deliver;
    struct house_call call;
    const struct ph_pick pick = {.user = {"", 0}, .id = house_id(1)};
    house_ask(house, &call, PH_STORAGE_REDRIVE, &pick);
    house_end(house, &call);
    assert_int_equal(call.call.outcome, PH_OK);
    assert_true(house_until(house, inbox_full, 5000));
    assert_int_equal(house_status(house, 1), PH_STATE_DELIVERED);
    house_free(house);
}

static void test_attempts_count_to_dead_and_redrive(void **state)
{
    (void)state;
    dead_and_redriven("latency 1ms..2ms", true);
}

static void test_a_lost_answer_counts_no_attempt_twice(void **state)
{
    (void)state;
    dead_and_redriven("uncertain 50%", false);
}

// What may pass is no attempt.
static void test_outages_never_count_towards_dead(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_fault(house, PH_KIND_STORAGE, "fault.deliver", "down 0s..300s");
    house_open(house);
    house_send_many(house, 1, 5, PH_PRIORITY_NORMAL);
    house_advance(house, 300000);
    wanted = 5;
    assert_true(house_until(house, inbox_full, 120000));
    assert_int_equal(house_stats(house).dead, 0);
    house_free(house);
}

static size_t denied;

static void deliver_denied_at_first(void *instance, struct ph_call *call)
{
    if (denied < 6) { // more often than a message may fail
        denied++;
        complete_all(call, PH_DENIED);
    } else {
        real_deliver(instance, call);
    }
}

// Nor is a refusal of this program: an operator must act, and then the message is delivered.
static void test_a_denied_delivery_is_no_attempt(void **state)
{
    struct house *house = house_new();
    (void)state;
    real_deliver = house_storage(house)->deliver;
    house_storage(house)->deliver = deliver_denied_at_first;
    denied = 0;
    house_open(house);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    wanted = 1;
    assert_true(house_until(house, inbox_full, 300000));
    assert_int_equal(denied, 6);
    assert_int_equal(house_stats(house).dead, 0);
    house_free(house);
}

// ------------------------------------------------------------------------------------------------- time and drains

static void test_not_before_deliver_at_and_never_after_expiry(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_open(house);
    const int64_t now = clock_wall_ms(&house->clock.clock);
    struct ph_message later = house_message(1, PH_PRIORITY_NORMAL);
    later.deliver_at = now + 20000;
    struct ph_message never = house_message(2, PH_PRIORITY_NORMAL);
    never.deliver_at = now + 10100;
    never.expires_at = now + 10110;
    assert_int_equal(house_send(house, &later), PH_OK);
    assert_int_equal(house_send(house, &never), PH_OK);
    house_advance(house, 19000);
    assert_int_equal(house_inbox(house), 0);
    house_advance(house, 3000);
    assert_int_equal(house_inbox(house), 1);
    assert_int_equal(house_status(house, 1), PH_STATE_DELIVERED);
    assert_int_equal(house_status(house, 2), PH_STATE_EXPIRED);
    house_free(house);
}

static size_t postponed;

static void postpone_counts(void *instance, struct ph_call *call)
{
    (void)instance;
    postponed += call->count;
    complete_all(call, PH_OK);
}

// What is drained stays so: marks that were still to be moved are left to the next sweeper.
static void test_a_drain_with_marks_to_move(void **state)
{
    struct house *house = house_new();
    (void)state;
    house_queue(house)->send = send_loses;
    house_storage(house)->postpone = postpone_counts;
    postponed = 0;
    house_open(house);
    house_send_many(house, 1, 100, PH_PRIORITY_NORMAL);
    house_drain(house);
    house_advance(house, 20000); // before the backends close
    assert_int_equal(postponed, 0);
    house_free(house);
}

// A late request, on a connection that is still open: whoever frees must ask again.
static void test_a_drained_exchange_may_have_to_work_again(void **state)
{
    struct house *house = house_new();
    struct house_call call;
    (void)state;
    house_open(house);
    house_drain(house);
    assert_true(exchange_is_idle(house->exchange));
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    house_submit(house, &call, PH_STORAGE_APPEND, &message);
    assert_false(exchange_is_idle(house->exchange));
    house_settle(house);
    assert_true(call.done);
    house_end(house, &call);
    assert_true(exchange_is_idle(house->exchange));
    house_free(house);
}

static void test_unknown_operations_are_refused(void **state)
{
    struct house *house = house_new();
    struct house_call call;
    (void)state;
    house_open(house);
    house_ask(house, &call, 9999, NULL);
    house_end(house, &call);
    assert_int_equal(call.call.outcome, PH_INVALID);
    house_ask(house, &call, EXCHANGE_PING, NULL);
    house_end(house, &call);
    assert_int_equal(call.call.outcome, PH_OK);
    house_free(house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_is_delivered_at_once),
        cmocka_unit_test(test_a_queue_that_loses_jobs_only_delays),
        cmocka_unit_test(test_what_was_never_sent_goes_out_within_45_s),
        cmocka_unit_test(test_a_queue_that_repeats_jobs_delivers_once),
        cmocka_unit_test(test_a_queue_that_never_removes_delivers_once),
        cmocka_unit_test(test_a_queue_that_was_down_for_minutes),
        cmocka_unit_test(test_lost_answers_of_deliver_deliver_once),
        cmocka_unit_test(test_lost_answers_of_deliver_count),
        cmocka_unit_test(test_a_storage_that_was_down),
        cmocka_unit_test(test_a_meta_that_was_down_gets_its_documents),
        cmocka_unit_test(test_leases_are_extended_while_work_goes_on),
        cmocka_unit_test(test_attempts_count_to_dead_and_redrive),
        cmocka_unit_test(test_a_lost_answer_counts_no_attempt_twice),
        cmocka_unit_test(test_outages_never_count_towards_dead),
        cmocka_unit_test(test_a_denied_delivery_is_no_attempt),
        cmocka_unit_test(test_not_before_deliver_at_and_never_after_expiry),
        cmocka_unit_test(test_a_drain_with_marks_to_move),
        cmocka_unit_test(test_a_drained_exchange_may_have_to_work_again),
        cmocka_unit_test(test_unknown_operations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
