// SPDX-License-Identifier: Apache-2.0
//
// Records: copies of messages in the arena of the call that answers with them. One allocation holds the list of
// recipients and all texts of a record, because a page has a hundred of them.
#include "plugins/storage-mock/message.h"

#include <string.h>

// Copies a text to *at and moves that behind it. The arena is zeroed, so the NUL byte is there already.
static struct ph_text record_text(char **at, struct ph_text text)
{
    struct ph_text copy = {.bytes = *at, .length = text.length};
    if (text.length)
        memcpy(*at, text.bytes, text.length);
    *at += text.length + 1;
    return copy;
}

static size_t record_size(const struct message *message, unsigned parts)
{
    size_t size = message->sender->name.length + message->content_type.length + message->attributes.length +
                  message->trace.length + 4;
    if (parts & RECORD_CONTENT)
        size += message->subject.length + message->body.length + 2;
    if (parts & RECORD_REASON)
        size += message->reason.length + 1;
    for (size_t i = 0; i < message->recipient_count; i++)
        size += sizeof(struct ph_recipient *) + message->recipients[i].user->name.length + 1;
    return size;
}

static void record_times(struct ph_record *record, const struct message *message)
{
    record->accepted_at = message->accepted_at;
    record->deliver_at = message->deliver_at;
    record->expires_at = message->expires_at;
    record->finished_at = message->finished_at;
    record->first_failed_at = message->first_failed_at;
    record->last_failed_at = message->last_failed_at;
}

static bool record_recipients(struct ph_call *call, struct ph_record *record, const struct message *message,
                              unsigned parts, struct ph_recipient **list, char **at)
{
    for (size_t i = 0; i < message->recipient_count; i++) {
        const struct recipient *recipient = &message->recipients[i];
        struct ph_recipient *copy = call->host->make(call, PH_MAKE_RECIPIENT);
        if (!copy)
            return false;
        copy->name = record_text(at, recipient->user->name);
        if (parts & RECORD_STATES) {
            copy->state = recipient->state;
            copy->at = recipient->at;
            copy->read_at = recipient->read_at;
        }
        list[i] = copy;
    }
    record->recipients = list;
    record->recipient_count = message->recipient_count;
    return true;
}

struct ph_record *record_make(struct ph_call *call, const struct message *message, unsigned parts)
{
    struct ph_record *record = call->host->make(call, PH_MAKE_RECORD);
    struct ph_recipient **list = call->host->alloc(call, record_size(message, parts));
    if (!record || !list)
        return NULL;
    char *at = (char *)(list + message->recipient_count);
    record->id = message->id;
    record->sender = record_text(&at, message->sender->name);
    record->content_type = record_text(&at, message->content_type);
    record->attributes = record_text(&at, message->attributes);
    record->trace = record_text(&at, message->trace);
    if (parts & RECORD_CONTENT) {
        record->subject = record_text(&at, message->subject);
        record->body = record_text(&at, message->body);
    }
    if (parts & RECORD_REASON)
        record->reason = record_text(&at, message->reason);
    record->body_length = message->body.length;
    record->priority = message->priority;
    record->status = message_status(message);
    record->failures = message->failures;
    record_times(record, message);
    return record_recipients(call, record, message, parts, list, &at) ? record : NULL;
}
