// SPDX-License-Identifier: Apache-2.0
//
// Messages, their marks and their keys in the mock storage; and records, the copies of messages that answers hold.
#ifndef PLUGINS_STORAGE_MOCK_MESSAGE_H
#define PLUGINS_STORAGE_MOCK_MESSAGE_H

#include "plugins/storage-mock/store.h"

static inline struct message *message_from(void *item)
{
    struct message *message = item;
    assert(!message || message->magic == MESSAGE_MAGIC);
    return message;
}

static inline struct key *key_from(void *item)
{
    struct key *key = item;
    assert(!key || key->magic == KEY_MAGIC);
    return key;
}

/// The message of this id, or NULL.
struct message *message_find(const struct store *store, const struct ph_id *id);

/// Frees a message that is in no table, heap or list any more.
void message_free(struct message *message);

/// Where a message stands as a whole.
uint32_t message_status(const struct message *message);

/// Whether its expires_at has come.
static inline bool message_expired(const struct message *message, int64_t now)
{
    return message->expires_at && message->expires_at <= now;
}

/// The recipient that is this user, or NULL.
struct recipient *message_recipient(struct message *message, const struct user *user);

/// The recipient that is this user if it has the message in its inbox, neither removed nor expired; else NULL.
struct recipient *message_in_inbox(struct message *message, const struct user *user, int64_t now);

/// Whether there is a mark of this kind.
static inline bool mark_is(const struct message *message, enum ph_mark_kind kind)
{
    return message->marks[kind - 1] != 0;
}

/// Writes a mark, or moves the one that exists.
void mark_write(struct store *store, struct message *message, enum ph_mark_kind kind, int64_t due);

/// Removes a mark; one that is not there is no error.
void mark_remove(struct store *store, struct message *message, enum ph_mark_kind kind);

/// Opens a message: from now on it has an outbox mark, due at `due`.
void message_open(struct store *store, struct message *message, int64_t due);

/// Ends a message: its outbox mark goes. Every recipient that is still open comes into `state`; with
/// PH_STATE_ACCEPTED there must be none.
void message_finish(struct store *store, struct message *message, enum ph_state state, int64_t now);

/// The equality of the tables of messages and of keys.
bool message_equal(const void *item, const void *id, size_t length);
bool key_equal(const void *item, const void *text, size_t length);

/// Removes a key.
void key_remove(struct store *store, struct key *key);

/// What a record holds beside the head.
enum record_part {
    RECORD_CONTENT = 1, ///< subject and body
    RECORD_STATES = 2,  ///< the recipients' states
    RECORD_REASON = 4   ///< why the last attempt failed
};

/// A copy of a message in the call's arena, or NULL when that is full. `parts`: enum record_part, added up.
struct ph_record *record_make(struct ph_call *call, const struct message *message, unsigned parts);

#endif
