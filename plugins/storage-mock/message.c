// SPDX-License-Identifier: Apache-2.0
//
// Messages, marks and keys, and in which heap a message is when (README.md, invariants 2 to 4).
//
// While a message has its outbox mark it is in `waiting`, and in `expiring` if it expires. Once it has no mark of any
// kind it is in `finished`, from where purge takes it. With only an alert or document mark it is in neither.
#include "plugins/storage-mock/message.h"

#include <stdlib.h>
#include <string.h>

bool message_equal(const void *item, const void *id, size_t length)
{
    const struct message *message = item;
    return memcmp(message->id.bytes, id, length) == 0;
}

bool key_equal(const void *item, const void *text, size_t length)
{
    const struct key *key = item;
    return key->text.length == length && memcmp(key->text.bytes, text, length) == 0;
}

struct message *message_find(const struct store *store, const struct ph_id *id)
{
    return message_from(table_find(&store->messages, id->bytes, sizeof(id->bytes)));
}

void message_free(struct message *message)
{
    message->magic = 0;
    free((char *)(uintptr_t)message->reason.bytes);
    free(message);
}

uint32_t message_status(const struct message *message)
{
    static const uint32_t order[] = {PH_STATE_ACCEPTED, PH_STATE_DELIVERED, PH_STATE_DEAD, PH_STATE_EXPIRED};
    unsigned seen = 0;
    for (size_t i = 0; i < message->recipient_count; i++)
        seen |= 1u << message->recipients[i].state;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (seen & 1u << order[i])
            return order[i];
    }
    return PH_STATE_FAILED;
}

struct recipient *message_recipient(struct message *message, const struct user *user)
{
    for (size_t i = 0; i < message->recipient_count; i++) {
        if (message->recipients[i].user == user)
            return &message->recipients[i];
    }
    return NULL;
}

struct recipient *message_in_inbox(struct message *message, const struct user *user, int64_t now)
{
    struct recipient *recipient = message_recipient(message, user);
    if (!recipient || recipient->state != PH_STATE_DELIVERED || recipient->removed || message_expired(message, now))
        return NULL;
    return recipient;
}

void mark_write(struct store *store, struct message *message, enum ph_mark_kind kind, int64_t due)
{
    heap_remove(&store->finished, message);
    heap_put(&store->marks[kind - 1], message, due);
}

void mark_remove(struct store *store, struct message *message, enum ph_mark_kind kind)
{
    if (!mark_is(message, kind))
        return;
    heap_remove(&store->marks[kind - 1], message);
    for (size_t i = 0; i < STORE_MARKS; i++) {
        if (message->marks[i])
            return;
    }
    heap_put(&store->finished, message, message->finished_at);
}

void message_open(struct store *store, struct message *message, int64_t due)
{
    bool delayed = message->deliver_at > message->accepted_at;
    message->finished_at = 0;
    mark_write(store, message, PH_MARK_OUTBOX, due);
    heap_put(&store->waiting, message, delayed ? message->deliver_at : message->accepted_at);
    if (message->expires_at)
        heap_put(&store->expiring, message, message->expires_at);
}

void message_finish(struct store *store, struct message *message, enum ph_state state, int64_t now)
{
    for (size_t i = 0; i < message->recipient_count; i++) {
        struct recipient *recipient = &message->recipients[i];
        if (recipient->state == PH_STATE_ACCEPTED) {
            assert(state != PH_STATE_ACCEPTED);
            recipient->state = (uint32_t)state;
            recipient->at = now;
        }
    }
    message->finished_at = now;
    heap_remove(&store->waiting, message);
    heap_remove(&store->expiring, message);
    mark_remove(store, message, PH_MARK_OUTBOX);
}

void key_remove(struct store *store, struct key *key)
{
    table_remove(&key->sender->keys, key->text.bytes, key->text.length);
    heap_remove(&store->keeping, key);
    key->magic = 0;
    free(key);
}
