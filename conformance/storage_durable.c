// SPDX-License-Identifier: Apache-2.0
//
// Checks with more than one process or instance: what was answered outlives SIGKILL, instances that are open
// at once see one truth, and whatever an inbox has shown, no lower position appears later.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

#include "core/random.h"
#include <stdio.h>
#include <string.h>

#define MESSAGES 400
#define BATCH 4
#define ANSWERED_LEAST 60
#define PASSING_TRIES 200
#define KILLS_FULL 5
#define KILLS_STRESS 60

struct progress {
    volatile uint32_t appended;  // messages whose append was answered
    volatile uint32_t delivered; // messages whose deliver was answered
    volatile uint32_t ready;
    volatile uint32_t finished; // writers that are done
};

struct work {
    struct progress *progress;
    struct ph_message *messages[MESSAGES];
    size_t from; // a writer's share
    size_t to;
    const char *recipients;
};

// Asks until it is done: other writers may be in the way (transient, throttled, unavailable).
static struct ask *ask_until(struct subject *subject, uint32_t operation, size_t count, const void *const *entries)
{
    struct test *test = subject_test(subject);
    for (unsigned try = 0;; try++) {
        struct ask *call = ask(subject, operation, count, entries);
        bool again = false;
        for (size_t i = 0; i < count; i++) {
            uint32_t outcome = ask_outcome(call, i);
            again = again || outcome == PH_TRANSIENT || outcome == PH_THROTTLED || outcome == PH_UNAVAILABLE;
            if (!again && outcome != PH_OK && outcome != PH_DUPLICATE) {
                want_outcome(call, i, PH_OK);
            }
        }
        if (!again) {
            return call;
        }
        if (try == PASSING_TRIES) {
            want_all(call, PH_OK);
        }
        ask_drop(call);
        stand_turn(test, 10);
    }
}

static struct work *work_make(struct test *test, const char *recipients)
{
    struct work *work = test_alloc(test, sizeof *work);
    work->progress = test_share(test, sizeof *work->progress);
    work->recipients = recipients;
    work->to = MESSAGES;
    for (size_t i = 0; i < MESSAGES; i++) {
        work->messages[i] = kit_message(test, "alice", recipients);
        kit_key(test, work->messages[i], "", 1);
        work->messages[i]->idempotency_key = test_text(test, "%s/%zu", test->tag, i);
    }
    return work;
}

static void deliver_range(struct subject *subject, const struct work *work, size_t from, size_t to)
{
    struct ph_deliver entry[BATCH];
    const void *entries[BATCH];
    for (size_t i = from; i < to; i++) {
        entry[i - from] = (struct ph_deliver){.id = work->messages[i]->id, .alert_lease_ms = KIT_LONG_MS};
        entries[i - from] = &entry[i - from];
    }
    ask_until(subject, PH_STORAGE_DELIVER, to - from, entries);
}

// Appends and delivers without end, telling what was answered.
static void write_until_killed(struct test *test, void *context)
{
    struct work *work = context;
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob carol");
    kit_session(subject, "alice", 1, KIT_LONG_MS, PH_OK);
    for (size_t i = 0; i + BATCH <= MESSAGES; i += BATCH) {
        ask_until(subject, PH_STORAGE_APPEND, BATCH, (const void *const *)&work->messages[i]);
        work->progress->appended = (uint32_t)(i + BATCH);
        if (i >= 2 * BATCH) {
            deliver_range(subject, work, i - 2 * BATCH, i - BATCH);
            work->progress->delivered = (uint32_t)(i - BATCH);
        }
    }
    work->progress->finished = 1;
    stand_turn(test, 60000);
}

static void want_inbox_once(struct subject *subject, const struct work *work, const char *user, size_t delivered)
{
    struct test *test = subject_test(subject);
    unsigned seen[MESSAGES] = {0};
    for (uint64_t after = 0;;) {
        const struct ph_page *page = kit_read(subject, PH_STORAGE_INBOX_READ, user, after, 200);
        if (page->count == 0) {
            break;
        }
        after = page->records[page->count - 1]->position;
        for (size_t i = 0; i < MESSAGES; i++) {
            seen[i] += kit_find(page, work->messages[i]->id) != NULL ? 1 : 0;
        }
    }
    for (size_t i = 0; i < MESSAGES; i++) {
        want_true(test, seen[i] <= 1, "no message twice in an inbox");
        want_true(test, seen[i] == 1 || i >= delivered, "every message whose deliver was answered is in the inbox");
    }
}

