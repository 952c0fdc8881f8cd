// SPDX-License-Identifier: Apache-2.0
//
// Random operations on a storage, compared with a model of a few lines: what each must answer, and from time
// to time all inboxes, sent lists, dead letters and sums. The seed is told with the result; the same seed
// asks the same.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

#include "core/random.h"
#include <stdio.h>
#include <string.h>

#define USERS 4
#define KEYS 12
#define MESSAGES_MAX 4000
#define ROUND 40 // operations between comparisons
#define OPERATIONS_FULL 600
#define OPERATIONS_STRESS 12000
#define FAILURES_MAX 2 // of a message, then it is dead

static const char *const NAMES[USERS] = {"u0", "u1", "u2", "u3"};

struct seat {
    uint32_t state; // enum ph_state
    bool present;   // is a recipient
    bool removed;
    bool read;
};

struct paper {
    struct ph_message *message;
    size_t sender;
    struct seat seats[USERS];
    uint32_t failures;
    bool open;
    bool dead;
    bool alert_mark;
    bool document_mark;
};

struct world {
    struct test *test;
    struct subject *subject;
    struct random_seeded random;
    struct paper *papers;
    size_t count;
    struct paper *keys[USERS][KEYS];
    struct paper **inbox[USERS]; // in the order of delivery, removed ones included
    size_t inbox_count[USERS];
};

static size_t any(struct world *world, size_t limit)
{
    return (size_t)random_seeded_below(&world->random, limit);
}

static struct paper *any_paper(struct world *world)
{
    size_t recent = world->count < 30 ? world->count : 30; // mostly what something can still happen to
    return &world->papers[any(world, 4) > 0 ? world->count - 1 - any(world, recent) : any(world, world->count)];
}

// --- Operations --------------------------------------------------------------------------------------------

static struct ph_message *compose(struct world *world, size_t sender, unsigned mask)
{
    char recipients[64] = "";
    for (size_t i = 0; i < USERS; i++) {
        if ((mask >> i & 1u) != 0) {
            size_t length = strlen(recipients);
            snprintf(recipients + length, sizeof recipients - length, " %s", NAMES[i]);
        }
    }
    struct ph_message *message = kit_message(world->test, NAMES[sender], recipients);
    message->priority = any(world, 4) == 0 ? PH_PRIORITY_ALERT : PH_PRIORITY_NORMAL;
    return message;
}

static void do_append(struct world *world)
{
    size_t sender = any(world, USERS);
    unsigned mask = 1 + (unsigned)any(world, (1u << USERS) - 1);
    struct ph_message *message = compose(world, sender, mask);
    size_t key = any(world, 2 * KEYS);
    struct paper *holder = NULL;
    if (key < KEYS) {
        kit_key(world->test, message, NAMES[0], (uint8_t)any(world, 2));
        message->idempotency_key = test_text(world->test, "%s/%zu", world->test->tag, key);
        holder = world->keys[sender][key];
    }
    struct ask *call = ask_one(world->subject, PH_STORAGE_APPEND, message);
    if (holder != NULL) {
        bool same = memcmp(holder->message->content_hash, message->content_hash, sizeof message->content_hash) == 0;
        want_outcome(call, 0, same ? PH_DUPLICATE : PH_CONFLICT);
        const struct ph_accepted *accepted = ask_output(call, 0);
        if (same) {
            want_id(world->test, "the first one's id", &accepted->id, &holder->message->id);
        }
        return;
    }
    want_outcome(call, 0, PH_OK);
    struct paper *paper = &world->papers[world->count++];
    *paper = (struct paper){.message = message, .sender = sender, .open = true};
    for (size_t i = 0; i < USERS; i++) {
        paper->seats[i].present = (mask >> i & 1u) != 0;
    }
    if (key < KEYS) {
        world->keys[sender][key] = paper;
    }
}

static void do_repeat(struct world *world)
{
    ask_want(ask_one(world->subject, PH_STORAGE_APPEND, any_paper(world)->message), PH_OK);
}

static void do_deliver(struct world *world)
{
    struct paper *paper = any_paper(world);
    const struct ph_delivery *delivery =
        kit_deliver(world->subject, paper->message->id, paper->open ? PH_OK : PH_DUPLICATE);
    want_number(world->test, "delivered", delivery->delivered, paper->open);
    if (paper->open) {
        for (size_t i = 0; i < USERS; i++) {
            if (paper->seats[i].present && paper->seats[i].state == PH_STATE_ACCEPTED) {
                paper->seats[i].state = PH_STATE_DELIVERED;
                world->inbox[i][world->inbox_count[i]++] = paper;
            }
        }
        paper->open = false;
        paper->alert_mark = paper->message->priority == PH_PRIORITY_ALERT;
    }
    kit_want_record(world->test, delivery->record, paper->message, KIT_HEAD | KIT_STATES);
}

