// SPDX-License-Identifier: Apache-2.0
//
// storage-sqlite, what writes: what each operation answers, what a repeat answers, and what is left of a refusal.
#include "tests/unit/storage_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// ------------------------------------------------------------------------------------------ accept and deliver

static void test_append_is_kept(void **state)
{
    (void)state;
    struct ph_accepted first;
    struct ph_accepted again;
    assert_int_equal(storage_append(storage_message(1), &first), PH_OK);
    assert_true(first.accepted_at > 0);
    storage_reopen();
    assert_int_equal(storage_append(storage_message(1), &again), PH_OK);
    assert_int_equal(first.accepted_at, again.accepted_at);
    assert_int_equal(storage_stats().outbox_waiting, 1);
}

static void test_append_names_unknown(void **state)
{
    (void)state;
    static const struct ph_text names[] = {{"ann", 3}, {"nobody", 6}, {"zoe", 3}};
    struct ph_message entries[2] = {storage_message(1), storage_message(2)};
    entries[0].recipients = names;
    entries[0].recipient_count = 3;
    entries[0].sender = text_from("zoe");
    struct test_call *call = test_call_run(&storage, PH_STORAGE_APPEND, storage_slots()->append, 2, entries,
                                           sizeof(entries[0]), sizeof(struct ph_accepted));
    const struct ph_accepted *accepted = call->call.outputs[0];
    assert_int_equal(test_outcome(call, 0), PH_NOT_FOUND);
    assert_int_equal(accepted->unknown_count, 2);
    assert_string_equal(accepted->unknown[0].bytes, "zoe");
    assert_string_equal(accepted->unknown[1].bytes, "nobody");
    // The other entry of the batch is done.
    assert_int_equal(test_outcome(call, 1), PH_OK);
    test_call_free(call);
    assert_int_equal(storage_stats().outbox_waiting, 1);
}

static void test_append_keys(void **state)
{
    (void)state;
    struct ph_message entries[4] = {storage_message(1), storage_message(2), storage_message(3), storage_message(4)};
    for (size_t i = 0; i < 4; i++)
        entries[i].idempotency_key = text_from(i == 3 ? "other" : "key");
    entries[2].content_hash[31] = 1;
    // Twins in one call, and in one after it.
    struct test_call *call = test_call_run(&storage, PH_STORAGE_APPEND, storage_slots()->append, 4, entries,
                                           sizeof(entries[0]), sizeof(struct ph_accepted));
    const struct ph_accepted *twin = call->call.outputs[1];
    struct ph_id first = id_from(1);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_int_equal(test_outcome(call, 1), PH_DUPLICATE);
    assert_memory_equal(&twin->id, &first, sizeof(first));
    assert_int_equal(test_outcome(call, 2), PH_CONFLICT);
    assert_int_equal(test_outcome(call, 3), PH_OK);
    test_call_free(call);
    struct ph_accepted later;
    assert_int_equal(storage_append(entries[1], &later), PH_DUPLICATE);
    assert_memory_equal(&later.id, &first, sizeof(first));
    // A repeat of the first itself, also after its recipient has gone.
    assert_int_equal(storage_remove_user("ben"), PH_OK);
    assert_int_equal(storage_append(entries[0], NULL), PH_OK);
    assert_int_equal(storage_append(entries[1], NULL), PH_DUPLICATE);
    assert_int_equal(storage_append(storage_message(9), NULL), PH_NOT_FOUND);
    assert_int_equal(storage_stats().outbox_waiting, 2);
}

static void test_append_refuses_disorder(void **state)
{
    (void)state;
    static const struct ph_text twice[] = {{"ben", 3}, {"ben", 3}};
    struct ph_message entry = storage_message(1);
    entry.recipients = twice;
    entry.recipient_count = 2;
    assert_int_equal(storage_append(entry, NULL), PH_INVALID);
    entry.recipient_count = 0;
    assert_int_equal(storage_append(entry, NULL), PH_INVALID);
}

