// SPDX-License-Identifier: Apache-2.0
//
// meta-mock: a complete metadata backend in memory: documents by id, gone when they expire or the daemon ends.
#include "plugins/mock/answer.h"
#include "plugins/mock/heap.h"
#include "plugins/mock/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define META_MAGIC 0x6d657461u
#define DOCUMENT_MAGIC 0x646f6375u

struct meta_config {
    int64_t limit;   // documents
    uint64_t memory; // bytes of all documents
};

struct document {
    uint32_t magic;
    struct ph_id id;
    struct ph_text json;
    int64_t expires_at;
    size_t size;
    size_t expiring; // in meta.expiring
};

struct meta {
    uint32_t magic;
    const struct ph_host *host;
    size_t limit;
    uint64_t memory_limit;
    uint64_t memory;
    struct table documents; // by id
    struct heap expiring;   // those that expire, by when
};

static const struct ph_option options[] = {
    PH_INTEGER(struct meta_config, limit, 0, "1000000", 1, 100000000, "How many documents it holds."),
    PH_SIZE(struct meta_config, memory, 0, "1GiB", 1 << 20, INT64_MAX,
            "How many bytes all documents together may take."),
};

static bool document_equal(const void *item, const void *id, size_t length)
{
    const struct document *document = item;
    return memcmp(document->id.bytes, id, length) == 0;
}

static struct document *document_from(void *item)
{
    struct document *document = item;
    assert(!document || document->magic == DOCUMENT_MAGIC);
    return document;
}

static struct meta *meta_from(void *instance)
{
    struct meta *meta = instance;
    assert(meta && meta->magic == META_MAGIC);
    return meta;
}

static void document_remove(struct meta *meta, struct document *document)
{
    table_remove(&meta->documents, document->id.bytes, sizeof(document->id.bytes));
    heap_remove(&meta->expiring, document);
    meta->memory -= document->size;
    document->magic = 0;
    free(document);
}

static struct document *document_new(const struct ph_document *entry)
{
    size_t size = sizeof(struct document) + entry->json.length + 1;
    struct document *document = malloc(size);
    if (!document)
        return NULL;
    *document =
        (struct document){.magic = DOCUMENT_MAGIC, .id = entry->id, .expires_at = entry->expires_at, .size = size};
    char *json = (char *)(document + 1);
    if (entry->json.length)
        memcpy(json, entry->json.bytes, entry->json.length);
    json[entry->json.length] = '\0';
    document->json = (struct ph_text){.bytes = json, .length = entry->json.length};
    return document;
}

static struct document *document_find(const struct meta *meta, const struct ph_id *id)
{
    return document_from(table_find(&meta->documents, id->bytes, sizeof(id->bytes)));
}

// Forgets two documents that have expired: a put adds one, so what has expired cannot pile up.
static void meta_forget(struct meta *meta)
{
    int64_t now = meta->host->now(meta->host);
    for (int i = 0; i < 2; i++) {
        struct document *document = document_from(heap_due(&meta->expiring, now));
        if (document)
            document_remove(meta, document);
    }
}

static bool meta_fits(const struct meta *meta, const struct document *old, const struct ph_document *entry)
{
    size_t count = meta->documents.count + (old ? 0 : 1);
    uint64_t memory = meta->memory - (old ? old->size : 0);
    return count <= meta->limit && sizeof(struct document) + entry->json.length + 1 <= meta->memory_limit - memory;
}

static enum ph_outcome put_one(void *instance, struct ph_call *call, size_t index)
{
    struct meta *meta = meta_from(instance);
    const struct ph_document *entry = call->entries[index];
    meta_forget(meta);
    struct document *old = document_find(meta, &entry->id);
    if (!meta_fits(meta, old, entry))
        return answer_text(call, index, PH_UNAVAILABLE, "the mock metadata is full (options limit and memory)");
    size_t count = meta->documents.count + 1;
    bool reserved = table_reserve(&meta->documents, count) && heap_reserve(&meta->expiring, count);
    struct document *document = reserved ? document_new(entry) : NULL;
    if (!document)
        return answer_text(call, index, PH_UNAVAILABLE, "there is no memory for the document");
    if (old)
        document_remove(meta, old);
    table_add(&meta->documents, document->id.bytes, sizeof(document->id.bytes), document);
    meta->memory += document->size;
    if (document->expires_at)
        heap_put(&meta->expiring, document, document->expires_at);
    return PH_OK;
}

static void meta_put(void *instance, struct ph_call *call)
{
    answer_each(instance, call, put_one);
}

static enum ph_outcome get_one(void *instance, struct ph_call *call, size_t index)
{
    const struct meta *meta = meta_from(instance);
    const struct ph_document_id *entry = call->entries[index];
    struct ph_document_found *found = call->outputs[index];
    const struct document *document = document_find(meta, &entry->id);
    if (!document || (document->expires_at && document->expires_at <= meta->host->now(meta->host)))
        return PH_NOT_FOUND;
    return answer_copy(call, document->json, &found->json) ? PH_OK : PH_INTERNAL;
}

static void meta_get(void *instance, struct ph_call *call)
{
    answer_each(instance, call, get_one);
}

static struct meta *meta_new(const struct ph_host *host, const struct meta_config *config)
{
    struct meta *meta = calloc(1, sizeof(*meta));
    if (!meta)
        return NULL;
    meta->magic = META_MAGIC;
    meta->host = host;
    meta->limit = (size_t)config->limit;
    meta->memory_limit = config->memory;
    table_init(&meta->documents, host, document_equal);
    heap_init(&meta->expiring, offsetof(struct document, expiring));
    return meta;
}

static void meta_open(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_open *entry = call->entries[i];
        struct ph_opened *opened = call->outputs[i];
        opened->instance = meta_new(call->host, entry->config);
        call->results[i]->outcome = opened->instance ? PH_OK : PH_UNAVAILABLE;
        call->results[i]->text = opened->instance ? NULL : "there is no memory for the metadata";
    }
    call->host->complete(call);
}

static void meta_close(void *instance, struct ph_call *call)
{
    struct meta *meta = meta_from(instance);
    for (size_t i = 0; i < meta->documents.capacity; i++)
        free(meta->documents.slots[i].item);
    table_free(&meta->documents);
    heap_free(&meta->expiring);
    meta->magic = 0;
    free(meta);
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_OK;
    call->host->complete(call);
}

static enum ph_outcome health_one(void *instance, struct ph_call *call, size_t index)
{
    const struct meta *meta = meta_from(instance);
    struct ph_health *health = call->outputs[index];
    health->detail = meta->documents.count < meta->limit ? "in memory; nothing is kept over a restart"
                                                         : "full: no document is taken until others expire";
    return PH_OK;
}

static void meta_health(void *instance, struct ph_call *call)
{
    answer_each(instance, call, health_one);
}

static const struct ph_common_operations common = {.open = meta_open, .close = meta_close, .health = meta_health};

static const struct ph_meta_operations operations = {.put = meta_put, .get = meta_get};

PH_PLUGIN(struct ph_meta_operations, .kind = PH_KIND_META, .flags = PH_PLUGIN_VOLATILE, .name = "mock",
          .version = "1.0.0", .summary = "Documents in memory: for trying and for tests.",
          .config_size = sizeof(struct meta_config), PH_OPTIONS(options), .common = &common, .operations = &operations);
