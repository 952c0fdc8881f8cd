// SPDX-License-Identifier: Apache-2.0
//
// See plugins/alert-sns/message.h. Sources: PublishBatch and "Message attributes" in the SNS API reference and guide.
#include "plugins/alert-sns/message.h"
#include "core/json_read.h"
#include "core/timestamp.h"
#include "core/utf8.h"
#include "plugins/aws/form.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SMS_BYTES 140
#define REPLACEMENT 0xfffd
#define NAME_SIZE 257
#define MESSAGE_CEILING ((size_t)4 << 20)

// --- Texts -------------------------------------------------------------------------------------------------

void sns_id(const struct ph_id *id, char text_r[SNS_ID_SIZE])
{
    char *at = text_r;
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = "0123456789abcdef"[id->bytes[i] >> 4];
        *at++ = "0123456789abcdef"[id->bytes[i] & 15];
    }
    *at = '\0';
}

void sns_subject(const struct ph_alert *alert, char subject_r[SNS_SUBJECT_SIZE])
{
    size_t length = 0;
    for (size_t at = 0; at < alert->subject.length && length < SNS_SUBJECT_SIZE - 1;) {
        uint32_t code = REPLACEMENT; // stays so for a byte that is no UTF-8
        size_t step = utf8_step(alert->subject.bytes + at, alert->subject.length - at, &code);
        char shown = step == 1 && isprint((int)code) ? (char)code : code < 0x80 ? ' ' : '?';
        if (shown != ' ' || length > 0) {
            subject_r[length++] = shown;
        }
        at += step > 0 ? step : 1;
    }
    while (length > 0 && subject_r[length - 1] == ' ') {
        length--;
    }
    subject_r[length] = '\0';
    if (length == 0) {
        snprintf(subject_r, SNS_SUBJECT_SIZE, "Alert from %.*s",
                 (int)utf8_cut(alert->sender.bytes, alert->sender.length, 64), alert->sender.bytes);
    }
}

// Copies text without what XML, and so a queue that is subscribed, cannot hold. `line`: on one line.
static void add_clean(struct buffer *out, struct ph_text text, bool line)
{
    for (size_t at = 0; at < text.length;) {
        uint32_t code = REPLACEMENT; // stays so for a byte that is no UTF-8
        size_t step = utf8_step(text.bytes + at, text.length - at, &code);
        bool blank = code == '\n' || code == '\r' || code == '\t';
        if (step == 0 || code == 0xfffe || code == 0xffff || code == 0x7f || (code < 0x20 && !blank)) {
            buffer_text(out, "\xef\xbf\xbd");
        } else if (blank && line) {
            buffer_byte(out, ' ');
        } else {
            buffer_append(out, text.bytes + at, step);
        }
        at += step > 0 ? step : 1;
    }
}

static struct ph_text cut(struct ph_text text, size_t limit)
{
    return (struct ph_text){text.bytes, utf8_cut(text.bytes, text.length, limit)};
}

// --- One text for each protocol ----------------------------------------------------------------------------

static void add_member(struct buffer *out, const char *name, struct ph_text text)
{
    struct buffer clean;
    buffer_init(&clean, MESSAGE_CEILING);
    add_clean(&clean, text, false);
    buffer_printf(out, "\"%s\":", name);
    buffer_json_string(out, clean.length > 0 ? clean.data : "", clean.length);
    buffer_free(&clean);
}

static void add_for_programs(struct buffer *out, const struct ph_alert *alert, struct ph_text body)
{
    char id[SNS_ID_SIZE];
    char time[TIMESTAMP_SIZE];
    sns_id(&alert->id, id);
    timestamp_format(alert->accepted_at, time);
    buffer_printf(out, "{\"id\":\"%s\",", id);
    add_member(out, "sender", alert->sender);
    buffer_byte(out, ',');
    add_member(out, "subject", alert->subject);
    buffer_byte(out, ',');
    add_member(out, "body", body);
    buffer_printf(out, "%s,\"accepted_at\":\"%s\"", body.length < alert->body.length ? ",\"shortened\":true" : "",
                  time);
    if (alert->attributes.length > 0) {
        buffer_text(out, ",\"attributes\":");
        add_clean(out, alert->attributes, true);
    }
    buffer_byte(out, '}');
}

static void add_for_people(struct buffer *out, const struct ph_alert *alert, struct ph_text body)
{
    char id[SNS_ID_SIZE];
    char time[TIMESTAMP_SIZE];
    sns_id(&alert->id, id);
    timestamp_format(alert->accepted_at, time);
    add_clean(out, alert->subject, true);
    buffer_text(out, "\n\n");
    add_clean(out, body, false);
    buffer_printf(out, "%s\n\nFrom %.*s at %s\nMessage %s\n", body.length < alert->body.length ? "\xe2\x80\xa6" : "",
                  (int)alert->sender.length, alert->sender.bytes, time, id);
}

static void add_for_phones(struct buffer *out, const struct ph_alert *alert)
{
    struct buffer line;
    buffer_init(&line, MESSAGE_CEILING);
    add_clean(&line, alert->sender, true);
    buffer_text(&line, ": ");
    add_clean(&line, cut(alert->subject, 2 * SMS_BYTES), true);
    if (alert->subject.length > 0 && alert->body.length > 0) {
        buffer_text(&line, ": ");
    }
    add_clean(&line, cut(alert->body, 2 * SMS_BYTES), true);
    if (!buffer_failed(&line)) {
        buffer_append(out, line.data, utf8_cut(line.data, line.length, SMS_BYTES));
    }
    buffer_free(&line);
}

