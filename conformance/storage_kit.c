// SPDX-License-Identifier: Apache-2.0
//
// See conformance/storage_kit.h.
#include "conformance/storage_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECIPIENTS_MAX 128
#define PAGE_BYTES (16u << 20)

struct ph_text kit_name(struct test *test, const char *name)
{
    return test_text(test, "%s-%s", test->tag, name);
}

void kit_users(struct subject *subject, const char *names)
{
    struct test *test = subject_test(subject);
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", names);
    char *rest = NULL;
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        struct ph_user_add *entry = test_alloc(test, sizeof *entry);
        *entry = (struct ph_user_add){
            .id = id_new(), .name = kit_name(test, name), .password = test_text(test, "hash of %s", name)};
        ask_want(ask_one(subject, PH_STORAGE_USER_ADD, entry), PH_OK);
    }
}

void kit_remove_user(struct subject *subject, const char *name)
{
    struct ph_user_name *entry = test_alloc(subject_test(subject), sizeof *entry);
    entry->name = kit_name(subject_test(subject), name);
    ask_want(ask_one(subject, PH_STORAGE_USER_REMOVE, entry), PH_OK);
}

static int kit_order(const void *left, const void *right)
{
    const struct ph_text *one = left;
    const struct ph_text *other = right;
    return text_order(*one, *other);
}

struct ph_message *kit_message(struct test *test, const char *sender, const char *recipients)
{
    char copy[2048];
    size_t count = 0;
    struct ph_text *names = test_alloc(test, RECIPIENTS_MAX * sizeof *names);
    struct ph_message *message = test_alloc(test, sizeof *message);
    snprintf(copy, sizeof copy, "%s", recipients);
    char *rest = NULL;
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        names[count++] = kit_name(test, name);
    }
    qsort(names, count, sizeof *names, kit_order);
    *message = (struct ph_message){
        .id = id_new(),
        .sender = kit_name(test, sender),
        .recipients = names,
        .recipient_count = count,
        .content_type = test_text(test, "text/plain"),
        .attributes = test_text(test, "{\"colour\":\"green\",\"size\":\"4\"}"),
        .trace = test_text(test, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .idempotency_key = test_text(test, "%s", ""),
        .due_in_ms = KIT_LONG_MS,
    };
    message->subject = test_text(test, "subject %02x%02x", message->id.bytes[14], message->id.bytes[15]);
    message->body = test_text(test, "body %02x%02x of %s", message->id.bytes[14], message->id.bytes[15], sender);
    return message;
}

void kit_key(struct test *test, struct ph_message *message, const char *key, uint8_t hash)
{
    message->idempotency_key = test_text(test, "%s/%s", test->tag, key);
    memset(message->content_hash, hash, sizeof message->content_hash);
}

struct ph_accepted *kit_append(struct subject *subject, const struct ph_message *message, enum ph_outcome outcome)
{
    return ask_want(ask_one(subject, PH_STORAGE_APPEND, message), outcome);
}

struct ph_message *kit_sent(struct subject *subject, const char *sender, const char *recipients)
{
    struct ph_message *message = kit_message(subject_test(subject), sender, recipients);
    kit_append(subject, message, PH_OK);
    return message;
}

struct ph_message *kit_delivered(struct subject *subject, const char *sender, const char *recipients)
{
    struct ph_message *message = kit_sent(subject, sender, recipients);
    kit_deliver(subject, message->id, PH_OK);
    return message;
}

struct ph_delivery *kit_deliver(struct subject *subject, struct ph_id id, enum ph_outcome outcome)
{
    struct test *test = subject_test(subject);
    struct ph_deliver *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_deliver){.id = id, .alert_lease_ms = KIT_LONG_MS};
    struct ph_delivery *delivery = ask_want(ask_one(subject, PH_STORAGE_DELIVER, entry), outcome);
    if (outcome == PH_OK || outcome == PH_DUPLICATE) {
        want_true(test, delivery->record != NULL, "deliver gives a record with PH_OK and PH_DUPLICATE");
        want_id(test, "the record's id", &delivery->record->id, &id);
    }
    return delivery;
}

struct ph_failed *kit_fail(struct subject *subject, struct ph_id id, uint32_t attempt, uint32_t limit,
                           enum ph_outcome outcome)
{
    struct test *test = subject_test(subject);
    struct ph_failure *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_failure){.id = id,
                                 .attempt = attempt,
                                 .limit = limit,
                                 .retry_in_ms = KIT_LONG_MS,
                                 .reason = test_text(test, "reason %u", attempt)};
    return ask_want(ask_one(subject, PH_STORAGE_FAIL, entry), outcome);
}

