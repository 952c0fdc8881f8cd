// SPDX-License-Identifier: Apache-2.0
//
// Checks of append: what is stored, repeats, keys, unknown names, texts and sizes.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

#include "core/loader.h"
#include <string.h>

#define BODY_MAX ((size_t)256 * 1024)

static struct subject *begin(struct test *test, const char *users)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, users);
    return subject;
}

static void append_stores(struct test *test)
{
    struct subject *subject = begin(test, "alice bob carol");
    struct ph_message *message = kit_message(test, "alice", "bob carol");
    message->deliver_at = time_wall() + 3600000;
    message->expires_at = time_wall() + 7200000;
    test_step(test, "append of a message to two users, then message_get by its sender");
    const struct ph_accepted *accepted = kit_append(subject, message, PH_OK);
    want_id(test, "the id of what was accepted", &accepted->id, &message->id);
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    kit_want_record(test, record, message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    want_number(test, "accepted_at", (uint64_t)record->accepted_at, (uint64_t)accepted->accepted_at);
    want_time_between(test, "accepted_at, by the storage's clock,", accepted->accepted_at, time_wall() - 120000,
                      time_wall() + 120000);
    want_number(test, "status", record->status, PH_STATE_ACCEPTED);
    want_number(test, "failures", record->failures, 0);
}

static void append_hidden(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_sent(subject, "alice", "bob");
    test_step(test, "inbox_read and message_get of a recipient before the delivery");
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 0);
    kit_get(subject, "bob", message->id, PH_NOT_FOUND);
}

static void append_repeat(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    const struct ph_message *message = kit_message(test, "alice", "bob");
    int64_t first = kit_append(subject, message, PH_OK)->accepted_at;
    stand_turn(test, 5);
    test_step(test, "append of the same id a second time");
    const struct ph_accepted *again = kit_append(subject, message, PH_OK);
    want_number(test, "accepted_at", (uint64_t)again->accepted_at, (uint64_t)first);
    want_id(test, "id", &again->id, &message->id);
    want_number(test, "messages in the sent list:", kit_read(subject, PH_STORAGE_SENT_READ, "alice", 0, 10)->count, 1);
    kit_deliver(subject, message->id, PH_OK);
    test_step(test, "append of the same id after its delivery, then deliver");
    kit_append(subject, message, PH_OK);
    kit_deliver(subject, message->id, PH_DUPLICATE);
    want_number(test, "records in the inbox:", kit_inbox(subject, "bob")->count, 1);
}

static void append_repeat_key(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *message = kit_message(test, "alice", "bob");
    kit_key(test, message, "key", 1);
    int64_t first = kit_append(subject, message, PH_OK)->accepted_at;
    test_step(test, "append of the same id and key a second time");
    want_number(test, "accepted_at", (uint64_t)kit_append(subject, message, PH_OK)->accepted_at, (uint64_t)first);
}

static void append_key_duplicate(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *first = kit_message(test, "alice", "bob");
    struct ph_message *second = kit_message(test, "alice", "bob");
    kit_key(test, first, "key", 1);
    kit_key(test, second, "key", 1);
    int64_t accepted_at = kit_append(subject, first, PH_OK)->accepted_at;
    stand_turn(test, 5);
    test_step(test, "append of another id with the same key and hash");
    const struct ph_accepted *accepted = kit_append(subject, second, PH_DUPLICATE);
    want_id(test, "the first one's id", &accepted->id, &first->id);
    want_number(test, "the first one's accepted_at", (uint64_t)accepted->accepted_at, (uint64_t)accepted_at);
    kit_get(subject, "alice", second->id, PH_NOT_FOUND);
    kit_deliver(subject, second->id, PH_NOT_FOUND);
}

static void append_key_conflict(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *first = kit_message(test, "alice", "bob");
    struct ph_message *second = kit_message(test, "alice", "bob");
    kit_key(test, first, "key", 1);
    kit_key(test, second, "key", 2);
    kit_append(subject, first, PH_OK);
    test_step(test, "append of another id with the same key and another hash");
    kit_append(subject, second, PH_CONFLICT);
    kit_get(subject, "alice", second->id, PH_NOT_FOUND);
}

static void append_key_scope(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *first = kit_message(test, "alice", "bob");
    struct ph_message *second = kit_message(test, "bob", "alice");
    kit_key(test, first, "key", 1);
    kit_key(test, second, "key", 2);
    kit_append(subject, first, PH_OK);
    test_step(test, "append with a key that another sender has used");
    kit_append(subject, second, PH_OK);
}

