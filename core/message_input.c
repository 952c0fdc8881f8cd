// SPDX-License-Identifier: Apache-2.0
//
// See message_input.h. Texts of the parsed body are not copied: the task keeps the body until storage no longer reads it.
#include "core/message_input.h"

#include <stdlib.h>
#include <string.h>

#include "core/api_task.h"
#include "core/api_trace.h"
#include "core/json_read.h"
#include "core/timestamp.h"
#include "core/uuid.h"

#define CANONICAL_MAX (8u * 1024 * 1024)
#define DEFAULT_CONTENT_TYPE "text/plain; charset=utf-8"

struct fields {
    const json_t *to, *subject, *body, *content_type, *attributes, *priority, *deliver_at, *expires_at,
        *idempotency_key;
};

static const struct json_field table[] = {
    JSON_FIELD(struct fields, to, JSON_FIELD_ARRAY, JSON_FIELD_REQUIRED | JSON_FIELD_STRINGS, 1,
               MESSAGE_RECIPIENTS_MAX),
    JSON_FIELD(struct fields, subject, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, 0, MESSAGE_SUBJECT_MAX),
    JSON_FIELD(struct fields, body, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, 0, MESSAGE_BODY_MAX),
    JSON_FIELD(struct fields, content_type, JSON_FIELD_STRING, JSON_FIELD_NULLABLE, 3, MESSAGE_CONTENT_TYPE_MAX),
    JSON_FIELD(struct fields, attributes, JSON_FIELD_OBJECT, JSON_FIELD_NULLABLE | JSON_FIELD_STRINGS, 0,
               MESSAGE_ATTRIBUTES_MAX),
    JSON_FIELD(struct fields, priority, JSON_FIELD_STRING, JSON_FIELD_NULLABLE, 1, 16),
    JSON_FIELD(struct fields, deliver_at, JSON_FIELD_STRING, JSON_FIELD_NULLABLE, 1, 64),
    JSON_FIELD(struct fields, expires_at, JSON_FIELD_STRING, JSON_FIELD_NULLABLE, 1, 64),
    JSON_FIELD(struct fields, idempotency_key, JSON_FIELD_STRING, JSON_FIELD_NULLABLE, 1, MESSAGE_KEY_MAX),
};
#define FIELDS (sizeof table / sizeof table[0])

static void add_error(struct json_errors *errors, const char *parent, const char *member, const char *detail)
{
    char pointer[JSON_POINTER_SIZE];
    json_pointer_member(pointer, sizeof pointer, parent, member);
    json_errors_add(errors, pointer, "%s", detail);
}

static struct ph_text text_of(const json_t *string)
{
    return (struct ph_text){json_string_value(string), json_string_length(string)};
}

bool message_input_name(const char *name, size_t length)
{
    if (length == 0 || length > MESSAGE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        const char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '@' || c == '-')) {
            return false;
        }
    }
    return true;
}

