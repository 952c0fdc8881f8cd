// SPDX-License-Identifier: Apache-2.0
//
// Checks of marks: lease, postpone, settle, mark, expire, stats.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

static struct subject *begin(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob");
    return subject;
}

// A message whose outbox mark is due at once.
static struct ph_message *due(struct subject *subject)
{
    struct ph_message *message = kit_message(subject_test(subject), "alice", "bob");
    message->due_in_ms = 0;
    kit_append(subject, message, PH_OK);
    return message;
}

static void lease_outbox(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = due(subject);
    test_step(test, "lease of an outbox mark that is due");
    const struct ph_mark *mark = kit_lease_wait(subject, PH_MARK_OUTBOX, message->id);
    want_text(test, "trace", mark->trace, message->trace);
    want_number(test, "sends", mark->sends, 0);
    want_true(test, mark->record == NULL, "no record with an outbox mark");
}

static void lease_holder(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = due(subject);
    kit_lease_wait(subject, PH_MARK_OUTBOX, message->id);
    test_step(test, "a second lease while the first lasts");
    stand_turn(test, 20);
    want_true(test, kit_lease_find(subject, PH_MARK_OUTBOX, message->id) == NULL, "one holder at a time");
    test_step(test, "deliver by the holder, although the mark is leased");
    kit_deliver(subject, message->id, PH_OK);
}

static void lease_again(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = due(subject);
    test_step(test, "a lease of 400 ms that nobody follows up");
    const struct ph_leased *leased = kit_lease(subject, PH_MARK_OUTBOX, 100, 400);
    for (int64_t end = time_steady() + 5000; leased->count == 0 && time_steady() < end; stand_turn(test, 5)) {
        leased = kit_lease(subject, PH_MARK_OUTBOX, 100, 400);
    }
    int64_t from = time_steady();
    want_true(test, kit_leased_find(leased, message->id) != NULL, "the due mark");
    const struct ph_mark *mark = kit_lease_wait(subject, PH_MARK_OUTBOX, message->id);
    want_true(test, time_steady() - from >= 200, "it is due again after the lease, not before");
    want_number(test, "sends (only postpone counts)", mark->sends, 0);
}

static void lease_limit(struct test *test)
{
    enum { COUNT = 7 };
    struct subject *subject = begin(test);
    struct ph_id ids[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = due(subject)->id;
        stand_turn(test, 3);
    }
    test_step(test, "leases of at most 3 when 7 are due");
    size_t seen = 0;
    for (size_t round = 0; round < 3; round++) {
        const struct ph_leased *leased = kit_lease(subject, PH_MARK_OUTBOX, 3, KIT_LONG_MS);
        want_number(test, "marks leased:", leased->count, round < 2 ? 3 : 1);
        want_number(test, "more", leased->more, round < 2);
        for (size_t i = 0; i < leased->count; i++, seen++) {
            want_id(test, "the longest due first:", &leased->marks[i]->id, &ids[seen]);
        }
    }
    want_number(test, "marks leased when none is due:", kit_lease(subject, PH_MARK_OUTBOX, 3, 1000)->count, 0);
}

static void lease_calls(struct test *test)
{
    enum { COUNT = 12, CALLS = 6 };
    struct subject *subject = begin(test);
    struct ph_id ids[COUNT];
    unsigned seen[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = due(subject)->id;
    }
    stand_turn(test, 20);
    struct ph_lease entry = {.mark = PH_MARK_OUTBOX, .limit = 4, .lease_ms = KIT_LONG_MS};
    const void *entries[] = {&entry};
    struct ask *calls[CALLS];
    test_step(test, "six calls of lease at once");
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = ask_start(subject, PH_STORAGE_LEASE, 1, entries);
    }
    for (size_t i = 0; i < CALLS; i++) {
        ask_wait(calls[i]);
        const struct ph_leased *leased = ask_want(calls[i], PH_OK);
        for (size_t j = 0; j < COUNT; j++) {
            seen[j] += kit_leased_find(leased, ids[j]) != NULL ? 1 : 0;
        }
    }
    for (size_t j = 0; j < COUNT; j++) {
        want_true(test, seen[j] <= 1, "a mark is leased by one call");
    }
}

