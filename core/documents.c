// SPDX-License-Identifier: Apache-2.0
//
// See documents.h. Two ways lead to a put: a delivery in this process (no mark exists then; one is written if the put
// fails), and a leased mark (settled if the put succeeds, else due again by itself).
#include "core/documents.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/document_json.h"
#include "core/exchange_parts.h"
#include "core/xalloc.h"

#define DOCUMENT_MAX (512 * 1024)
#define DOCUMENTS_UNDER_WAY 8192 // beyond this a mark is written instead
#define RETRY_MS 30000
#define LEASE_MS 30000
#define LEASE_LIMIT 200

struct documents {
    struct exchange *exchange;
    size_t under_way;
    bool leasing;
};

struct document {
    struct batcher_item item;
    struct documents *documents;
    struct ph_document document;
    bool marked;  // a mark exists
    char texts[]; // sender and trace
};

struct mark {
    struct batcher_item item;
    struct ph_mark_document mark;
};

struct leasing {
    struct batcher_item item;
    struct documents *documents;
    struct ph_lease lease;
};

static void documents_mark(struct documents *documents, const struct ph_id *id)
{
    struct mark *mark = xcalloc(1, sizeof *mark);
    mark->mark = (struct ph_mark_document){.id = *id, .due_in_ms = RETRY_MS};
    mark->item = (struct batcher_item){.entry = &mark->mark, .done = exchange_ignore, .release = exchange_release};
    exchange_add(documents->exchange, PH_STORAGE_MARK, &mark->item);
}

static void document_release(struct batcher_item *item)
{
    struct document *document = (struct document *)item;
    free((char *)document->document.json.bytes);
    free(document);
}

static void document_put(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct document *document = (struct document *)item;
    const bool stored = batcher_result(batch, index)->outcome == PH_OK;
    document->documents->under_way--;
    if (stored && document->marked) {
        exchange_settle(document->documents->exchange, PH_MARK_DOCUMENT, &document->document.id);
    } else if (!stored && !document->marked) {
        documents_mark(document->documents, &document->document.id);
    }
}

static struct document *document_new(struct documents *documents, const struct ph_record *record)
{
    struct buffer json;
    const int64_t retention = documents->exchange->settings.retention_ms;
    buffer_init(&json, DOCUMENT_MAX);
    document_json_write(&json, record);
    struct document *document = xmalloc(sizeof *document + record->sender.length + 1 + record->trace.length);
    char *trace = document->texts + record->sender.length + 1;
    memcpy(document->texts, record->sender.bytes, record->sender.length);
    document->texts[record->sender.length] = '\0';
    if (record->trace.length > 0) {
        memcpy(trace, record->trace.bytes, record->trace.length);
    }
    document->document = (struct ph_document){
        .id = record->id,
        .sender = {document->texts, record->sender.length},
        .status = record->status,
        .expires_at = retention > 0 && record->finished_at > 0 ? record->finished_at + retention : 0,
    };
    document->document.json.bytes = buffer_detach(&json, &document->document.json.length);
    document->documents = documents;
    document->marked = false;
    document->item = (struct batcher_item){.entry = &document->document,
                                           .trace = {trace, record->trace.length},
                                           .done = document_put,
                                           .release = document_release};
    return document;
}

static void documents_start(struct documents *documents, const struct ph_record *record, bool marked)
{
    struct document *document = document_new(documents, record);
    document->marked = marked;
    if (document->document.json.bytes == NULL) { // cannot be: its parts are bounded well below the ceiling
        document_release(&document->item);
        return;
    }
    documents->under_way++;
    if (!batcher_add(documents->exchange->batchers[PH_META_PUT], &document->item)) {
        documents->under_way--;
        document_release(&document->item);
        if (!marked) {
            documents_mark(documents, &record->id);
        }
    }
}

void documents_put(struct documents *documents, const struct ph_record *record)
{
    if (documents->under_way >= DOCUMENTS_UNDER_WAY || !exchange_usable(documents->exchange, PH_KIND_META)) {
        documents_mark(documents, &record->id);
        return;
    }
    documents_start(documents, record, false);
}

static void documents_leased(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct documents *documents = ((struct leasing *)item)->documents;
    const struct ph_leased *leased = batcher_output(batch, index);
    documents->leasing = false;
    if (batcher_result(batch, index)->outcome != PH_OK) {
        return;
    }
    for (size_t i = 0; i < leased->count; i++) {
        if (leased->marks[i]->record != NULL) {
            documents_start(documents, leased->marks[i]->record, true);
        }
    }
    if (leased->more) {
        documents_sweep(documents);
    }
}

void documents_sweep(struct documents *documents)
{
    if (documents->leasing || documents->under_way >= DOCUMENTS_UNDER_WAY / 2 || documents->exchange->draining ||
        !exchange_usable(documents->exchange, PH_KIND_META)) {
        return;
    }
    struct leasing *leasing = xcalloc(1, sizeof *leasing);
    leasing->documents = documents;
    leasing->lease = (struct ph_lease){.mark = PH_MARK_DOCUMENT, .limit = LEASE_LIMIT, .lease_ms = LEASE_MS};
    leasing->item =
        (struct batcher_item){.entry = &leasing->lease, .done = documents_leased, .release = exchange_release};
    documents->leasing = exchange_add(documents->exchange, PH_STORAGE_LEASE, &leasing->item);
}

struct documents *documents_new(struct exchange *exchange)
{
    struct documents *documents = xcalloc(1, sizeof *documents);
    documents->exchange = exchange;
    return documents;
}

void documents_free(struct documents *documents)
{
    free(documents);
}
