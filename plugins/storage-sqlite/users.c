// SPDX-License-Identifier: Apache-2.0
//
// Users and sessions. A removed user's row stays: it reserves the name, and old messages still name their sender.
#include "plugins/storage-sqlite/memo.h"
#include "plugins/storage-sqlite/operations.h"
#include "plugins/storage-sqlite/statements.h"

#include <sqlite3.h>

static const char no_user[] = "there is no such user";

/// A row of storage_users.
struct user {
    int64_t user; // 0: the name was never used
    int64_t removed_at;
    uint32_t roles;
    int64_t created_at;
    bool same_request;
    struct ph_text password;
};

static int find_user(struct scope *scope, struct ph_call *call, struct ph_text name, const struct ph_id *request,
                     struct user *user_r)
{
    struct query query = query_begin(scope->connection, SQL_USER_FIND);
    query_text(&query, name);
    *user_r = (struct user){0};
    if (query_step(&query)) {
        user_r->user = query_integer_at(&query, 0);
        user_r->removed_at = query_integer_at(&query, 1);
        query_text_at(&query, 2, call, &user_r->password);
        user_r->roles = (uint32_t)query_integer_at(&query, 3);
        user_r->created_at = query_integer_at(&query, 4);
        user_r->same_request = request != NULL && query_equal_at(&query, 5, request->bytes, sizeof(request->bytes));
    }
    return query_end(&query);
}

static int set(struct ph_call *call, size_t index, enum ph_outcome outcome)
{
    if (outcome == PH_NOT_FOUND)
        call->host->set(call, index, outcome, 0, "%s", no_user);
    else
        call->host->set(call, index, outcome, 0, NULL);
    return SQLITE_OK;
}

// ------------------------------------------------------------------------------------------ users

static int user_add_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_user_add *entry = call->entries[index];
    struct user user;
    if (entry->name.length == 0)
        return set(call, index, PH_INVALID);
    int code = find_user(scope, call, entry->name, &entry->id, &user);
    if (code != SQLITE_OK)
        return code;
    if (user.user != 0)
        return set(call, index, user.same_request ? PH_OK : PH_CONFLICT);
    struct query query = query_begin(scope->connection, SQL_USER_ADD);
    query_text(&query, entry->name);
    query_id(&query, &entry->id);
    query_text(&query, entry->password);
    query_integer(&query, entry->roles);
    query_integer(&query, scope->now);
    set(call, index, PH_OK);
    return query_run(&query);
}

int storage_user_add(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, user_add_entry);
}

static int user_get_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_user_name *entry = call->entries[index];
    struct ph_user *output = call->outputs[index];
    struct user user;
    int code = find_user(scope, call, entry->name, NULL, &user);
    if (code != SQLITE_OK)
        return code;
    if (user.user == 0 || user.removed_at > 0)
        return set(call, index, PH_NOT_FOUND);
    if (!query_copy(call, entry->name.bytes, entry->name.length, &output->name))
        return FAILURE_ARENA;
    output->password = user.password;
    output->roles = user.roles;
    output->created_at = user.created_at;
    return set(call, index, PH_OK);
}

int storage_user_get(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, user_get_entry);
}

#define USERS_AT_ONCE 1000

static int user_list_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_user_list *entry = call->entries[index];
    struct ph_users *output = call->outputs[index];
    size_t limit = entry->limit < USERS_AT_ONCE ? entry->limit : USERS_AT_ONCE;
    struct ph_user **users = call->host->alloc(call, (limit + 1) * sizeof(struct ph_user *));
    if (users == NULL)
        return FAILURE_ARENA;
    struct query query = query_begin(scope->connection, SQL_USER_LIST);
    query_text(&query, entry->after);
    query_integer(&query, (int64_t)limit + 1);
    int code = SQLITE_OK;
    while (code == SQLITE_OK && query_step(&query)) {
        if (output->count == limit) {
            output->more = true;
            break;
        }
        struct ph_user *user = call->host->make(call, PH_MAKE_USER);
        if (user == NULL || !query_text_at(&query, 0, call, &user->name)) {
            code = FAILURE_ARENA;
            break;
        }
        user->password = (struct ph_text){.bytes = "", .length = 0};
        user->roles = (uint32_t)query_integer_at(&query, 1);
        user->created_at = query_integer_at(&query, 2);
        users[output->count++] = user;
    }
    output->users = users;
    set(call, index, PH_OK);
    int end = query_end(&query);
    return code != SQLITE_OK ? code : end;
}

