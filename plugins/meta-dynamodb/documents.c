// SPDX-License-Identifier: Apache-2.0
//
// See documents.h. Puts of one id never overtake each other: the later waits while the earlier is under way; in one
// request only the last is written, and all share its outcome.
#include "plugins/meta-dynamodb/documents.h"

#include "plugins/aws/gather.h"
#include "plugins/meta-dynamodb/answer.h"
#include "plugins/meta-dynamodb/request.h"
#include <stdlib.h>
#include <string.h>

// Of a request. DynamoDB takes 16 MB, but all that may be under way at once have to fit into a small task's memory. One
// document of which each byte is escaped takes more, 2.4 MB, and goes alone.
#define PUT_BYTES ((size_t)2 << 20)
#define BODY_MAX ((size_t)3 << 20)
#define BODY_USUAL ((size_t)40 << 10)
// 16 MB of items, with what JSON adds.
#define GET_RESPONSE_LIMIT ((size_t)40 << 20)
#define PUT_RESPONSE_LIMIT ((size_t)24 << 20)

// A request under way.
struct batch {
    struct dynamodb *dynamodb;
    struct gather_batch *entries;
    struct aws_exchange *exchange;
    struct buffer body;
};

static void batch_free(struct batch *batch)
{
    buffer_free(&batch->body);
    free(batch);
}

static void batch_end(struct batch *batch, enum ph_outcome outcome, uint32_t delay_ms, const char *text)
{
    // A table that is not there can come (back).
    gather_finish(batch->entries, outcome == PH_NOT_FOUND ? PH_UNAVAILABLE : outcome, delay_ms, text);
    batch_free(batch);
}

// An answer that is no good: the verdict for all. False: it is good.
static bool batch_failed(struct batch *batch, const struct aws_answer *answer)
{
    if (answer->outcome != PH_OK) {
        batch_end(batch, answer->outcome, answer->delay_ms, answer->text);
        return true;
    }
    if (!answer_checksum(answer->answer->body, aws_answer_header(answer, "x-amz-crc32"))) {
        batch_end(batch, PH_UNCERTAIN, 0, "the answer does not agree with its checksum, x-amz-crc32");
        return true;
    }
    return false;
}

static bool same_id(const struct ph_id *one, const struct ph_id *other)
{
    return memcmp(one->bytes, other->bytes, sizeof one->bytes) == 0;
}

// Both kinds of entry begin with the id; NULL: nobody waits for it.
static const struct ph_id *entry_id(const struct batch *batch, size_t index)
{
    return gather_entry(batch->entries, index);
}

// Which entries have one after them with their id: that one counts. Few ids end in the same byte, so few are compared.
static void find_twins(const struct batch *batch, bool twins_r[GATHER_ENTRIES_MAX])
{
    bool ends[UINT8_MAX + 1] = {false};
    const size_t count = gather_count(batch->entries);
    for (size_t i = count; i-- > 0;) {
        const struct ph_id *id = entry_id(batch, i);
        bool *end = &ends[id->bytes[sizeof id->bytes - 1]];
        twins_r[i] = false;
        for (size_t later = i + 1; *end && !twins_r[i] && later < count; later++) {
            twins_r[i] = same_id(entry_id(batch, later), id);
        }
        *end = true;
    }
}

static void on_left(void *context, const struct ph_id *id)
{
    struct batch *batch = context;
    for (size_t i = 0; i < gather_count(batch->entries); i++) {
        const struct ph_id *own = entry_id(batch, i);
        if (own != NULL && same_id(own, id)) {
            gather_settle(batch->entries, i, PH_THROTTLED, 0, "DynamoDB left it unprocessed: too fast for the table");
        }
    }
}

static struct batch *batch_new(struct dynamodb *dynamodb, struct gather_batch *entries)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    batch->dynamodb = dynamodb;
    batch->entries = entries;
    buffer_init(&batch->body, BODY_MAX);
    return batch;
}

static void batch_send(struct batch *batch, const char *operation, size_t response_limit, aws_done_f *done)
{
    if (buffer_failed(&batch->body)) {
        batch_end(batch, PH_TRANSIENT, 0, "there is no memory for the request");
        return;
    }
    const struct aws_request request = {.service = &DYNAMODB_SERVICE,
                                        .operation = operation,
                                        .body = {batch->body.data, batch->body.length},
                                        .response_limit = response_limit};
    gather_set_data(batch->entries, batch);
    batch->exchange = aws_send(batch->dynamodb->client, &request, done, batch);
}

static void on_cancel(void *owner, struct gather_batch *entries)
{
    struct batch *batch = gather_data(entries);
    (void)owner;
    aws_cancel(batch->exchange);
}

// --- Puts --------------------------------------------------------------------------------------------------

static void puts_done(void *context, const struct aws_answer *answer)
{
    struct batch *batch = context;
    if (answer->outcome == PH_INVALID && gather_part(batch->entries)) {
        batch_free(batch); // one document's fault is not the others'
        return;
    }
    if (batch_failed(batch, answer)) {
        return;
    }
    if (!answer_puts(answer->json, batch->dynamodb->config->table, on_left, batch)) {
        batch_end(batch, PH_UNCERTAIN, 0, "the answer is not that of a BatchWriteItem");
        return;
    }
    batch->dynamodb->proved_at = dynamodb_now(batch->dynamodb);
    batch_end(batch, PH_OK, 0, NULL);
}

