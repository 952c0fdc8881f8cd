// SPDX-License-Identifier: Apache-2.0
//
// Reading: inboxes, single messages, what was sent, dead letters; and what readers change: read and removed.
//
// All three lists are read alike, from a position; they differ in what a record holds and in what is hidden.
#include "plugins/mock/answer.h"
#include "plugins/storage-mock/message.h"
#include "plugins/storage-mock/slots.h"
#include "plugins/storage-mock/user.h"

static const char no_user[] = "there is no such user";

// A list to read. `reader` is set for an inbox: then expired messages are hidden.
struct shelf {
    struct sequence *list;
    struct user *reader;
    unsigned parts;
};

static struct ph_record *shelf_record(struct ph_call *call, const struct shelf *shelf, struct message *message)
{
    struct ph_record *record = record_make(call, message, shelf->parts);
    if (record && shelf->reader) {
        const struct recipient *recipient = message_recipient(message, shelf->reader);
        record->delivered_at = recipient->at;
        record->read_at = recipient->read_at;
    }
    return record;
}

// What has expired never shows again, so it leaves the list when a reader first comes by.
static bool shelf_hides(struct store *store, const struct shelf *shelf, const struct message *message,
                        uint64_t position)
{
    if (!shelf->reader || !message_expired(message, store_now(store)))
        return false;
    sequence_drop(shelf->list, position);
    return true;
}

static enum ph_outcome shelf_read(struct store *store, struct ph_call *call, size_t index, const struct shelf *shelf)
{
    const struct ph_read *entry = call->entries[index];
    struct ph_page *page = call->outputs[index];
    size_t at = sequence_seek(shelf->list, entry->after);
    size_t most = shelf->list->end - at < entry->limit ? shelf->list->end - at : entry->limit;
    struct ph_record **records = call->host->alloc(call, (most + 1) * sizeof(struct ph_record *));
    if (!records)
        return PH_INTERNAL;
    size_t bytes = 0;
    for (; at < shelf->list->end && page->count < most; at++) {
        struct sequence_row row = shelf->list->rows[at];
        struct message *message = message_from(row.item);
        if (!message || shelf_hides(store, shelf, message, row.position))
            continue;
        bytes += message->subject.length + message->body.length + message->attributes.length;
        if (page->count && bytes > entry->byte_limit)
            break;
        struct ph_record *record = shelf_record(call, shelf, message);
        if (!record)
            break;
        record->position = row.position;
        records[page->count++] = record;
    }
    page->records = records;
    page->head = shelf->list->head;
    return PH_OK;
}

static enum ph_outcome inbox_read_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_read *entry = call->entries[index];
    struct user *user = user_find(store, entry->user);
    if (!user)
        return answer_text(call, index, PH_NOT_FOUND, no_user);
    struct shelf shelf = {.list = &user->inbox, .reader = user, .parts = RECORD_CONTENT};
    return shelf_read(store, call, index, &shelf);
}

void storage_inbox_read(void *instance, struct ph_call *call)
{
    answer_each(instance, call, inbox_read_one);
}

static enum ph_outcome sent_read_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_read *entry = call->entries[index];
    struct user *user = user_find(store, entry->user);
    if (!user)
        return answer_text(call, index, PH_NOT_FOUND, no_user);
    struct shelf shelf = {.list = &user->sent, .parts = RECORD_CONTENT | RECORD_STATES};
    return shelf_read(store, call, index, &shelf);
}

void storage_sent_read(void *instance, struct ph_call *call)
{
    answer_each(instance, call, sent_read_one);
}

static enum ph_outcome dead_read_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    struct shelf shelf = {.list = &store->dead, .parts = RECORD_STATES | RECORD_REASON};
    return shelf_read(store, call, index, &shelf);
}

void storage_dead_read(void *instance, struct ph_call *call)
{
    answer_each(instance, call, dead_read_one);
}

static enum ph_outcome inbox_head_one(void *instance, struct ph_call *call, size_t index)
{
    const struct ph_head *entry = call->entries[index];
    struct ph_head_position *position = call->outputs[index];
    const struct user *user = user_find(store_from(instance), entry->user);
    if (!user)
        return answer_text(call, index, PH_NOT_FOUND, no_user);
    position->head = user->inbox.head;
    return PH_OK;
}

void storage_inbox_head(void *instance, struct ph_call *call)
{
    answer_each(instance, call, inbox_head_one);
}

static enum ph_outcome inbox_ack_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_ack *entry = call->entries[index];
    struct ph_acked *acked = call->outputs[index];
    const struct user *user = user_find(store, entry->user);
    int64_t now = store_now(store);
    for (size_t i = 0; user && i < entry->id_count; i++) {
        struct message *message = message_find(store, &entry->ids[i]);
        struct recipient *recipient = message ? message_in_inbox(message, user, now) : NULL;
        if (!recipient)
            continue;
        if (!recipient->read_at)
            recipient->read_at = now;
        acked->acked++;
    }
    return PH_OK;
}

void storage_inbox_ack(void *instance, struct ph_call *call)
{
    answer_each(instance, call, inbox_ack_one);
}

static enum ph_outcome inbox_remove_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_pick *entry = call->entries[index];
    struct user *user = user_find(store, entry->user);
    struct message *message = user ? message_find(store, &entry->id) : NULL;
    struct recipient *recipient = message ? message_recipient(message, user) : NULL;
    if (recipient && recipient->removed)
        return PH_DUPLICATE;
    if (!recipient || !message_in_inbox(message, user, store_now(store)))
        return answer_text(call, index, PH_NOT_FOUND, "it is not in this inbox");
    recipient->removed = true;
    sequence_drop(&user->inbox, recipient->position);
    return PH_OK;
}

void storage_inbox_remove(void *instance, struct ph_call *call)
{
    answer_each(instance, call, inbox_remove_one);
}

static enum ph_outcome message_get_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_pick *entry = call->entries[index];
    struct ph_found *found = call->outputs[index];
    const struct user *user = user_find(store, entry->user);
    struct message *message = user ? message_find(store, &entry->id) : NULL;
    if (!message || (message->sender != user && !message_in_inbox(message, user, store_now(store))))
        return answer_text(call, index, PH_NOT_FOUND, "there is no such message for this user");
    found->record = record_make(call, message, RECORD_CONTENT | RECORD_STATES);
    return found->record ? PH_OK : PH_INTERNAL;
}

void storage_message_get(void *instance, struct ph_call *call)
{
    answer_each(instance, call, message_get_one);
}