int storage_user_list(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, user_list_entry);
}

static int end_sessions(struct scope *scope, int64_t user, const uint8_t keep[32])
{
    struct query query = query_begin(scope->connection, SQL_SESSIONS_END);
    query_integer(&query, user);
    query_blob(&query, keep, 32);
    return query_run(&query);
}

static int user_password_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_user_password *entry = call->entries[index];
    struct user user;
    int code = find_user(scope, call, entry->name, NULL, &user);
    if (code != SQLITE_OK)
        return code;
    if (user.user == 0 || user.removed_at > 0)
        return set(call, index, PH_NOT_FOUND);
    struct query query = query_begin(scope->connection, SQL_USER_PASSWORD);
    query_integer(&query, user.user);
    query_text(&query, entry->password);
    code = query_run(&query);
    set(call, index, PH_OK);
    return code == SQLITE_OK ? end_sessions(scope, user.user, entry->keep_session) : code;
}

int storage_user_password(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, user_password_entry);
}

static int user_remove_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    static const uint8_t none[32];
    const struct ph_user_name *entry = call->entries[index];
    struct user user;
    int code = find_user(scope, call, entry->name, NULL, &user);
    if (code != SQLITE_OK)
        return code;
    if (user.user == 0 || user.removed_at > 0)
        return set(call, index, user.user == 0 ? PH_NOT_FOUND : PH_DUPLICATE);
    memo_forget_names(scope);
    struct query query = query_begin(scope->connection, SQL_USER_REMOVE);
    query_integer(&query, user.user);
    query_integer(&query, scope->now > 0 ? scope->now : 1);
    code = query_run(&query);
    set(call, index, PH_OK);
    return code == SQLITE_OK ? end_sessions(scope, user.user, none) : code;
}

int storage_user_remove(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, user_remove_entry);
}

// ------------------------------------------------------------------------------------------ sessions

// Fills the output from the session of that token; `found_r` tells whether there is one.
static int find_session(struct scope *scope, struct ph_call *call, const uint8_t token_hash[32],
                        struct ph_session *session, bool *found_r)
{
    struct query query = query_begin(scope->connection, SQL_SESSION_FIND);
    query_blob(&query, token_hash, 32);
    *found_r = query_step(&query);
    if (*found_r) {
        query_text_at(&query, 0, call, &session->user);
        session->roles = (uint32_t)query_integer_at(&query, 1);
        session->expires_at = query_integer_at(&query, 2);
    }
    return query_end(&query);
}

static int session_add_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_session_add *entry = call->entries[index];
    struct ph_session *output = call->outputs[index];
    struct user user;
    bool found;
    int code = find_session(scope, call, entry->token_hash, output, &found);
    if (code != SQLITE_OK || found)
        return code == SQLITE_OK ? set(call, index, PH_OK) : code;
    code = find_user(scope, call, entry->user, NULL, &user);
    if (code != SQLITE_OK)
        return code;
    if (user.user == 0 || user.removed_at > 0)
        return set(call, index, PH_NOT_FOUND);
    if (!query_copy(call, entry->user.bytes, entry->user.length, &output->user))
        return FAILURE_ARENA;
    output->roles = user.roles;
    output->expires_at = scope->now + entry->lifetime_ms;
    struct query query = query_begin(scope->connection, SQL_SESSION_ADD);
    query_blob(&query, entry->token_hash, sizeof(entry->token_hash));
    query_integer(&query, user.user);
    query_integer(&query, output->expires_at);
    set(call, index, PH_OK);
    return query_run(&query);
}

int storage_session_add(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, session_add_entry);
}

static int session_get_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_session_token *entry = call->entries[index];
    struct ph_session *output = call->outputs[index];
    bool found;
    int code = find_session(scope, call, entry->token_hash, output, &found);
    if (code != SQLITE_OK)
        return code;
    bool valid = found && output->expires_at > scope->now;
    call->host->set(call, index, valid ? PH_OK : PH_NOT_FOUND, 0, NULL);
    return SQLITE_OK;
}

int storage_session_get(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, session_get_entry);
}

static int session_remove_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_session_token *entry = call->entries[index];
    struct query query = query_begin(scope->connection, SQL_SESSION_REMOVE);
    query_blob(&query, entry->token_hash, sizeof(entry->token_hash));
    set(call, index, PH_OK);
    return query_run(&query);
}

int storage_session_remove(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, session_remove_entry);
}
