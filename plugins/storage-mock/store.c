// SPDX-License-Identifier: Apache-2.0
//
// The mock storage as a whole: how it begins and ends.
#include "plugins/storage-mock/store.h"

#include "plugins/storage-mock/message.h"
#include "plugins/storage-mock/user.h"

#include <stdlib.h>

int64_t store_now(const struct store *store)
{
    return store->host->now(store->host);
}

struct store *store_new(const struct ph_host *host, const struct store_config *config)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return NULL;
    store->magic = STORE_MAGIC;
    store->host = host;
    store->limit = (size_t)config->limit;
    store->memory_limit = config->memory;
    table_init(&store->users, host, user_equal);
    table_init(&store->sessions, host, session_equal);
    table_init(&store->messages, host, message_equal);
    heap_init(&store->aging, offsetof(struct session, aging));
    heap_init(&store->keeping, offsetof(struct key, keeping));
    for (size_t i = 0; i < STORE_MARKS; i++)
        heap_init(&store->marks[i], offsetof(struct message, marks) + i * sizeof(size_t));
    heap_init(&store->waiting, offsetof(struct message, waiting));
    heap_init(&store->expiring, offsetof(struct message, expiring));
    heap_init(&store->finished, offsetof(struct message, finished));
    return store;
}

// Frees the items of a heap, which then must not be looked at again.
static void store_free_items(const struct heap *heap)
{
    for (size_t i = 1; i <= heap->count; i++)
        free(heap->slots[i].item);
}

static void store_free_heaps(struct store *store)
{
    heap_free(&store->aging);
    heap_free(&store->keeping);
    for (size_t i = 0; i < STORE_MARKS; i++)
        heap_free(&store->marks[i]);
    heap_free(&store->waiting);
    heap_free(&store->expiring);
    heap_free(&store->finished);
}

void store_free(struct store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->messages.capacity; i++) {
        if (store->messages.slots[i].item)
            message_free(message_from(store->messages.slots[i].item));
    }
    store_free_items(&store->keeping);
    store_free_items(&store->aging);
    for (size_t i = 0; i < store->users.capacity; i++) {
        if (store->users.slots[i].item)
            user_free(user_from(store->users.slots[i].item));
    }
    table_free(&store->users);
    table_free(&store->sessions);
    table_free(&store->messages);
    store_free_heaps(store);
    sequence_free(&store->dead);
    free(store->names);
    store->magic = 0;
    free(store);
}