static void test_deliver_once(void **state)
{
    (void)state;
    struct ph_message entry = storage_message(1);
    entry.recipients = ann_ben;
    entry.recipient_count = 2;
    assert_int_equal(storage_append(entry, NULL), PH_OK);
    struct test_call *call = storage_deliver_call(1);
    const struct ph_delivery *delivery = OUTPUT(call, struct ph_delivery);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_true(delivery->delivered);
    assert_int_equal(delivery->record->status, PH_STATE_DELIVERED);
    assert_int_equal(delivery->record->recipient_count, 2);
    assert_int_equal(delivery->record->body_length, 8);
    assert_true(delivery->record->finished_at >= delivery->record->accepted_at);
    int64_t finished_at = delivery->record->finished_at;
    test_call_free(call);
    call = storage_deliver_call(1);
    delivery = OUTPUT(call, struct ph_delivery);
    assert_int_equal(test_outcome(call, 0), PH_DUPLICATE);
    assert_false(delivery->delivered);
    assert_int_equal(delivery->record->status, PH_STATE_DELIVERED);
    assert_int_equal(delivery->record->finished_at, finished_at);
    test_call_free(call);
    assert_int_equal(storage_deliver(2), PH_NOT_FOUND);
    assert_int_equal(storage_inbox_count("ann"), 1);
    assert_int_equal(storage_inbox_count("ben"), 1);
    assert_int_equal(storage_stats().outbox_waiting, 0);
}

static void test_deliver_twice_in_one_call(void **state)
{
    (void)state;
    struct ph_deliver entries[2] = {{.id = id_from(1)}, {.id = id_from(1)}};
    storage_append(storage_message(1), NULL);
    struct test_call *call = test_call_run(&storage, PH_STORAGE_DELIVER, storage_slots()->deliver, 2, entries,
                                           sizeof(entries[0]), sizeof(struct ph_delivery));
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_int_equal(test_outcome(call, 1), PH_DUPLICATE);
    test_call_free(call);
    assert_int_equal(storage_inbox_count("ben"), 1);
}

static void test_repeat_brings_no_alert_back(void **state)
{
    (void)state;
    struct ph_message entry = storage_message(1);
    entry.priority = PH_PRIORITY_ALERT;
    storage_append(entry, NULL);
    assert_int_equal(storage_deliver(1), PH_OK);
    struct ph_settle settle = {.id = id_from(1), .mark = PH_MARK_ALERT};
    test_call_free(test_call_run(&storage, PH_STORAGE_SETTLE, storage_slots()->settle, 1, &settle, sizeof(settle), 0));
    assert_int_equal(storage_deliver(1), PH_DUPLICATE);
    assert_int_equal(storage_stats().alerts_waiting, 0);
}

static void test_deliver_waits_for_its_time(void **state)
{
    (void)state;
    struct ph_message entry = storage_message(1);
    entry.deliver_at = host->host.now(&host->host) + 60000;
    storage_append(entry, NULL);
    struct test_call *call = storage_deliver_call(1);
    const struct ph_delivery *delivery = OUTPUT(call, struct ph_delivery);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_false(delivery->delivered);
    assert_int_equal(delivery->due_at, entry.deliver_at);
    assert_int_equal(delivery->record->status, PH_STATE_ACCEPTED);
    assert_int_equal(delivery->record->finished_at, 0);
    test_call_free(call);
    assert_int_equal(storage_stats().outbox_oldest_ms, 0);
    host->clock_offset += 61000;
    assert_true(storage_stats().outbox_oldest_ms >= 1000);
    assert_int_equal(storage_lease(PH_MARK_OUTBOX, 10), 1);
    assert_int_equal(storage_deliver(1), PH_OK);
    assert_int_equal(storage_inbox_count("ben"), 1);
}

