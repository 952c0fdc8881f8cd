// SPDX-License-Identifier: Apache-2.0
//
// See document_json.h. The timeline tells what is known of each step: the acceptance, the end for every recipient, and
// failed attempts in between. Members come in a fixed order, recipients in the order of their names.
#include "core/document_json.h"

#include "core/timestamp.h"
#include "core/uuid.h"

const char *document_state_name(uint32_t state)
{
    static const char *const names[] = {"accepted", "delivered", "expired", "dead", "failed"};
    return state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

static void write_time(struct buffer *out, int64_t time)
{
    char text[TIMESTAMP_SIZE];
    if (time == 0) {
        buffer_text(out, "null");
        return;
    }
    timestamp_format(time, text);
    buffer_byte(out, '"');
    buffer_append(out, text, TIMESTAMP_SIZE - 1);
    buffer_byte(out, '"');
}

static void write_member_time(struct buffer *out, const char *name, int64_t time)
{
    buffer_text(out, name);
    write_time(out, time);
}

static void write_recipients(struct buffer *out, const struct ph_record *record)
{
    buffer_text(out, ",\"recipients\":{");
    for (size_t i = 0; i < record->recipient_count; i++) {
        const struct ph_recipient *recipient = record->recipients[i];
        if (i > 0) {
            buffer_byte(out, ',');
        }
        buffer_json_string(out, recipient->name.bytes, recipient->name.length);
        buffer_text(out, ":{\"state\":\"");
        buffer_text(out, document_state_name(recipient->state));
        write_member_time(out, "\",\"at\":", recipient->at);
        buffer_byte(out, '}');
    }
    buffer_byte(out, '}');
}

static void write_step(struct buffer *out, const char *step, int64_t at, const struct ph_text *recipient)
{
    buffer_text(out, ",{\"event\":\"");
    buffer_text(out, step);
    write_member_time(out, "\",\"at\":", at);
    if (recipient != NULL) {
        buffer_text(out, ",\"recipient\":");
        buffer_json_string(out, recipient->bytes, recipient->length);
    }
    buffer_byte(out, '}');
}

bool document_json_timeline(struct buffer *out, const struct ph_record *record)
{
    write_member_time(out, "[{\"event\":\"accepted\",\"at\":", record->accepted_at);
    buffer_byte(out, '}');
    if (record->deliver_at != 0) {
        write_step(out, "scheduled", record->deliver_at, NULL);
    }
    if (record->failures > 0) {
        write_step(out, "first_failure", record->first_failed_at, NULL);
        write_step(out, "last_failure", record->last_failed_at, NULL);
    }
    for (size_t i = 0; i < record->recipient_count; i++) {
        const struct ph_recipient *recipient = record->recipients[i];
        if (recipient->state != PH_STATE_ACCEPTED) {
            write_step(out, document_state_name(recipient->state), recipient->at, &recipient->name);
        }
    }
    return buffer_byte(out, ']');
}

bool document_json_write(struct buffer *out, const struct ph_record *record)
{
    char id[UUID_TEXT_SIZE];
    struct uuid uuid;
    memcpy(uuid.bytes, record->id.bytes, sizeof uuid.bytes);
    uuid_format(&uuid, id);
    buffer_text(out, "{\"id\":\"");
    buffer_append(out, id, UUID_TEXT_LENGTH);
    buffer_text(out, "\",\"sender\":");
    buffer_json_string(out, record->sender.bytes, record->sender.length);
    buffer_text(out, ",\"status\":\"");
    buffer_text(out, document_state_name(record->status));
    buffer_text(out, "\",\"priority\":");
    buffer_text(out, record->priority == PH_PRIORITY_ALERT ? "\"alert\"" : "\"normal\"");
    buffer_text(out, ",\"content_type\":");
    buffer_json_string(out, record->content_type.bytes, record->content_type.length);
    buffer_text(out, ",\"size\":");
    buffer_unsigned(out, record->body_length);
    buffer_text(out, ",\"attempts\":");
    buffer_unsigned(out, record->failures);
    buffer_text(out, ",\"attributes\":");
    if (record->attributes.length > 0) {
        buffer_append(out, record->attributes.bytes, record->attributes.length);
    } else {
        buffer_text(out, "{}");
    }
    write_member_time(out, ",\"accepted_at\":", record->accepted_at);
    write_member_time(out, ",\"deliver_at\":", record->deliver_at);
    write_member_time(out, ",\"expires_at\":", record->expires_at);
    write_member_time(out, ",\"finished_at\":", record->finished_at);
    write_recipients(out, record);
    buffer_text(out, ",\"timeline\":");
    document_json_timeline(out, record);
    return buffer_byte(out, '}');
}
