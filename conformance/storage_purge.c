// SPDX-License-Identifier: Apache-2.0
//
// Checks of purge: what goes, what must stay.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

#define YEAR_MS INT64_C(31536000000)
#define ROUNDS 2000

static struct subject *begin(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob");
    return subject;
}

// Purges until nothing is left to do; returns how much went.
static uint64_t purge(struct subject *subject, int64_t retention_ms, int64_t key_retention_ms)
{
    struct test *test = subject_test(subject);
    struct ph_purge *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_purge){.retention_ms = retention_ms, .key_retention_ms = key_retention_ms, .limit = 50};
    uint64_t total = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct ph_swept *swept = ask_want(ask_one(subject, PH_STORAGE_PURGE, entry), PH_OK);
        total += swept->count;
        if (!swept->more) {
            return total;
        }
    }
    test_fail(test, "purge comes to an end", "more after %d steps", ROUNDS);
}

static void purge_finished(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *done = kit_delivered(subject, "alice", "bob");
    test_step(test, "purge with a long retention");
    stand_turn(test, 20);
    purge(subject, YEAR_MS, YEAR_MS);
    kit_get(subject, "alice", done->id, PH_OK);
    stand_turn(test, 300);
    test_step(test, "purge with a retention of 150 ms, 300 ms after the delivery");
    purge(subject, 150, YEAR_MS);
    kit_get(subject, "alice", done->id, PH_NOT_FOUND);
    kit_get(subject, "bob", done->id, PH_NOT_FOUND);
    want_true(test, kit_find(kit_inbox(subject, "bob"), done->id) == NULL, "a purged message is in no inbox");
    want_true(test, kit_find(kit_read(subject, PH_STORAGE_SENT_READ, "alice", 0, 10), done->id) == NULL,
              "a purged message is in no sent list");
    kit_deliver(subject, done->id, PH_NOT_FOUND);
}

static void purge_none(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *done = kit_delivered(subject, "alice", "bob");
    stand_turn(test, 50);
    test_step(test, "purge with retention_ms 0 (none)");
    purge(subject, 0, YEAR_MS);
    kit_get(subject, "alice", done->id, PH_OK);
}

static void purge_open(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *open = kit_sent(subject, "alice", "bob");
    struct ph_message *delayed = kit_message(test, "alice", "bob");
    struct ph_message *alert = kit_message(test, "alice", "bob");
    delayed->deliver_at = time_wall() + KIT_LONG_MS;
    alert->priority = PH_PRIORITY_ALERT;
    kit_append(subject, delayed, PH_OK);
    kit_append(subject, alert, PH_OK);
    kit_deliver(subject, alert->id, PH_OK);
    const struct ph_message *marked = kit_delivered(subject, "alice", "bob");
    kit_mark(subject, marked->id, KIT_LONG_MS, PH_OK);
    stand_turn(test, 50);
    test_step(test, "purge of an open message, a delayed one, one with an alert mark and one with a document mark");
    purge(subject, 1, YEAR_MS);
    kit_get(subject, "alice", open->id, PH_OK);
    kit_get(subject, "alice", delayed->id, PH_OK);
    kit_get(subject, "alice", alert->id, PH_OK);
    kit_get(subject, "alice", marked->id, PH_OK);
    test_step(test, "purge when the marks are settled");
    kit_settle(subject, alert->id, PH_MARK_ALERT, PH_OK);
    kit_settle(subject, marked->id, PH_MARK_DOCUMENT, PH_OK);
    purge(subject, 1, YEAR_MS);
    kit_get(subject, "alice", alert->id, PH_NOT_FOUND);
    kit_get(subject, "alice", marked->id, PH_NOT_FOUND);
    kit_get(subject, "alice", open->id, PH_OK);
    kit_deliver(subject, open->id, PH_OK);
}

static void purge_keys(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_message *message = kit_message(test, "alice", "bob");
    struct ph_message *again = kit_message(test, "alice", "bob");
    kit_key(test, message, "key", 1);
    kit_key(test, again, "key", 2);
    kit_append(subject, message, PH_OK);
    kit_deliver(subject, message->id, PH_OK);
    stand_turn(test, 100);
    test_step(test, "purge of a message whose key is still to be kept, then append with that key");
    purge(subject, 1, YEAR_MS);
    kit_get(subject, "alice", message->id, PH_NOT_FOUND);
    kit_append(subject, again, PH_CONFLICT);
    for (size_t i = 0; i < sizeof again->content_hash; i++) {
        again->content_hash[i] = 1;
    }
    const struct ph_accepted *accepted = kit_append(subject, again, PH_DUPLICATE);
    want_id(test, "the purged message's id", &accepted->id, &message->id);
    test_step(test, "purge with a key_retention_ms that has passed, then append with that key");
    purge(subject, 0, 1);
    kit_append(subject, again, PH_OK);
}