static void test_expiry(void **state)
{
    (void)state;
    struct ph_message entry = storage_message(1);
    entry.expires_at = host->host.now(&host->host) + 1000;
    storage_append(entry, NULL);
    entry.id = id_from(2);
    storage_append(entry, NULL);
    entry.id = id_from(3);
    storage_append(entry, NULL);
    assert_int_equal(storage_deliver(1), PH_OK);
    assert_int_equal(storage_inbox_count("ben"), 1);
    host->clock_offset += 20000;
    // Hidden once expired, but delivered all the same.
    assert_int_equal(storage_inbox_count("ben"), 0);
    assert_int_equal(storage_lease(PH_MARK_OUTBOX, 10), 0);
    struct test_call *call = storage_deliver_call(2);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_int_equal(OUTPUT(call, struct ph_delivery)->record->status, PH_STATE_EXPIRED);
    assert_false(OUTPUT(call, struct ph_delivery)->delivered);
    test_call_free(call);
    struct ph_expire sweep = {.limit = 10};
    call = RUN(PH_STORAGE_EXPIRE, expire, sweep, struct ph_swept);
    assert_int_equal(OUTPUT(call, struct ph_swept)->count, 1);
    assert_false(OUTPUT(call, struct ph_swept)->more);
    test_call_free(call);
    // Only the sweep's has a document mark; the other's deliverer puts it.
    call = storage_lease_call(PH_MARK_DOCUMENT, 10);
    struct ph_id third = id_from(3);
    assert_int_equal(OUTPUT(call, struct ph_leased)->count, 1);
    assert_memory_equal(&OUTPUT(call, struct ph_leased)->marks[0]->id, &third, sizeof(third));
    assert_int_equal(OUTPUT(call, struct ph_leased)->marks[0]->record->status, PH_STATE_EXPIRED);
    test_call_free(call);
    call = storage_deliver_call(1);
    assert_int_equal(OUTPUT(call, struct ph_delivery)->record->status, PH_STATE_DELIVERED);
    test_call_free(call);
    assert_int_equal(storage_pick(PH_STORAGE_MESSAGE_GET, storage_slots()->message_get, "ben", 1), PH_NOT_FOUND);
    assert_int_equal(storage_pick(PH_STORAGE_MESSAGE_GET, storage_slots()->message_get, "ann", 1), PH_OK);
}

static void test_removed_user_fails(void **state)
{
    (void)state;
    struct ph_message entry = storage_message(1);
    entry.recipients = ann_ben;
    entry.recipient_count = 2;
    storage_append(entry, NULL);
    storage_append(storage_message(2), NULL);
    assert_int_equal(storage_remove_user("ben"), PH_OK);
    assert_int_equal(storage_remove_user("ben"), PH_DUPLICATE);
    assert_int_equal(storage_remove_user("nobody"), PH_NOT_FOUND);
    struct test_call *call = storage_deliver_call(1);
    const struct ph_record *record = OUTPUT(call, struct ph_delivery)->record;
    assert_int_equal(record->status, PH_STATE_DELIVERED);
    assert_int_equal(record->recipients[1]->state, PH_STATE_FAILED);
    test_call_free(call);
    call = storage_deliver_call(2);
    assert_int_equal(OUTPUT(call, struct ph_delivery)->record->status, PH_STATE_FAILED);
    assert_false(OUTPUT(call, struct ph_delivery)->delivered);
    test_call_free(call);
    assert_int_equal(storage_add_user("ben", 77), PH_CONFLICT);
    assert_int_equal(storage_add_user("ben", 102), PH_OK);
    call = storage_inbox("ben", 0, 10);
    assert_int_equal(test_outcome(call, 0), PH_NOT_FOUND);
    test_call_free(call);
}

static enum ph_outcome fail_attempt(unsigned number, uint32_t attempt, struct ph_failed *failed_r)
{
    struct ph_failure entry = {
        .id = id_from(number), .attempt = attempt, .limit = 3, .retry_in_ms = 1000, .reason = text_from("no room")};
    struct test_call *call = RUN(PH_STORAGE_FAIL, fail, entry, struct ph_failed);
    enum ph_outcome outcome = test_outcome(call, 0);
    *failed_r = *OUTPUT(call, struct ph_failed);
    test_call_free(call);
    return outcome;
}

