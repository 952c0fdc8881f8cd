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

// The same of a tree.
static const char *member_text(const struct aws_node *object, const char *name)
{
    const struct aws_node *value = aws_node_member(object, name);
    return aws_node_is(value, AWS_NODE_STRING) && strlen(value->text) == value->length ? value->text : NULL;
}

// --- Batches -----------------------------------------------------------------------------------------------

static struct answer_entry *entry_of(const struct aws_node *item, struct answer_entry *entries, size_t count)
{
    const int64_t number = count_of(member_text(item, "Id"));
    if (number < 0 || (uint64_t)number >= count || entries[number].named) {
        return NULL; // not asked for, or said before
    }
    entries[number].named = true;
    return &entries[number];
}

static const char *text_or_none(const struct aws_node *object, const char *name)
{
    const char *text = member_text(object, name);
    return text != NULL ? text : "";
}

static void read_failed(const struct aws_node *list, struct answer_entry *entries, size_t count)
{
    for (const struct aws_node *item = aws_node_first(list); item != NULL; item = item->next) {
        struct answer_entry *entry = entry_of(item, entries, count);
        if (entry != NULL) {
            entry->failed = true;
            entry->sender_fault = aws_node_is(aws_node_member(item, "SenderFault"), AWS_NODE_TRUE);
            entry->code = text_or_none(item, "Code");
            entry->message = text_or_none(item, "Message");
        }
    }
}

static void read_successful(const struct aws_node *list, struct answer_entry *entries, size_t count)
{
    for (const struct aws_node *item = aws_node_first(list); item != NULL; item = item->next) {
        struct answer_entry *entry = entry_of(item, entries, count);
        if (entry != NULL) {
            entry->md5 = member_text(item, "MD5OfMessageBody");
        }
    }
}

static bool list_or_nothing(const struct aws_node *value)
{
    return value == NULL || value->kind == AWS_NODE_NULL || value->kind == AWS_NODE_ARRAY;
}

bool answer_batch(const struct aws_node *json, struct answer_entry *entries, size_t count)
{
    const struct aws_node *failed = aws_node_member(json, "Failed");
    const struct aws_node *successful = aws_node_member(json, "Successful");
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct answer_entry){.code = "", .message = ""};
    }
    if (!aws_node_is(json, AWS_NODE_OBJECT) || !list_or_nothing(failed) || !list_or_nothing(successful)) {
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

static bool md5_is_right(const struct aws_node *message, const char *body, struct md5 *md5)
{
    char hex[SQS_MD5_SIZE];
    const char *told = member_text(message, "MD5OfBody");
    md5_hex(md5, body, strlen(body), hex);
    return told != NULL && (hex[0] == '\0' || strcasecmp(told, hex) == 0);
}

// Reads a job's body; its texts live as long as the tree that is returned, NULL for what is no job.
static struct aws_tree *read_job(const char *body, struct answer_job *job)
{
    const size_t length = strnlen(body, SQS_JOB_MAX + 1);
    struct aws_tree *tree = length <= SQS_JOB_MAX ? aws_tree_read(body, length) : NULL;
    const char *id = member_text(aws_tree_root(tree), "id");
    const char *trace = member_text(aws_tree_root(tree), "trace");
    struct uuid uuid;
    if (id == NULL || !uuid_parse(id, strlen(id), &uuid)) {
        aws_tree_free(tree);
        return NULL;
    }
    memcpy(job->id.bytes, uuid.bytes, sizeof job->id.bytes);
    job->trace = trace != NULL ? (struct ph_text){trace, strlen(trace)} : (struct ph_text){"", 0};
    return tree;
}

// What a ReceiveMessage brought, and who is given it.
struct receiving {
    struct md5 *md5;
    answer_job_f *give;
    void *context;
    struct answer_received received;
};

static void read_message(const struct aws_node *message, struct receiving *receiving)
{
    struct answer_job job = {.name = member_text(message, "MessageId")};
    const char *handle = member_text(message, "ReceiptHandle");
    const char *body = member_text(message, "Body");
    if (job.name == NULL || strnlen(job.name, NAME_MAX_LENGTH + 1) > NAME_MAX_LENGTH || !handle_is_sound(handle) ||
        body == NULL || !md5_is_right(message, body, receiving->md5)) {
        receiving->received.damaged++;
        return;
    }
    struct aws_tree *tree = read_job(body, &job);
    if (tree == NULL) {
        receiving->received.foreign++;
        return;
    }
    const int64_t receives = count_of(member_text(aws_node_member(message, "Attributes"), "ApproximateReceiveCount"));
    job.handle = (struct ph_text){handle, strlen(handle)};
    job.receives = receives > 0 && receives <= UINT32_MAX ? (uint32_t)receives : 0;
    receiving->received.jobs++;
    receiving->give(receiving->context, &job);
    aws_tree_free(tree);
}

bool answer_receive(struct ph_text body, size_t limit, struct md5 *md5, answer_job_f *job, void *context,
                    struct answer_received *received_r)
{
    struct receiving receiving = {.md5 = md5, .give = job, .context = context};
    struct aws_tree *tree = aws_tree_read(body.bytes, body.length);
    const struct aws_node *messages = aws_node_member(aws_tree_root(tree), "Messages");
    // No body at all is what an operation without output answers.
    const bool good = body.length == 0 ||
                      (aws_node_is(aws_tree_root(tree), AWS_NODE_OBJECT) && list_or_nothing(messages));
    const struct aws_node *message = good ? aws_node_first(messages) : NULL;
    for (size_t i = 0; message != NULL && i < limit; i++, message = message->next) {
        read_message(message, &receiving);
    }
    aws_tree_free(tree);
    *received_r = receiving.received;
    return good;
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