void kit_kill(struct subject *subject, struct ph_id id)
{
    const struct ph_failed *failed = kit_fail(subject, id, 1, 1, PH_OK);
    want_true(subject_test(subject), failed->dead, "fail at its limit says dead");
}

void kit_postpone(struct subject *subject, struct ph_id id, uint32_t due_in_ms, enum ph_outcome outcome)
{
    struct ph_postpone *entry = test_alloc(subject_test(subject), sizeof *entry);
    *entry = (struct ph_postpone){.id = id, .due_in_ms = due_in_ms};
    ask_want(ask_one(subject, PH_STORAGE_POSTPONE, entry), outcome);
}

void kit_settle(struct subject *subject, struct ph_id id, enum ph_mark_kind mark, enum ph_outcome outcome)
{
    struct ph_settle *entry = test_alloc(subject_test(subject), sizeof *entry);
    *entry = (struct ph_settle){.id = id, .mark = mark};
    ask_want(ask_one(subject, PH_STORAGE_SETTLE, entry), outcome);
}

void kit_mark(struct subject *subject, struct ph_id id, uint32_t due_in_ms, enum ph_outcome outcome)
{
    struct ph_mark_document *entry = test_alloc(subject_test(subject), sizeof *entry);
    *entry = (struct ph_mark_document){.id = id, .due_in_ms = due_in_ms};
    ask_want(ask_one(subject, PH_STORAGE_MARK, entry), outcome);
}

void kit_redrive(struct subject *subject, struct ph_id id, enum ph_outcome outcome)
{
    struct ph_pick *entry = test_alloc(subject_test(subject), sizeof *entry);
    *entry = (struct ph_pick){.user = test_text(subject_test(subject), "%s", ""), .id = id};
    ask_want(ask_one(subject, PH_STORAGE_REDRIVE, entry), outcome);
}

void kit_expire_all(struct subject *subject)
{
    struct ph_expire *entry = test_alloc(subject_test(subject), sizeof *entry);
    entry->limit = 100;
    const struct ph_swept *swept;
    do {
        swept = ask_want(ask_one(subject, PH_STORAGE_EXPIRE, entry), PH_OK);
    } while (swept->more);
}

// --- Leases ------------------------------------------------------------------------------------------------

struct ph_leased *kit_lease(struct subject *subject, enum ph_mark_kind mark, uint32_t limit, uint32_t lease_ms)
{
    struct test *test = subject_test(subject);
    struct ph_lease *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_lease){.mark = mark, .limit = limit, .lease_ms = lease_ms};
    struct ph_leased *leased = ask_want(ask_one(subject, PH_STORAGE_LEASE, entry), PH_OK);
    want_true(test, leased->count <= limit, "lease gives at most `limit` marks");
    want_true(test, leased->count == 0 || leased->marks != NULL, "lease gives its marks");
    return leased;
}

struct ph_mark *kit_leased_find(const struct ph_leased *leased, struct ph_id id)
{
    for (size_t i = 0; i < leased->count; i++) {
        if (id_equal(&leased->marks[i]->id, &id)) {
            return leased->marks[i];
        }
    }
    return NULL;
}

struct ph_mark *kit_lease_find(struct subject *subject, enum ph_mark_kind mark, struct ph_id id)
{
    const struct ph_leased *leased;
    struct ph_mark *found = NULL;
    do {
        leased = kit_lease(subject, mark, 100, KIT_LONG_MS);
        found = found != NULL ? found : kit_leased_find(leased, id);
    } while (leased->more && leased->count > 0);
    return found;
}

struct ph_mark *kit_lease_wait(struct subject *subject, enum ph_mark_kind mark, struct ph_id id)
{
    struct test *test = subject_test(subject);
    int64_t end = time_steady() + 5000;
    for (;;) {
        struct ph_mark *found = kit_lease_find(subject, mark, id);
        if (found != NULL) {
            return found;
        }
        if (time_steady() > end) {
            test_fail(test, "lease gives a mark that is due", "it did not come within 5 s");
        }
        stand_turn(test, 20);
    }
}

// --- Reading -----------------------------------------------------------------------------------------------

struct ph_page *kit_read(struct subject *subject, uint32_t operation, const char *user, uint64_t after, uint32_t limit)
{
    struct test *test = subject_test(subject);
    struct ph_read *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_read){.user = user != NULL ? kit_name(test, user) : test_text(test, "%s", ""),
                              .after = after,
                              .limit = limit,
                              .byte_limit = PAGE_BYTES};
    struct ph_page *page = ask_want(ask_one(subject, operation, entry), PH_OK);
    want_true(test, page->count <= limit, "a page holds at most `limit` records");
    if (page->count > 0 && page->records == NULL) {
        test_fail(test, "a page holds its records", "none");
    }
    uint64_t last = after;
    for (size_t i = 0; i < page->count; i++) {
        want_true(test, page->records[i]->position > last, "positions above `after` that grow along the list");
        last = page->records[i]->position;
    }
    want_true(test, page->count == 0 || page->head >= last, "head is the highest position of the list");
    return page;
}

