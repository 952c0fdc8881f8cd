// SPDX-License-Identifier: Apache-2.0
//
// Checks of deliver: rows and positions, repeats, too early, too late, users that are gone, alert marks.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

#include "core/loader.h"

#define WAIT_MS 5000

static struct subject *begin(struct test *test, const char *users)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, users);
    return subject;
}

static void deliver_rows(struct test *test)
{
    struct subject *subject = begin(test, "alice bob carol");
    const struct ph_message *message = kit_sent(subject, "alice", "bob carol");
    test_step(test, "deliver of a message to bob and carol");
    const struct ph_delivery *delivery = kit_deliver(subject, message->id, PH_OK);
    want_true(test, delivery->delivered, "deliver that wrote inbox rows says delivered");
    kit_want_record(test, delivery->record, message, KIT_HEAD | KIT_STATES);
    want_number(test, "status", delivery->record->status, PH_STATE_DELIVERED);
    static const char *const names[] = {"bob", "carol"};
    for (size_t i = 0; i < 2; i++) {
        const struct ph_page *page = kit_inbox(subject, names[i]);
        want_number(test, "records in the inbox:", page->count, 1);
        const struct ph_record *record = page->records[0];
        kit_want_record(test, record, message, KIT_HEAD | KIT_TEXTS | KIT_NAMES);
        want_true(test, record->delivered_at >= record->accepted_at, "delivered_at after accepted_at");
        want_number(test, "read_at", (uint64_t)record->read_at, 0);
        kit_want_record(test, kit_get(subject, names[i], message->id, PH_OK), message,
                        KIT_HEAD | KIT_TEXTS | KIT_STATES);
    }
    want_number(test, "records in the sender's inbox:", kit_inbox(subject, "alice")->count, 0);
}

static void deliver_repeat(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_delivered(subject, "alice", "bob");
    int64_t at = kit_inbox(subject, "bob")->records[0]->delivered_at;
    stand_turn(test, 5);
    test_step(test, "deliver of a message that was delivered before");
    const struct ph_delivery *delivery = kit_deliver(subject, message->id, PH_DUPLICATE);
    want_true(test, !delivery->delivered, "PH_DUPLICATE wrote no rows: delivered is false");
    kit_want_record(test, delivery->record, message, KIT_HEAD | KIT_STATES);
    want_number(test, "status", delivery->record->status, PH_STATE_DELIVERED);
    want_true(test, delivery->record->finished_at > 0, "finished_at of a message that is done");
    const struct ph_page *page = kit_inbox(subject, "bob");
    want_number(test, "records in the inbox:", page->count, 1);
    want_number(test, "delivered_at", (uint64_t)page->records[0]->delivered_at, (uint64_t)at);
}

static void deliver_twins(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *one = kit_sent(subject, "alice", "bob");
    const struct ph_message *other = kit_sent(subject, "alice", "bob");
    struct ph_deliver entry[4] = {{.id = one->id}, {.id = one->id}, {.id = id_new()}, {.id = other->id}};
    const void *entries[] = {&entry[0], &entry[1], &entry[2], &entry[3]};
    test_step(test, "deliver of one message twice, an unknown one and another in one call");
    struct ask *call = ask(subject, PH_STORAGE_DELIVER, 4, entries);
    static const enum ph_outcome wanted[] = {PH_OK, PH_DUPLICATE, PH_NOT_FOUND, PH_OK};
    for (size_t i = 0; i < 4; i++) {
        want_outcome(call, i, wanted[i]);
    }
    const struct ph_delivery *missing = ask_output(call, 2);
    want_true(test, missing->record == NULL, "the record is NULL unless PH_OK or PH_DUPLICATE");
    const struct ph_id ids[] = {one->id, other->id};
    kit_want_page(test, kit_inbox(subject, "bob"), 0, ids, 2);
}

