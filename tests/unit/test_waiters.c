// SPDX-License-Identifier: Apache-2.0
//
// core/waiters: a reader who waits is woken by each delivery, also by one that comes while it reads, ends when it is told
// to, and keeps nothing that belongs to others.
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include "core/waiters.h"

static const struct exchange_poll grace_waits = {.read = {.user = {"grace", 5}, .limit = 10, .byte_limit = 1 << 20},
                                                 .wait_ms = 20000};

static size_t page_count(const struct house_call *call)
{
    assert_int_equal(call->call.outcome, PH_OK);
    return ((const struct ph_page *)call->call.output)->count;
}

static void test_a_delivery_wakes(void **state)
{
    struct house *house = house_new();
    struct house_call poll;
    (void)state;
    house_open(house);
    house_submit(house, &poll, EXCHANGE_POLL, &grace_waits);
    house_advance(house, 5000);
    assert_false(poll.done);
    assert_int_equal(waiters_count(house->exchange->waiters), 1);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    house_settle(house);
    assert_true(poll.done);
    assert_int_equal(page_count(&poll), 1);
    house_end(house, &poll);
    assert_int_equal(waiters_count(house->exchange->waiters), 0);
    house_free(house);
}

static ph_start_f *real_read;
static struct ph_call *kept_read;
static bool keep_reads;

static void read_kept(void *instance, struct ph_call *call)
{
    if (keep_reads && kept_read == NULL) {
        kept_read = call; // it has read an empty inbox, and its answer is on the way
        return;
    }
    real_read(instance, call);
}

// Invariant 9: what comes while the first read is under way is not missed.
static void test_a_delivery_during_a_read_reads_again(void **state)
{
    struct house *house = house_new();
    struct house_call poll;
    (void)state;
    real_read = house_storage(house)->inbox_read;
    house_storage(house)->inbox_read = read_kept;
    kept_read = NULL;
    keep_reads = true;
    house_open(house);
    house_submit(house, &poll, EXCHANGE_POLL, &grace_waits);
    house_settle(house);
    assert_non_null(kept_read);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    house_settle(house);
    assert_false(poll.done);
    kept_read->host->set(kept_read, 0, PH_OK, 0, NULL);
    kept_read->host->complete(kept_read);
    house_settle(house);
    assert_true(poll.done);
    assert_int_equal(page_count(&poll), 1);
    house_end(house, &poll);
    house_free(house);
}

// Another process delivered: seen by the poll of heads, without a hint.
static void test_a_delivery_elsewhere_is_seen_within_a_second(void **state)
{
    struct house *house = house_new();
    struct house_call poll;
    (void)state;
    house->settings.roles = EXCHANGE_ROLE_API;
    house_open(house);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    house_submit(house, &poll, EXCHANGE_POLL, &grace_waits);
    house_settle(house);
    struct ph_deliver deliver = {.id = house_id(1)}; // as if by another daemon: this one has no courier
    struct house_call delivery;
    house_ask(house, &delivery, PH_STORAGE_DELIVER, &deliver);
    house_end(house, &delivery);
    assert_false(poll.done);
    house_advance(house, 1000);
    assert_true(poll.done);
    assert_int_equal(page_count(&poll), 1);
    house_end(house, &poll);
    house_free(house);
}

// Who waits keeps no memory of who does not: their reads shared one batch.
static void test_a_waiter_holds_no_page_of_others(void **state)
{
    struct house *house = house_new();
    struct house_call poll, read;
    (void)state;
    house_open(house);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    const struct exchange_poll waits = {.read = {.user = {"linus", 5}, .limit = 10, .byte_limit = 1 << 20},
                                        .wait_ms = 20000};
    house_submit(house, &poll, EXCHANGE_POLL, &waits);
    house_submit(house, &read, PH_STORAGE_INBOX_READ, &grace_waits.read);
    house_settle(house);
    assert_true(read.done);
    assert_int_equal(page_count(&read), 1);
    exchange_end(&read.call);
    house_settle(house);
    assert_true(read.released);
    assert_false(poll.done);
    exchange_cancel(&poll.call);
    house_settle(house);
    assert_true(poll.done);
    assert_int_equal(page_count(&poll), 0);
    house_end(house, &poll);
    house_free(house);
}

static void test_an_empty_page_tells_the_head(void **state)
{
    struct house *house = house_new();
    struct house_call poll, head;
    (void)state;
    house_open(house);
    const struct ph_message message = house_message(1, PH_PRIORITY_NORMAL);
    assert_int_equal(house_send(house, &message), PH_OK);
    house_settle(house);
    const struct ph_head ask = {.user = {"grace", 5}};
    house_ask(house, &head, PH_STORAGE_INBOX_HEAD, &ask);
    struct exchange_poll waits = grace_waits;
    waits.read.after = ((const struct ph_head_position *)head.call.output)->head;
    waits.wait_ms = 0;
    house_ask(house, &poll, EXCHANGE_POLL, &waits);
    assert_int_equal(page_count(&poll), 0);
    assert_int_equal(((const struct ph_page *)poll.call.output)->head, waits.read.after);
    house_end(house, &head);
    house_end(house, &poll);
    house_free(house);
}

static void test_a_drain_ends_all_waiting(void **state)
{
    struct house *house = house_new();
    struct house_call polls[20];
    (void)state;
    house_open(house);
    for (size_t i = 0; i < 20; i++) {
        house_submit(house, &polls[i], EXCHANGE_POLL, &grace_waits);
    }
    house_drain(house);
    for (size_t i = 0; i < 20; i++) {
        assert_true(polls[i].done);
        assert_int_equal(page_count(&polls[i]), 0);
        house_end(house, &polls[i]);
    }
    house_free(house);
}

// The client left twice, or after the end: harmless.
static void test_a_cancel_may_come_twice_and_late(void **state)
{
    struct house *house = house_new();
    struct house_call poll;
    (void)state;
    house_open(house);
    house_submit(house, &poll, EXCHANGE_POLL, &grace_waits);
    exchange_cancel(&poll.call);
    exchange_cancel(&poll.call);
    house_settle(house);
    assert_true(poll.done);
    exchange_cancel(&poll.call);
    house_end(house, &poll);
    house_free(house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_delivery_wakes),
        cmocka_unit_test(test_a_delivery_during_a_read_reads_again),
        cmocka_unit_test(test_a_delivery_elsewhere_is_seen_within_a_second),
        cmocka_unit_test(test_a_waiter_holds_no_page_of_others),
        cmocka_unit_test(test_an_empty_page_tells_the_head),
        cmocka_unit_test(test_a_drain_ends_all_waiting),
        cmocka_unit_test(test_a_cancel_may_come_twice_and_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
