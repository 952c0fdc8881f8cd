// SPDX-License-Identifier: Apache-2.0
//
// See conformance/harmless.h.
#include "conformance/harmless.h"

#include "core/loader.h"
#include "core/operation.h"

#define SHORT_MS 20
#define YEAR_MS INT64_C(31536000000)

struct harmless harmless_list(const struct test *test)
{
    struct harmless list = {.count = 0};
    for (size_t i = 0; i < operation_count; i++) {
        const struct operation *operation = &operations[i];
        bool ours = operation->kind == test->plugin->descriptor.kind || operation->number == PH_HEALTH;
        if (ours && plugin_slot(test->plugin, operation->number) != NULL && list.count < HARMLESS_MAX) {
            list.operations[list.count++] = operation->number;
        }
    }
    return list;
}

static struct ph_text nobody(struct test *test)
{
    return test_text(test, "%s-nobody", test->tag);
}

// An entry: a copy of `value` in the test's memory.
#define MADE(type, ...)                                     \
    do {                                                    \
        struct type *made = test_alloc(test, sizeof *made); \
        *made = (struct type)__VA_ARGS__;                   \
        return made;                                        \
    } while (0)

static const void *message(struct test *test)
{
    struct ph_text *name = test_alloc(test, sizeof *name);
    *name = nobody(test);
    struct ph_text text = test_text(test, "text");
    MADE(ph_message, {.id = id_new(),
                      .sender = *name,
                      .recipients = name,
                      .recipient_count = 1,
                      .subject = text,
                      .body = text,
                      .content_type = text,
                      .attributes = test_text(test, "{}"),
                      .trace = test_text(test, "%s", ""),
                      .due_in_ms = 60000,
                      .idempotency_key = test_text(test, "%s", "")});
}

static const void *of_storage_marks(struct test *test, uint32_t operation)
{
    switch (operation) {
    case PH_STORAGE_APPEND:
        return message(test);
    case PH_STORAGE_DELIVER:
        MADE(ph_deliver, {.id = id_new(), .alert_lease_ms = 1000});
    case PH_STORAGE_FAIL:
        MADE(ph_failure, {.id = id_new(), .attempt = 1, .limit = 3, .reason = test_text(test, "reason")});
    case PH_STORAGE_POSTPONE:
        MADE(ph_postpone, {.id = id_new(), .due_in_ms = 1000});
    case PH_STORAGE_LEASE:
        MADE(ph_lease, {.mark = PH_MARK_ALERT, .limit = 1, .lease_ms = 1});
    case PH_STORAGE_SETTLE:
        MADE(ph_settle, {.id = id_new(), .mark = PH_MARK_ALERT});
    case PH_STORAGE_MARK:
        MADE(ph_mark_document, {.id = id_new(), .due_in_ms = 1000});
    case PH_STORAGE_EXPIRE:
        MADE(ph_expire, {.limit = 10});
    case PH_STORAGE_PURGE:
        MADE(ph_purge, {.retention_ms = YEAR_MS, .key_retention_ms = YEAR_MS, .limit = 10});
    default:
        return NULL;
    }
}

static const void *of_storage_readers(struct test *test, uint32_t operation)
{
    switch (operation) {
    case PH_STORAGE_INBOX_READ:
    case PH_STORAGE_SENT_READ:
        MADE(ph_read, {.user = nobody(test), .limit = 10, .byte_limit = 1000});
    case PH_STORAGE_DEAD_READ:
        MADE(ph_read, {.user = test_text(test, "%s", ""), .limit = 1, .byte_limit = 1000});
    case PH_STORAGE_INBOX_HEAD:
        MADE(ph_head, {.user = nobody(test)});
    case PH_STORAGE_INBOX_ACK: {
        struct ph_id *id = test_alloc(test, sizeof *id);
        *id = id_new();
        MADE(ph_ack, {.user = nobody(test), .ids = id, .id_count = 1});
    }
    case PH_STORAGE_INBOX_REMOVE:
    case PH_STORAGE_MESSAGE_GET:
        MADE(ph_pick, {.user = nobody(test), .id = id_new()});
    case PH_STORAGE_REDRIVE:
        MADE(ph_pick, {.user = test_text(test, "%s", ""), .id = id_new()});
    case PH_STORAGE_NOTIFY: {
        struct ph_text *name = test_alloc(test, sizeof *name);
        *name = nobody(test);
        MADE(ph_notify, {.users = name, .user_count = 1});
    }
    default:
        return NULL;
    }
}