static void deliver_calls(struct test *test)
{
    enum { CALLS = 8 };
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    struct ph_deliver entry = {.id = message->id};
    const void *entries[] = {&entry};
    struct ask *calls[CALLS];
    test_step(test, "eight calls of deliver at once for one message");
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = ask_start(subject, PH_STORAGE_DELIVER, 1, entries);
    }
    size_t done = 0;
    for (size_t i = 0; i < CALLS; i++) {
        ask_wait(calls[i]);
        const struct ph_delivery *delivery = ask_output(calls[i], 0);
        bool now = ask_outcome(calls[i], 0) == PH_OK;
        want_true(test, now || ask_outcome(calls[i], 0) == PH_DUPLICATE, "PH_OK or PH_DUPLICATE");
        want_number(test, "delivered", delivery->delivered, now);
        done += now ? 1 : 0;
    }
    want_number(test, "calls that delivered:", done, 1);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 1);
}

static void deliver_positions(struct test *test)
{
    enum { COUNT = 20 };
    struct subject *subject = begin(test, "alice bob");
    struct ph_deliver entry[COUNT];
    const void *entries[COUNT];
    struct ph_id ids[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        entry[COUNT - 1 - i] = (struct ph_deliver){.id = kit_sent(subject, "alice", "bob")->id};
    }
    for (size_t i = 0; i < COUNT; i++) {
        entries[i] = &entry[i];
        ids[i] = entry[i].id;
    }
    test_step(test, "deliver of 20 messages in one call, then inbox_read");
    want_all(ask(subject, PH_STORAGE_DELIVER, COUNT, entries), PH_OK);
    kit_want_page(test, kit_inbox(subject, "bob"), 0, ids, COUNT);
    uint64_t head = kit_head(subject, "bob");
    const struct ph_message *last = kit_delivered(subject, "alice", "bob");
    test_step(test, "inbox_read after the head, when one more was delivered");
    kit_want_page(test, kit_read(subject, PH_STORAGE_INBOX_READ, "bob", head, 10), head, &last->id, 1);
}

static void deliver_early(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->deliver_at = time_wall() + 1000;
    kit_append(subject, message, PH_OK);
    test_step(test, "deliver of a message whose deliver_at is a second away");
    const struct ph_delivery *delivery = kit_deliver(subject, message->id, PH_OK);
    want_number(test, "status", delivery->record->status, PH_STATE_ACCEPTED);
    want_true(test, !delivery->delivered, "nothing was delivered");
    want_number(test, "due_at", (uint64_t)delivery->due_at, (uint64_t)message->deliver_at);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 0);
    test_step(test, "lease, then deliver when deliver_at has come");
    stand_turn(test, 1000);
    for (int64_t end = time_steady() + WAIT_MS; !delivery->delivered && time_steady() < end; stand_turn(test, 20)) {
        delivery = kit_deliver(subject, message->id, PH_OK);
    }
    want_true(test, delivery->delivered, "a delayed message is delivered after its deliver_at");
    want_true(test, kit_inbox(subject, "bob")->records[0]->delivered_at >= message->deliver_at,
              "delivered_at not before deliver_at");
}

static void deliver_early_due(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->deliver_at = time_wall() + 1000;
    message->due_in_ms = 0;
    kit_append(subject, message, PH_OK);
    kit_deliver(subject, message->id, PH_OK);
    test_step(test, "lease after a deliver that came too early");
    kit_lease_wait(subject, PH_MARK_OUTBOX, message->id);
    want_true(test, time_wall() >= message->deliver_at - 500, "the mark is due at deliver_at, not before");
}

static void deliver_expired(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->expires_at = time_wall() + 300;
    kit_append(subject, message, PH_OK);
    stand_turn(test, 700);
    test_step(test, "deliver of a message whose expires_at has passed");
    const struct ph_delivery *delivery = kit_deliver(subject, message->id, PH_OK);
    want_true(test, !delivery->delivered, "nothing was delivered");
    kit_want_record(test, delivery->record, message, KIT_HEAD | KIT_STATES);
    want_number(test, "status", delivery->record->status, PH_STATE_EXPIRED);
    kit_deliver(subject, message->id, PH_DUPLICATE);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 0);
    kit_get(subject, "bob", message->id, PH_NOT_FOUND);
    want_number(test, "status for the sender", kit_get(subject, "alice", message->id, PH_OK)->status, PH_STATE_EXPIRED);
}

