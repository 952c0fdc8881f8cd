// SPDX-License-Identifier: Apache-2.0
//
// The mock storage, how messages move: append, deliver, fail, marks, expiry, redrive. Every test drives the module
// through its slots; the numbers in brackets are the invariants of plugins/storage-mock/README.md.
#include "tests/unit/storage_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka.h needs those before it
#include <cmocka.h>

static void test_append_repeats(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_accepted first;
    struct ph_accepted second;
    assert_int_equal(STORAGE(fake, append, &message, &first), PH_OK);
    assert_int_equal(first.accepted_at, fake->now);
    fake->now += 1000;
    assert_int_equal(STORAGE(fake, append, &message, &second), PH_OK);
    assert_memory_equal(&first.id, &second.id, sizeof(first.id));
    assert_int_equal(second.accepted_at, first.accepted_at);
    assert_int_equal(storage_counts(fake).outbox_waiting, 1);
}

static void test_append_keys(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_accepted accepted;
    message.idempotency_key = text_of("k");
    message.content_hash[0] = 7;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    message.id = id_of(2);
    int64_t accepted_at = fake->now;
    fake->now += 5;
    assert_int_equal(STORAGE(fake, append, &message, &accepted), PH_DUPLICATE);
    assert_int_equal(number_of(accepted.id), 1);
    assert_int_equal(accepted.accepted_at, accepted_at);
    message.content_hash[0] = 8;
    assert_int_equal(storage_append_one(fake, &message), PH_CONFLICT);
    message.sender = text_of("carol"); // another scope
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(storage_counts(fake).outbox_waiting, 2);
}

static void test_append_twins_in_one_call(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message messages[4];
    const void *entries[4];
    for (uint64_t i = 0; i < 4; i++) {
        messages[i] = message_of(i + 1);
        messages[i].idempotency_key = text_of("k");
        entries[i] = &messages[i];
    }
    messages[2].content_hash[31] = 1;
    messages[3].sender = text_of("nobody");
    struct fake_call call;
    fake_call_init(&call, fake, entries, 4);
    fake_start(&call, storage_slots(fake)->append);
    assert_int_equal(call.completed, 1);
    assert_int_equal(call.results[0].outcome, PH_OK);
    assert_int_equal(call.results[1].outcome, PH_DUPLICATE);
    assert_int_equal(call.results[2].outcome, PH_CONFLICT);
    assert_int_equal(call.results[3].outcome, PH_NOT_FOUND);
    assert_int_equal(storage_counts(fake).outbox_waiting, 1);
}

static void test_append_names_who_is_unknown(void **state)
{
    struct fake_host *fake = *state;
    struct ph_text to[] = {text_of("ann"), text_of("bob"), text_of("zoe")};
    struct ph_message message = message_of(1);
    struct ph_accepted accepted;
    message.recipients = to;
    message.recipient_count = 3;
    message.sender = text_of("zoe");
    assert_int_equal(STORAGE(fake, append, &message, &accepted), PH_NOT_FOUND);
    assert_int_equal(accepted.unknown_count, 2);
    assert_true(text_is(accepted.unknown[0], "zoe"));
    assert_true(text_is(accepted.unknown[1], "ann"));
    message.sender = text_of("alice");
    assert_int_equal(STORAGE(fake, append, &message, &accepted), PH_NOT_FOUND);
    assert_int_equal(accepted.unknown_count, 2);
    assert_int_equal(storage_counts(fake).outbox_waiting, 0);
}

static void test_append_refuses_disorder(void **state)
{
    struct fake_host *fake = *state;
    struct ph_text to[] = {text_of("bob"), text_of("bob")};
    struct ph_message message = message_of(1);
    message.recipients = to;
    message.recipient_count = 2;
    assert_int_equal(storage_append_one(fake, &message), PH_INVALID);
    to[1] = text_of("alice");
    assert_int_equal(storage_append_one(fake, &message), PH_INVALID);
    message.recipient_count = 0;
    assert_int_equal(storage_append_one(fake, &message), PH_INVALID);
}