static const void *of_storage_users(struct test *test, uint32_t operation)
{
    static unsigned number; // of the users that user_add makes; one process, one test
    switch (operation) {
    case PH_STORAGE_USER_ADD:
        MADE(ph_user_add, {.id = id_new(),
                           .name = test_text(test, "%s-user-%u", test->tag, number++),
                           .password = test_text(test, "hash")});
    case PH_STORAGE_USER_GET:
    case PH_STORAGE_USER_REMOVE:
        MADE(ph_user_name, {.name = nobody(test)});
    case PH_STORAGE_USER_LIST:
        MADE(ph_user_list, {.after = test_text(test, "%s-zzz", test->tag), .limit = 1});
    case PH_STORAGE_USER_PASSWORD:
        MADE(ph_user_password, {.name = nobody(test), .password = test_text(test, "hash")});
    case PH_STORAGE_SESSION_ADD:
        MADE(ph_session_add, {.token_hash = {7}, .user = nobody(test), .lifetime_ms = 1000});
    case PH_STORAGE_SESSION_GET:
    case PH_STORAGE_SESSION_REMOVE:
        MADE(ph_session_token, {.token_hash = {7}});
    default:
        return NULL;
    }
}

static const void *of_others(struct test *test, uint32_t operation)
{
    struct ph_text empty = test_text(test, "%s", "");
    switch (operation) {
    case PH_META_PUT:
        MADE(
            ph_document,
            {.id = id_new(), .json = test_text(test, "{}"), .sender = nobody(test), .expires_at = time_wall() + 60000});
    case PH_META_GET:
        MADE(ph_document_id, {.id = id_new()});
    case PH_QUEUE_SEND:
        MADE(ph_job, {.id = id_new(), .trace = empty, .delay_ms = 0});
    case PH_QUEUE_RECEIVE:
        MADE(ph_receive, {.limit = 1, .wait_ms = SHORT_MS, .lease_ms = 1});
    case PH_QUEUE_REMOVE:
    case PH_QUEUE_EXTEND:
        MADE(ph_receipt, {.id = id_new(), .receipt = test_text(test, "no-such-receipt"), .lease_ms = 1000});
    case PH_ALERT_PUBLISH:
        MADE(ph_alert, {.id = id_new(),
                        .sender = nobody(test),
                        .subject = test_text(test, "subject"),
                        .body = test_text(test, "body"),
                        .attributes = empty,
                        .accepted_at = time_wall()});
    case PH_SECRET_FETCH:
        MADE(ph_secret_name, {.name = nobody(test)});
    default:
        return NULL;
    }
}

static const void *entry_make(struct test *test, uint32_t operation)
{
    if (operation_find(operation)->entry_size == 0) {
        return NULL;
    }
    const void *entry = of_storage_marks(test, operation);
    entry = entry != NULL ? entry : of_storage_readers(test, operation);
    entry = entry != NULL ? entry : of_storage_users(test, operation);
    entry = entry != NULL ? entry : of_others(test, operation);
    if (entry == NULL) {
        test_fail(test, "an entry for every operation", "none for %s", operation_name(operation));
    }
    return entry;
}

const void *const *harmless_entries(struct test *test, uint32_t operation, size_t count)
{
    const void **entries = test_alloc(test, count * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = entry_make(test, operation);
    }
    return entries;
}
