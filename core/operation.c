// SPDX-License-Identifier: Apache-2.0
//
// See core/operation.h.
#include "core/operation.h"
#include <stdalign.h>
#include <string.h>

#define CHANGES OPERATION_CHANGES
#define MANDATORY OPERATION_MANDATORY
#define SINGLE OPERATION_SINGLE

// What an entry or output points to: its size and the name of its struct.
#define OF(type) sizeof(struct type), #type
#define NOTHING 0, NULL
// Puts the sizes first and the names last, as struct operation has them.
#define ROW(kind_, struct_, number_, member, flags_, entry_size_, entry_, output_size_, output_)                     \
    {                                                                                                                \
        .name = #member, .number = (number_), .kind = (kind_), .flags = (flags_), .slot = offsetof(struct_, member), \
        .entry_size = (entry_size_), .output_size = (output_size_), .entry_struct = (entry_),                        \
        .output_struct = (output_)                                                                                   \
    }
// One more expansion, so that OF and NOTHING become two arguments each.
#define EXPAND(...) ROW(__VA_ARGS__)
#define COMMON(number, member, flags, entry, output) \
    EXPAND(0, struct ph_common_operations, number, member, (flags) | OPERATION_COMMON, entry, output)
#define STORAGE(number, member, flags, entry, output) \
    EXPAND(PH_KIND_STORAGE, struct ph_storage_operations, PH_STORAGE_##number, member, flags, entry, output)
#define META(number, member, flags, entry, output) \
    EXPAND(PH_KIND_META, struct ph_meta_operations, PH_META_##number, member, flags, entry, output)
#define QUEUE(number, member, flags, entry, output) \
    EXPAND(PH_KIND_QUEUE, struct ph_queue_operations, PH_QUEUE_##number, member, flags, entry, output)

const struct operation operations[] = {
    COMMON(PH_OPEN, open, CHANGES | MANDATORY | SINGLE, OF(ph_open), OF(ph_opened)),
    COMMON(PH_CLOSE, close, CHANGES | MANDATORY | SINGLE, NOTHING, NOTHING),
    COMMON(PH_HEALTH, health, MANDATORY | SINGLE, NOTHING, OF(ph_health)),
    COMMON(PH_RELOAD, reload, CHANGES | SINGLE, OF(ph_reload), NOTHING),
    COMMON(PH_CANCEL, cancel, CHANGES | SINGLE, OF(ph_cancel), NOTHING),
    COMMON(PH_SETUP, setup, CHANGES | SINGLE, OF(ph_setup), OF(ph_steps)),
    COMMON(PH_PROBE, probe, 0, OF(ph_right), NOTHING),

    STORAGE(APPEND, append, CHANGES | MANDATORY, OF(ph_message), OF(ph_accepted)),
    STORAGE(DELIVER, deliver, CHANGES | MANDATORY, OF(ph_deliver), OF(ph_delivery)),
    STORAGE(FAIL, fail, CHANGES | MANDATORY, OF(ph_failure), OF(ph_failed)),
    STORAGE(POSTPONE, postpone, CHANGES | MANDATORY, OF(ph_postpone), NOTHING),
    STORAGE(LEASE, lease, CHANGES | MANDATORY, OF(ph_lease), OF(ph_leased)),
    STORAGE(SETTLE, settle, CHANGES | MANDATORY, OF(ph_settle), NOTHING),
    STORAGE(MARK, mark, CHANGES | MANDATORY, OF(ph_mark_document), NOTHING),
    STORAGE(EXPIRE, expire, CHANGES | MANDATORY, OF(ph_expire), OF(ph_swept)),
    STORAGE(INBOX_READ, inbox_read, MANDATORY, OF(ph_read), OF(ph_page)),
    STORAGE(INBOX_HEAD, inbox_head, MANDATORY, OF(ph_head), OF(ph_head_position)),
    STORAGE(INBOX_ACK, inbox_ack, CHANGES | MANDATORY, OF(ph_ack), OF(ph_acked)),
    STORAGE(INBOX_REMOVE, inbox_remove, CHANGES | MANDATORY, OF(ph_pick), NOTHING),
    STORAGE(MESSAGE_GET, message_get, MANDATORY, OF(ph_pick), OF(ph_found)),
    STORAGE(SENT_READ, sent_read, MANDATORY, OF(ph_read), OF(ph_page)),
    STORAGE(DEAD_READ, dead_read, MANDATORY, OF(ph_read), OF(ph_page)),
    STORAGE(REDRIVE, redrive, CHANGES | MANDATORY, OF(ph_pick), NOTHING),
    STORAGE(USER_ADD, user_add, CHANGES | MANDATORY, OF(ph_user_add), NOTHING),
    STORAGE(USER_GET, user_get, MANDATORY, OF(ph_user_name), OF(ph_user)),
    STORAGE(USER_LIST, user_list, MANDATORY, OF(ph_user_list), OF(ph_users)),
    STORAGE(USER_PASSWORD, user_password, CHANGES | MANDATORY, OF(ph_user_password), NOTHING),
    STORAGE(USER_REMOVE, user_remove, CHANGES | MANDATORY, OF(ph_user_name), NOTHING),
    STORAGE(SESSION_ADD, session_add, CHANGES | MANDATORY, OF(ph_session_add), OF(ph_session)),
    STORAGE(SESSION_GET, session_get, MANDATORY, OF(ph_session_token), OF(ph_session)),
    STORAGE(SESSION_REMOVE, session_remove, CHANGES | MANDATORY, OF(ph_session_token), NOTHING),
    STORAGE(PURGE, purge, CHANGES | MANDATORY, OF(ph_purge), OF(ph_swept)),
    STORAGE(STATS, stats, MANDATORY | SINGLE, NOTHING, OF(ph_storage_stats)),
    STORAGE(NOTIFY, notify, CHANGES, OF(ph_notify), NOTHING),

    META(PUT, put, CHANGES | MANDATORY, OF(ph_document), NOTHING),
    META(GET, get, MANDATORY, OF(ph_document_id), OF(ph_document_found)),

    QUEUE(SEND, send, CHANGES | MANDATORY, OF(ph_job), NOTHING),
    QUEUE(RECEIVE, receive, CHANGES | MANDATORY | SINGLE, OF(ph_receive), OF(ph_received_jobs)),
    QUEUE(REMOVE, remove, CHANGES | MANDATORY, OF(ph_receipt), NOTHING),
    QUEUE(EXTEND, extend, CHANGES | MANDATORY, OF(ph_receipt), NOTHING),
    QUEUE(STATS, stats, MANDATORY | SINGLE, NOTHING, OF(ph_queue_stats)),

    EXPAND(PH_KIND_ALERT, struct ph_alert_operations, PH_ALERT_PUBLISH, publish, CHANGES | MANDATORY, OF(ph_alert),
           NOTHING),
    EXPAND(PH_KIND_SECRET, struct ph_secret_operations, PH_SECRET_FETCH, fetch, MANDATORY, OF(ph_secret_name),
           OF(ph_secret)),
};
const size_t operation_count = sizeof operations / sizeof operations[0];

static const char *const kind_names[] = {NULL, "storage", "meta", "queue", "alert", "secret"};
#define KIND_END (sizeof kind_names / sizeof kind_names[0])

const struct operation *operation_find(uint32_t number)
{
    // Numbers ascend, but with gaps between the kinds; every call comes through here.
    size_t low = 0;
    size_t high = operation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (operations[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < operation_count && operations[low].number == number ? &operations[low] : NULL;
}

const struct operation *operation_named(uint32_t kind, const char *name)
{
    for (size_t i = 0; i < operation_count; i++) {
        if ((operations[i].kind == 0 || operations[i].kind == kind) && strcmp(operations[i].name, name) == 0) {
            return &operations[i];
        }
    }
    return NULL;
}

const char *operation_name(uint32_t number)
{
    const struct operation *operation = operation_find(number);
    return operation != NULL ? operation->name : "unknown";
}

size_t operation_struct_size(uint32_t kind)
{
    switch (kind) {
    case PH_KIND_STORAGE:
        return sizeof(struct ph_storage_operations);
    case PH_KIND_META:
        return sizeof(struct ph_meta_operations);
    case PH_KIND_QUEUE:
        return sizeof(struct ph_queue_operations);
    case PH_KIND_ALERT:
        return sizeof(struct ph_alert_operations);
    case PH_KIND_SECRET:
        return sizeof(struct ph_secret_operations);
    default:
        return 0;
    }
}

ph_start_f *operation_slot(const struct operation *operation, const struct ph_common_operations *common,
                           const void *kind_operations)
{
    const void *table = (operation->flags & OPERATION_COMMON) != 0 ? (const void *)common : kind_operations;
    ph_start_f *start = NULL;
    memcpy(&start, (const char *)table + operation->slot, sizeof start);
    return start;
}

const void *operation_no_output(void)
{
    static const alignas(max_align_t) unsigned char nothing[OPERATION_OUTPUT_MAX];
    return nothing;
}

size_t operation_make_size(uint32_t make)
{
    switch (make) {
    case PH_MAKE_RECORD:
        return sizeof(struct ph_record);
    case PH_MAKE_RECIPIENT:
        return sizeof(struct ph_recipient);
    case PH_MAKE_MARK:
        return sizeof(struct ph_mark);
    case PH_MAKE_USER:
        return sizeof(struct ph_user);
    case PH_MAKE_RECEIVED:
        return sizeof(struct ph_received);
    case PH_MAKE_STEP:
        return sizeof(struct ph_step);
    default:
        return 0;
    }
}

const char *kind_name(uint32_t kind)
{
    return kind > 0 && kind < KIND_END ? kind_names[kind] : "unknown";
}

uint32_t kind_find(const char *name)
{
    for (uint32_t kind = 1; kind < KIND_END; kind++) {
        if (strcmp(kind_names[kind], name) == 0) {
            return kind;
        }
    }
    return 0;
}