static void test_dead_and_redriven(void **state)
{
    (void)state;
    struct ph_failed failed;
    storage_append(storage_message(1), NULL);
    assert_int_equal(fail_attempt(2, 1, &failed), PH_NOT_FOUND);
    assert_int_equal(fail_attempt(1, 1, &failed), PH_OK);
    assert_int_equal(fail_attempt(1, 1, &failed), PH_DUPLICATE);
    assert_int_equal(failed.failures, 1);
    assert_int_equal(fail_attempt(1, 3, &failed), PH_INVALID);
    assert_int_equal(fail_attempt(1, 2, &failed), PH_OK);
    assert_false(failed.dead);
    assert_int_equal(storage_pick(PH_STORAGE_REDRIVE, storage_slots()->redrive, "", 1), PH_NOT_FOUND);
    assert_int_equal(fail_attempt(1, 3, &failed), PH_OK);
    assert_true(failed.dead);
    assert_int_equal(fail_attempt(1, 3, &failed), PH_NOT_FOUND);
    assert_int_equal(storage_stats().dead, 1);
    assert_int_equal(storage_stats().documents_waiting, 1);
    assert_int_equal(storage_deliver(1), PH_DUPLICATE);
    struct test_call *call = storage_read_list(PH_STORAGE_DEAD_READ, storage_slots()->dead_read, "", 0, 10);
    const struct ph_page *page = OUTPUT(call, struct ph_page);
    assert_int_equal(page->count, 1);
    assert_int_equal(page->head, 1);
    assert_int_equal(page->records[0]->failures, 3);
    assert_string_equal(page->records[0]->reason.bytes, "no room");
    assert_int_equal(page->records[0]->status, PH_STATE_DEAD);
    test_call_free(call);
    assert_int_equal(storage_pick(PH_STORAGE_REDRIVE, storage_slots()->redrive, "", 1), PH_OK);
    assert_int_equal(storage_pick(PH_STORAGE_REDRIVE, storage_slots()->redrive, "", 1), PH_NOT_FOUND);
    assert_int_equal(storage_stats().dead, 0);
    assert_int_equal(storage_lease(PH_MARK_OUTBOX, 10), 1);
    call = storage_deliver_call(1);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_int_equal(OUTPUT(call, struct ph_delivery)->record->failures, 0);
    test_call_free(call);
    assert_int_equal(storage_inbox_count("ben"), 1);
}

// ------------------------------------------------------------------------------------------ marks

