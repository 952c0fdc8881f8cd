// SPDX-License-Identifier: Apache-2.0
//
// Checks of failed attempts and dead letters: fail, dead_read, redrive.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

static struct subject *begin(struct test *test, const char *users)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, users);
    return subject;
}

static void fail_counts(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    test_step(test, "fail of attempts 1 and 2 under a limit of 3");
    for (uint32_t attempt = 1; attempt <= 2; attempt++) {
        const struct ph_failed *failed = kit_fail(subject, message->id, attempt, 3, PH_OK);
        want_number(test, "failures", failed->failures, attempt);
        want_true(test, !failed->dead, "below the limit a message is not dead");
    }
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    want_number(test, "the record's failures", record->failures, 2);
    want_number(test, "status", record->status, PH_STATE_ACCEPTED);
    want_true(test, record->first_failed_at > 0 && record->last_failed_at >= record->first_failed_at,
              "first_failed_at and last_failed_at are set");
    kit_deliver(subject, message->id, PH_OK);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 1);
}

static void fail_repeat(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    kit_fail(subject, message->id, 1, 3, PH_OK);
    test_step(test, "fail of attempt 1 when it was recorded before");
    const struct ph_failed *failed = kit_fail(subject, message->id, 1, 3, PH_DUPLICATE);
    want_number(test, "failures", failed->failures, 1);
    want_true(test, !failed->dead, "not dead");
    kit_fail(subject, message->id, 2, 3, PH_OK);
    failed = kit_fail(subject, message->id, 1, 3, PH_DUPLICATE);
    want_number(test, "failures", failed->failures, 2);
}

static void fail_ahead(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    test_step(test, "fail of attempt 3 when none was recorded");
    kit_fail(subject, message->id, 3, 3, PH_INVALID);
    want_number(test, "failures", kit_get(subject, "alice", message->id, PH_OK)->failures, 0);
    kit_fail(subject, message->id, 1, 3, PH_OK);
}

static void fail_twins(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    struct ph_text reason = test_text(test, "reason");
    struct ph_failure entry[] = {
        {.id = message->id, .attempt = 1, .limit = 3, .retry_in_ms = KIT_LONG_MS, .reason = reason},
        {.id = message->id, .attempt = 1, .limit = 3, .retry_in_ms = KIT_LONG_MS, .reason = reason},
        {.id = id_new(), .attempt = 1, .limit = 3, .retry_in_ms = KIT_LONG_MS, .reason = reason},
        {.id = message->id, .attempt = 2, .limit = 3, .retry_in_ms = KIT_LONG_MS, .reason = reason},
        {.id = message->id, .attempt = 3, .limit = 3, .retry_in_ms = KIT_LONG_MS, .reason = reason},
    };
    const void *entries[] = {&entry[0], &entry[1], &entry[2], &entry[3], &entry[4]};
    test_step(test, "fail of attempts 1, 1, an unknown message, 2 and 3 in one call");
    struct ask *call = ask(subject, PH_STORAGE_FAIL, 5, entries);
    static const enum ph_outcome wanted[] = {PH_OK, PH_DUPLICATE, PH_NOT_FOUND, PH_OK, PH_OK};
    for (size_t i = 0; i < 5; i++) {
        want_outcome(call, i, wanted[i]);
    }
    const struct ph_failed *last = ask_output(call, 4);
    want_true(test, last->dead && last->failures == 3, "the third of three makes it dead");
}

static void fail_retry(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    message->due_in_ms = 0;
    kit_append(subject, message, PH_OK);
    kit_fail(subject, message->id, 1, 3, PH_OK);
    test_step(test, "lease after a failure with retry_in_ms far off");
    want_true(test, kit_lease_find(subject, PH_MARK_OUTBOX, message->id) == NULL,
              "the mark is due again after retry_in_ms");
    struct ph_failure entry = {.id = message->id, .attempt = 2, .limit = 3, .reason = test_text(test, "soon")};
    ask_want(ask_one(subject, PH_STORAGE_FAIL, &entry), PH_OK);
    kit_lease_wait(subject, PH_MARK_OUTBOX, message->id);
}

static void fail_dead(struct test *test)
{
    struct subject *subject = begin(test, "alice bob carol");
    const struct ph_message *message = kit_sent(subject, "alice", "bob carol");
    kit_fail(subject, message->id, 1, 2, PH_OK);
    test_step(test, "fail of attempt 2 under a limit of 2");
    const struct ph_failed *failed = kit_fail(subject, message->id, 2, 2, PH_OK);
    want_true(test, failed->dead && failed->failures == 2, "at the limit the message is dead");
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    kit_want_record(test, record, message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    want_number(test, "status", record->status, PH_STATE_DEAD);
    want_number(test, "a recipient's state", kit_state(test, record, "bob"), PH_STATE_DEAD);
    test_step(test, "dead_read, deliver, fail and postpone after it died");
    record = kit_dead(subject, message->id);
    kit_want_record(test, record, message, KIT_HEAD | KIT_STATES);
    want_text(test, "reason", record->reason, test_text(test, "reason 2"));
    want_number(test, "failures", record->failures, 2);
    want_true(test, record->first_failed_at > 0 && record->last_failed_at >= record->first_failed_at,
              "first_failed_at and last_failed_at are set");
    const struct ph_delivery *delivery = kit_deliver(subject, message->id, PH_DUPLICATE);
    want_number(test, "the recorded status", delivery->record->status, PH_STATE_DEAD);
    kit_fail(subject, message->id, 2, 2, PH_NOT_FOUND);
    kit_postpone(subject, message->id, 0, PH_NOT_FOUND);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 0);
}