static void durable_kill(struct test *test)
{
    struct work *work = work_make(test, "bob carol");
    test_step(test, "append and deliver in a process that is killed with SIGKILL");
    struct child child = child_start(test, write_until_killed, work);
    test_wait_counter(test, &work->progress->appended, ANSWERED_LEAST + (uint32_t)random_below(100));
    child_kill(test, child);
    size_t appended = work->progress->appended;
    size_t delivered = work->progress->delivered;
    struct subject *subject = subject_open(test);
    test_step(test, "reading in a new process: %zu appends and %zu delivers had been answered", appended, delivered);
    for (size_t i = 0; i < appended; i++) {
        const struct ph_record *record = kit_get(subject, "alice", work->messages[i]->id, PH_OK);
        if (i % 16 == 0) {
            kit_want_record(test, record, work->messages[i], KIT_HEAD | KIT_TEXTS | KIT_STATES);
        }
        want_true(test, i >= delivered || record->status == PH_STATE_DELIVERED, "an answered deliver is recorded");
    }
    want_inbox_once(subject, work, "bob", delivered);
    kit_session_get(subject, 1, PH_OK);
    test_step(test, "append of an answered key with another id, by the new process");
    struct ph_message *twin = kit_message(test, "alice", "bob carol");
    twin->idempotency_key = work->messages[appended - 1]->idempotency_key;
    memcpy(twin->content_hash, work->messages[appended - 1]->content_hash, sizeof twin->content_hash);
    const struct ph_accepted *accepted = kit_append(subject, twin, PH_DUPLICATE);
    want_id(test, "the first one's id", &accepted->id, &work->messages[appended - 1]->id);
    test_step(test, "append and deliver of everything again, by the new process");
    for (size_t i = 0; i + BATCH <= MESSAGES; i += BATCH) {
        want_all(ask(subject, PH_STORAGE_APPEND, BATCH, (const void *const *)&work->messages[i]), PH_OK);
        deliver_range(subject, work, i, i + BATCH);
    }
    want_inbox_once(subject, work, "bob", MESSAGES);
    want_inbox_once(subject, work, "carol", MESSAGES);
}

static void durable_kill_child(struct test *test, void *context)
{
    (void)context;
    durable_kill(test);
    stand_end(test);
}

// Again and again on the same data.
static void durable_kills(struct test *test)
{
    char tag[sizeof test->tag];
    memcpy(tag, test->tag, sizeof tag);
    for (unsigned round = 0; round < (test->level >= 2 ? KILLS_STRESS : KILLS_FULL); round++) {
        snprintf(test->tag, sizeof test->tag, "%.9s%u", tag, round);
        child_wait(test, child_start(test, durable_kill_child, NULL));
    }
}

static void durable_reopen(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob");
    const struct ph_message *message = kit_delivered(subject, "alice", "bob");
    const struct ph_message *dead = kit_sent(subject, "alice", "bob");
    kit_kill(subject, dead->id);
    kit_ack(subject, "bob", &message->id, 1);
    int64_t read_at = kit_inbox(subject, "bob")->records[0]->read_at;
    test_step(test, "close, then open of the same configuration");
    subject_close(subject);
    subject = subject_open(test);
    const struct ph_page *page = kit_inbox(subject, "bob");
    kit_want_page(test, page, 0, &message->id, 1);
    want_number(test, "read_at", (uint64_t)page->records[0]->read_at, (uint64_t)read_at);
    want_true(test, kit_dead(subject, dead->id) != NULL, "the dead letter is there");
    kit_deliver(subject, message->id, PH_DUPLICATE);
}

