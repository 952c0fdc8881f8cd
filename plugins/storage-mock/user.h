// SPDX-License-Identifier: Apache-2.0
//
// Users and sessions of the mock storage. Passwords are kept as the core gives them and wiped when they go.
#ifndef PLUGINS_STORAGE_MOCK_USER_H
#define PLUGINS_STORAGE_MOCK_USER_H

#include "plugins/storage-mock/store.h"

static inline struct user *user_from(void *item)
{
    struct user *user = item;
    assert(!user || user->magic == USER_MAGIC);
    return user;
}

/// The user of this name, or NULL for one that never was or is removed.
struct user *user_find(const struct store *store, struct ph_text name);

/// The user of this name, removed ones too, or NULL.
struct user *user_find_any(const struct store *store, struct ph_text name);

/// Compares names in byte order: below, at or above 0.
int user_compare(struct ph_text left, struct ph_text right);

/// Adds a user whose name was never in use. False when there is no memory or the limit is reached.
bool user_make(struct store *store, const struct ph_user_add *entry);

/// Frees a user; the store goes with it.
void user_free(struct user *user);

/// Ends a session.
void session_end(struct store *store, struct session *session);

/// The equality of the tables of users and of sessions.
bool user_equal(const void *item, const void *key, size_t length);
bool session_equal(const void *item, const void *key, size_t length);

static inline struct session *session_from(void *item)
{
    struct session *session = item;
    assert(!session || session->magic == SESSION_MAGIC);
    return session;
}

#endif