static void fail_document(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    kit_kill(subject, message->id);
    test_step(test, "lease of document marks after a message died");
    const struct ph_mark *mark = kit_lease_wait(subject, PH_MARK_DOCUMENT, message->id);
    kit_want_record(test, mark->record, message, KIT_HEAD | KIT_STATES);
    want_number(test, "status", mark->record->status, PH_STATE_DEAD);
}

static void fail_unknown(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    test_step(test, "fail of a message that does not exist");
    kit_fail(subject, id_new(), 1, 3, PH_NOT_FOUND);
}

static void dead_pages(struct test *test)
{
    enum { COUNT = 5 };
    struct subject *subject = begin(test, "alice bob");
    struct ph_id ids[COUNT];
    uint64_t head = kit_read(subject, PH_STORAGE_DEAD_READ, NULL, 0, 1)->head;
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = kit_sent(subject, "alice", "bob")->id;
        kit_kill(subject, ids[i]);
    }
    test_step(test, "dead_read in pages of two");
    size_t seen = 0;
    for (uint64_t after = head; seen < COUNT;) {
        const struct ph_page *page = kit_read(subject, PH_STORAGE_DEAD_READ, NULL, after, 2);
        size_t expected = COUNT - seen < 2 ? COUNT - seen : 2;
        kit_want_page(test, page, after, ids + seen, expected);
        seen += expected;
        after = page->records[page->count - 1]->position;
    }
}

static void redrive_reopens(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    kit_kill(subject, message->id);
    test_step(test, "redrive of a dead message");
    kit_redrive(subject, message->id, PH_OK);
    want_true(test, kit_dead(subject, message->id) == NULL, "a redriven message is no dead letter");
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    kit_want_record(test, record, message, KIT_HEAD | KIT_STATES);
    want_number(test, "status", record->status, PH_STATE_ACCEPTED);
    want_number(test, "failures", record->failures, 0);
    kit_lease_wait(subject, PH_MARK_OUTBOX, message->id);
    test_step(test, "fail of attempt 1, then deliver, after the redrive");
    kit_fail(subject, message->id, 1, 3, PH_OK);
    kit_deliver(subject, message->id, PH_OK);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 1);
}

static void redrive_repeat(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    test_step(test, "redrive of an open message, an unknown one, and twice of a dead one");
    kit_redrive(subject, message->id, PH_NOT_FOUND);
    kit_redrive(subject, id_new(), PH_NOT_FOUND);
    kit_kill(subject, message->id);
    kit_redrive(subject, message->id, PH_OK);
    kit_redrive(subject, message->id, PH_NOT_FOUND);
    test_step(test, "a second death, with its own place in the list");
    kit_kill(subject, message->id);
    want_true(test, kit_dead(subject, message->id) != NULL, "a message can die again");
}

static void redrive_partial(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *one = kit_sent(subject, "alice", "bob");
    const struct ph_message *other = kit_sent(subject, "alice", "bob");
    kit_kill(subject, one->id);
    kit_kill(subject, other->id);
    struct ph_text nobody = test_text(test, "%s", "");
    struct ph_pick entry[] = {{nobody, one->id}, {nobody, id_new()}, {nobody, one->id}, {nobody, other->id}};
    const void *entries[] = {&entry[0], &entry[1], &entry[2], &entry[3]};
    test_step(test, "redrive of a dead message, an unknown one, the first again and another in one call");
    struct ask *call = ask(subject, PH_STORAGE_REDRIVE, 4, entries);
    static const enum ph_outcome wanted[] = {PH_OK, PH_NOT_FOUND, PH_NOT_FOUND, PH_OK};
    for (size_t i = 0; i < 4; i++) {
        want_outcome(call, i, wanted[i]);
    }
}

static void redrive_gone(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    kit_kill(subject, message->id);
    kit_remove_user(subject, "bob");
    kit_redrive(subject, message->id, PH_OK);
    test_step(test, "deliver of a redriven message whose recipient was removed");
    want_number(test, "status", kit_deliver(subject, message->id, PH_OK)->record->status, PH_STATE_FAILED);
}

static const struct check CHECKS[] = {
    {"fail.counts", "fail: records an attempt under its number; below the limit the message stays open", fail_counts,
     0},
    {"fail.repeat", "fail: a lower number was recorded before (PH_DUPLICATE, output filled)", fail_repeat, 0},
    {"fail.ahead", "fail: acts only where attempt is failures + 1; a higher number is PH_INVALID", fail_ahead, 0},
    {"fail.twins", "storage: entries of one call act one after the other", fail_twins, 0},
    {"fail.retry", "fail: else its mark is due again retry_in_ms from now", fail_retry, 0},
    {"fail.dead", "fail: at the limit every open recipient becomes dead and the mark goes", fail_dead, 0},
    {"fail.document", "fail: at the limit a document mark is written, due at once", fail_document, 0},
    {"fail.unknown", "fail: PH_NOT_FOUND: no mark", fail_unknown, 0},
    {"dead.pages", "dead_read: positions grow along the list; pages leave nothing out", dead_pages, 0},
    {"redrive.reopens", "redrive: dead recipients become open, failures 0, a mark is due at once", redrive_reopens, 0},
    {"redrive.repeat", "redrive: PH_NOT_FOUND: not dead (a repeat too)", redrive_repeat, 0},
    {"redrive.partial", "storage: an entry that is refused leaves the others alone", redrive_partial, 0},
    {"redrive.gone", "redrive, then deliver: the state failed if the user is gone", redrive_gone, 0},
};

const struct suite SUITE_STORAGE_FAIL = SUITE(CHECKS);