void sns_message(const struct ph_alert *alert, size_t body_limit, struct buffer *out)
{
    static const char *const protocols[] = {"default", "email", "sms"};
    struct ph_text body = cut(alert->body, body_limit);
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        struct buffer text;
        buffer_init(&text, MESSAGE_CEILING);
        switch (i) {
        case 0:
            add_for_programs(&text, alert, body);
            break;
        case 1:
            add_for_people(&text, alert, body);
            break;
        default:
            add_for_phones(&text, alert);
        }
        buffer_printf(out, "%s\"%s\":", i == 0 ? "{" : ",", protocols[i]);
        buffer_json_string(out, text.data, text.length);
        buffer_free(&text);
    }
    buffer_byte(out, '}');
}

// --- Attributes --------------------------------------------------------------------------------------------

struct attributes {
    struct buffer *form;
    size_t number; // of the entry
    size_t count;
    size_t weight;
};

static void add_attribute(struct attributes *all, const char *name, const char *value, size_t length)
{
    char prefix[96];
    struct buffer clean;
    snprintf(prefix, sizeof prefix, "PublishBatchRequestEntries.member.%zu.MessageAttributes.entry.%zu", all->number,
             ++all->count);
    buffer_init(&clean, MESSAGE_CEILING);
    add_clean(&clean, (struct ph_text){value, length}, false);
    aws_form_addf(all->form, name, strlen(name), "%s.Name", prefix);
    aws_form_addf(all->form, "String", 6, "%s.Value.DataType", prefix);
    aws_form_addf(all->form, clean.data, clean.length, "%s.Value.StringValue", prefix);
    all->weight += strlen(name) + strlen("String") + clean.length;
    buffer_free(&clean);
}

// A name that SNS takes: letters, digits, "_", "-" and single dots inside, not beginning with "AWS." or "Amazon.". Others
// cannot be filtered on.
static bool name_is_sound(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= NAME_SIZE || name[0] == '.' || name[length - 1] == '.' || strstr(name, "..") != NULL ||
        strncasecmp(name, "aws.", 4) == 0 || strncasecmp(name, "amazon.", 7) == 0) {
        return false;
    }
    for (; *name != '\0'; name++) {
        unsigned char byte = (unsigned char)*name;
        if (byte >= 0x80 || (!isalnum(byte) && strchr("_-.", byte) == NULL)) {
            return false;
        }
    }
    return true;
}

static size_t add_attributes(struct buffer *form, size_t number, const struct ph_alert *alert)
{
    struct attributes all = {.form = form, .number = number};
    add_attribute(&all, "priority", "alert", 5);
    add_attribute(&all, "sender", alert->sender.bytes, alert->sender.length);
    struct json_read_error error;
    json_t *own = alert->attributes.length > 0
                      ? json_read(alert->attributes.bytes, alert->attributes.length, JSON_READ_ALLOW_NUL, &error)
                      : NULL;
    const char *name;
    json_t *value;
    json_object_foreach(own, name, value)
    {
        bool taken = strcmp(name, "priority") == 0 || strcmp(name, "sender") == 0;
        if (all.count < SNS_ATTRIBUTES_MAX && !taken && name_is_sound(name) && json_string_length(value) > 0) {
            add_attribute(&all, name, json_string_value(value), json_string_length(value));
        }
    }
    json_decref(own);
    return all.weight;
}

// --- An entry ----------------------------------------------------------------------------------------------

static void add_field(struct buffer *form, size_t number, const char *field, const char *value, size_t length)
{
    aws_form_addf(form, value, length, "PublishBatchRequestEntries.member.%zu.%s", number, field);
}

size_t sns_entry(const struct ph_alert *alert, size_t number, size_t index, size_t body_limit, bool fifo,
                 struct buffer *form)
{
    char id[SNS_ID_SIZE];
    char subject[SNS_SUBJECT_SIZE];
    char place[24];
    struct buffer message;
    snprintf(place, sizeof place, "%zu", index);
    add_field(form, number, "Id", place, strlen(place));
    sns_subject(alert, subject);
    add_field(form, number, "Subject", subject, strlen(subject));
    add_field(form, number, "MessageStructure", "json", 4);
    if (fifo) {
        sns_id(&alert->id, id);
        add_field(form, number, "MessageDeduplicationId", id, strlen(id));
        add_field(form, number, "MessageGroupId", alert->sender.bytes, alert->sender.length);
    }
    size_t weight = strlen(subject) + add_attributes(form, number, alert);
    buffer_init(&message, MESSAGE_CEILING);
    for (size_t limit = body_limit;; limit /= 2) {
        buffer_clear(&message);
        sns_message(alert, limit, &message);
        if (limit == 0 || (!buffer_failed(&message) && weight + message.length <= SNS_PUBLISH_MAX)) {
            break;
        }
    }
    weight += message.length;
    bool good = !buffer_failed(&message);
    if (good) {
        add_field(form, number, "Message", message.data, message.length);
    }
    buffer_free(&message);
    return good && !buffer_failed(form) ? weight : 0;
}