static void do_fail(struct world *world)
{
    struct paper *paper = any_paper(world);
    uint32_t attempt = (uint32_t)any(world, FAILURES_MAX + 2) + 1;
    enum ph_outcome outcome = !paper->open                     ? PH_NOT_FOUND
                              : attempt <= paper->failures     ? PH_DUPLICATE
                              : attempt == paper->failures + 1 ? PH_OK
                                                               : PH_INVALID;
    const struct ph_failed *failed = kit_fail(world->subject, paper->message->id, attempt, FAILURES_MAX, outcome);
    if (outcome == PH_OK) {
        paper->failures++;
        paper->dead = paper->failures == FAILURES_MAX;
        paper->open = !paper->dead;
        paper->document_mark = paper->document_mark || paper->dead;
        want_number(world->test, "dead", failed->dead, paper->dead);
        for (size_t i = 0; paper->dead && i < USERS; i++) {
            paper->seats[i].state = paper->seats[i].present ? PH_STATE_DEAD : PH_STATE_ACCEPTED;
        }
    }
    if (outcome == PH_OK || outcome == PH_DUPLICATE) {
        want_number(world->test, "failures", failed->failures, paper->failures);
    }
}

static void do_redrive(struct world *world)
{
    struct paper *paper = any_paper(world);
    kit_redrive(world->subject, paper->message->id, paper->dead ? PH_OK : PH_NOT_FOUND);
    if (paper->dead) {
        paper->dead = false;
        paper->open = true;
        paper->failures = 0;
        for (size_t i = 0; i < USERS; i++) {
            paper->seats[i].state = PH_STATE_ACCEPTED;
        }
    }
}

static void do_ack(struct world *world)
{
    size_t user = any(world, USERS);
    struct paper *paper = any_paper(world);
    struct seat *seat = &paper->seats[user];
    bool there = seat->present && seat->state == PH_STATE_DELIVERED && !seat->removed;
    want_number(world->test, "acked", kit_ack(world->subject, NAMES[user], &paper->message->id, 1), there);
    seat->read = seat->read || there;
}

static void do_remove(struct world *world)
{
    size_t user = any(world, USERS);
    struct paper *paper = any_paper(world);
    struct seat *seat = &paper->seats[user];
    bool had = seat->present && seat->state == PH_STATE_DELIVERED;
    kit_remove(world->subject, NAMES[user], paper->message->id,
               !had            ? PH_NOT_FOUND
               : seat->removed ? PH_DUPLICATE
                               : PH_OK);
    seat->removed = had;
}

static void do_marks(struct world *world)
{
    struct paper *paper = any_paper(world);
    switch (any(world, 4)) {
    case 0:
        kit_settle(world->subject, paper->message->id, PH_MARK_ALERT, PH_OK);
        paper->alert_mark = false;
        break;
    case 1:
        kit_settle(world->subject, paper->message->id, PH_MARK_DOCUMENT, PH_OK);
        paper->document_mark = false;
        break;
    case 2:
        kit_mark(world->subject, paper->message->id, (uint32_t)any(world, 1000), PH_OK);
        paper->document_mark = true;
        break;
    default:
        kit_postpone(world->subject, paper->message->id, (uint32_t)any(world, 1000),
                     paper->open ? PH_OK : PH_NOT_FOUND);
        break;
    }
}

