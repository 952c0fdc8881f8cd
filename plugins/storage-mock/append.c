// SPDX-License-Identifier: Apache-2.0
//
// append: a message, its outbox mark and its key, all or nothing.
//
// The order of the questions is the contract's: is it stored already, is its key taken, are all names users, is there
// room. Only then is anything changed, and from there on nothing can fail.
#include "plugins/mock/answer.h"
#include "plugins/storage-mock/message.h"
#include "plugins/storage-mock/slots.h"
#include "plugins/storage-mock/user.h"

#include <stdlib.h>
#include <string.h>

static bool append_is_user(const struct store *store, struct ph_text name, struct ph_text *unknown, size_t *count)
{
    if (user_find(store, name))
        return true;
    if (unknown)
        unknown[*count] = name;
    *count += 1;
    return false;
}

// Names who is no user: the sender, and every recipient that is another.
static enum ph_outcome append_unknown(struct store *store, struct ph_call *call, const struct ph_message *entry,
                                      struct ph_accepted *accepted)
{
    struct ph_text *unknown = call->host->alloc(call, (entry->recipient_count + 1) * sizeof(*unknown));
    if (!unknown)
        return PH_INTERNAL;
    size_t count = 0;
    append_is_user(store, entry->sender, unknown, &count);
    for (size_t i = 0; i < entry->recipient_count; i++) {
        struct ph_text name = entry->recipients[i];
        bool again = name.length == entry->sender.length && memcmp(name.bytes, entry->sender.bytes, name.length) == 0;
        if (!again)
            append_is_user(store, name, unknown, &count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!answer_copy(call, unknown[i], &unknown[i]))
            return PH_INTERNAL;
    }
    accepted->unknown = unknown;
    accepted->unknown_count = count;
    return PH_NOT_FOUND;
}

static struct ph_text append_text(char **at, struct ph_text text)
{
    struct ph_text copy = {.bytes = *at, .length = text.length};
    if (text.length)
        memcpy(*at, text.bytes, text.length);
    (*at)[text.length] = '\0';
    *at += text.length + 1;
    return copy;
}

// Bytes of a message with its recipients and texts.
static size_t append_size(const struct ph_message *entry)
{
    return sizeof(struct message) + entry->recipient_count * sizeof(struct recipient) + entry->subject.length +
           entry->body.length + entry->content_type.length + entry->attributes.length + entry->trace.length + 5;
}

// A message in no list yet; NULL when there is no memory. A recipient that is no user is NULL in it.
static struct message *append_message(const struct store *store, const struct ph_message *entry, struct user *sender)
{
    size_t size = append_size(entry);
    struct message *message = malloc(size);
    if (!message)
        return NULL;
    *message = (struct message){.magic = MESSAGE_MAGIC,
                                .id = entry->id,
                                .sender = sender,
                                .priority = entry->priority,
                                .accepted_at = store_now(store),
                                .deliver_at = entry->deliver_at,
                                .expires_at = entry->expires_at,
                                .size = size,
                                .recipient_count = entry->recipient_count};
    for (size_t i = 0; i < entry->recipient_count; i++) {
        message->recipients[i] =
            (struct recipient){.user = user_find(store, entry->recipients[i]), .at = message->accepted_at};
    }
    char *at = (char *)(message->recipients + entry->recipient_count);
    message->subject = append_text(&at, entry->subject);
    message->body = append_text(&at, entry->body);
    message->content_type = append_text(&at, entry->content_type);
    message->attributes = append_text(&at, entry->attributes);
    message->trace = append_text(&at, entry->trace);
    return message;
}

static struct key *append_key(const struct ph_message *entry, const struct message *message)
{
    struct key *key = malloc(sizeof(*key) + entry->idempotency_key.length + 1);
    if (!key)
        return NULL;
    *key = (struct key){
        .magic = KEY_MAGIC, .sender = message->sender, .id = message->id, .accepted_at = message->accepted_at};
    memcpy(key->content_hash, entry->content_hash, sizeof(key->content_hash));
    char *at = (char *)(key + 1);
    key->text = append_text(&at, entry->idempotency_key);
    return key;
}

// Room in every list that this message may come into, now or later.
static bool append_reserve(struct store *store, struct user *sender, bool keyed)
{
    size_t count = store->messages.count + 1;
    bool done = table_reserve(&store->messages, count) && heap_reserve(&store->waiting, count) &&
                heap_reserve(&store->expiring, count) && heap_reserve(&store->finished, count) &&
                sequence_reserve(&sender->sent);
    for (size_t i = 0; i < STORE_MARKS; i++)
        done = done && heap_reserve(&store->marks[i], count);
    if (keyed)
        done = done && heap_reserve(&store->keeping, store->keeping.count + 1) &&
               table_reserve(&sender->keys, sender->keys.count + 1);
    return done;
}

