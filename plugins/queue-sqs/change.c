// SPDX-License-Identifier: Apache-2.0
//
// See change.h. An operation is a row: how an entry is written into a request, and what an entry's success and failure mean.
// The state of a request hangs on its batch.
#include "plugins/queue-sqs/change.h"

#include "plugins/aws/gather.h"
#include "plugins/queue-sqs/answer.h"
#include "plugins/queue-sqs/receipt.h"
#include "plugins/queue-sqs/request.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A request with ten entries is far below this.
#define BODY_MAX ((size_t)256 << 10)
#define BODY_USUAL ((size_t)4 << 10)
#define TEXT_SIZE 400

struct change;

struct kind {
    const char *operation;
    const char *right; // that it needs
    void (*write)(struct sqs *sqs, struct buffer *body, size_t number, const void *entry, char *md5_r);
    enum ph_outcome (*done)(struct sqs *sqs, const void *entry);
    // What a code means for the entry, PH_PENDING: as everywhere.
    enum ph_outcome (*failed)(const char *code);
};

// A request under way.
struct change {
    struct sqs *sqs;
    const struct kind *kind;
    struct gather_batch *batch;
    struct aws_exchange *exchange;
    struct buffer body;
    char md5[SQS_BATCH][SQS_MD5_SIZE];
};

// --- The three kinds ---------------------------------------------------------------------------------------

static void write_send(struct sqs *sqs, struct buffer *body, size_t number, const void *entry, char *md5_r)
{
    request_batch_send(body, number, entry, &sqs->md5, md5_r);
}

static enum ph_outcome done_send(struct sqs *sqs, const void *entry)
{
    (void)sqs;
    (void)entry;
    return PH_OK;
}

static enum ph_outcome failed_send(const char *code)
{
    (void)code;
    return PH_PENDING;
}

static void write_remove(struct sqs *sqs, struct buffer *body, size_t number, const void *entry, char *md5_r)
{
    struct lease_reference reference;
    struct ph_text handle;
    (void)sqs;
    (void)md5_r;
    if (receipt_read(((const struct ph_receipt *)entry)->receipt, &reference, &handle)) {
        request_batch_remove(body, number, handle);
    }
}

static enum ph_outcome done_remove(struct sqs *sqs, const void *entry)
{
    struct lease_reference reference;
    struct ph_text handle;
    if (receipt_read(((const struct ph_receipt *)entry)->receipt, &reference, &handle)) {
        leases_end(sqs->leases, reference);
    }
    return PH_OK;
}

static bool lease_is_over(const char *code)
{
    return strstr(code, "ReceiptHandleIsInvalid") != NULL || strstr(code, "MessageNotInflight") != NULL ||
           strstr(code, "InvalidParameterValue") != NULL;
}

static enum ph_outcome failed_remove(const char *code)
{
    return lease_is_over(code) ? PH_OK : PH_PENDING;
}

static void write_extend(struct sqs *sqs, struct buffer *body, size_t number, const void *entry, char *md5_r)
{
    const struct ph_receipt *receipt = entry;
    struct lease_reference reference;
    struct ph_text handle;
    (void)sqs;
    (void)md5_r;
    if (receipt_read(receipt->receipt, &reference, &handle)) {
        request_batch_extend(body, number, handle, request_seconds(receipt->lease_ms, SQS_LEASE_MAX_S));
    }
}

static enum ph_outcome done_extend(struct sqs *sqs, const void *entry)
{
    const struct ph_receipt *receipt = entry;
    struct lease_reference reference;
    struct ph_text handle;
    if (receipt_read(receipt->receipt, &reference, &handle)) {
        const int64_t lease_s = request_seconds(receipt->lease_ms, SQS_LEASE_MAX_S);
        leases_move(sqs->leases, reference, sqs_now(sqs) + 1000 * lease_s);
    }
    return PH_OK;
}

static enum ph_outcome failed_extend(const char *code)
{
    return lease_is_over(code) ? PH_NOT_FOUND : PH_PENDING;
}

static const struct kind send_kind = {"SendMessageBatch", "sqs:SendMessage", write_send, done_send, failed_send};
static const struct kind remove_kind = {"DeleteMessageBatch", "sqs:DeleteMessage", write_remove, done_remove,
                                        failed_remove};
static const struct kind extend_kind = {"ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility", write_extend,
                                        done_extend, failed_extend};

// --- A request ---------------------------------------------------------------------------------------------

static void change_end(struct change *change, enum ph_outcome outcome, uint32_t delay_ms, const char *text)
{
    gather_finish(change->batch, outcome, delay_ms, text);
    buffer_free(&change->body);
    free(change);
}

static void settle_failed(const struct change *change, size_t index, const struct answer_entry *entry)
{
    char text[TEXT_SIZE];
    enum ph_outcome outcome = change->kind->failed(entry->code);
    if (outcome == PH_PENDING) {
        outcome = aws_outcome_of(entry->code, entry->sender_fault);
    }
    snprintf(text, sizeof text, "%s failed for this job: %s: %s%s%s", change->kind->operation, entry->code,
             entry->message, outcome == PH_DENIED ? "; the right is " : "",
             outcome == PH_DENIED ? change->kind->right : "");
    gather_settle(change->batch, index, outcome, 0, outcome == PH_OK ? NULL : text);
}

static void settle_entry(const struct change *change, size_t index, const struct answer_entry *entry)
{
    const void *job = gather_entry(change->batch, index);
    const char *sent = change->md5[index];
    if (!entry->named || job == NULL) {
        return;
    }
    if (entry->failed) {
        settle_failed(change, index, entry);
    } else if (sent[0] != '\0' && (entry->md5 == NULL || strcmp(entry->md5, sent) != 0)) {
        gather_settle(change->batch, index, PH_UNCERTAIN, 0,
                      "SQS answered with another MD5OfMessageBody: the job was damaged on its way");
    } else {
        gather_settle(change->batch, index, change->kind->done(change->sqs, job), 0, NULL);
    }
}

