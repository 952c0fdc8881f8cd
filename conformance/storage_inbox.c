// SPDX-License-Identifier: Apache-2.0
//
// Checks of what readers do: inbox_read, inbox_head, inbox_ack, inbox_remove, message_get, sent_read, notify.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

static struct subject *begin(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob carol");
    return subject;
}

// Messages from alice to bob, delivered one after the other.
static void fill(struct subject *subject, struct ph_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ids[i] = kit_delivered(subject, "alice", "bob")->id;
    }
}

static void inbox_pages(struct test *test)
{
    enum { COUNT = 7 };
    struct subject *subject = begin(test);
    struct ph_id ids[COUNT];
    fill(subject, ids, COUNT);
    test_step(test, "inbox_read of seven messages in pages of three");
    uint64_t after = 0;
    for (size_t seen = 0; seen < COUNT;) {
        const struct ph_page *page = kit_read(subject, PH_STORAGE_INBOX_READ, "bob", after, 3);
        size_t expected = COUNT - seen < 3 ? COUNT - seen : 3;
        kit_want_page(test, page, after, ids + seen, expected);
        seen += expected;
        after = page->records[page->count - 1]->position;
    }
    test_step(test, "inbox_read after the last position");
    const struct ph_page *page = kit_read(subject, PH_STORAGE_INBOX_READ, "bob", after, 3);
    want_number(test, "records in the page:", page->count, 0);
    want_number(test, "head", page->head, after);
    want_number(test,
                "records far above the head:", kit_read(subject, PH_STORAGE_INBOX_READ, "bob", INT64_MAX, 3)->count, 0);
}

static void inbox_stable(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_id ids[3];
    fill(subject, ids, 3);
    const struct ph_page *page = kit_inbox(subject, "bob");
    uint64_t positions[3];
    for (size_t i = 0; i < 3; i++) {
        positions[i] = page->records[i]->position;
    }
    kit_remove(subject, "bob", ids[1], PH_OK);
    struct ph_id more = kit_delivered(subject, "alice", "bob")->id;
    test_step(test, "inbox_read again after one was removed and one was added");
    page = kit_inbox(subject, "bob");
    const struct ph_id left[] = {ids[0], ids[2], more};
    kit_want_page(test, page, 0, left, 3);
    want_number(test, "the first one's position", page->records[0]->position, positions[0]);
    want_number(test, "the last one's position", page->records[1]->position, positions[2]);
    want_true(test, page->records[2]->position > positions[2], "no position is given twice");
}

static void inbox_bytes(struct test *test)
{
    struct subject *subject = begin(test);
    for (size_t i = 0; i < 4; i++) {
        struct ph_message *message = kit_message(test, "alice", "bob");
        char *body = test_alloc(test, 10001);
        for (size_t j = 0; j < 10000; j++) {
            body[j] = 'b';
        }
        message->body = (struct ph_text){.bytes = body, .length = 10000};
        kit_append(subject, message, PH_OK);
        kit_deliver(subject, message->id, PH_OK);
    }
    struct ph_read entry = {.user = kit_name(test, "bob"), .limit = 10, .byte_limit = 25000};
    test_step(test, "inbox_read of four messages of 10,000 bytes with a byte_limit of 25,000");
    const struct ph_page *page = ask_want(ask_one(subject, PH_STORAGE_INBOX_READ, &entry), PH_OK);
    want_true(test, page->count == 2 || page->count == 3, "it stops when subjects, bodies and attributes exceed it");
    test_step(test, "inbox_read of four messages of 10,000 bytes with a byte_limit of 1");
    entry.byte_limit = 1;
    page = ask_want(ask_one(subject, PH_STORAGE_INBOX_READ, &entry), PH_OK);
    want_number(test, "records (at least one):", page->count, 1);
}

static void inbox_unknown(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_read read = {.user = kit_name(test, "nobody"), .limit = 10, .byte_limit = 1000};
    struct ph_head head = {.user = kit_name(test, "nobody")};
    test_step(test, "inbox_read and inbox_head of a name that is no user");
    ask_want(ask_one(subject, PH_STORAGE_INBOX_READ, &read), PH_NOT_FOUND);
    ask_want(ask_one(subject, PH_STORAGE_INBOX_HEAD, &head), PH_NOT_FOUND);
    kit_remove_user(subject, "carol");
    test_step(test, "inbox_read and inbox_head of a removed user");
    read.user = kit_name(test, "carol");
    head.user = read.user;
    ask_want(ask_one(subject, PH_STORAGE_INBOX_READ, &read), PH_NOT_FOUND);
    ask_want(ask_one(subject, PH_STORAGE_INBOX_HEAD, &head), PH_NOT_FOUND);
}