static void append_key_refused(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *first = kit_message(test, "alice", "nobody");
    struct ph_message *second = kit_message(test, "alice", "bob");
    kit_key(test, first, "key", 1);
    kit_key(test, second, "key", 2);
    kit_append(subject, first, PH_NOT_FOUND);
    test_step(test, "append with a key that only a refused message had");
    kit_append(subject, second, PH_OK);
}

static void want_unknown(struct test *test, const struct ph_accepted *accepted, const char *first, const char *second)
{
    want_number(test, "unknown_count", accepted->unknown_count, second != NULL ? 2 : 1);
    const char *names[] = {first, second};
    for (size_t i = 0; i < accepted->unknown_count; i++) {
        bool found = false;
        for (size_t j = 0; j < accepted->unknown_count; j++) {
            found = found || text_equal(accepted->unknown[j], kit_name(test, names[i]));
        }
        want_true(test, found, "`unknown` names who is no user, each once");
    }
}

static void append_unknown(struct test *test)
{
    struct subject *subject = begin(test, "alice bob gone");
    kit_remove_user(subject, "gone");
    test_step(test, "append to one user, one unknown name and one removed user");
    const struct ph_message *message = kit_message(test, "alice", "bob nobody gone");
    want_unknown(test, kit_append(subject, message, PH_NOT_FOUND), "gone", "nobody");
    kit_get(subject, "alice", message->id, PH_NOT_FOUND);
    test_step(test, "append by an unknown sender");
    want_unknown(test, kit_append(subject, kit_message(test, "stranger", "bob"), PH_NOT_FOUND), "stranger", NULL);
    test_step(test, "append by an unknown sender to itself");
    want_unknown(test, kit_append(subject, kit_message(test, "stranger", "stranger"), PH_NOT_FOUND), "stranger", NULL);
}

static void append_partial(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *messages[5];
    for (size_t i = 0; i < 5; i++) {
        messages[i] = kit_message(test, "alice", i == 1 ? "bob nobody" : "bob");
    }
    kit_key(test, messages[0], "key", 1);
    kit_key(test, messages[3], "key", 2);
    test_step(test, "append of five messages, the second to an unknown name, the fourth with the first one's key and "
                    "another hash");
    struct ask *call = ask(subject, PH_STORAGE_APPEND, 5, (const void *const *)messages);
    static const enum ph_outcome wanted[] = {PH_OK, PH_NOT_FOUND, PH_OK, PH_CONFLICT, PH_OK};
    for (size_t i = 0; i < 5; i++) {
        want_outcome(call, i, wanted[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        kit_get(subject, "alice", messages[i]->id, wanted[i] == PH_OK ? PH_OK : PH_NOT_FOUND);
    }
}

static void append_twins(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *messages[4];
    for (size_t i = 0; i < 4; i++) {
        messages[i] = kit_message(test, "alice", "bob");
    }
    kit_key(test, messages[0], "key", 1);
    kit_key(test, messages[1], "key", 1);
    messages[3] = messages[2];
    test_step(test, "append of two messages with one key, and one message twice, in one call");
    struct ask *call = ask(subject, PH_STORAGE_APPEND, 4, (const void *const *)messages);
    static const enum ph_outcome wanted[] = {PH_OK, PH_DUPLICATE, PH_OK, PH_OK};
    for (size_t i = 0; i < 4; i++) {
        want_outcome(call, i, wanted[i]);
    }
    const struct ph_accepted *first = ask_output(call, 0);
    const struct ph_accepted *second = ask_output(call, 1);
    want_id(test, "the twin's answer names the first:", &second->id, &messages[0]->id);
    want_number(test, "the twin's accepted_at", (uint64_t)second->accepted_at, (uint64_t)first->accepted_at);
    want_number(test, "messages in the sent list:", kit_read(subject, PH_STORAGE_SENT_READ, "alice", 0, 10)->count, 2);
}

static void append_twins_calls(struct test *test)
{
    enum { CALLS = 8 };
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *messages[CALLS];
    struct ask *calls[CALLS];
    test_step(test, "eight calls of append at once, all with the same key and hash");
    for (size_t i = 0; i < CALLS; i++) {
        messages[i] = kit_message(test, "alice", "bob");
        kit_key(test, messages[i], "key", 1);
    }
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = ask_start(subject, PH_STORAGE_APPEND, 1, (const void *const *)&messages[i]);
    }
    size_t stored = 0;
    for (size_t i = 0; i < CALLS; i++) {
        ask_wait(calls[i]);
        stored += ask_outcome(calls[i], 0) == PH_OK ? 1 : 0;
        if (ask_outcome(calls[i], 0) != PH_OK) {
            want_outcome(calls[i], 0, PH_DUPLICATE);
        }
        const struct ph_accepted *accepted = ask_output(calls[i], 0);
        const struct ph_accepted *first = ask_output(calls[0], 0);
        want_id(test, "all answers name one message:", &accepted->id, &first->id);
    }
    want_number(test, "messages that were stored:", stored, 1);
}

// Every length of UTF-8, its limits, and what is special to SQL, JSON and C.
static const char ODD[] = "a\x7f \xc2\x80\xdf\xbf \xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd\xef\xbf\xbf "
                          "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf e\xcc\x81 \xe2\x80\xae\xef\xbb\xbf \t\r\n\x01\x1f "
                          "'\"`;--\\%_?$1:x@y {}[] NULL \xf0\x9f\x90\x8e";

static void append_texts(struct test *test)
{
    struct subject *subject = begin(test, "alice bob a.b_c@d-e 0");
    struct ph_message *message = kit_message(test, "alice", "bob a.b_c@d-e 0");
    struct ph_text odd = test_bytes(test, ODD, sizeof ODD - 1);
    message->subject = odd;
    message->body = odd;
    message->content_type = test_text(test, "text/plain; charset=\"utf-8\"");
    message->attributes = test_text(test, "{\"\xc3\xa9\":\"\\u0000 \\\" \xf0\x9f\x90\x8e\"}");
    message->idempotency_key = test_text(test, "%s !\"#$%%&'()*+,-./:;<=>?@[\\]^_`{|}~", test->tag);
    test_step(test, "append of a message with every range of UTF-8 in its texts");
    kit_append(subject, message, PH_OK);
    kit_deliver(subject, message->id, PH_OK);
    const struct ph_page *page = kit_inbox(subject, "bob");
    want_number(test, "records in the inbox:", page->count, 1);
    kit_want_record(test, page->records[0], message, KIT_HEAD | KIT_TEXTS | KIT_NAMES);
    want_number(test, "records in the inbox of a.b_c@d-e:", kit_inbox(subject, "a.b_c@d-e")->count, 1);
}

static void append_empty(struct test *test)
{
    struct subject *subject = begin(test, "alice");
    struct ph_message *message = kit_message(test, "alice", "alice");
    struct ph_text empty = test_text(test, "%s", "");
    message->subject = empty;
    message->body = empty;
    message->content_type = empty;
    message->attributes = (struct ph_text){.bytes = NULL, .length = 0};
    message->trace = empty;
    test_step(test, "append of a message to its own sender with empty texts");
    kit_append(subject, message, PH_OK);
    kit_deliver(subject, message->id, PH_OK);
    const struct ph_page *page = kit_inbox(subject, "alice");
    want_number(test, "records in the inbox:", page->count, 1);
    kit_want_record(test, page->records[0], message, KIT_HEAD | KIT_TEXTS | KIT_NAMES);
}

static struct ph_text filled(struct test *test, size_t length, const char *unit)
{
    char *bytes = test_alloc(test, length + 1);
    size_t step = strlen(unit);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = i < length - length % step ? unit[i % step] : 'x';
    }
    return (struct ph_text){.bytes = bytes, .length = length};
}