static void send_puts(void *owner, struct gather_batch *entries)
{
    struct batch *batch = batch_new(dynamodb_from(owner), entries);
    bool twins[GATHER_ENTRIES_MAX] = {false};
    buffer_reserve(&batch->body, BODY_USUAL);
    find_twins(batch, twins);
    request_puts_begin(&batch->body, batch->dynamodb->config->table);
    for (size_t i = 0; i < gather_count(entries); i++) {
        if (!twins[i]) {
            request_put(&batch->body, gather_entry(entries, i));
        }
    }
    request_puts_end(&batch->body);
    batch_send(batch, "BatchWriteItem", PUT_RESPONSE_LIMIT, puts_done);
}

static struct gather_measure measure_put(void *owner, const struct ph_call *call, size_t index)
{
    const struct ph_document *document = call->entries[index];
    struct gather_measure measure = {.size = request_put_size(document)};
    (void)owner;
    // The random half of the id.
    memcpy(&measure.key, document->id.bytes + sizeof document->id.bytes - sizeof measure.key, sizeof measure.key);
    return measure;
}

void documents_put(void *instance, struct ph_call *call)
{
    struct dynamodb *dynamodb = dynamodb_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        const char *obstacle = request_obstacle(call->entries[i]);
        if (obstacle != NULL) {
            call->host->set(call, i, PH_INVALID, 0, "%s", obstacle);
        }
    }
    gather_add(dynamodb->puts, call);
}

// --- Gets --------------------------------------------------------------------------------------------------

static void give_document(struct batch *batch, size_t index, const struct answer_item *item)
{
    struct ph_call *call = gather_call(batch->entries, index);
    struct ph_document_found *found = gather_output(batch->entries, index);
    char *text = call->host->alloc(call, item->document.length + 1);
    if (text == NULL) {
        gather_settle(batch->entries, index, PH_INTERNAL, 0, "the call is too small for its documents");
        return;
    }
    memcpy(text, item->document.bytes, item->document.length);
    found->json = (struct ph_text){text, item->document.length};
    gather_settle(batch->entries, index, PH_OK, 0, NULL);
}

static void on_item(void *context, const struct answer_item *item)
{
    struct batch *batch = context;
    const struct ph_host *host = batch->dynamodb->host;
    for (size_t i = 0; i < gather_count(batch->entries); i++) {
        const struct ph_id *own = entry_id(batch, i);
        if (own == NULL || !same_id(own, &item->id)) {
            continue;
        }
        if (!item->sound) {
            gather_settle(batch->entries, i, PH_INTERNAL, 0, "the item in the table is no document of posthouse");
        } else if (item->expires_at != 0 && item->expires_at <= host->now(host)) {
            gather_settle(batch->entries, i, PH_NOT_FOUND, 0, NULL);
        } else {
            give_document(batch, i, item);
        }
    }
}

static void gets_done(void *context, const struct aws_answer *answer)
{
    struct batch *batch = context;
    if (batch_failed(batch, answer)) {
        return;
    }
    if (!answer_gets(answer->json, batch->dynamodb->config->table, on_item, on_left, batch)) {
        batch_end(batch, PH_TRANSIENT, 0, "the answer is not that of a BatchGetItem");
        return;
    }
    // What it does not name is not there; that is a verdict on the document, not on the table.
    for (size_t i = 0; i < gather_count(batch->entries); i++) {
        gather_settle(batch->entries, i, PH_NOT_FOUND, 0, NULL);
    }
    batch_end(batch, PH_INTERNAL, 0, NULL);
}

static void send_gets(void *owner, struct gather_batch *entries)
{
    struct batch *batch = batch_new(dynamodb_from(owner), entries);
    bool twins[GATHER_ENTRIES_MAX] = {false};
    find_twins(batch, twins);
    request_gets_begin(&batch->body, batch->dynamodb->config->table);
    for (size_t i = 0; i < gather_count(entries); i++) {
        if (!twins[i]) {
            request_get(&batch->body, entry_id(batch, i));
        }
    }
    request_gets_end(&batch->body, batch->dynamodb->config->consistent_reads);
    batch_send(batch, "BatchGetItem", GET_RESPONSE_LIMIT, gets_done);
}

void documents_get(void *instance, struct ph_call *call)
{
    gather_add(dynamodb_from(instance)->gets, call);
}

// --- Both --------------------------------------------------------------------------------------------------

bool documents_cancel(struct dynamodb *dynamodb, const struct ph_call *call)
{
    return gather_cancel(dynamodb->puts, call) || gather_cancel(dynamodb->gets, call);
}

bool documents_new(struct dynamodb *dynamodb)
{
    const struct gather_settings puts = {
        .entries = DYNAMODB_PUTS,
        .bytes = PUT_BYTES,
        .requests = (size_t)dynamodb->config->requests,
        .wait_ms = (uint32_t)dynamodb->config->gather, // nobody waits for a document
        .owner = dynamodb,
        .send = send_puts,
        .cancel = on_cancel,
        .measure = measure_put,
    };
    const struct gather_settings gets = {
        .entries = DYNAMODB_GETS,
        .requests = (size_t)dynamodb->config->requests,
        .eager = true,
        .owner = dynamodb,
        .send = send_gets,
        .cancel = on_cancel,
    };
    dynamodb->puts = gather_new(dynamodb->host, &puts);
    dynamodb->gets = gather_new(dynamodb->host, &gets);
    return dynamodb->puts != NULL && dynamodb->gets != NULL;
}

void documents_free(struct dynamodb *dynamodb)
{
    gather_free(dynamodb->puts);
    gather_free(dynamodb->gets);
}