static void test_append_is_bounded(void **state)
{
    (void)state;
    struct fake_host *fake = storage_with(3, 1 << 20);
    for (uint64_t i = 1; i <= 3; i++) {
        struct ph_message message = message_of(i);
        assert_int_equal(storage_append_one(fake, &message), PH_OK);
    }
    struct ph_message message = message_of(4);
    assert_int_equal(storage_append_one(fake, &message), PH_UNAVAILABLE);
    message.id = id_of(3); // a repeat still gets its answer
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    fake_host_free(fake);
    fake = storage_with(1000, 3000);
    message.body = (struct ph_text){.bytes = message.subject.bytes, .length = 0};
    uint64_t number = 1;
    for (; storage_append_one(fake, &message) == PH_OK; number++)
        message.id = id_of(number);
    assert_in_range(number, 4, 12); // a message is a few hundred bytes
    fake_host_free(fake);
}

static void test_calls_without_entries(void **state)
{
    struct fake_host *fake = *state;
    const struct ph_storage_operations *slots = storage_slots(fake);
    ph_start_f *const all[] = {slots->append, slots->deliver, slots->lease, slots->inbox_read, slots->purge};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct fake_call call;
        fake_call_init(&call, fake, NULL, 0);
        fake_start(&call, all[i]);
        assert_int_equal(call.completed, 1);
    }
}

static void test_deliver_gives_positions(void **state)
{
    struct fake_host *fake = *state;
    struct ph_text to[] = {text_of("bob"), text_of("carol")};
    struct ph_message message = message_of(1);
    storage_post(fake, &message);
    message = message_of(2);
    message.recipients = to;
    message.recipient_count = 2;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    fake->now += 10;
    struct ph_delivery delivery;
    assert_int_equal(storage_deliver_one(fake, 2, &delivery), PH_OK);
    assert_true(delivery.delivered);
    assert_int_equal(delivery.record->status, PH_STATE_DELIVERED);
    assert_int_equal(delivery.record->finished_at, fake->now);
    assert_int_equal(delivery.record->recipient_count, 2);
    assert_true(text_is(delivery.record->recipients[1]->name, "carol"));
    assert_int_equal(delivery.record->recipients[1]->at, fake->now);
    assert_int_equal(delivery.record->body_length, 6);
    struct ph_page bob = storage_inbox(fake, "bob", 0);
    struct ph_page carol = storage_inbox(fake, "carol", 0);
    assert_int_equal(bob.count, 2);
    assert_int_equal(bob.records[1]->position, 2);
    assert_int_equal(carol.records[0]->position, 1);
    assert_int_equal(storage_counts(fake).outbox_waiting, 0);
}

static void test_deliver_repeats(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_delivery delivery;
    storage_post(fake, &message);
    fake->now += 10;
    assert_int_equal(storage_deliver_one(fake, 1, &delivery), PH_DUPLICATE);
    assert_false(delivery.delivered);
    assert_int_equal(delivery.record->status, PH_STATE_DELIVERED);
    assert_int_equal(delivery.record->finished_at, fake->now - 10);
    assert_int_equal(storage_inbox(fake, "bob", 0).count, 1);
    assert_int_equal(storage_deliver_one(fake, 99, &delivery), PH_NOT_FOUND);
    assert_null(delivery.record);
}

static void test_deliver_without_arena_is_uncertain(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    fake->arena_left = 0;
    assert_int_equal(storage_deliver_one(fake, 1, NULL), PH_UNCERTAIN);
    fake->arena_left = SIZE_MAX;
    assert_int_equal(storage_deliver_one(fake, 1, NULL), PH_DUPLICATE);
    assert_int_equal(storage_inbox(fake, "bob", 0).count, 1);
}

static void test_deliver_too_early(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_delivery delivery;
    message.deliver_at = fake->now + 60000;
    message.due_in_ms = 10000;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(storage_counts(fake).outbox_oldest_ms, 0);
    struct ph_postpone postpone = {.id = id_of(1), .due_in_ms = 900000};
    assert_int_equal(STORAGE_DO(fake, postpone, &postpone), PH_OK);
    assert_int_equal(storage_deliver_one(fake, 1, &delivery), PH_OK);
    assert_false(delivery.delivered);
    assert_int_equal(delivery.record->status, PH_STATE_ACCEPTED);
    assert_int_equal(delivery.due_at, message.deliver_at);
    fake->now += 59999;
    assert_int_equal(storage_lease_some(fake, PH_MARK_OUTBOX, 10).count, 0);
    fake->now += 1;
    assert_int_equal(storage_lease_some(fake, PH_MARK_OUTBOX, 10).count, 1);
    assert_int_equal(storage_deliver_one(fake, 1, &delivery), PH_OK);
    assert_true(delivery.delivered);
    assert_int_equal(delivery.due_at, 0);
}