static void test_marks(void **state)
{
    (void)state;
    struct ph_message entry = storage_message(1);
    entry.priority = PH_PRIORITY_ALERT;
    storage_append(entry, NULL);
    assert_int_equal(storage_lease(PH_MARK_OUTBOX, 10), 0);
    host->clock_offset += 11000;
    assert_int_equal(storage_lease(PH_MARK_OUTBOX, 10), 1);
    assert_int_equal(storage_lease(PH_MARK_OUTBOX, 10), 0);
    struct ph_postpone later = {.id = id_from(1), .due_in_ms = 30000};
    struct test_call *call =
        test_call_run(&storage, PH_STORAGE_POSTPONE, storage_slots()->postpone, 1, &later, sizeof(later), 0);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
    host->clock_offset += 31000;
    call = storage_lease_call(PH_MARK_OUTBOX, 10);
    assert_int_equal(OUTPUT(call, struct ph_leased)->marks[0]->sends, 1);
    assert_int_equal(OUTPUT(call, struct ph_leased)->marks[0]->trace.length, 55);
    assert_null(OUTPUT(call, struct ph_leased)->marks[0]->record);
    test_call_free(call);
    storage_deliver(1);
    call = test_call_run(&storage, PH_STORAGE_POSTPONE, storage_slots()->postpone, 1, &later, sizeof(later), 0);
    assert_int_equal(test_outcome(call, 0), PH_NOT_FOUND);
    test_call_free(call);
    // The alert mark is due after the deliverer's lease.
    assert_int_equal(storage_stats().alerts_waiting, 1);
    assert_int_equal(storage_lease(PH_MARK_ALERT, 10), 0);
    host->clock_offset += 61000;
    call = storage_lease_call(PH_MARK_ALERT, 10);
    assert_int_equal(OUTPUT(call, struct ph_leased)->count, 1);
    assert_string_equal(OUTPUT(call, struct ph_leased)->marks[0]->record->body.bytes, "the body");
    test_call_free(call);
    for (int i = 0; i < 2; i++) {
        struct ph_settle settle = {.id = id_from(1), .mark = PH_MARK_ALERT};
        call = test_call_run(&storage, PH_STORAGE_SETTLE, storage_slots()->settle, 1, &settle, sizeof(settle), 0);
        assert_int_equal(test_outcome(call, 0), PH_OK);
        test_call_free(call);
    }
    assert_int_equal(storage_stats().alerts_waiting, 0);
    struct ph_mark_document documents[2] = {{.id = id_from(1)}, {.id = id_from(2)}};
    call = test_call_run(&storage, PH_STORAGE_MARK, storage_slots()->mark, 2, documents, sizeof(documents[0]), 0);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_int_equal(test_outcome(call, 1), PH_NOT_FOUND);
    test_call_free(call);
    assert_int_equal(storage_lease(PH_MARK_DOCUMENT, 10), 1);
}

static void test_lease_in_order(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++) {
        struct ph_message entry = storage_message(i);
        entry.due_in_ms = 1000 * (6 - i);
        storage_append(entry, NULL);
    }
    host->clock_offset += 10000;
    struct test_call *call = storage_lease_call(PH_MARK_OUTBOX, 3);
    const struct ph_leased *leased = OUTPUT(call, struct ph_leased);
    assert_int_equal(leased->count, 3);
    assert_true(leased->more);
    for (unsigned i = 0; i < 3; i++) {
        struct ph_id id = id_from(5 - i);
        assert_memory_equal(&leased->marks[i]->id, &id, sizeof(id));
    }
    test_call_free(call);
    call = storage_lease_call(PH_MARK_OUTBOX, 3);
    assert_int_equal(OUTPUT(call, struct ph_leased)->count, 2);
    assert_false(OUTPUT(call, struct ph_leased)->more);
    test_call_free(call);
}

// ------------------------------------------------------------------------------------------ batches

static void test_batches_of_any_size(void **state)
{
    (void)state;
    size_t many = 3000;
    struct ph_message *entries = calloc(many, sizeof(*entries));
    for (size_t i = 0; i < many; i++)
        entries[i] = storage_message((unsigned)i);
    struct test_call *call = test_call_run(&storage, PH_STORAGE_APPEND, storage_slots()->append, 0, entries,
                                           sizeof(*entries), sizeof(struct ph_accepted));
    test_call_free(call);
    call = test_call_run(&storage, PH_STORAGE_APPEND, storage_slots()->append, many, entries, sizeof(*entries),
                         sizeof(struct ph_accepted));
    for (size_t i = 0; i < many; i++)
        assert_int_equal(test_outcome(call, i), PH_OK);
    test_call_free(call);
    free(entries);
    assert_int_equal(storage_stats().outbox_waiting, many);
}