bool message_input_key(const char *key, size_t length)
{
    if (length == 0 || length > MESSAGE_KEY_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (key[i] < 0x21 || key[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static int text_compare(const void *left, const void *right)
{
    return strcmp(((const struct ph_text *)left)->bytes, ((const struct ph_text *)right)->bytes);
}

static void read_recipients(struct task *task, const json_t *to, const char *pointer, struct ph_message *message_r,
                            struct json_errors *errors)
{
    const size_t count = json_array_size(to);
    struct ph_text *names = task_alloc(task, (count + 1) * sizeof names[0]);
    char parent[JSON_POINTER_SIZE], place[JSON_POINTER_SIZE];
    size_t distinct = 0;
    json_pointer_member(parent, sizeof parent, pointer, "to");
    for (size_t i = 0; i < count; i++) {
        names[i] = text_of(json_array_get(to, i));
        if (!message_input_name(names[i].bytes, names[i].length)) {
            json_pointer_index(place, sizeof place, parent, i);
            json_errors_add(errors, place, "A user's name has 1 to 64 of a-z 0-9 . _ @ -");
        }
    }
    qsort(names, count, sizeof names[0], text_compare);
    for (size_t i = 0; i < count; i++) {
        if (distinct == 0 || strcmp(names[distinct - 1].bytes, names[i].bytes) != 0) {
            names[distinct++] = names[i];
        }
    }
    message_r->recipients = names;
    message_r->recipient_count = distinct;
}

static bool token_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

// type "/" subtype, then parameters of printable ASCII.
static bool content_type_good(struct ph_text type)
{
    size_t i = 0, start;
    while (i < type.length && token_byte(type.bytes[i])) {
        i++;
    }
    if (i == 0 || i == type.length || type.bytes[i] != '/') {
        return false;
    }
    start = ++i;
    while (i < type.length && token_byte(type.bytes[i])) {
        i++;
    }
    if (i == start || (i < type.length && type.bytes[i] != ';' && type.bytes[i] != ' ')) {
        return false;
    }
    for (; i < type.length; i++) {
        if (type.bytes[i] < 0x20 || type.bytes[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

// Only of what was found to keep its limits: whatever http.max_body is, it cannot grow so far.
static void canonical_write(const json_t *value, struct buffer *buffer_r)
{
    buffer_init(buffer_r, CANONICAL_MAX);
    if (!json_read_canonical(value, buffer_r)) {
        abort();
    }
}

static void read_attributes(struct task *task, const json_t *attributes, const char *pointer,
                            struct ph_message *message_r, struct json_errors *errors)
{
    const char *name;
    json_t *value;
    char parent[JSON_POINTER_SIZE];
    const size_t before = errors->count;
    json_pointer_member(parent, sizeof parent, pointer, "attributes");
    json_object_foreach((json_t *)attributes, name, value)
    {
        if (name[0] == '\0' || strlen(name) > MESSAGE_ATTRIBUTE_MAX) {
            add_error(errors, parent, name, "An attribute's name has 1 to 1024 bytes.");
        }
        if (json_string_length(value) > MESSAGE_ATTRIBUTE_MAX) {
            add_error(errors, parent, name, "An attribute's value has at most 1024 bytes.");
        }
    }
    if (json_object_size(attributes) > 0 && errors->count == before) {
        struct buffer canonical;
        canonical_write(attributes, &canonical);
        message_r->attributes = task_text(task, canonical.data, canonical.length);
        buffer_free(&canonical);
    }
}

static int64_t read_time(const json_t *value, const char *pointer, const char *member, struct json_errors *errors)
{
    int64_t time = 0;
    if (value != NULL && (!timestamp_parse(json_string_value(value), json_string_length(value), &time) || time <= 0)) {
        add_error(errors, pointer, member, "Not a time such as 2027-01-31T12:00:00Z.");
        return 0;
    }
    return time;
}

static void read_times(const struct task *task, const struct fields *fields, const char *pointer,
                       struct ph_message *message_r, struct json_errors *errors)
{
    const int64_t now = task_now(task);
    message_r->deliver_at = read_time(fields->deliver_at, pointer, "deliver_at", errors);
    message_r->expires_at = read_time(fields->expires_at, pointer, "expires_at", errors);
    if (message_r->expires_at != 0 && message_r->expires_at <= now) {
        add_error(errors, pointer, "expires_at", "It has passed already.");
    } else if (message_r->expires_at != 0 && message_r->expires_at <= message_r->deliver_at) {
        add_error(errors, pointer, "expires_at", "It must come after deliver_at.");
    }
}

static void read_priority(const json_t *priority, const char *pointer, struct ph_message *message_r,
                          struct json_errors *errors)
{
    if (priority == NULL || strcmp(json_string_value(priority), "normal") == 0) {
        message_r->priority = PH_PRIORITY_NORMAL;
    } else if (strcmp(json_string_value(priority), "alert") == 0) {
        message_r->priority = PH_PRIORITY_ALERT;
    } else {
        add_error(errors, pointer, "priority", "It is \"normal\" or \"alert\".");
    }
}

// The key stands for the content: everything that the client sent but the key itself.
static void read_key(struct task *task, json_t *object, struct ph_text key, struct ph_message *message_r)
{
    message_r->idempotency_key = task_text(task, key.bytes, key.length);
    json_object_del(object, "idempotency_key");
    struct buffer canonical; // not the task's: a batch of messages would outgrow its arena
    canonical_write(object, &canonical);
    hash_sha256(canonical.data, canonical.length, message_r->content_hash);
    buffer_free(&canonical);
}

bool message_input_read(struct task *task, json_t *object, const char *pointer, bool in_batch, const char *key,
                        struct ph_message *message_r, struct json_errors *errors)
{
    struct fields fields = {0};
    struct uuid uuid;
    const size_t before = errors->count;
    *message_r = (struct ph_message){.due_in_ms = MESSAGE_DUE_IN_MS};
    if (!json_fields_read(object, pointer, table, in_batch ? FIELDS : FIELDS - 1, &fields, errors)) {
        return false;
    }
    read_recipients(task, fields.to, pointer, message_r, errors);
    message_r->sender = (struct ph_text){task->session.user, strlen(task->session.user)};
    message_r->subject = text_of(fields.subject);
    message_r->body = text_of(fields.body);
    if (message_r->body.length > MESSAGE_BODY_MAX) {
        add_error(errors, pointer, "body", "It has more than 262144 bytes.");
    }
    message_r->content_type = fields.content_type != NULL
                                  ? text_of(fields.content_type)
                                  : (struct ph_text){DEFAULT_CONTENT_TYPE, strlen(DEFAULT_CONTENT_TYPE)};
    if (!content_type_good(message_r->content_type)) {
        add_error(errors, pointer, "content_type", "Not a media type such as text/plain; charset=utf-8.");
    }
    if (fields.attributes != NULL) {
        read_attributes(task, fields.attributes, pointer, message_r, errors);
    }
    read_priority(fields.priority, pointer, message_r, errors);
    read_times(task, &fields, pointer, message_r, errors);
    if (fields.idempotency_key != NULL &&
        !message_input_key(json_string_value(fields.idempotency_key), json_string_length(fields.idempotency_key))) {
        add_error(errors, pointer, "idempotency_key", "A key has 1 to 128 visible ASCII characters.");
    }
    if (errors->count > before) {
        return false;
    }
    if (fields.idempotency_key != NULL) {
        read_key(task, object, text_of(fields.idempotency_key), message_r);
    } else if (key != NULL) {
        read_key(task, object, (struct ph_text){key, strlen(key)}, message_r);
    }
    message_r->trace = api_trace(task);
    uuid_make(task_now(task), &uuid);
    memcpy(message_r->id.bytes, uuid.bytes, sizeof message_r->id.bytes);
    return true;
}

void message_input_recipient(const json_t *object, const char *pointer, struct ph_text name,
                             char pointer_r[JSON_POINTER_SIZE])
{
    const json_t *to = json_object_get(object, "to");
    char parent[JSON_POINTER_SIZE];
    json_pointer_member(parent, sizeof parent, pointer, "to");
    for (size_t i = 0; i < json_array_size(to); i++) {
        const char *entry = json_string_value(json_array_get(to, i));
        if (entry != NULL && strlen(entry) == name.length && memcmp(entry, name.bytes, name.length) == 0) {
            json_pointer_index(pointer_r, JSON_POINTER_SIZE, parent, i);
            return;
        }
    }
    memcpy(pointer_r, parent, sizeof parent);
}
