// SPDX-License-Identifier: Apache-2.0
//
// storage-sqlite, what readers see and do; users, sessions and purge.
#include "tests/unit/storage_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY ((int64_t)24 * 3600 * 1000)

// ------------------------------------------------------------------------------------------ readers

static void test_inbox_by_cursor(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++) {
        storage_append(storage_message(i), NULL);
        storage_deliver(i);
    }
    uint64_t after = 0;
    for (unsigned i = 1; i <= 5; i += 2) {
        struct test_call *call = storage_inbox("ben", after, 2);
        const struct ph_page *page = OUTPUT(call, struct ph_page);
        struct ph_id id = id_from(i);
        assert_int_equal(page->count, i < 5 ? 2 : 1);
        assert_int_equal(page->head, 5);
        assert_memory_equal(&page->records[0]->id, &id, sizeof(id));
        assert_string_equal(page->records[0]->sender.bytes, "ann");
        assert_string_equal(page->records[0]->body.bytes, "the body");
        assert_string_equal(page->records[0]->recipients[0]->name.bytes, "ben");
        assert_true(page->records[0]->delivered_at > 0);
        assert_true(page->records[0]->position > after);
        after = page->records[page->count - 1]->position;
        test_call_free(call);
    }
    // A byte limit gives at least one record.
    struct ph_read entry = {.user = text_from("ben"), .limit = 10, .byte_limit = 1};
    struct test_call *call = RUN(PH_STORAGE_INBOX_READ, inbox_read, entry, struct ph_page);
    assert_int_equal(OUTPUT(call, struct ph_page)->count, 1);
    test_call_free(call);
    call = storage_inbox("ben", UINT64_MAX, 2);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_int_equal(OUTPUT(call, struct ph_page)->count, 0);
    test_call_free(call);
    call = storage_inbox("nobody", 0, 2);
    assert_int_equal(test_outcome(call, 0), PH_NOT_FOUND);
    test_call_free(call);
    struct ph_head head = {.user = text_from("ben")};
    call = RUN(PH_STORAGE_INBOX_HEAD, inbox_head, head, struct ph_head_position);
    assert_int_equal(OUTPUT(call, struct ph_head_position)->head, 5);
    test_call_free(call);
}

static uint64_t ack(const char *user, const struct ph_id *ids, size_t count)
{
    struct ph_ack entry = {.user = text_from(user), .ids = ids, .id_count = count};
    struct test_call *call = RUN(PH_STORAGE_INBOX_ACK, inbox_ack, entry, struct ph_acked);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    uint64_t acked = OUTPUT(call, struct ph_acked)->acked;
    test_call_free(call);
    return acked;
}

static void test_ack_and_remove(void **state)
{
    (void)state;
    struct ph_id ids[] = {id_from(1), id_from(2), id_from(3)};
    for (unsigned i = 1; i <= 3; i++)
        storage_append(storage_message(i), NULL);
    storage_deliver(1);
    storage_deliver(2);
    assert_int_equal(ack("ben", ids, 3), 2);
    assert_int_equal(ack("ben", ids, 3), 2);
    assert_int_equal(ack("ann", ids, 3), 0);
    struct test_call *call = storage_inbox("ben", 0, 1);
    assert_true(OUTPUT(call, struct ph_page)->records[0]->read_at > 0);
    test_call_free(call);
    ph_start_f *remove = storage_slots()->inbox_remove;
    ph_start_f *get = storage_slots()->message_get;
    assert_int_equal(storage_pick(PH_STORAGE_MESSAGE_GET, get, "ben", 1), PH_OK);
    assert_int_equal(storage_pick(PH_STORAGE_INBOX_REMOVE, remove, "ben", 1), PH_OK);
    assert_int_equal(storage_pick(PH_STORAGE_INBOX_REMOVE, remove, "ben", 1), PH_DUPLICATE);
    assert_int_equal(storage_pick(PH_STORAGE_INBOX_REMOVE, remove, "ben", 3), PH_NOT_FOUND);
    assert_int_equal(storage_pick(PH_STORAGE_INBOX_REMOVE, remove, "ann", 2), PH_NOT_FOUND);
    assert_int_equal(storage_pick(PH_STORAGE_MESSAGE_GET, get, "ben", 1), PH_NOT_FOUND);
    assert_int_equal(storage_pick(PH_STORAGE_MESSAGE_GET, get, "ann", 1), PH_OK);
    assert_int_equal(ack("ben", ids, 3), 1);
    assert_int_equal(storage_deliver(1), PH_DUPLICATE);
    assert_int_equal(storage_inbox_count("ben"), 1);
}