static void instances_share(struct test *test)
{
    struct subject *one = subject_open(test);
    struct subject *other = subject_open(test);
    kit_users(one, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    struct ph_message *twin = kit_message(test, "alice", "bob");
    message->due_in_ms = 0;
    kit_key(test, message, "key", 1);
    kit_key(test, twin, "key", 1);
    test_step(test, "append in one instance, append with the same key in another");
    kit_append(one, message, PH_OK);
    kit_append(other, twin, PH_DUPLICATE);
    test_step(test, "lease in one instance, then in the other");
    kit_lease_wait(one, PH_MARK_OUTBOX, message->id);
    want_true(test, kit_lease_find(other, PH_MARK_OUTBOX, message->id) == NULL, "one holder at a time");
    test_step(test, "deliver in one instance, then in the other");
    kit_deliver(other, message->id, PH_OK);
    kit_deliver(one, message->id, PH_DUPLICATE);
    want_number(test, "records in the inbox:", kit_inbox(one, "bob")->count, 1);
    want_number(test, "records in the inbox:", kit_inbox(other, "bob")->count, 1);
    kit_session(one, "alice", 1, KIT_LONG_MS, PH_OK);
    kit_session_get(other, 1, PH_OK);
    test_step(test, "close of one instance while the other works on");
    subject_close(one);
    kit_delivered(other, "alice", "bob");
    want_number(test, "records in the inbox:", kit_inbox(other, "bob")->count, 2);
}

// --- Order while several deliver -----------------------------------------------------------------------------

static void prepare(struct test *test, void *context)
{
    struct work *work = context;
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob carol dave");
    for (size_t i = 0; i + BATCH <= MESSAGES; i += BATCH) {
        ask_until(subject, PH_STORAGE_APPEND, BATCH, (const void *const *)&work->messages[i]);
    }
    stand_end(test);
}

// A writer delivers its share, and a quarter of everybody's, so that writers meet.
static void deliver_share(struct test *test, void *context)
{
    const struct work *work = context;
    struct subject *one = subject_open(test);
    struct subject *other = subject_open(test);
    __atomic_fetch_add(&work->progress->ready, 1, __ATOMIC_SEQ_CST);
    for (size_t i = work->from; i + BATCH <= work->to; i += BATCH) {
        deliver_range((i / BATCH) % 2 == 0 ? one : other, work, i, i + BATCH);
        if (i % 16 == 0) {
            deliver_range(one, work, i, i + BATCH);
        }
    }
    __atomic_fetch_add(&work->progress->finished, 1, __ATOMIC_SEQ_CST);
    stand_end(test);
}

struct follower {
    const char *user;
    uint64_t after;
    size_t count;
    unsigned seen[MESSAGES];
};

static void follow(struct subject *subject, const struct work *work, struct follower *follower)
{
    struct test *test = subject_test(subject);
    const struct ph_page *page = kit_read(subject, PH_STORAGE_INBOX_READ, follower->user, follower->after, 50);
    for (size_t i = 0; i < page->count; i++) {
        follower->after = page->records[i]->position;
        follower->count++;
    }
    for (size_t i = 0; page->count > 0 && i < MESSAGES; i++) {
        follower->seen[i] += kit_find(page, work->messages[i]->id) != NULL ? 1 : 0;
        want_true(test, follower->seen[i] <= 1, "a reader that follows its cursor sees no message twice");
    }
}

static void follow_all(struct subject *subject, const struct work *work, uint32_t writers)
{
    struct test *test = subject_test(subject);
    static const char *const users[] = {"bob", "carol", "dave"};
    struct follower *followers = test_alloc(test, 3 * sizeof *followers);
    for (size_t i = 0; i < 3; i++) {
        followers[i].user = users[i];
    }
    for (bool last = false; !last;) {
        last = work->progress->finished >= writers; // then one more look at everything
        for (size_t i = 0; i < 3; i++) {
            size_t before;
            do {
                before = followers[i].count;
                follow(subject, work, &followers[i]);
            } while (last && followers[i].count > before);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        if (followers[i].count != MESSAGES) {
            test_fail(test, "a reader that follows its cursor sees every message (guarantee 3)",
                      "%s saw %zu of %d: a lower position appeared after a higher one was read", users[i],
                      followers[i].count, MESSAGES);
        }
    }
}

static void visible_processes(struct test *test)
{
    enum { WRITERS = 2 };
    struct work *work = work_make(test, "bob carol dave");
    struct work *shares = test_alloc(test, WRITERS * sizeof *shares);
    struct child writers[WRITERS];
    test_step(test, "append of %d messages in one process", MESSAGES);
    child_wait(test, child_start(test, prepare, work));
    for (size_t i = 0; i < WRITERS; i++) {
        shares[i] = *work;
        shares[i].from = i * MESSAGES / WRITERS;
        shares[i].to = (i + 1) * MESSAGES / WRITERS;
        writers[i] = child_start(test, deliver_share, &shares[i]);
    }
    test_wait_counter(test, &work->progress->ready, WRITERS);
    test_step(test, "inbox_read along cursors while two processes, two instances each, deliver to the same inboxes");
    follow_all(subject_open(test), work, WRITERS);
    for (size_t i = 0; i < WRITERS; i++) {
        child_wait(test, writers[i]);
    }
}

static void visible_same_message(struct test *test)
{
    enum { WRITERS = 2 };
    struct work *work = work_make(test, "bob carol dave");
    struct child writers[WRITERS];
    child_wait(test, child_start(test, prepare, work));
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = child_start(test, deliver_share, work);
    }
    test_step(test, "inbox_read along cursors while two processes deliver the same messages");
    follow_all(subject_open(test), work, WRITERS);
    for (size_t i = 0; i < WRITERS; i++) {
        child_wait(test, writers[i]);
    }
}

static const struct check CHECKS[] = {
    {"durable.kill", "storage: all PH_OK entries are durable when a call completes", durable_kill, CHECK_DURABLE},
    {"durable.kills", "storage: the same, again and again on the same data", durable_kills, CHECK_DURABLE | CHECK_FULL},
    {"durable.reopen", "open: what was stored is there after close and open", durable_reopen, CHECK_DURABLE},
    {"instances.share", "THREADS: a plugin may be opened many times at once, on one truth", instances_share,
     CHECK_DURABLE},
    {"visible.processes", "deliver: a lower position never becomes visible after a higher one", visible_processes,
     CHECK_DURABLE},
    {"visible.same", "deliver: by several at once, each message is in an inbox once", visible_same_message,
     CHECK_DURABLE},
};

const struct suite SUITE_STORAGE_DURABLE = SUITE(CHECKS);
