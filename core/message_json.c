// SPDX-License-Identifier: Apache-2.0
//
// See message_json.h.
#include "core/message_json.h"

#include "core/document_json.h"
#include "core/timestamp.h"
#include "core/uuid.h"

#define LITERAL(out, text) buffer_append(out, text, sizeof(text) - 1)

void message_json_id(struct buffer *out, const struct ph_id *id)
{
    char text[UUID_TEXT_SIZE + 2];
    struct uuid uuid;
    memcpy(uuid.bytes, id->bytes, sizeof uuid.bytes);
    text[0] = '"';
    uuid_format(&uuid, text + 1);
    text[UUID_TEXT_LENGTH + 1] = '"';
    buffer_append(out, text, UUID_TEXT_LENGTH + 2);
}

void message_json_time(struct buffer *out, int64_t time)
{
    char text[TIMESTAMP_SIZE + 2];
    if (time == 0) {
        LITERAL(out, "null");
        return;
    }
    text[0] = '"';
    timestamp_format(time, text + 1);
    text[TIMESTAMP_SIZE] = '"';
    buffer_append(out, text, TIMESTAMP_SIZE + 1);
}

static void write_text(struct buffer *out, struct ph_text text)
{
    buffer_json_string(out, text.bytes, text.length);
}

// The members that every view of a message has; the object is left open.
static void write_common(struct buffer *out, const struct ph_record *record)
{
    LITERAL(out, "{\"id\":");
    message_json_id(out, &record->id);
    LITERAL(out, ",\"from\":");
    write_text(out, record->sender);
    LITERAL(out, ",\"to\":[");
    for (size_t i = 0; i < record->recipient_count; i++) {
        if (i > 0) {
            LITERAL(out, ",");
        }
        write_text(out, record->recipients[i]->name);
    }
    LITERAL(out, "],\"subject\":");
    write_text(out, record->subject);
    LITERAL(out, ",\"body\":");
    write_text(out, record->body);
    LITERAL(out, ",\"content_type\":");
    write_text(out, record->content_type);
    LITERAL(out, ",\"attributes\":");
    if (record->attributes.length > 0) {
        buffer_append(out, record->attributes.bytes, record->attributes.length);
    } else {
        LITERAL(out, "{}");
    }
    if (record->priority == PH_PRIORITY_ALERT) {
        LITERAL(out, ",\"priority\":\"alert\",\"accepted_at\":");
    } else {
        LITERAL(out, ",\"priority\":\"normal\",\"accepted_at\":");
    }
    message_json_time(out, record->accepted_at);
}

void message_json_item(struct buffer *out, const struct ph_record *record)
{
    write_common(out, record);
    LITERAL(out, ",\"delivered_at\":");
    message_json_time(out, record->delivered_at);
    LITERAL(out, ",\"read_at\":");
    message_json_time(out, record->read_at);
    LITERAL(out, "}");
}

static void write_recipient(struct buffer *out, const struct ph_recipient *recipient)
{
    write_text(out, recipient->name);
    LITERAL(out, ":{\"state\":\"");
    buffer_text(out, document_state_name(recipient->state));
    LITERAL(out, "\",\"at\":");
    message_json_time(out, recipient->at);
    LITERAL(out, ",\"read_at\":");
    message_json_time(out, recipient->read_at);
    LITERAL(out, "}");
}

void message_json_open(struct buffer *out, const struct ph_record *record)
{
    write_common(out, record);
    LITERAL(out, ",\"deliver_at\":");
    message_json_time(out, record->deliver_at);
    LITERAL(out, ",\"expires_at\":");
    message_json_time(out, record->expires_at);
    LITERAL(out, ",\"status\":\"");
    buffer_text(out, document_state_name(record->status));
    LITERAL(out, "\",\"recipients\":{");
    for (size_t i = 0; i < record->recipient_count; i++) {
        if (i > 0) {
            LITERAL(out, ",");
        }
        write_recipient(out, record->recipients[i]);
    }
    LITERAL(out, "}");
}