static void test_deliver_too_late(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_delivery delivery;
    message.expires_at = fake->now + 1000;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    fake->now += 1000;
    assert_int_equal(storage_deliver_one(fake, 1, &delivery), PH_OK);
    assert_false(delivery.delivered);
    assert_int_equal(delivery.record->status, PH_STATE_EXPIRED);
    assert_int_equal(storage_deliver_one(fake, 1, &delivery), PH_DUPLICATE);
    assert_int_equal(delivery.record->status, PH_STATE_EXPIRED);
    assert_int_equal(storage_inbox(fake, "bob", 0).count, 0);
    assert_int_equal(storage_inbox(fake, "bob", 0).head, 0);
}

static void test_deliver_to_removed_users(void **state)
{
    struct fake_host *fake = *state;
    struct ph_text to[] = {text_of("bob"), text_of("carol")};
    struct ph_message message = message_of(1);
    struct ph_user_name bob = {.name = text_of("bob")};
    struct ph_user_name carol = {.name = text_of("carol")};
    struct ph_delivery delivery;
    message.recipients = to;
    message.recipient_count = 2;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    message.id = id_of(2);
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(STORAGE_DO(fake, user_remove, &bob), PH_OK);
    assert_int_equal(storage_deliver_one(fake, 1, &delivery), PH_OK);
    assert_true(delivery.delivered);
    assert_int_equal(delivery.record->status, PH_STATE_DELIVERED);
    assert_int_equal(delivery.record->recipients[0]->state, PH_STATE_FAILED);
    assert_int_equal(delivery.record->recipients[1]->state, PH_STATE_DELIVERED);
    assert_int_equal(STORAGE_DO(fake, user_remove, &carol), PH_OK);
    assert_int_equal(storage_deliver_one(fake, 2, &delivery), PH_OK);
    assert_false(delivery.delivered);
    assert_int_equal(delivery.record->status, PH_STATE_FAILED);
    message.id = id_of(2); // the repeat of an append whose recipients are gone
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    message.id = id_of(3);
    assert_int_equal(storage_append_one(fake, &message), PH_NOT_FOUND);
}

static void test_alert_marks(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    message.priority = PH_PRIORITY_ALERT;
    storage_post(fake, &message);
    assert_int_equal(storage_counts(fake).alerts_waiting, 1);
    assert_int_equal(storage_lease_some(fake, PH_MARK_ALERT, 10).count, 0);
    fake->now += 30000;
    struct ph_leased leased = storage_lease_some(fake, PH_MARK_ALERT, 10);
    assert_int_equal(leased.count, 1);
    assert_true(text_is(leased.marks[0]->record->body, "a body"));
    assert_true(text_is(leased.marks[0]->record->subject, "subject"));
    assert_int_equal(storage_lease_some(fake, PH_MARK_ALERT, 10).count, 0);
    struct ph_settle settle = {.id = id_of(1), .mark = PH_MARK_ALERT};
    assert_int_equal(STORAGE_DO(fake, settle, &settle), PH_OK);
    assert_int_equal(STORAGE_DO(fake, settle, &settle), PH_OK);
    assert_int_equal(storage_counts(fake).alerts_waiting, 0);
    settle.mark = PH_MARK_OUTBOX;
    assert_int_equal(STORAGE_DO(fake, settle, &settle), PH_INVALID);
}

static void test_fail_counts_by_number(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_failed failed;
    struct ph_failure entry = {
        .id = id_of(1), .attempt = 1, .limit = 3, .retry_in_ms = 5000, .reason = text_of("first")};
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_NOT_FOUND);
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_OK);
    assert_int_equal(failed.failures, 1);
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_DUPLICATE);
    assert_int_equal(failed.failures, 1);
    entry.attempt = 3;
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_INVALID);
    assert_int_equal(storage_lease_some(fake, PH_MARK_OUTBOX, 1).count, 0);
    fake->now += 5000;
    assert_int_equal(storage_lease_some(fake, PH_MARK_OUTBOX, 1).count, 1);
    entry.attempt = 2;
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_OK);
    assert_false(failed.dead);
    entry.attempt = 3;
    entry.reason = text_of("last");
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_OK);
    assert_true(failed.dead);
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_NOT_FOUND);
    assert_int_equal(storage_counts(fake).dead, 1);
    assert_int_equal(storage_counts(fake).documents_waiting, 1);
    assert_int_equal(storage_counts(fake).outbox_waiting, 0);
}

