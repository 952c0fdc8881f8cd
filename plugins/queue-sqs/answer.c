// SPDX-License-Identifier: Apache-2.0
//
// See answer.h.
#include "plugins/queue-sqs/answer.h"

#include "core/uuid.h"
#include <stdio.h>
#include <strings.h>

#define NAME_MAX_LENGTH 100u // of a MessageId; SQS's are 36 characters
#define NUMBER_DIGITS 15u    // of a count that is believed

// A string member that holds no NUL, or NULL.
static const char *text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        return NULL;
    }
    return json_string_value(value);
}

// A count, which SQS writes as a string of digits; -1 for anything else.
static int64_t count_of(const char *text)
{
    int64_t count = 0;
    size_t digits = 0;
    for (; text != NULL && text[digits] >= '0' && text[digits] <= '9'; digits++) {
        if (digits == NUMBER_DIGITS) {
            return -1;
        }
        count = count * 10 + (text[digits] - '0');
    }
    return digits > 0 && text[digits] == '\0' ? count : -1;
}

// --- Batches -----------------------------------------------------------------------------------------------

static struct answer_entry *entry_of(const json_t *item, struct answer_entry *entries, size_t count)
{
    const int64_t number = count_of(text_of(item, "Id"));
    if (number < 0 || (uint64_t)number >= count || entries[number].named) {
        return NULL; // not asked for, or said before
    }
    entries[number].named = true;
    return &entries[number];
}

static const char *text_or_none(const json_t *object, const char *name)
{
    const char *text = text_of(object, name);
    return text != NULL ? text : "";
}

static void read_failed(const json_t *list, struct answer_entry *entries, size_t count)
{
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        struct answer_entry *entry = entry_of(item, entries, count);
        if (entry != NULL) {
            entry->failed = true;
            entry->sender_fault = json_is_true(json_object_get(item, "SenderFault"));
            entry->code = text_or_none(item, "Code");
            entry->message = text_or_none(item, "Message");
        }
    }
}

static void read_successful(const json_t *list, struct answer_entry *entries, size_t count)
{
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        struct answer_entry *entry = entry_of(item, entries, count);
        if (entry != NULL) {
            entry->md5 = text_of(item, "MD5OfMessageBody");
        }
    }
}

static bool list_or_nothing(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_array(value);
}

bool answer_batch(const json_t *json, struct answer_entry *entries, size_t count)
{
    const json_t *failed = json_object_get(json, "Failed");
    const json_t *successful = json_object_get(json, "Successful");
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct answer_entry){.code = "", .message = ""};
    }
    if (!json_is_object(json) || !list_or_nothing(failed) || !list_or_nothing(successful)) {
        return false;
    }
    // What is named in both has failed.
    read_failed(failed, entries, count);
    read_successful(successful, entries, count);
    return true;
}

// --- Received jobs -----------------------------------------------------------------------------------------

// A receipt handle is only ever sent back, but what could not be one is refused.
static bool handle_is_sound(const char *handle)
{
    const size_t length = handle != NULL ? strnlen(handle, SQS_HANDLE_MAX + 1) : 0;
    for (size_t i = 0; i < length; i++) {
        if (handle[i] <= ' ' || handle[i] > '~') {
            return false;
        }
    }
    return length > 0 && length <= SQS_HANDLE_MAX;
}

static bool md5_is_right(const json_t *message, const char *body)
{
    char md5[SQS_MD5_SIZE];
    const char *told = text_of(message, "MD5OfBody");
    request_md5(body, strlen(body), md5);
    return told != NULL && (md5[0] == '\0' || strcasecmp(told, md5) == 0);
}

// Reads a job's body; its texts live as long as the JSON that is returned, NULL for what is no job.
static json_t *read_job(const char *body, struct answer_job *job)
{
    if (strnlen(body, SQS_JOB_MAX + 1) > SQS_JOB_MAX) {
        return NULL;
    }
    json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    const char *id = text_of(json, "id");
    const char *trace = text_of(json, "trace");
    struct uuid uuid;
    if (id == NULL || !uuid_parse(id, strlen(id), &uuid)) {
        json_decref(json);
        return NULL;
    }
    memcpy(job->id.bytes, uuid.bytes, sizeof job->id.bytes);
    job->trace = trace != NULL ? (struct ph_text){trace, strlen(trace)} : (struct ph_text){"", 0};
    return json;
}

static void read_message(const json_t *message, answer_job_f *give, void *context, struct answer_received *received)
{
    struct answer_job job = {.name = text_of(message, "MessageId")};
    const char *handle = text_of(message, "ReceiptHandle");
    const char *body = text_of(message, "Body");
    if (job.name == NULL || strnlen(job.name, NAME_MAX_LENGTH + 1) > NAME_MAX_LENGTH || !handle_is_sound(handle) ||
        body == NULL || !md5_is_right(message, body)) {
        received->damaged++;
        return;
    }
    json_t *json = read_job(body, &job);
    if (json == NULL) {
        received->foreign++;
        return;
    }
    const int64_t receives = count_of(text_of(json_object_get(message, "Attributes"), "ApproximateReceiveCount"));
    job.handle = (struct ph_text){handle, strlen(handle)};
    job.receives = receives > 0 && receives <= UINT32_MAX ? (uint32_t)receives : 0;
    received->jobs++;
    give(context, &job);
    json_decref(json);
}

bool answer_receive(const json_t *json, size_t limit, answer_job_f *job, void *context,
                    struct answer_received *received_r)
{
    const json_t *messages = json_object_get(json, "Messages");
    size_t index;
    json_t *message;
    *received_r = (struct answer_received){0};
    if (!json_is_object(json) || !list_or_nothing(messages)) {
        return false;
    }
    json_array_foreach(messages, index, message)
    {
        if (index == limit) {
            break;
        }
        read_message(message, job, context, received_r);
    }
    return true;
}

// --- Attributes --------------------------------------------------------------------------------------------

// The redrive policy is a text that holds JSON; its count is a number or a text.
static void read_redrive(const char *policy, struct answer_attributes *attributes)
{
    json_t *json = policy != NULL ? json_loads(policy, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *count = json_object_get(json, "maxReceiveCount");
    const char *target = text_of(json, "deadLetterTargetArn");
    if (target != NULL) {
        const char *colon = strrchr(target, ':');
        const int64_t receives = json_is_integer(count) ? (int64_t)json_integer_value(count)
                                                        : count_of(text_of(json, "maxReceiveCount"));
        snprintf(attributes->dead_letters, sizeof attributes->dead_letters, "%s", colon != NULL ? colon + 1 : target);
        attributes->receives = receives > 0 ? receives : 0;
    }
    json_decref(json);
}

bool answer_attributes(const json_t *json, struct answer_attributes *attributes_r)
{
    const json_t *attributes = json_object_get(json, "Attributes");
    if (!json_is_object(attributes)) {
        return false;
    }
    *attributes_r = (struct answer_attributes){
        .waiting = count_of(text_of(attributes, "ApproximateNumberOfMessages")),
        .in_flight = count_of(text_of(attributes, "ApproximateNumberOfMessagesNotVisible")),
        .delayed = count_of(text_of(attributes, "ApproximateNumberOfMessagesDelayed")),
    };
    read_redrive(text_of(attributes, "RedrivePolicy"), attributes_r);
    return true;
}