static void lease_expired(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->due_in_ms = 0;
    message->expires_at = time_wall() + 200;
    kit_append(subject, message, PH_OK);
    stand_turn(test, 600);
    test_step(test, "lease when the message has expired");
    want_true(test, kit_lease_find(subject, PH_MARK_OUTBOX, message->id) == NULL,
              "lease skips outbox marks whose message has expired");
}

static void lease_kinds(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->priority = PH_PRIORITY_ALERT;
    kit_append(subject, message, PH_OK);
    struct ph_deliver entry = {.id = message->id, .alert_lease_ms = 0};
    ask_want(ask_one(subject, PH_STORAGE_DELIVER, &entry), PH_OK);
    kit_mark(subject, message->id, 0, PH_OK);
    test_step(test, "lease of an alert mark and a document mark of one message");
    const struct ph_mark *alert = kit_lease_wait(subject, PH_MARK_ALERT, message->id);
    const struct ph_mark *document = kit_lease_wait(subject, PH_MARK_DOCUMENT, message->id);
    kit_want_record(test, alert->record, message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    kit_want_record(test, document->record, message, KIT_HEAD | KIT_STATES);
    want_text(test, "trace", alert->trace, message->trace);
    test_step(test, "settle of the alert mark alone");
    kit_settle(subject, message->id, PH_MARK_ALERT, PH_OK);
    kit_mark(subject, message->id, 0, PH_OK);
    kit_lease_wait(subject, PH_MARK_DOCUMENT, message->id);
}

static void postpone_moves(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *away = due(subject);
    const struct ph_message *soon = kit_sent(subject, "alice", "bob");
    kit_postpone(subject, away->id, KIT_LONG_MS, PH_OK);
    kit_postpone(subject, soon->id, 0, PH_OK);
    kit_postpone(subject, soon->id, 0, PH_OK);
    test_step(test, "lease after postpone of a due mark far away, and of another to now, twice");
    const struct ph_mark *mark = NULL;
    for (int64_t end = time_steady() + 5000; mark == NULL && time_steady() < end; stand_turn(test, 10)) {
        const struct ph_leased *leased = kit_lease(subject, PH_MARK_OUTBOX, 100, KIT_LONG_MS);
        mark = kit_leased_find(leased, soon->id);
        want_true(test, kit_leased_find(leased, away->id) == NULL, "a postponed mark is not due before its time");
    }
    if (mark != NULL) {
        want_number(test, "sends", mark->sends, 2);
    } else {
        test_fail(test, "a mark is due after due_in_ms", "none");
    }
}

static void postpone_unknown(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *done = kit_delivered(subject, "alice", "bob");
    const struct ph_message *open = kit_sent(subject, "alice", "bob");
    struct ph_postpone entry[] = {{.id = done->id}, {.id = id_new()}, {.id = open->id}};
    const void *entries[] = {&entry[0], &entry[1], &entry[2]};
    test_step(test, "postpone of a delivered message, an unknown one and an open one in one call");
    struct ask *call = ask(subject, PH_STORAGE_POSTPONE, 3, entries);
    want_outcome(call, 0, PH_NOT_FOUND);
    want_outcome(call, 1, PH_NOT_FOUND);
    want_outcome(call, 2, PH_OK);
    kit_deliver(subject, done->id, PH_DUPLICATE);
    kit_lease_wait(subject, PH_MARK_OUTBOX, open->id);
}

static void settle_removes(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = kit_delivered(subject, "alice", "bob");
    kit_mark(subject, message->id, 0, PH_OK);
    test_step(test, "settle of a document mark, twice, and of marks that never were");
    kit_settle(subject, message->id, PH_MARK_DOCUMENT, PH_OK);
    want_true(test, kit_lease_find(subject, PH_MARK_DOCUMENT, message->id) == NULL, "a settled mark is gone");
    kit_settle(subject, message->id, PH_MARK_DOCUMENT, PH_OK);
    kit_settle(subject, message->id, PH_MARK_ALERT, PH_OK);
    kit_settle(subject, id_new(), PH_MARK_DOCUMENT, PH_OK);
}

static void mark_writes(struct test *test)
{
    struct subject *subject = begin(test);
    const struct ph_message *message = kit_delivered(subject, "alice", "bob");
    kit_mark(subject, message->id, KIT_LONG_MS, PH_OK);
    test_step(test, "mark with due_in_ms far off, then again with 0");
    want_true(test, kit_lease_find(subject, PH_MARK_DOCUMENT, message->id) == NULL, "not due before due_in_ms");
    kit_mark(subject, message->id, 0, PH_OK);
    kit_lease_wait(subject, PH_MARK_DOCUMENT, message->id);
    kit_settle(subject, message->id, PH_MARK_DOCUMENT, PH_OK);
    want_true(test, kit_lease_find(subject, PH_MARK_DOCUMENT, message->id) == NULL, "one mark, not two");
    test_step(test, "mark of a message that does not exist");
    kit_mark(subject, id_new(), 0, PH_NOT_FOUND);
}

static void expire_ends(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_message *message = kit_message(test, "alice", "bob");
    struct ph_message *later = kit_message(test, "alice", "bob");
    message->expires_at = time_wall() + 300;
    later->expires_at = time_wall() + KIT_LONG_MS;
    kit_append(subject, message, PH_OK);
    kit_append(subject, later, PH_OK);
    stand_turn(test, 700);
    test_step(test, "expire when expires_at of one message has passed");
    kit_expire_all(subject);
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    kit_want_record(test, record, message, KIT_HEAD | KIT_STATES);
    want_number(test, "status", record->status, PH_STATE_EXPIRED);
    want_number(test, "status of the other", kit_get(subject, "alice", later->id, PH_OK)->status, PH_STATE_ACCEPTED);
    test_step(test, "deliver, fail and postpone after expire");
    kit_deliver(subject, message->id, PH_DUPLICATE);
    kit_fail(subject, message->id, 1, 1, PH_NOT_FOUND);
    kit_postpone(subject, message->id, 0, PH_NOT_FOUND);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 0);
    test_step(test, "lease of the document mark that expire wrote");
    kit_want_record(test, kit_lease_wait(subject, PH_MARK_DOCUMENT, message->id)->record, message,
                    KIT_HEAD | KIT_STATES);
    kit_deliver(subject, later->id, PH_OK);
}