static void deliver_hides(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->expires_at = time_wall() + 800;
    kit_append(subject, message, PH_OK);
    kit_deliver(subject, message->id, PH_OK);
    const struct ph_message *other = kit_delivered(subject, "alice", "bob");
    stand_turn(test, 1200);
    test_step(test, "reading of a delivered message whose expires_at has passed");
    kit_want_page(test, kit_inbox(subject, "bob"), 0, &other->id, 1);
    kit_get(subject, "bob", message->id, PH_NOT_FOUND);
    kit_remove(subject, "bob", message->id, PH_NOT_FOUND);
    want_number(test, "acknowledged", kit_ack(subject, "bob", &message->id, 1), 0);
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    want_number(test, "status, as it was recorded,", record->status, PH_STATE_DELIVERED);
    kit_expire_all(subject);
    want_number(test, "status after expire", kit_get(subject, "alice", message->id, PH_OK)->status, PH_STATE_DELIVERED);
}

static void deliver_gone(struct test *test)
{
    struct subject *subject = begin(test, "alice bob gone");
    const struct ph_message *both = kit_sent(subject, "alice", "bob gone");
    const struct ph_message *only = kit_sent(subject, "alice", "gone");
    kit_remove_user(subject, "gone");
    test_step(test, "deliver to one user and one that was removed after the append");
    const struct ph_delivery *delivery = kit_deliver(subject, both->id, PH_OK);
    kit_want_record(test, delivery->record, both, KIT_HEAD | KIT_STATES);
    want_true(test, delivery->delivered, "the user who is there gets it");
    want_number(test, "bob's state", kit_state(test, delivery->record, "bob"), PH_STATE_DELIVERED);
    want_number(test, "the state of who is gone", kit_state(test, delivery->record, "gone"), PH_STATE_FAILED);
    want_number(test, "status", delivery->record->status, PH_STATE_DELIVERED);
    test_step(test, "deliver to nobody but a removed user");
    delivery = kit_deliver(subject, only->id, PH_OK);
    want_true(test, !delivery->delivered, "nothing was delivered");
    want_number(test, "status", delivery->record->status, PH_STATE_FAILED);
    kit_deliver(subject, only->id, PH_DUPLICATE);
}

static void deliver_alert(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *alert = kit_message(test, "alice", "bob");
    struct ph_message *held = kit_message(test, "alice", "bob");
    alert->priority = PH_PRIORITY_ALERT;
    held->priority = PH_PRIORITY_ALERT;
    kit_append(subject, alert, PH_OK);
    kit_append(subject, held, PH_OK);
    const struct ph_message *normal = kit_sent(subject, "alice", "bob");
    struct ph_deliver entry[] = {{.id = alert->id, .alert_lease_ms = 0}, {.id = normal->id, .alert_lease_ms = 0}};
    const void *entries[] = {&entry[0], &entry[1]};
    want_all(ask(subject, PH_STORAGE_DELIVER, 2, entries), PH_OK);
    kit_deliver(subject, held->id, PH_OK);
    test_step(test, "lease of alert marks after deliver of an alert and a normal message");
    const struct ph_mark *mark = NULL;
    for (int64_t end = time_steady() + WAIT_MS; mark == NULL && time_steady() < end; stand_turn(test, 10)) {
        const struct ph_leased *leased = kit_lease(subject, PH_MARK_ALERT, 100, KIT_LONG_MS);
        mark = kit_leased_find(leased, alert->id);
        want_true(test, kit_leased_find(leased, normal->id) == NULL, "no alert mark for PH_PRIORITY_NORMAL");
        want_true(test, kit_leased_find(leased, held->id) == NULL, "an alert mark is not due before alert_lease_ms");
    }
    if (mark != NULL) {
        kit_want_record(test, mark->record, alert, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    } else {
        test_fail(test, "an alert mark for PH_PRIORITY_ALERT", "none");
    }
}

static void deliver_closes(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->due_in_ms = 0;
    kit_append(subject, message, PH_OK);
    kit_deliver(subject, message->id, PH_OK);
    test_step(test, "lease, postpone and fail after a deliver");
    want_true(test, kit_lease_find(subject, PH_MARK_OUTBOX, message->id) == NULL, "deliver removes the outbox mark");
    kit_postpone(subject, message->id, 0, PH_NOT_FOUND);
    kit_fail(subject, message->id, 1, 1, PH_NOT_FOUND);
    kit_redrive(subject, message->id, PH_NOT_FOUND);
    want_number(test, "status", kit_get(subject, "alice", message->id, PH_OK)->status, PH_STATE_DELIVERED);
}

static void deliver_removed(struct test *test)
{
    struct subject *subject = begin(test, "alice bob carol");
    const struct ph_message *message = kit_delivered(subject, "alice", "bob carol");
    kit_remove(subject, "bob", message->id, PH_OK);
    test_step(test, "deliver of a message that its reader has removed");
    kit_deliver(subject, message->id, PH_DUPLICATE);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 0);
    want_number(test, "records in the other inbox:", kit_inbox(subject, "carol")->count, 1);
}