static void test_sent(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++)
        storage_append(storage_message(i), NULL);
    struct test_call *call = storage_read_list(PH_STORAGE_SENT_READ, storage_slots()->sent_read, "ann", 0, 2);
    const struct ph_page *page = OUTPUT(call, struct ph_page);
    assert_int_equal(page->count, 2);
    assert_true(page->records[0]->position < page->records[1]->position);
    assert_int_equal(page->records[0]->status, PH_STATE_ACCEPTED);
    uint64_t after = page->records[1]->position;
    test_call_free(call);
    call = storage_read_list(PH_STORAGE_SENT_READ, storage_slots()->sent_read, "ann", after, 2);
    assert_int_equal(OUTPUT(call, struct ph_page)->count, 1);
    assert_int_equal(OUTPUT(call, struct ph_page)->head, OUTPUT(call, struct ph_page)->records[0]->position);
    test_call_free(call);
}

// ------------------------------------------------------------------------------------------ users and sessions

static void test_users(void **state)
{
    (void)state;
    assert_int_equal(storage_add_user("carl", 3), PH_OK);
    assert_int_equal(storage_add_user("carl", 3), PH_OK);
    assert_int_equal(storage_add_user("carl", 4), PH_CONFLICT);
    struct ph_user_list entry = {.after = text_from("ann"), .limit = 1};
    struct test_call *call = RUN(PH_STORAGE_USER_LIST, user_list, entry, struct ph_users);
    const struct ph_users *users = OUTPUT(call, struct ph_users);
    assert_int_equal(users->count, 1);
    assert_true(users->more);
    assert_string_equal(users->users[0]->name.bytes, "ben");
    assert_int_equal(users->users[0]->password.length, 0);
    test_call_free(call);
    struct ph_user_name name = {.name = text_from("carl")};
    call = RUN(PH_STORAGE_USER_GET, user_get, name, struct ph_user);
    assert_string_equal(OUTPUT(call, struct ph_user)->password.bytes, "hash");
    test_call_free(call);
}

static enum ph_outcome session(ph_start_f *slot, enum ph_operation operation, uint8_t token)
{
    struct ph_session_token entry = {.token_hash = {token}};
    struct test_call *call =
        test_call_run(&storage, operation, slot, 1, &entry, sizeof(entry), sizeof(struct ph_session));
    enum ph_outcome outcome = test_outcome(call, 0);
    test_call_free(call);
    return outcome;
}

static enum ph_outcome session_add(const char *user, uint8_t token, int64_t *expires_at_r)
{
    struct ph_session_add entry = {.token_hash = {token}, .user = text_from(user), .lifetime_ms = 10000};
    struct test_call *call = RUN(PH_STORAGE_SESSION_ADD, session_add, entry, struct ph_session);
    enum ph_outcome outcome = test_outcome(call, 0);
    *expires_at_r = OUTPUT(call, struct ph_session)->expires_at;
    test_call_free(call);
    return outcome;
}

static void test_sessions(void **state)
{
    (void)state;
    int64_t first;
    int64_t again;
    ph_start_f *get = storage_slots()->session_get;
    assert_int_equal(session_add("ann", 1, &first), PH_OK);
    host->clock_offset += 5;
    assert_int_equal(session_add("ann", 1, &again), PH_OK);
    assert_int_equal(first, again);
    assert_int_equal(session_add("ann", 2, &again), PH_OK);
    assert_int_equal(session_add("nobody", 3, &again), PH_NOT_FOUND);
    struct ph_user_password entry = {.name = text_from("ann"), .password = text_from("new"), .keep_session = {2}};
    struct test_call *call =
        test_call_run(&storage, PH_STORAGE_USER_PASSWORD, storage_slots()->user_password, 1, &entry, sizeof(entry), 0);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
    assert_int_equal(session(get, PH_STORAGE_SESSION_GET, 1), PH_NOT_FOUND);
    assert_int_equal(session(get, PH_STORAGE_SESSION_GET, 2), PH_OK);
    assert_int_equal(session(storage_slots()->session_remove, PH_STORAGE_SESSION_REMOVE, 2), PH_OK);
    assert_int_equal(session(storage_slots()->session_remove, PH_STORAGE_SESSION_REMOVE, 2), PH_OK);
    assert_int_equal(session(get, PH_STORAGE_SESSION_GET, 2), PH_NOT_FOUND);
    session_add("ann", 4, &again);
    host->clock_offset += 10001;
    assert_int_equal(session(get, PH_STORAGE_SESSION_GET, 4), PH_NOT_FOUND);
    session_add("ben", 5, &again);
    storage_remove_user("ben");
    assert_int_equal(session(get, PH_STORAGE_SESSION_GET, 5), PH_NOT_FOUND);
}