static bool append_fits(const struct store *store, const struct ph_message *entry)
{
    bool keyed = entry->idempotency_key.length > 0;
    return store->messages.count < store->limit && !(keyed && store->keeping.count >= store->limit) &&
           append_size(entry) <= store->memory_limit - store->memory;
}

static void append_commit(struct store *store, const struct ph_message *entry, struct message *message, struct key *key)
{
    int64_t due = message->accepted_at + (int64_t)entry->due_in_ms;
    table_add(&store->messages, message->id.bytes, sizeof(message->id.bytes), message);
    store->memory += message->size;
    message->sent_position = sequence_add(&message->sender->sent, message);
    message_open(store, message, due > message->deliver_at ? due : message->deliver_at);
    if (key) {
        table_add(&key->sender->keys, key->text.bytes, key->text.length, key);
        heap_put(&store->keeping, key, key->accepted_at);
    }
}

static bool append_all_users(const struct message *message)
{
    for (size_t i = 0; i < message->recipient_count; i++) {
        if (!message->recipients[i].user)
            return false;
    }
    return true;
}

static enum ph_outcome append_new(struct store *store, struct ph_call *call, size_t index, struct user *sender)
{
    const struct ph_message *entry = call->entries[index];
    struct ph_accepted *accepted = call->outputs[index];
    bool keyed = entry->idempotency_key.length > 0;
    if (!append_fits(store, entry))
        return answer_text(call, index, PH_UNAVAILABLE, "the mock storage is full (options limit and memory)");
    struct message *message = append_message(store, entry, sender);
    if (!message)
        return answer_text(call, index, PH_UNAVAILABLE, "there is no memory for the message");
    if (!append_all_users(message)) {
        message_free(message);
        return append_unknown(store, call, entry, accepted);
    }
    struct key *key = keyed ? append_key(entry, message) : NULL;
    if ((keyed && !key) || !append_reserve(store, sender, keyed)) {
        free(key);
        message_free(message);
        return answer_text(call, index, PH_UNAVAILABLE, "there is no memory for the message");
    }
    append_commit(store, entry, message, key);
    accepted->id = message->id;
    accepted->accepted_at = message->accepted_at;
    return PH_OK;
}

// The key is taken: by this message itself, by a twin, or by something else.
static enum ph_outcome append_keyed(struct ph_call *call, size_t index, const struct key *key)
{
    const struct ph_message *entry = call->entries[index];
    struct ph_accepted *accepted = call->outputs[index];
    if (memcmp(key->content_hash, entry->content_hash, sizeof(key->content_hash)) != 0)
        return answer_text(call, index, PH_CONFLICT, "the idempotency key stands for another message");
    accepted->id = key->id;
    accepted->accepted_at = key->accepted_at;
    return memcmp(&key->id, &entry->id, sizeof(key->id)) == 0 ? PH_OK : PH_DUPLICATE;
}

// Whether there is a recipient, and all are distinct names in byte order.
static bool append_in_order(const struct ph_message *entry)
{
    for (size_t i = 1; i < entry->recipient_count; i++) {
        if (user_compare(entry->recipients[i - 1], entry->recipients[i]) >= 0)
            return false;
    }
    return entry->recipient_count > 0;
}

static enum ph_outcome append_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_message *entry = call->entries[index];
    struct ph_accepted *accepted = call->outputs[index];
    const struct message *stored = message_find(store, &entry->id);
    if (stored) {
        accepted->id = stored->id;
        accepted->accepted_at = stored->accepted_at;
        return PH_OK;
    }
    if (!append_in_order(entry))
        return answer_text(call, index, PH_INVALID, "the recipients are not distinct names in byte order");
    struct user *sender = user_find(store, entry->sender);
    if (!sender)
        return append_unknown(store, call, entry, accepted);
    const struct key *key =
        entry->idempotency_key.length
            ? key_from(table_find(&sender->keys, entry->idempotency_key.bytes, entry->idempotency_key.length))
            : NULL;
    return key ? append_keyed(call, index, key) : append_new(store, call, index, sender);
}

void storage_append(void *instance, struct ph_call *call)
{
    answer_each(instance, call, append_one);
}