static void kill_message(struct fake_host *fake, uint64_t number)
{
    struct ph_failure entry = {.id = id_of(number), .attempt = 1, .limit = 1, .reason = text_of("why")};
    struct ph_message message = message_of(number);
    struct ph_failed failed;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(STORAGE(fake, fail, &entry, &failed), PH_OK);
    assert_true(failed.dead);
}

static void test_dead_letters(void **state)
{
    struct fake_host *fake = *state;
    for (uint64_t i = 1; i <= 3; i++)
        kill_message(fake, i);
    struct ph_read read = {.limit = 2, .byte_limit = 1000};
    struct ph_page page;
    assert_int_equal(STORAGE(fake, dead_read, &read, &page), PH_OK);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.head, 3);
    assert_true(text_is(page.records[0]->reason, "why"));
    assert_int_equal(page.records[0]->status, PH_STATE_DEAD);
    assert_int_equal(page.records[0]->first_failed_at, fake->now);
    read.after = page.records[1]->position;
    assert_int_equal(STORAGE(fake, dead_read, &read, &page), PH_OK);
    assert_int_equal(page.count, 1);
    assert_int_equal(number_of(page.records[0]->id), 3);
}

static void test_redrive_opens_again(void **state)
{
    struct fake_host *fake = *state;
    struct ph_delivery delivery;
    struct ph_pick pick = {.id = id_of(2)};
    kill_message(fake, 1);
    kill_message(fake, 2);
    assert_int_equal(storage_deliver_one(fake, 2, &delivery), PH_DUPLICATE);
    assert_int_equal(delivery.record->status, PH_STATE_DEAD);
    assert_int_equal(STORAGE_DO(fake, redrive, &pick), PH_OK);
    assert_int_equal(STORAGE_DO(fake, redrive, &pick), PH_NOT_FOUND);
    assert_int_equal(storage_counts(fake).dead, 1);
    struct ph_leased leased = storage_lease_some(fake, PH_MARK_OUTBOX, 10);
    assert_int_equal(leased.count, 1);
    assert_int_equal(number_of(leased.marks[0]->id), 2);
    assert_int_equal(storage_deliver_one(fake, 2, &delivery), PH_OK);
    assert_true(delivery.delivered);
    assert_int_equal(delivery.record->failures, 0);
    assert_int_equal(delivery.record->first_failed_at, 0);
}

static void test_lease_order_and_more(void **state)
{
    struct fake_host *fake = *state;
    static const uint32_t dues[] = {300, 100, 200, 100};
    for (uint64_t i = 0; i < 4; i++) {
        struct ph_message message = message_of(i + 1);
        message.due_in_ms = dues[i];
        assert_int_equal(storage_append_one(fake, &message), PH_OK);
    }
    fake->now += 299;
    struct ph_leased leased = storage_lease_some(fake, PH_MARK_OUTBOX, 2);
    assert_int_equal(leased.count, 2);
    assert_true(leased.more);
    assert_int_equal(number_of(leased.marks[0]->id), 2);
    assert_int_equal(number_of(leased.marks[1]->id), 4);
    assert_true(text_is(leased.marks[0]->trace, "00-trace"));
    leased = storage_lease_some(fake, PH_MARK_OUTBOX, 2);
    assert_int_equal(leased.count, 1);
    assert_false(leased.more);
    fake->now += 30000; // the leases end by themselves
    assert_int_equal(storage_lease_some(fake, PH_MARK_OUTBOX, 10).count, 4);
}

static void test_postpone(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_postpone entry = {.id = id_of(1), .due_in_ms = 30000};
    assert_int_equal(STORAGE_DO(fake, postpone, &entry), PH_NOT_FOUND);
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(STORAGE_DO(fake, postpone, &entry), PH_OK);
    assert_int_equal(storage_lease_some(fake, PH_MARK_OUTBOX, 10).count, 0);
    fake->now += 30000;
    struct ph_leased leased = storage_lease_some(fake, PH_MARK_OUTBOX, 10);
    assert_int_equal(leased.count, 1);
    assert_int_equal(leased.marks[0]->sends, 1);
    assert_int_equal(storage_counts(fake).outbox_oldest_ms, 30000);
    assert_int_equal(storage_deliver_one(fake, 1, NULL), PH_OK);
    assert_int_equal(STORAGE_DO(fake, postpone, &entry), PH_NOT_FOUND);
}

