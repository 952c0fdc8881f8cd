// SPDX-License-Identifier: Apache-2.0
//
// Purge and stats. Each heap has what goes next in front, so a step costs what it removes; and the counts are there.
#include "plugins/mock/answer.h"
#include "plugins/storage-mock/message.h"
#include "plugins/storage-mock/slots.h"
#include "plugins/storage-mock/user.h"

// Inboxes of removed users are gone already; to drop from one changes nothing.
static void purge_message(struct store *store, struct message *message)
{
    for (size_t i = 0; i < message->recipient_count; i++)
        sequence_drop(&message->recipients[i].user->inbox, message->recipients[i].position);
    sequence_drop(&message->sender->sent, message->sent_position);
    sequence_drop(&store->dead, message->dead_position);
    heap_remove(&store->finished, message);
    table_remove(&store->messages, message->id.bytes, sizeof(message->id.bytes));
    store->memory -= message->size;
    message_free(message);
}

// Removes one thing that is past its retention; false when there is none.
static bool purge_next(struct store *store, const struct ph_purge *entry, int64_t now)
{
    // "Longer ago" than the retention: at exactly that age it stays.
    void *item = entry->retention_ms > 0 ? heap_due(&store->finished, now - entry->retention_ms - 1) : NULL;
    if (item) {
        purge_message(store, message_from(item));
        return true;
    }
    item = heap_due(&store->keeping, now - entry->key_retention_ms - 1);
    if (item) {
        key_remove(store, key_from(item));
        return true;
    }
    item = heap_due(&store->aging, now);
    if (item)
        session_end(store, session_from(item));
    return item != NULL;
}

static bool purge_more(const struct store *store, const struct ph_purge *entry, int64_t now)
{
    return (entry->retention_ms > 0 && heap_due(&store->finished, now - entry->retention_ms - 1)) ||
           heap_due(&store->keeping, now - entry->key_retention_ms - 1) || heap_due(&store->aging, now);
}

static enum ph_outcome purge_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_purge *entry = call->entries[index];
    struct ph_swept *swept = call->outputs[index];
    int64_t now = store_now(store);
    while (swept->count < entry->limit && purge_next(store, entry, now))
        swept->count++;
    swept->more = purge_more(store, entry, now);
    return PH_OK;
}

void storage_purge(void *instance, struct ph_call *call)
{
    answer_each(instance, call, purge_one);
}

static enum ph_outcome stats_one(void *instance, struct ph_call *call, size_t index)
{
    const struct store *store = store_from(instance);
    struct ph_storage_stats *stats = call->outputs[index];
    int64_t now = store_now(store);
    stats->outbox_waiting = store->marks[PH_MARK_OUTBOX - 1].count;
    if (heap_due(&store->waiting, now))
        stats->outbox_oldest_ms = now - heap_first_time(&store->waiting);
    stats->dead = store->dead.end - store->dead.first - store->dead.holes;
    stats->alerts_waiting = store->marks[PH_MARK_ALERT - 1].count;
    stats->documents_waiting = store->marks[PH_MARK_DOCUMENT - 1].count;
    return PH_OK;
}

void storage_stats(void *instance, struct ph_call *call)
{
    answer_each(instance, call, stats_one);
}