static void purge_key_open(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_message *message = kit_message(test, "alice", "bob");
    kit_key(test, message, "key", 1);
    kit_append(subject, message, PH_OK);
    stand_turn(test, 100);
    purge(subject, 1, 1);
    test_step(test, "append of the same id again, when its key has been purged and it is still open");
    kit_append(subject, message, PH_OK);
    want_number(test, "messages in the sent list:", kit_read(subject, PH_STORAGE_SENT_READ, "alice", 0, 10)->count, 1);
}

static void purge_sessions(struct test *test)
{
    struct subject *subject = begin(test);
    kit_session(subject, "alice", 1, 100, PH_OK);
    kit_session(subject, "alice", 2, KIT_LONG_MS, PH_OK);
    stand_turn(test, 400);
    test_step(test, "purge with one expired session");
    want_true(test, purge(subject, YEAR_MS, YEAR_MS) >= 1, "an expired session is removed");
    kit_session_get(subject, 2, PH_OK);
    test_step(test, "session_add of the hash whose session was purged");
    kit_session(subject, "alice", 1, KIT_LONG_MS, PH_OK);
    kit_session_get(subject, 1, PH_OK);
}

static void purge_removed_user(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = kit_delivered(subject, "alice", "bob");
    kit_remove_user(subject, "bob");
    test_step(test, "purge after a recipient was removed");
    purge(subject, YEAR_MS, YEAR_MS);
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    kit_want_record(test, record, message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    want_number(test, "the recorded state", kit_state(test, record, "bob"), PH_STATE_DELIVERED);
    struct ph_user_add entry = {.id = id_new(), .name = kit_name(test, "bob"), .password = test_text(test, "x")};
    test_step(test, "user_add of a removed user's name after purge");
    ask_want(ask_one(subject, PH_STORAGE_USER_ADD, &entry), PH_CONFLICT);
}

static void purge_removed_sender(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *done = kit_delivered(subject, "alice", "bob");
    const struct ph_message *open = kit_sent(subject, "alice", "bob");
    kit_remove_user(subject, "alice");
    purge(subject, YEAR_MS, YEAR_MS);
    test_step(test, "deliver and inbox_read of messages whose sender was removed");
    kit_deliver(subject, open->id, PH_OK);
    const struct ph_page *page = kit_inbox(subject, "bob");
    const struct ph_id ids[] = {done->id, open->id};
    kit_want_page(test, page, 0, ids, 2);
    kit_want_record(test, page->records[1], open, KIT_HEAD | KIT_TEXTS | KIT_NAMES);
}

static void purge_steps(struct test *test)
{
    enum { COUNT = 12 };
    struct subject *subject = begin(test);
    for (size_t i = 0; i < COUNT; i++) {
        kit_delivered(subject, "alice", "bob");
    }
    stand_turn(test, 100);
    struct ph_purge entry = {.retention_ms = 1, .key_retention_ms = YEAR_MS, .limit = 4};
    test_step(test, "purge with a limit of 4 when 12 messages are past their retention");
    const struct ph_swept *swept = ask_want(ask_one(subject, PH_STORAGE_PURGE, &entry), PH_OK);
    want_true(test, swept->count > 0 && swept->more, "a small step, and more to do");
    want_true(test, kit_read(subject, PH_STORAGE_SENT_READ, "alice", 0, 100)->count > 0,
              "about `limit` rows a call, not all");
    purge(subject, 1, YEAR_MS);
    want_number(test, "messages left:", kit_read(subject, PH_STORAGE_SENT_READ, "alice", 0, 100)->count, 0);
    want_number(test, "count of a repeat", purge(subject, 1, YEAR_MS), 0);
}

static const struct check CHECKS[] = {
    {"purge.finished", "purge: messages that finished longer ago than retention_ms go", purge_finished, CHECK_ISOLATED},
    {"purge.none", "purge: retention_ms 0: none", purge_none, 0},
    {"purge.open", "purge: never a message with a mark of any kind", purge_open, CHECK_ISOLATED},
    {"purge.keys", "purge: keys outlive their messages until key_retention_ms after acceptance", purge_keys,
     CHECK_ISOLATED},
    {"purge.key-open", "append: a repeat by id needs no key", purge_key_open, CHECK_ISOLATED},
    {"purge.sessions", "purge: expired sessions go", purge_sessions, 0},
    {"purge.removed-user", "purge: inboxes of removed users go, their states and names stay", purge_removed_user, 0},
    {"purge.removed-sender", "purge: what a removed user has sent stays with its readers", purge_removed_sender, 0},
    {"purge.steps", "purge: a small step a call; more: there is more to do now", purge_steps, CHECK_ISOLATED},
};

const struct suite SUITE_STORAGE_PURGE = SUITE(CHECKS);
