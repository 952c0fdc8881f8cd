// SPDX-License-Identifier: Apache-2.0
//
// Two small direct-mapped caches and three counters.
#include "plugins/storage-sqlite/memo.h"

#include "plugins/storage-sqlite/statements.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

static size_t slot_of(struct ph_text name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ (uint8_t)name.bytes[i]) * 16777619u;
    return (hash ^ (hash >> 15)) % MEMO_USERS;
}

int memo_user(struct scope *scope, struct ph_text name, int64_t *user_r)
{
    struct storage_memo *memo = scope->memo;
    size_t slot = slot_of(name);
    *user_r = 0;
    if (memo->names[slot].name.bytes != NULL && memo->names[slot].name.length == name.length &&
        memcmp(memo->names[slot].name.bytes, name.bytes, name.length) == 0) {
        *user_r = memo->names[slot].user;
        return SQLITE_OK;
    }
    struct query query = query_begin(scope->connection, SQL_USER_KEY);
    query_text(&query, name);
    if (query_step(&query)) {
        *user_r = query_integer_at(&query, 0);
        if (name.length > 0) {
            memo->names[slot].name = name;
            memo->names[slot].user = *user_r;
        }
    }
    return query_end(&query);
}

void memo_forget_names(struct scope *scope)
{
    struct storage_memo *memo = scope->memo;
    memset(memo->names, 0, sizeof(memo->names));
}

int memo_next(struct scope *scope, enum memo_counter counter, int64_t *value_r)
{
    struct storage_memo *memo = scope->memo;
    int code = SQLITE_OK;
    if (!memo->counters[counter].known) {
        struct query query = query_begin(scope->connection, SQL_COUNTER_READ);
        query_integer(&query, counter);
        if (query_step(&query)) {
            memo->counters[counter].value = query_integer_at(&query, 0);
            memo->counters[counter].known = true;
        }
        code = query_end(&query);
        if (code == SQLITE_OK && !memo->counters[counter].known)
            code = SQLITE_CORRUPT;
        if (code != SQLITE_OK)
            return code;
    }
    memo->counters[counter].changed = true;
    *value_r = ++memo->counters[counter].value;
    return SQLITE_OK;
}

static int write_head(struct scope *scope, size_t slot)
{
    struct storage_memo *memo = scope->memo;
    if (!memo->heads[slot].changed)
        return SQLITE_OK;
    memo->heads[slot].changed = false;
    struct query query = query_begin(scope->connection, SQL_HEAD_WRITE);
    query_integer(&query, memo->heads[slot].user);
    query_integer(&query, memo->heads[slot].inbox);
    return query_run(&query);
}

int memo_next_inbox(struct scope *scope, int64_t user, int64_t *position_r)
{
    struct storage_memo *memo = scope->memo;
    size_t slot = (uint64_t)user % MEMO_USERS;
    assert(user > 0);
    if (memo->heads[slot].user != user) {
        int code = write_head(scope, slot);
        if (code != SQLITE_OK)
            return code;
        struct query query = query_begin(scope->connection, SQL_HEAD_READ);
        query_integer(&query, user);
        memo->heads[slot].user = user;
        memo->heads[slot].inbox = query_step(&query) ? query_integer_at(&query, 0) : 0;
        code = query_end(&query);
        if (code != SQLITE_OK)
            return code;
    }
    memo->heads[slot].changed = true;
    *position_r = ++memo->heads[slot].inbox;
    return SQLITE_OK;
}

int memo_flush(struct scope *scope, struct ph_call *call)
{
    struct storage_memo *memo = scope->memo;
    int code = SQLITE_OK;
    (void)call;
    for (size_t i = 0; code == SQLITE_OK && i < MEMO_USERS; i++)
        code = write_head(scope, i);
    for (size_t i = 0; code == SQLITE_OK && i < sizeof(memo->counters) / sizeof(memo->counters[0]); i++) {
        if (!memo->counters[i].changed)
            continue;
        struct query query = query_begin(scope->connection, SQL_COUNTER_WRITE);
        query_integer(&query, (int64_t)i);
        query_integer(&query, memo->counters[i].value);
        code = query_run(&query);
    }
    return code;
}