static void expire_steps(struct test *test)
{
    enum { COUNT = 5 };
    struct subject *subject = begin(test);
    for (size_t i = 0; i < COUNT; i++) {
        struct ph_message *message = kit_message(test, "alice", "bob");
        message->expires_at = time_wall() + 300;
        kit_append(subject, message, PH_OK);
    }
    struct ph_expire entry = {.limit = 2};
    const struct ph_swept *swept = ask_want(ask_one(subject, PH_STORAGE_EXPIRE, &entry), PH_OK);
    uint64_t total = swept->count;
    stand_turn(test, 700);
    test_step(test, "expire in steps of two when five have expired");
    for (size_t round = 0; total < COUNT; round++) {
        swept = ask_want(ask_one(subject, PH_STORAGE_EXPIRE, &entry), PH_OK);
        want_true(test, swept->count > 0 && swept->count <= 2, "at most `limit` end in a step, and at least one");
        total += swept->count;
        want_number(test, "more", swept->more, total < COUNT);
    }
    swept = ask_want(ask_one(subject, PH_STORAGE_EXPIRE, &entry), PH_OK);
    want_number(test, "count of a repeat", swept->count, 0);
}

static void stats_counts(struct test *test)
{
    struct subject *subject = begin(test);
    struct ph_storage_stats before = kit_stats(subject);
    const struct ph_message *dead = kit_sent(subject, "alice", "bob");
    struct ph_message *delayed = kit_message(test, "alice", "bob");
    struct ph_message *alert = kit_message(test, "alice", "bob");
    delayed->deliver_at = time_wall() + KIT_LONG_MS;
    alert->priority = PH_PRIORITY_ALERT;
    kit_append(subject, delayed, PH_OK);
    kit_append(subject, alert, PH_OK);
    kit_sent(subject, "alice", "bob");
    test_step(test, "stats with four open messages, one of them delayed");
    struct ph_storage_stats stats = kit_stats(subject);
    want_number(test, "outbox_waiting", stats.outbox_waiting - before.outbox_waiting, 4);
    kit_kill(subject, dead->id);
    kit_deliver(subject, alert->id, PH_OK);
    test_step(test, "stats when one has died and an alert was delivered");
    stats = kit_stats(subject);
    want_number(test, "outbox_waiting", stats.outbox_waiting - before.outbox_waiting, 2);
    want_number(test, "dead", stats.dead - before.dead, 1);
    want_number(test, "alerts_waiting", stats.alerts_waiting - before.alerts_waiting, 1);
    want_number(test, "documents_waiting", stats.documents_waiting - before.documents_waiting, 1);
    kit_redrive(subject, dead->id, PH_OK);
    stats = kit_stats(subject);
    want_number(test, "dead after the redrive", stats.dead, before.dead);
}