static void append_sizes(struct test *test)
{
    enum { NAMES = 100 };
    struct subject *subject = begin(test, "alice");
    struct ph_message *message = kit_message(test, "alice", "alice");
    struct ph_text *names = test_alloc(test, NAMES * sizeof *names);
    struct ph_user_add *adds = test_alloc(test, NAMES * sizeof *adds);
    const void *entries[NAMES];
    for (size_t i = 0; i < NAMES; i++) {
        names[i] = test_text(test, "%s-%02zu-%.40s", test->tag, i, "0123456789.abcdefghijklmnopqrstuvwxyz_@.");
        adds[i] = (struct ph_user_add){.id = id_new(), .name = names[i], .password = names[i]};
        entries[i] = &adds[i];
    }
    want_all(ask(subject, PH_STORAGE_USER_ADD, NAMES, entries), PH_OK);
    message->recipients = names;
    message->recipient_count = NAMES;
    message->subject = filled(test, 800, "\xf0\x9f\x90\x8e");
    message->body = filled(test, BODY_MAX, "\xe2\x82\xac");
    message->attributes = test_text(test, "{\"a\":\"%.900s\"}", filled(test, 900, "v").bytes);
    message->idempotency_key = filled(test, 128, test->tag);
    test_step(test, "append of the largest message: 100 recipients, 256 KiB of body");
    kit_append(subject, message, PH_OK);
    const struct ph_delivery *delivery = kit_deliver(subject, message->id, PH_OK);
    kit_want_record(test, delivery->record, message, KIT_HEAD | KIT_STATES);
    kit_want_record(test, kit_get(subject, "alice", message->id, PH_OK), message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
}

static void append_limit(struct test *test, size_t count, const char *user)
{
    struct subject *subject = begin(test, user);
    const void **entries = test_alloc(test, count * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = kit_message(test, user, user);
    }
    test_step(test, "append of %zu messages in one call, then sent_read", count);
    struct ask *call = ask(subject, PH_STORAGE_APPEND, count, entries);
    enum ph_outcome first = ask_outcome(call, 0);
    if (count <= plugin_batch_limit(test->plugin) || first != PH_INVALID) {
        first = PH_OK;
    }
    want_all(call, first);
    size_t seen = 0;
    for (uint64_t after = 0;;) {
        const struct ph_page *page = kit_read(subject, PH_STORAGE_SENT_READ, user, after, 1000);
        if (page->count == 0) {
            break;
        }
        seen += page->count;
        after = page->records[page->count - 1]->position;
    }
    want_number(test, "messages in the sent list:", seen, first == PH_OK ? count : 0);
}

static void append_maximum(struct test *test)
{
    append_limit(test, plugin_batch_limit(test->plugin), "alice");
}

static void append_beyond(struct test *test)
{
    append_limit(test, plugin_batch_limit(test->plugin) + 1, "alice");
}

static void append_due(struct test *test)
{
    struct subject *subject = begin(test, "alice bob");
    struct ph_message *now = kit_message(test, "alice", "bob");
    struct ph_message *later = kit_message(test, "alice", "bob");
    struct ph_message *delayed = kit_message(test, "alice", "bob");
    struct ph_message *soon = kit_message(test, "alice", "bob");
    now->due_in_ms = 0;
    delayed->due_in_ms = 0;
    delayed->deliver_at = time_wall() + KIT_LONG_MS;
    soon->due_in_ms = 0;
    soon->deliver_at = time_wall() - 1000;
    const struct ph_message *messages[] = {now, later, delayed, soon};
    want_all(ask(subject, PH_STORAGE_APPEND, 4, (const void *const *)messages), PH_OK);
    test_step(test, "lease of due outbox marks after append with due_in_ms 0, later, and deliver_at far off");
    bool found[4] = {false};
    for (int64_t end = time_steady() + 5000; !(found[0] && found[3]) && time_steady() < end; stand_turn(test, 10)) {
        const struct ph_leased *leased = kit_lease(subject, PH_MARK_OUTBOX, 100, KIT_LONG_MS);
        for (size_t i = 0; i < 4; i++) {
            found[i] = found[i] || kit_leased_find(leased, messages[i]->id) != NULL;
        }
    }
    want_true(test, found[0] && found[3], "marks with due_in_ms 0 and no deliver_at to come are due");
    want_true(test, !found[1] && !found[2], "marks are not due before due_in_ms, nor before deliver_at");
}

static const struct check CHECKS[] = {
    {"append.stores", "append: PH_OK: stored, with outbox mark; message_get gives it whole", append_stores, 0},
    {"append.hidden", "inbox_read: nothing is in an inbox before deliver", append_hidden, 0},
    {"append.repeat", "append: PH_OK also when this id was stored before; accepted_at is the recorded one",
     append_repeat, 0},
    {"append.repeat-key", "append: a repeat of the same id with its own key is PH_OK, not PH_DUPLICATE",
     append_repeat_key, 0},
    {"append.key-duplicate", "append: PH_DUPLICATE: the key exists with this hash for another id, which is named",
     append_key_duplicate, 0},
    {"append.key-conflict", "append: PH_CONFLICT: the key exists with another hash", append_key_conflict, 0},
    {"append.key-scope", "append: idempotency_key is in the sender's own scope", append_key_scope, 0},
    {"append.key-refused", "append: a message that is refused leaves no key behind", append_key_refused, 0},
    {"append.unknown", "append: PH_NOT_FOUND: `unknown` names who is no user, the sender included", append_unknown, 0},
    {"append.partial", "storage: an entry that is refused leaves the others alone", append_partial, 0},
    {"append.twins", "append: twins in one call count as well, one after the other", append_twins, 0},
    {"append.twins-calls", "append: one key in calls at once stores one message", append_twins_calls, 0},
    {"append.texts", "TEXT is UTF-8: what is stored comes back byte by byte", append_texts, 0},
    {"append.empty", "append: empty texts and a message to oneself", append_empty, 0},
    {"append.sizes", "append: 100 recipients, 256 KiB of body, 200 characters of subject", append_sizes, 0},
    {"append.maximum", "THE CALL: at most batch_limit entries, all of them done", append_maximum, 0},
    {"append.beyond", "THE CALL: more than batch_limit: all, or every entry PH_INVALID; never a part", append_beyond,
     0},
    {"append.due", "append: the mark is due due_in_ms after, or at deliver_at if that is later", append_due, 0},
};

const struct suite SUITE_STORAGE_APPEND = SUITE(CHECKS);