static void inbox_head(struct test *test)
{
    struct subject *subject = begin(test);
    test_step(test, "inbox_head of an inbox that never had a message");
    want_number(test, "head", kit_head(subject, "bob"), 0);
    struct ph_id ids[2];
    fill(subject, ids, 2);
    const struct ph_page *page = kit_inbox(subject, "bob");
    test_step(test, "inbox_head of an inbox with two messages");
    want_number(test, "head", kit_head(subject, "bob"), page->records[1]->position);
    want_number(test, "the page's head", page->head, page->records[1]->position);
    kit_remove(subject, "bob", ids[1], PH_OK);
    test_step(test, "inbox_head after the last message was removed");
    want_true(test, kit_head(subject, "bob") >= page->records[0]->position,
              "the head does not fall below what is left");
    struct ph_id more = kit_delivered(subject, "alice", "bob")->id;
    test_step(test, "inbox_read after the old head, when one more was delivered");
    kit_want_page(test, kit_read(subject, PH_STORAGE_INBOX_READ, "bob", page->head, 5), page->head, &more, 1);
}

static void ack_counts(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_id ids[5];
    fill(subject, ids, 3);
    ids[3] = id_new();
    ids[4] = kit_sent(subject, "alice", "bob")->id;
    test_step(test, "inbox_ack of two messages, an unknown id and one that is not delivered");
    const struct ph_id some[] = {ids[0], ids[1], ids[3], ids[4]};
    want_number(test, "acked", kit_ack(subject, "bob", some, 4), 2);
    const struct ph_page *page = kit_inbox(subject, "bob");
    kit_want_page(test, page, 0, ids, 3);
    int64_t first = page->records[0]->read_at;
    want_true(test, first >= page->records[0]->delivered_at, "read_at after delivered_at");
    want_number(test, "read_at of what was not acknowledged", (uint64_t)page->records[2]->read_at, 0);
    stand_turn(test, 5);
    test_step(test, "the same inbox_ack again");
    want_number(test, "acked (a repeat answers the same number)", kit_ack(subject, "bob", some, 4), 2);
    want_number(test, "read_at (a repeat changes nothing)", (uint64_t)kit_inbox(subject, "bob")->records[0]->read_at,
                (uint64_t)first);
    test_step(test, "inbox_ack by a user who is no recipient, and of nothing");
    want_number(test, "acked", kit_ack(subject, "carol", ids, 3), 0);
    want_number(test, "acked", kit_ack(subject, "bob", ids, 0), 0);
    want_number(test, "read_at in message_get",
                (uint64_t)kit_get(subject, "alice", ids[0], PH_OK)->recipients[0]->read_at, (uint64_t)first);
}

static void remove_for_good(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = kit_delivered(subject, "alice", "bob carol");
    test_step(test, "inbox_remove by one of two recipients");
    kit_remove(subject, "bob", message->id, PH_OK);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 0);
    want_number(test, "records in the other inbox:", kit_inbox(subject, "carol")->count, 1);
    kit_get(subject, "bob", message->id, PH_NOT_FOUND);
    kit_get(subject, "carol", message->id, PH_OK);
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    want_number(test, "state for the sender", kit_state(test, record, "bob"), PH_STATE_DELIVERED);
    want_number(test, "acked after removal", kit_ack(subject, "bob", &message->id, 1), 0);
    test_step(test, "inbox_remove a second time");
    kit_remove(subject, "bob", message->id, PH_DUPLICATE);
}

static void remove_unknown(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *open = kit_sent(subject, "alice", "bob");
    const struct ph_message *message = kit_delivered(subject, "alice", "bob");
    struct ph_pick entry[] = {{kit_name(test, "carol"), message->id}, {kit_name(test, "bob"), id_new()},
                              {kit_name(test, "bob"), open->id},      {kit_name(test, "alice"), message->id},
                              {kit_name(test, "bob"), message->id},   {kit_name(test, "bob"), message->id}};
    const void *entries[] = {&entry[0], &entry[1], &entry[2], &entry[3], &entry[4], &entry[5]};
    test_step(test, "inbox_remove by a stranger, of an unknown id, before delivery, by the sender, and twice rightly");
    struct ask *call = ask(subject, PH_STORAGE_INBOX_REMOVE, 6, entries);
    for (size_t i = 0; i < 4; i++) {
        want_outcome(call, i, PH_NOT_FOUND);
    }
    want_outcome(call, 4, PH_OK);
    want_outcome(call, 5, PH_DUPLICATE);
    kit_deliver(subject, open->id, PH_OK);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 1);
}