static void stats_oldest(struct test *test)
{
    struct subject *subject = begin(test);
    test_step(test, "stats when there is no mark");
    want_number(test, "outbox_oldest_ms", (uint64_t)kit_stats(subject).outbox_oldest_ms, 0);
    due(subject);
    stand_turn(test, 300);
    kit_lease(subject, PH_MARK_OUTBOX, 10, KIT_LONG_MS);
    test_step(test, "stats when a mark has waited 300 ms, leased or not");
    want_time_between(test, "outbox_oldest_ms", kit_stats(subject).outbox_oldest_ms, 200, 60000);
}

static const struct check CHECKS[] = {
    {"lease.outbox", "lease: a due outbox mark with its trace and sends, without record", lease_outbox, 0},
    {"lease.holder", "lease: one daemon at a time works on a mark", lease_holder, 0},
    {"lease.again", "lease: a lease that nobody follows up is due again by itself", lease_again, 0},
    {"lease.limit", "lease: at most `limit`, the longest due first; more: others are due now", lease_limit,
     CHECK_ISOLATED},
    {"lease.calls", "lease: calls at once lease different marks", lease_calls, 0},
    {"lease.expired", "lease: skips outbox marks whose message has expired", lease_expired, 0},
    {"lease.kinds", "lease: alert marks with subject and body, document marks with HEAD, each for itself", lease_kinds,
     0},
    {"postpone.moves", "postpone: due_in_ms from now, sends + 1", postpone_moves, 0},
    {"postpone.unknown", "postpone: only ever updates a mark that exists, else PH_NOT_FOUND", postpone_unknown, 0},
    {"settle.removes", "settle: removes the mark; one that is gone is PH_OK", settle_removes, 0},
    {"mark.writes", "mark: writes a document mark, or moves the one that exists; PH_NOT_FOUND", mark_writes, 0},
    {"expire.ends", "expire: open recipients become expired, the mark goes, a document mark is due", expire_ends, 0},
    {"expire.steps", "expire: at most `limit`; more: there is more to do now", expire_steps, CHECK_ISOLATED},
    {"stats.counts", "stats: marks, delayed ones included, and dead letters", stats_counts, 0},
    {"stats.oldest", "stats: the age of the longest due outbox mark since its message could be delivered", stats_oldest,
     CHECK_ISOLATED},
};

const struct suite SUITE_STORAGE_MARKS = SUITE(CHECKS);