static void test_expire(void **state)
{
    struct fake_host *fake = *state;
    for (uint64_t i = 1; i <= 3; i++) {
        struct ph_message message = message_of(i);
        message.expires_at = fake->now + 1000 * (int64_t)i;
        assert_int_equal(storage_append_one(fake, &message), PH_OK);
    }
    assert_int_equal(storage_deliver_one(fake, 3, NULL), PH_OK);
    fake->now += 3000;
    struct ph_leased leased = storage_lease_some(fake, PH_MARK_OUTBOX, 10);
    assert_int_equal(leased.count, 0);
    assert_false(leased.more);
    struct ph_expire entry = {.limit = 1};
    struct ph_swept swept;
    assert_int_equal(STORAGE(fake, expire, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 1);
    assert_true(swept.more);
    entry.limit = 10;
    assert_int_equal(STORAGE(fake, expire, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 1);
    assert_false(swept.more);
    struct ph_delivery delivery;
    assert_int_equal(storage_deliver_one(fake, 1, &delivery), PH_DUPLICATE);
    assert_int_equal(delivery.record->status, PH_STATE_EXPIRED);
    assert_int_equal(storage_deliver_one(fake, 3, &delivery), PH_DUPLICATE);
    assert_int_equal(delivery.record->status, PH_STATE_DELIVERED); // what is recorded counts
    leased = storage_lease_some(fake, PH_MARK_DOCUMENT, 10);
    assert_int_equal(leased.count, 2);
    assert_int_equal(leased.marks[0]->record->status, PH_STATE_EXPIRED);
}

static void test_document_marks(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_mark_document entry = {.id = id_of(1), .due_in_ms = 1000};
    assert_int_equal(STORAGE_DO(fake, mark, &entry), PH_NOT_FOUND);
    storage_post(fake, &message);
    assert_int_equal(STORAGE_DO(fake, mark, &entry), PH_OK);
    assert_int_equal(STORAGE_DO(fake, mark, &entry), PH_OK);
    assert_int_equal(storage_counts(fake).documents_waiting, 1);
    fake->now += 1000;
    struct ph_leased leased = storage_lease_some(fake, PH_MARK_DOCUMENT, 10);
    assert_int_equal(leased.count, 1);
    assert_int_equal(leased.marks[0]->record->body.length, 0);
    assert_int_equal(leased.marks[0]->record->recipients[0]->state, PH_STATE_DELIVERED);
    struct ph_settle settle = {.id = id_of(1), .mark = PH_MARK_DOCUMENT};
    assert_int_equal(STORAGE_DO(fake, settle, &settle), PH_OK);
    assert_int_equal(storage_counts(fake).documents_waiting, 0);
}

int main(void)
{
#define STORAGE_TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(test_append_repeats),
        STORAGE_TEST(test_append_keys),
        STORAGE_TEST(test_append_twins_in_one_call),
        STORAGE_TEST(test_append_names_who_is_unknown),
        STORAGE_TEST(test_append_refuses_disorder),
        cmocka_unit_test(test_append_is_bounded),
        STORAGE_TEST(test_calls_without_entries),
        STORAGE_TEST(test_deliver_gives_positions),
        STORAGE_TEST(test_deliver_repeats),
        STORAGE_TEST(test_deliver_without_arena_is_uncertain),
        STORAGE_TEST(test_deliver_too_early),
        STORAGE_TEST(test_deliver_too_late),
        STORAGE_TEST(test_deliver_to_removed_users),
        STORAGE_TEST(test_alert_marks),
        STORAGE_TEST(test_fail_counts_by_number),
        STORAGE_TEST(test_dead_letters),
        STORAGE_TEST(test_redrive_opens_again),
        STORAGE_TEST(test_lease_order_and_more),
        STORAGE_TEST(test_postpone),
        STORAGE_TEST(test_expire),
        STORAGE_TEST(test_document_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