static void get_rights(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = kit_delivered(subject, "alice", "bob");
    test_step(test, "message_get by sender, recipient, stranger, nobody, and of an unknown id");
    kit_want_record(test, kit_get(subject, "alice", message->id, PH_OK), message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    kit_want_record(test, kit_get(subject, "bob", message->id, PH_OK), message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    kit_get(subject, "carol", message->id, PH_NOT_FOUND);
    kit_get(subject, "nobody", message->id, PH_NOT_FOUND);
    kit_get(subject, "alice", id_new(), PH_NOT_FOUND);
}

static void sent_pages(struct test *test)
{
    enum { COUNT = 5 };
    struct subject *subject = begin(test);
    struct ph_id ids[COUNT];
    const struct ph_message *last = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        last = kit_sent(subject, "alice", i % 2 == 0 ? "bob" : "carol alice");
        ids[i] = last->id;
        kit_sent(subject, "bob", "alice");
    }
    kit_deliver(subject, ids[1], PH_OK);
    kit_deliver(subject, ids[0], PH_OK);
    test_step(test, "sent_read of five messages in pages of two");
    uint64_t after = 0;
    for (size_t seen = 0; seen < COUNT;) {
        const struct ph_page *page = kit_read(subject, PH_STORAGE_SENT_READ, "alice", after, 2);
        size_t expected = COUNT - seen < 2 ? COUNT - seen : 2;
        kit_want_page(test, page, after, ids + seen, expected);
        for (size_t i = 0; i < expected; i++) {
            want_number(test, "status", page->records[i]->status,
                        seen + i < 2 ? PH_STATE_DELIVERED : PH_STATE_ACCEPTED);
        }
        seen += expected;
        after = page->records[page->count - 1]->position;
    }
    const struct ph_page *page = kit_read(subject, PH_STORAGE_SENT_READ, "alice", 0, 10);
    kit_want_record(test, page->records[COUNT - 1], last, KIT_HEAD | KIT_TEXTS | KIT_STATES);
}

static void read_batch(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_id ids[2];
    fill(subject, ids, 2);
    struct ph_read entry[] = {{.user = kit_name(test, "bob"), .limit = 10, .byte_limit = 100000},
                              {.user = kit_name(test, "nobody"), .limit = 10, .byte_limit = 100000},
                              {.user = kit_name(test, "carol"), .limit = 10, .byte_limit = 100000},
                              {.user = kit_name(test, "bob"), .limit = 1, .byte_limit = 100000}};
    const void *entries[] = {&entry[0], &entry[1], &entry[2], &entry[3]};
    test_step(test, "inbox_read of bob, an unknown name, carol, and bob with limit 1 in one call");
    struct ask *call = ask(subject, PH_STORAGE_INBOX_READ, 4, entries);
    static const enum ph_outcome wanted[] = {PH_OK, PH_NOT_FOUND, PH_OK, PH_OK};
    static const size_t counts[] = {2, 0, 0, 1};
    for (size_t i = 0; i < 4; i++) {
        want_outcome(call, i, wanted[i]);
        const struct ph_page *page = ask_output(call, i);
        want_number(test, "records in the page:", page->count, counts[i]);
    }
}

static void notify_hints(struct test *test)
{
    struct subject *subject = begin(test);
    if (!subject_offers(subject, PH_STORAGE_NOTIFY)) {
        test_skip(test, "the plugin has no notify");
    }
    subject_open(test);
    struct ph_text names[] = {kit_name(test, "bob"), kit_name(test, "carol")};
    struct ph_notify entry = {.users = names, .user_count = 2};
    test_step(test, "notify of bob and carol, with a second instance open");
    for (int64_t end = time_steady() + 10000; time_steady() < end;) {
        ask_want(ask_one(subject, PH_STORAGE_NOTIFY, &entry), PH_OK);
        stand_turn(test, 200);
        if (stand_hints(test, names[0]) > 0 && stand_hints(test, names[1]) > 0) {
            return;
        }
    }
    test_fail(test, "host->hint in the other instance", "none within 10 s");
}

static const struct check CHECKS[] = {
    {"inbox.pages", "inbox_read: positions above `after`, at most `limit`, head", inbox_pages, 0},
    {"inbox.stable", "inbox_read: a row keeps its position; none is given twice", inbox_stable, 0},
    {"inbox.bytes", "inbox_read: stops when texts exceed byte_limit, but gives at least one record", inbox_bytes, 0},
    {"inbox.unknown", "inbox_read, inbox_head: PH_NOT_FOUND: no such user", inbox_unknown, 0},
    {"inbox.head", "inbox_head: the highest position; 0 if it never had one", inbox_head, 0},
    {"inbox.batch", "THE CALL: entry, output and result i belong together", read_batch, 0},
    {"ack.counts", "inbox_ack: ids that are acknowledged now; a repeat answers the same and changes nothing",
     ack_counts, 0},
    {"remove.for-good", "inbox_remove: gone for its reader alone; PH_DUPLICATE: it was removed before", remove_for_good,
     0},
    {"remove.unknown", "inbox_remove: PH_NOT_FOUND: it was never there", remove_unknown, 0},
    {"get.rights", "message_get: for its sender, or a recipient who has it; else PH_NOT_FOUND", get_rights, 0},
    {"sent.pages", "sent_read: in order of acceptance, whole records with states", sent_pages, 0},
    {"notify.hints", "notify: the other instances call host->hint", notify_hints, CHECK_DURABLE},
};

const struct suite SUITE_STORAGE_INBOX = SUITE(CHECKS);