struct ph_page *kit_inbox(struct subject *subject, const char *user)
{
    return kit_read(subject, PH_STORAGE_INBOX_READ, user, 0, 1000);
}

struct ph_record *kit_find(const struct ph_page *page, struct ph_id id)
{
    for (size_t i = 0; i < page->count; i++) {
        if (id_equal(&page->records[i]->id, &id)) {
            return page->records[i];
        }
    }
    return NULL;
}

struct ph_record *kit_dead(struct subject *subject, struct ph_id id)
{
    uint64_t after = 0;
    for (;;) {
        const struct ph_page *page = kit_read(subject, PH_STORAGE_DEAD_READ, NULL, after, 100);
        struct ph_record *record = kit_find(page, id);
        if (record != NULL || page->count == 0) {
            return record;
        }
        after = page->records[page->count - 1]->position;
    }
}

struct ph_record *kit_get(struct subject *subject, const char *user, struct ph_id id, enum ph_outcome outcome)
{
    struct test *test = subject_test(subject);
    struct ph_pick *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_pick){.user = kit_name(test, user), .id = id};
    const struct ph_found *found = ask_want(ask_one(subject, PH_STORAGE_MESSAGE_GET, entry), outcome);
    if (outcome != PH_OK) {
        return NULL;
    }
    want_true(test, found->record != NULL, "message_get gives a record with PH_OK");
    want_id(test, "the record's id", &found->record->id, &id);
    return found->record;
}

uint64_t kit_ack(struct subject *subject, const char *user, const struct ph_id *ids, size_t count)
{
    struct test *test = subject_test(subject);
    struct ph_ack *entry = test_alloc(test, sizeof *entry);
    struct ph_id *copy = test_alloc(test, count * sizeof *copy);
    if (count > 0) {
        memcpy(copy, ids, count * sizeof *copy);
    }
    *entry = (struct ph_ack){.user = kit_name(test, user), .ids = copy, .id_count = count};
    const struct ph_acked *acked = ask_want(ask_one(subject, PH_STORAGE_INBOX_ACK, entry), PH_OK);
    return acked->acked;
}

void kit_remove(struct subject *subject, const char *user, struct ph_id id, enum ph_outcome outcome)
{
    struct test *test = subject_test(subject);
    struct ph_pick *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_pick){.user = kit_name(test, user), .id = id};
    ask_want(ask_one(subject, PH_STORAGE_INBOX_REMOVE, entry), outcome);
}

uint64_t kit_head(struct subject *subject, const char *user)
{
    struct ph_head *entry = test_alloc(subject_test(subject), sizeof *entry);
    entry->user = kit_name(subject_test(subject), user);
    const struct ph_head_position *position = ask_want(ask_one(subject, PH_STORAGE_INBOX_HEAD, entry), PH_OK);
    return position->head;
}

struct ph_storage_stats kit_stats(struct subject *subject)
{
    const struct ph_storage_stats *stats = ask_want(ask_one(subject, PH_STORAGE_STATS, NULL), PH_OK);
    return *stats;
}

// --- Sessions ----------------------------------------------------------------------------------------------

void kit_token(struct test *test, uint8_t number, uint8_t hash[32])
{
    memset(hash, 0x5a, 32);
    memcpy(hash, test->tag, sizeof test->tag);
    hash[31] = number;
}

struct ph_session *kit_session(struct subject *subject, const char *user, uint8_t number, int64_t lifetime_ms,
                               enum ph_outcome outcome)
{
    struct test *test = subject_test(subject);
    struct ph_session_add *entry = test_alloc(test, sizeof *entry);
    kit_token(test, number, entry->token_hash);
    entry->user = kit_name(test, user);
    entry->lifetime_ms = lifetime_ms;
    return ask_want(ask_one(subject, PH_STORAGE_SESSION_ADD, entry), outcome);
}

struct ph_session *kit_session_get(struct subject *subject, uint8_t number, enum ph_outcome outcome)
{
    struct test *test = subject_test(subject);
    struct ph_session_token *entry = test_alloc(test, sizeof *entry);
    kit_token(test, number, entry->token_hash);
    return ask_want(ask_one(subject, PH_STORAGE_SESSION_GET, entry), outcome);
}
