// SPDX-License-Identifier: Apache-2.0
//
// What the mock storage keeps: users, messages with their recipients and marks, idempotency keys, sessions.
//
// Everything is reached by a hash lookup, by position, or from the front of a heap by time; nothing is searched for.
// A function that can run out of memory or room says so before it has changed anything. One thread: the exchange loop.
#ifndef PLUGINS_STORAGE_MOCK_STORE_H
#define PLUGINS_STORAGE_MOCK_STORE_H

#include "plugins/mock/heap.h"
#include "plugins/mock/table.h"
#include "plugins/storage-mock/sequence.h"

#include <assert.h>
#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_MARKS = 3 }; // enum ph_mark_kind counts from 1

#define STORE_MAGIC 0x73746f72u
#define USER_MAGIC 0x75736572u
#define SESSION_MAGIC 0x73657373u
#define KEY_MAGIC 0x6b657973u
#define MESSAGE_MAGIC 0x6d657373u

struct store_config {
    int64_t limit;        // messages; keys, users and sessions each as many
    uint64_t memory;      // bytes of all messages
    const char *operator; // NAME:PASSWORD of a first operator, or NULL
};

// A user stays for ever, because messages point to it and its name is never free again.
struct user {
    uint32_t magic;
    uint32_t roles;
    bool removed;
    struct ph_id request; // the id of the user_add that made it
    struct ph_text name;
    struct ph_text password;
    int64_t created_at;
    struct sequence inbox; // of struct message
    struct sequence sent;  // of struct message
    struct table keys;     // of struct key, by the key's text
    struct session *sessions;
};

struct session {
    uint32_t magic;
    uint8_t token_hash[32];
    struct user *user;
    int64_t expires_at;
    struct session *previous; // of the same user
    struct session *next;
    size_t aging; // in store.aging
};

// An idempotency key. It may outlive its message.
struct key {
    uint32_t magic;
    struct user *sender;
    struct ph_text text;
    uint8_t content_hash[32];
    struct ph_id id;
    int64_t accepted_at;
    size_t keeping; // in store.keeping
};

struct recipient {
    struct user *user;
    uint64_t position; // in its inbox, 0 before delivery
    int64_t at;        // when it came into its state
    int64_t read_at;
    uint32_t state; // enum ph_state
    bool removed;   // from its inbox
};

struct message {
    uint32_t magic;
    uint32_t priority;
    uint32_t sends;
    uint32_t failures;
    struct ph_id id;
    struct user *sender;
    struct ph_text subject;
    struct ph_text body;
    struct ph_text content_type;
    struct ph_text attributes;
    struct ph_text trace;
    struct ph_text reason; // of the last failure; its own allocation
    int64_t accepted_at;
    int64_t deliver_at;
    int64_t expires_at;
    int64_t finished_at;
    int64_t first_failed_at;
    int64_t last_failed_at;
    uint64_t sent_position;
    uint64_t dead_position;    // 0 unless it is a dead letter
    size_t marks[STORE_MARKS]; // in store.marks; 0: there is no such mark
    size_t waiting;            // in store.waiting
    size_t expiring;           // in store.expiring
    size_t finished;           // in store.finished
    size_t size;               // bytes, as store.memory counts them
    size_t recipient_count;
    struct recipient recipients[]; // in byte order of their names
};

struct store {
    uint32_t magic;
    const struct ph_host *host;
    size_t limit;
    uint64_t memory_limit;
    uint64_t memory;

    struct table users;    // by name, removed ones too
    struct user **names;   // those that are not removed, in byte order
    size_t name_count;     // of them
    size_t name_capacity;  // of the array
    struct table sessions; // by token hash
    struct heap aging;     // sessions by expires_at
    struct heap keeping;   // keys by accepted_at

    struct table messages;          // by id
    struct heap marks[STORE_MARKS]; // messages with such a mark, by when it is due
    struct heap waiting;            // messages with an outbox mark, by when they could first be delivered
    struct heap expiring;           // messages with an outbox mark that expire, by when
    struct heap finished;           // messages without any mark, by when they finished: what purge may take
    struct sequence dead;
};

/// Makes an empty store.
struct store *store_new(const struct ph_host *host, const struct store_config *config);

/// Frees everything. NULL is allowed.
void store_free(struct store *store);

/// The storage's clock, in milliseconds.
int64_t store_now(const struct store *store);

static inline struct store *store_from(void *instance)
{
    struct store *store = instance;
    assert(store && store->magic == STORE_MAGIC);
    return store;
}

#endif