static void change_done(void *context, const struct aws_answer *answer)
{
    struct change *change = context;
    struct answer_entry entries[SQS_BATCH];
    const size_t count = gather_count(change->batch);
    if (answer->outcome != PH_OK) {
        change_end(change, sqs_outcome(answer->outcome), answer->delay_ms, answer->text);
        return;
    }
    struct aws_tree *tree = aws_tree_read(answer->answer->body.bytes, answer->answer->body.length);
    const bool good = answer_batch(aws_tree_root(tree), entries, count);
    for (size_t i = 0; good && i < count; i++) {
        settle_entry(change, i, &entries[i]);
    }
    aws_tree_free(tree);
    change_end(change, PH_UNCERTAIN, 0,
               good ? "the answer does not name this job" : "the answer is not that of an SQS batch");
}

static void change_start(struct sqs *sqs, const struct kind *kind, struct gather_batch *batch)
{
    struct change *change = calloc(1, sizeof *change);
    if (change == NULL) {
        gather_finish(batch, PH_TRANSIENT, 0, "there is no memory for the request");
        return;
    }
    change->sqs = sqs;
    change->kind = kind;
    change->batch = batch;
    buffer_init(&change->body, BODY_MAX);
    buffer_reserve(&change->body, BODY_USUAL);
    request_batch_begin(&change->body, sqs->config->queue_url);
    for (size_t i = 0; i < gather_count(batch); i++) {
        kind->write(sqs, &change->body, i, gather_entry(batch, i), change->md5[i]);
    }
    request_batch_end(&change->body);
    if (buffer_failed(&change->body)) {
        change_end(change, PH_TRANSIENT, 0, "there is no memory for the request");
        return;
    }
    const struct aws_request request = {.service = &SQS_SERVICE,
                                        .operation = kind->operation,
                                        .body = {change->body.data, change->body.length},
                                        .response_limit = SQS_RESPONSE_LIMIT,
                                        .unread = true};
    gather_set_data(batch, change);
    change->exchange = aws_send(sqs->client, &request, change_done, change);
}

static void on_send(void *owner, struct gather_batch *batch)
{
    change_start(owner, &send_kind, batch);
}

static void on_remove(void *owner, struct gather_batch *batch)
{
    change_start(owner, &remove_kind, batch);
}

static void on_extend(void *owner, struct gather_batch *batch)
{
    change_start(owner, &extend_kind, batch);
}

static void on_cancel(void *owner, struct gather_batch *batch)
{
    struct change *change = gather_data(batch);
    (void)owner;
    aws_cancel(change->exchange);
}

// --- Calls -------------------------------------------------------------------------------------------------

void change_send(void *instance, struct ph_call *call)
{
    gather_add(sqs_from(instance)->send, call);
}

// A job that was received again is its new holder's, whatever SQS would make of the old handle.
void change_remove(void *instance, struct ph_call *call)
{
    struct sqs *sqs = sqs_from(instance);
    struct lease_reference reference;
    struct ph_text handle;
    const int64_t now = sqs_now(sqs);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_receipt *entry = call->entries[i];
        // What is no receipt of ours names nothing that could be removed.
        if (!receipt_read(entry->receipt, &reference, &handle) ||
            leases_look(sqs->leases, reference, now) == LEASE_REPLACED) {
            call->host->set(call, i, PH_OK, 0, NULL);
        }
    }
    gather_add(sqs->remove, call);
}

void change_extend(void *instance, struct ph_call *call)
{
    struct sqs *sqs = sqs_from(instance);
    struct lease_reference reference;
    struct ph_text handle;
    const int64_t now = sqs_now(sqs);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_receipt *entry = call->entries[i];
        if (!receipt_read(entry->receipt, &reference, &handle)) {
            call->host->set(call, i, PH_NOT_FOUND, 0, "this is no receipt of queue-sqs");
            continue;
        }
        const enum lease_state state = leases_look(sqs->leases, reference, now);
        if (state == LEASE_OVER || state == LEASE_REPLACED) {
            call->host->set(call, i, PH_NOT_FOUND, 0, "the lease has ended");
        }
    }
    gather_add(sqs->extend, call);
}

bool change_cancel(struct sqs *sqs, const struct ph_call *call)
{
    return gather_cancel(sqs->send, call) || gather_cancel(sqs->remove, call) || gather_cancel(sqs->extend, call);
}

static struct gather *gather_for(struct sqs *sqs, void (*send)(void *owner, struct gather_batch *batch), bool eager)
{
    const struct gather_settings settings = {
        .entries = SQS_BATCH,
        .requests = (size_t)sqs->config->requests,
        .wait_ms = (uint32_t)sqs->config->gather,
        .eager = eager,
        .owner = sqs,
        .send = send,
        .cancel = on_cancel,
    };
    return gather_new(sqs->host, &settings);
}

bool change_new(struct sqs *sqs)
{
    sqs->send = gather_for(sqs, on_send, true);
    sqs->remove = gather_for(sqs, on_remove, false); // nobody waits for a removal
    sqs->extend = gather_for(sqs, on_extend, true);
    return sqs->send != NULL && sqs->remove != NULL && sqs->extend != NULL;
}

void change_free(struct sqs *sqs)
{
    gather_free(sqs->send);
    gather_free(sqs->remove);
    gather_free(sqs->extend);
}
