// SPDX-License-Identifier: Apache-2.0
//
// Marks: postpone, lease, settle, mark. A mark says that something is still to be done for a message, and when it is
// due; a lease is nothing but a due time further off.
#include "plugins/mock/answer.h"
#include "plugins/storage-mock/message.h"
#include "plugins/storage-mock/slots.h"

static enum ph_outcome postpone_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_postpone *entry = call->entries[index];
    struct message *message = message_find(store, &entry->id);
    if (!message || !mark_is(message, PH_MARK_OUTBOX))
        return PH_NOT_FOUND; // the usual case once a message is delivered: no text
    message->sends++;
    mark_write(store, message, PH_MARK_OUTBOX, store_now(store) + (int64_t)entry->due_in_ms);
    return PH_OK;
}

void storage_postpone(void *instance, struct ph_call *call)
{
    answer_each(instance, call, postpone_one);
}

// A leased mark: its kind, from when to when.
struct lease {
    enum ph_mark_kind kind;
    int64_t now;
    int64_t due;
};

// The message whose mark is due longest. Outbox marks of expired messages are expire's work: they go out of the way
// on the lease's terms.
static struct message *lease_next(struct store *store, const struct lease *lease)
{
    struct message *message;
    while ((message = message_from(heap_due(&store->marks[lease->kind - 1], lease->now)))) {
        if (lease->kind != PH_MARK_OUTBOX || !message_expired(message, lease->now))
            break;
        mark_write(store, message, lease->kind, lease->due);
    }
    return message;
}

static struct ph_mark *lease_copy(struct ph_call *call, const struct message *message, enum ph_mark_kind kind)
{
    struct ph_mark *mark = call->host->make(call, PH_MAKE_MARK);
    if (!mark || !answer_copy(call, message->trace, &mark->trace))
        return NULL;
    mark->id = message->id;
    if (kind == PH_MARK_OUTBOX) {
        mark->sends = message->sends;
        return mark;
    }
    mark->record = record_make(call, message, RECORD_STATES | (kind == PH_MARK_ALERT ? RECORD_CONTENT : 0u));
    return mark->record ? mark : NULL;
}

static enum ph_outcome lease_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_lease *entry = call->entries[index];
    struct ph_leased *leased = call->outputs[index];
    if (entry->mark < PH_MARK_OUTBOX || entry->mark > PH_MARK_DOCUMENT)
        return answer_text(call, index, PH_INVALID, "there is no such kind of mark");
    int64_t now = store_now(store);
    // At least 1 ms, so that what was leased is not at once due again in this very loop.
    struct lease lease = {.kind = entry->mark, .now = now, .due = now + (entry->lease_ms ? entry->lease_ms : 1)};
    size_t most = store->marks[entry->mark - 1].count;
    most = most < entry->limit ? most : entry->limit;
    struct ph_mark **marks = call->host->alloc(call, (most + 1) * sizeof(struct ph_mark *));
    struct message *message = lease_next(store, &lease);
    for (; marks && message && leased->count < most; message = lease_next(store, &lease)) {
        struct ph_mark *mark = lease_copy(call, message, lease.kind);
        if (!mark)
            break;
        marks[leased->count++] = mark;
        mark_write(store, message, lease.kind, lease.due);
    }
    leased->marks = marks;
    leased->more = message != NULL;
    return leased->count || !leased->more || !entry->limit ? PH_OK : PH_INTERNAL;
}

void storage_lease(void *instance, struct ph_call *call)
{
    answer_each(instance, call, lease_one);
}

static enum ph_outcome settle_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_settle *entry = call->entries[index];
    if (entry->mark != PH_MARK_ALERT && entry->mark != PH_MARK_DOCUMENT)
        return answer_text(call, index, PH_INVALID, "only alert and document marks are settled");
    struct message *message = message_find(store, &entry->id);
    if (message)
        mark_remove(store, message, entry->mark);
    return PH_OK;
}

void storage_settle(void *instance, struct ph_call *call)
{
    answer_each(instance, call, settle_one);
}

static enum ph_outcome mark_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_mark_document *entry = call->entries[index];
    struct message *message = message_find(store, &entry->id);
    if (!message)
        return answer_text(call, index, PH_NOT_FOUND, "there is no such message");
    mark_write(store, message, PH_MARK_DOCUMENT, store_now(store) + (int64_t)entry->due_in_ms);
    return PH_OK;
}

void storage_mark(void *instance, struct ph_call *call)
{
    answer_each(instance, call, mark_one);
}