static void deliver_many(struct test *test)
{
    size_t count = plugin_batch_limit(test->plugin);
    struct subject *subject = begin(test, "alice bob carol");
    const void **messages = test_alloc(test, count * sizeof *messages);
    const void **entries = test_alloc(test, count * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        struct ph_message *message = kit_message(test, "alice", "bob carol");
        struct ph_deliver *entry = test_alloc(test, sizeof *entry);
        entry->id = message->id;
        messages[i] = message;
        entries[i] = entry;
    }
    want_all(ask(subject, PH_STORAGE_APPEND, count, messages), PH_OK);
    test_step(test, "deliver of %zu messages in one call", count);
    want_all(ask(subject, PH_STORAGE_DELIVER, count, entries), PH_OK);
    uint64_t after = 0;
    for (size_t seen = 0; seen < count;) {
        const struct ph_page *page = kit_read(subject, PH_STORAGE_INBOX_READ, "carol", after, 500);
        want_true(test, page->count > 0, "every message in the inbox");
        for (size_t i = 0; i < page->count; i++, seen++) {
            const struct ph_message *message = messages[seen];
            want_id(test, "the next message is", &page->records[i]->id, &message->id);
        }
        after = page->records[page->count - 1]->position;
    }
}

static const struct check CHECKS[] = {
    {"deliver.rows", "deliver: gives every open recipient a row in its inbox; output HEAD, delivered", deliver_rows, 0},
    {"deliver.repeat", "deliver: PH_DUPLICATE: no mark, the output is what was recorded; nothing changed",
     deliver_repeat, 0},
    {"deliver.twins", "storage: entries of one call act one after the other; a refused one leaves the others alone",
     deliver_twins, 0},
    {"deliver.calls", "deliver: only one of several calls at once writes the rows", deliver_calls, 0},
    {"deliver.positions", "deliver: every row takes the next position of its inbox", deliver_positions, 0},
    {"deliver.early", "deliver: leaves the mark if deliver_at has not come (PH_OK, status accepted, due_at set)",
     deliver_early, 0},
    {"deliver.early-due", "deliver: too early: the mark stays and is due at due_at", deliver_early_due, 0},
    {"deliver.expired", "deliver: ends the message as expired if expires_at has passed", deliver_expired, 0},
    {"deliver.hides", "inbox_read: after a delivery expiry only hides", deliver_hides, 0},
    {"deliver.gone", "deliver: the state failed if the user is gone", deliver_gone, 0},
    {"deliver.alert", "deliver: writes an alert mark for PH_PRIORITY_ALERT, due after alert_lease_ms", deliver_alert,
     0},
    {"deliver.closes", "deliver: removes the mark; nothing else finds one then", deliver_closes, 0},
    {"deliver.removed", "inbox_remove: a later deliver does not bring it back", deliver_removed, 0},
    {"deliver.maximum", "THE CALL: at most batch_limit entries, all of them done", deliver_many, 0},
};

const struct suite SUITE_STORAGE_DELIVER = SUITE(CHECKS);