static void do_get(struct world *world)
{
    size_t user = any(world, USERS);
    struct paper *paper = any_paper(world);
    const struct seat *seat = &paper->seats[user];
    bool may = paper->sender == user || (seat->present && seat->state == PH_STATE_DELIVERED && !seat->removed);
    const struct ph_record *record =
        kit_get(world->subject, NAMES[user], paper->message->id, may ? PH_OK : PH_NOT_FOUND);
    if (!may) {
        return;
    }
    kit_want_record(world->test, record, paper->message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    want_number(world->test, "failures", record->failures, paper->failures);
    for (size_t i = 0; i < USERS; i++) {
        if (paper->seats[i].present) {
            want_number(world->test, "a recipient's state", kit_state(world->test, record, NAMES[i]),
                        paper->seats[i].state);
        }
    }
}

// --- Comparisons -------------------------------------------------------------------------------------------

static void compare_inbox(struct world *world, size_t user)
{
    uint64_t after = 0;
    const struct ph_page *page = NULL;
    size_t at = 0;
    for (size_t i = 0; i < world->inbox_count[user]; i++) {
        const struct paper *paper = world->inbox[user][i];
        if (paper->seats[user].removed) {
            continue;
        }
        if (page == NULL || at == page->count) {
            page = kit_read(world->subject, PH_STORAGE_INBOX_READ, NAMES[user], after, 1 + (uint32_t)any(world, 100));
            at = 0;
            want_true(world->test, page->count > 0, "every delivered message in the inbox");
            after = page->records[page->count - 1]->position;
        }
        const struct ph_record *record = page->records[at++];
        want_id(world->test, "the next message in the inbox is", &record->id, &paper->message->id);
        want_number(world->test, "whether it is read", record->read_at > 0, paper->seats[user].read);
    }
    want_true(world->test, page == NULL || at == page->count, "nothing else in the inbox");
    want_number(world->test, "records behind the last:",
                kit_read(world->subject, PH_STORAGE_INBOX_READ, NAMES[user], after, 10)->count, 0);
}

static void compare_sent(struct world *world, size_t user)
{
    uint64_t after = 0;
    const struct ph_page *page = NULL;
    size_t at = 0;
    for (size_t i = 0; i < world->count; i++) {
        if (world->papers[i].sender != user) {
            continue;
        }
        if (page == NULL || at == page->count) {
            page = kit_read(world->subject, PH_STORAGE_SENT_READ, NAMES[user], after, 100);
            at = 0;
            want_true(world->test, page->count > 0, "every message in the sent list");
            after = page->records[page->count - 1]->position;
        }
        want_id(world->test, "the next message sent is", &page->records[at++]->id, &world->papers[i].message->id);
    }
    want_true(world->test, page == NULL || at == page->count, "nothing else in the sent list");
}

static void compare_sums(struct world *world, const struct ph_storage_stats *before)
{
    struct ph_storage_stats sums = {0};
    for (size_t i = 0; i < world->count; i++) {
        sums.outbox_waiting += world->papers[i].open;
        sums.dead += world->papers[i].dead;
        sums.alerts_waiting += world->papers[i].alert_mark;
        sums.documents_waiting += world->papers[i].document_mark;
    }
    struct ph_storage_stats stats = kit_stats(world->subject);
    want_number(world->test, "outbox_waiting", stats.outbox_waiting - before->outbox_waiting, sums.outbox_waiting);
    want_number(world->test, "dead", stats.dead - before->dead, sums.dead);
    want_number(world->test, "alerts_waiting", stats.alerts_waiting - before->alerts_waiting, sums.alerts_waiting);
    want_number(world->test, "documents_waiting", stats.documents_waiting - before->documents_waiting,
                sums.documents_waiting);
}

struct choice {
    const char *name;
    void (*run)(struct world *world);
    unsigned weight;
};

static const struct choice CHOICES[] = {
    {"append", do_append, 8},       {"repeated append", do_repeat, 1},
    {"deliver", do_deliver, 7},     {"fail", do_fail, 4},
    {"redrive", do_redrive, 2},     {"inbox_ack", do_ack, 3},
    {"inbox_remove", do_remove, 2}, {"marks", do_marks, 3},
    {"message_get", do_get, 3},
};
#define CHOICE_COUNT (sizeof CHOICES / sizeof CHOICES[0])

static const struct choice *choose(struct world *world)
{
    size_t total = 0;
    for (size_t i = 0; i < CHOICE_COUNT; i++) {
        total += CHOICES[i].weight;
    }
    size_t at = any(world, total);
    for (size_t i = 0;; i++) {
        if (at < CHOICES[i].weight || i + 1 == CHOICE_COUNT) {
            return &CHOICES[i];
        }
        at -= CHOICES[i].weight;
    }
}

static struct world *world_make(struct test *test)
{
    struct world *world = test_alloc(test, sizeof *world);
    world->test = test;
    random_seeded_init(&world->random, test->seed);
    world->papers = test_alloc(test, MESSAGES_MAX * sizeof *world->papers);
    for (size_t i = 0; i < USERS; i++) {
        world->inbox[i] = test_alloc(test, MESSAGES_MAX * sizeof(struct paper *));
    }
    world->subject = subject_open(test);
    kit_users(world->subject, "u0 u1 u2 u3");
    return world;
}

static void model_random(struct test *test)
{
    struct world *world = world_make(test);
    struct ph_storage_stats before = kit_stats(world->subject);
    size_t operations = test->level >= 2 ? OPERATIONS_STRESS : OPERATIONS_FULL;
    do_append(world);
    for (size_t i = 0; i < operations && world->count < MESSAGES_MAX; i++) {
        const struct choice *choice = choose(world);
        test_step(test, "random operation %zu (%s) of seed %llu", i, choice->name, (unsigned long long)test->seed);
        choice->run(world);
        if (i % ROUND == ROUND - 1) {
            test_step(test, "comparison with the model after operation %zu of seed %llu", i,
                      (unsigned long long)test->seed);
            size_t user = any(world, USERS);
            compare_inbox(world, user);
            compare_sent(world, user);
            compare_sums(world, &before);
        }
    }
    for (size_t i = 0; i < USERS; i++) {
        compare_inbox(world, i);
        compare_sent(world, i);
    }
}

static const struct check CHECKS[] = {
    {"model.random", "storage: random operations answer as a model of the rules does", model_random, CHECK_FULL},
};

const struct suite SUITE_STORAGE_MODEL = SUITE(CHECKS);
