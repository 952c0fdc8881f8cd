// SPDX-License-Identifier: Apache-2.0
//
// Sessions: by the hash of their token, in their user's list, and by the time when they expire.
#include "plugins/mock/answer.h"
#include "plugins/storage-mock/slots.h"
#include "plugins/storage-mock/user.h"

#include <stdlib.h>
#include <string.h>

bool session_equal(const void *item, const void *key, size_t length)
{
    const struct session *session = item;
    return memcmp(session->token_hash, key, length) == 0;
}

static struct session *session_find(const struct store *store, const uint8_t token_hash[32])
{
    return session_from(table_find(&store->sessions, token_hash, 32));
}

void session_end(struct store *store, struct session *session)
{
    table_remove(&store->sessions, session->token_hash, sizeof(session->token_hash));
    heap_remove(&store->aging, session);
    if (session->previous)
        session->previous->next = session->next;
    else
        session->user->sessions = session->next;
    if (session->next)
        session->next->previous = session->previous;
    session->magic = 0;
    free(session);
}

static struct session *session_make(struct store *store, const struct ph_session_add *entry, struct user *user)
{
    if (store->sessions.count >= store->limit || !table_reserve(&store->sessions, store->sessions.count + 1) ||
        !heap_reserve(&store->aging, store->aging.count + 1))
        return NULL;
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    session->magic = SESSION_MAGIC;
    memcpy(session->token_hash, entry->token_hash, sizeof(session->token_hash));
    session->user = user;
    session->expires_at = store_now(store) + entry->lifetime_ms;
    session->next = user->sessions;
    if (session->next)
        session->next->previous = session;
    user->sessions = session;
    table_add(&store->sessions, session->token_hash, sizeof(session->token_hash), session);
    heap_put(&store->aging, session, session->expires_at);
    return session;
}

static enum ph_outcome session_answer(struct ph_call *call, size_t index, const struct session *session)
{
    struct ph_session *answer = call->outputs[index];
    answer->roles = session->user->roles;
    answer->expires_at = session->expires_at;
    return answer_copy(call, session->user->name, &answer->user) ? PH_OK : PH_INTERNAL;
}

static enum ph_outcome session_add_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_session_add *entry = call->entries[index];
    struct session *session = session_find(store, entry->token_hash);
    if (session)
        return session_answer(call, index, session);
    struct user *user = user_find(store, entry->user);
    if (!user)
        return answer_text(call, index, PH_NOT_FOUND, "there is no such user");
    session = session_make(store, entry, user);
    if (!session)
        return answer_text(call, index, PH_UNAVAILABLE, "there is no room for the session (option limit)");
    return session_answer(call, index, session);
}

void storage_session_add(void *instance, struct ph_call *call)
{
    answer_each(instance, call, session_add_one);
}

static enum ph_outcome session_get_one(void *instance, struct ph_call *call, size_t index)
{
    const struct store *store = store_from(instance);
    const struct ph_session_token *entry = call->entries[index];
    const struct session *session = session_find(store, entry->token_hash);
    if (!session || session->expires_at <= store_now(store))
        return PH_NOT_FOUND;
    return session_answer(call, index, session);
}

void storage_session_get(void *instance, struct ph_call *call)
{
    answer_each(instance, call, session_get_one);
}

static enum ph_outcome session_remove_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_session_token *entry = call->entries[index];
    struct session *session = session_find(store, entry->token_hash);
    if (session)
        session_end(store, session);
    return PH_OK;
}

void storage_session_remove(void *instance, struct ph_call *call)
{
    answer_each(instance, call, session_remove_one);
}