// ------------------------------------------------------------------------------------------ purge

static uint64_t purge_all(void)
{
    uint64_t count = 0;
    bool more = true;
    for (int round = 0; more && round < 1000; round++) {
        struct ph_purge entry = {.retention_ms = DAY, .key_retention_ms = DAY, .limit = 3};
        struct test_call *call = RUN(PH_STORAGE_PURGE, purge, entry, struct ph_swept);
        assert_int_equal(test_outcome(call, 0), PH_OK);
        count += OUTPUT(call, struct ph_swept)->count;
        more = OUTPUT(call, struct ph_swept)->more;
        test_call_free(call);
    }
    assert_false(more);
    return count;
}

static void test_purge(void **state)
{
    (void)state;
    int64_t unused;
    for (unsigned i = 1; i <= 20; i++) {
        struct ph_message entry = storage_message(i);
        entry.idempotency_key = text_from(i % 2 ? "odd" : "even");
        entry.content_hash[0] = 1;
        entry.idempotency_key.length = i <= 2 ? entry.idempotency_key.length : 0;
        assert_int_equal(storage_append(entry, NULL), PH_OK);
        if (i != 7)
            storage_deliver(i);
    }
    session_add("ann", 1, &unused);
    assert_int_equal(purge_all(), 0);
    struct ph_mark_document mark = {.id = id_from(8)};
    test_call_free(test_call_run(&storage, PH_STORAGE_MARK, storage_slots()->mark, 1, &mark, sizeof(mark), 0));
    host->clock_offset += DAY + 5000;
    // 18 messages with a recipient each, two keys, a session; the open and the marked one stay.
    assert_int_equal(purge_all(), 18 * 2 + 2 + 1);
    assert_int_equal(storage_inbox_count("ben"), 1);
    struct test_call *call = storage_read_list(PH_STORAGE_SENT_READ, storage_slots()->sent_read, "ann", 0, 100);
    assert_int_equal(OUTPUT(call, struct ph_page)->count, 2);
    assert_int_equal(OUTPUT(call, struct ph_page)->head, 20);
    test_call_free(call);
    assert_int_equal(storage_deliver(1), PH_NOT_FOUND);
    assert_int_equal(storage_deliver(7), PH_OK);
    storage_append(storage_message(30), NULL);
    assert_int_equal(storage_deliver(30), PH_OK);
    call = storage_inbox("ben", 20, 10);
    assert_int_equal(OUTPUT(call, struct ph_page)->records[0]->position, 21);
    test_call_free(call);
}

// More of those that must stay than one step looks at: the next step goes on behind them.
static void test_purge_passes_what_stays(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 40; i++)
        storage_append(storage_message(i), NULL);
    for (unsigned i = 36; i <= 40; i++)
        storage_deliver(i);
    host->clock_offset += DAY + 5000;
    assert_int_equal(purge_all(), 5 * 2);
    assert_int_equal(purge_all(), 0);
    assert_int_equal(storage_stats().outbox_waiting, 35);
}

static void test_purge_of_a_removed_user(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 10; i++) {
        storage_append(storage_message(i), NULL);
        storage_deliver(i);
    }
    storage_remove_user("ben");
    assert_int_equal(purge_all(), 10);
    assert_int_equal(purge_all(), 0);
    assert_int_equal(storage_pick(PH_STORAGE_MESSAGE_GET, storage_slots()->message_get, "ann", 1), PH_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_set_up, storage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_inbox_by_cursor),
        TEST(test_ack_and_remove),
        TEST(test_sent),
        TEST(test_users),
        TEST(test_sessions),
        TEST(test_purge),
        TEST(test_purge_passes_what_stays),
        TEST(test_purge_of_a_removed_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