static void test_many_calls_at_once(void **state)
{
    (void)state;
    enum { CALLS = 60 };
    struct test_call *calls[CALLS];
    struct test_call *reads[CALLS];
    for (unsigned i = 0; i < CALLS; i++) {
        struct ph_message entry = storage_message(i);
        calls[i] = test_call_start(&storage, PH_STORAGE_APPEND, storage_slots()->append, 1, &entry, sizeof(entry),
                                   sizeof(struct ph_accepted));
        struct ph_read read = {.user = text_from("ben"), .limit = 1};
        reads[i] = test_call_start(&storage, PH_STORAGE_INBOX_READ, storage_slots()->inbox_read, 1, &read, sizeof(read),
                                   sizeof(struct ph_page));
    }
    for (unsigned i = 0; i < CALLS; i++) {
        test_call_wait(calls[i]);
        test_call_wait(reads[i]);
        assert_int_equal(test_outcome(calls[i], 0), PH_OK);
        assert_int_equal(test_outcome(reads[i], 0), PH_OK);
        test_call_free(calls[i]);
        test_call_free(reads[i]);
    }
    assert_int_equal(storage_stats().outbox_waiting, CALLS);
}

// Calls that wait for one that is long share the next transaction, and see what those before them did.
static void test_calls_of_one_transaction(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    struct ph_message *entries = calloc(MANY, sizeof(*entries));
    for (unsigned i = 0; i < MANY; i++)
        entries[i] = storage_message(100 + i);
    struct ph_message one = storage_message(1);
    struct ph_message two = storage_message(2);
    struct ph_user_name name = {.name = text_from("ben")};
    struct ph_deliver carry = {.id = id_from(1)};
    struct test_call *calls[5] = {
        test_call_start(&storage, PH_STORAGE_APPEND, storage_slots()->append, MANY, entries, sizeof(*entries),
                        sizeof(struct ph_accepted)),
        test_call_start(&storage, PH_STORAGE_APPEND, storage_slots()->append, 1, &one, sizeof(one),
                        sizeof(struct ph_accepted)),
        test_call_start(&storage, PH_STORAGE_USER_REMOVE, storage_slots()->user_remove, 1, &name, sizeof(name), 0),
        test_call_start(&storage, PH_STORAGE_APPEND, storage_slots()->append, 1, &two, sizeof(one),
                        sizeof(struct ph_accepted)),
        test_call_start(&storage, PH_STORAGE_DELIVER, storage_slots()->deliver, 1, &carry, sizeof(carry),
                        sizeof(struct ph_delivery)),
    };
    static const enum ph_outcome expected[5] = {PH_OK, PH_OK, PH_OK, PH_NOT_FOUND, PH_OK};
    for (size_t i = 0; i < 5; i++) {
        test_call_wait(calls[i]);
        assert_int_equal(test_outcome(calls[i], 0), expected[i]);
    }
    assert_int_equal(((struct ph_delivery *)calls[4]->call.outputs[0])->record->status, PH_STATE_FAILED);
    for (size_t i = 0; i < 5; i++)
        test_call_free(calls[i]);
    free(entries);
}

static void test_large_bodies(void **state)
{
    (void)state;
    size_t length = 256 * 1024;
    char *body = malloc(length);
    memset(body, 'x', length);
    struct ph_message entry = storage_message(1);
    entry.body = (struct ph_text){.bytes = body, .length = length};
    assert_int_equal(storage_append(entry, NULL), PH_OK);
    assert_int_equal(storage_deliver(1), PH_OK);
    struct test_call *call = storage_inbox("ben", 0, 1);
    assert_int_equal(OUTPUT(call, struct ph_page)->records[0]->body.length, length);
    assert_memory_equal(OUTPUT(call, struct ph_page)->records[0]->body.bytes, body, length);
    test_call_free(call);
    free(body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_set_up, storage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_append_is_kept),
        TEST(test_append_names_unknown),
        TEST(test_append_keys),
        TEST(test_append_refuses_disorder),
        TEST(test_deliver_once),
        TEST(test_deliver_twice_in_one_call),
        TEST(test_repeat_brings_no_alert_back),
        TEST(test_deliver_waits_for_its_time),
        TEST(test_expiry),
        TEST(test_removed_user_fails),
        TEST(test_dead_and_redriven),
        TEST(test_marks),
        TEST(test_lease_in_order),
        TEST(test_batches_of_any_size),
        TEST(test_many_calls_at_once),
        TEST(test_calls_of_one_transaction),
        TEST(test_large_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
