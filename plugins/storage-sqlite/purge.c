// SPDX-License-Identifier: Apache-2.0
//
// purge and stats.
//
// Messages are looked through in the order of their keys, a stretch a call; the next call goes on where this one
// stopped, so that those that must stay (delayed ones, say) are not looked at again each time.
#include "plugins/storage-sqlite/operations.h"
#include "plugins/storage-sqlite/statements.h"

#include <sqlite3.h>

// How many messages are looked at for each row that may be removed.
#define PURGE_LOOKS 4
#define PURGE_LIMIT 10000

/// One purge on its way.
struct purge {
    struct scope *scope;
    struct ph_call *call;
    const struct ph_purge *entry;
    struct ph_swept *swept;
    int64_t left; // rows that may still be removed
};

static int remove_counted(struct purge *purge, struct query *query)
{
    int code = query_run(query);
    if (code == SQLITE_OK) {
        int64_t changes = query_changes(purge->scope->connection);
        purge->swept->count += (uint64_t)changes;
        purge->left -= changes;
        if (purge->left <= 0)
            purge->swept->more = true;
    }
    return code;
}

static int remove_older(struct purge *purge, enum storage_statement statement, int64_t time)
{
    if (purge->left <= 0)
        return SQLITE_OK;
    struct query query = query_begin(purge->scope->connection, statement);
    query_integer(&query, time);
    query_integer(&query, purge->left);
    return remove_counted(purge, &query);
}

/// An idempotency key to be removed.
struct old_key {
    struct old_key *next;
    int64_t sender;
    struct ph_text key;
};

// First listed, then removed: a statement must not change the index that it walks.
static int remove_keys(struct purge *purge)
{
    struct ph_call *call = purge->call;
    struct old_key *keys = NULL;
    struct query query = query_begin(purge->scope->connection, SQL_PURGE_KEYS);
    query_integer(&query, purge->scope->now - purge->entry->key_retention_ms);
    query_integer(&query, purge->left);
    while (query_step(&query)) {
        struct old_key *key = call->host->alloc(call, sizeof(*key));
        // What the arena does not hold is left for the next call.
        if (key == NULL || !query_text_at(&query, 1, call, &key->key)) {
            query.code = SQLITE_OK;
            break;
        }
        key->sender = query_integer_at(&query, 0);
        key->next = keys;
        keys = key;
    }
    int code = query_end(&query);
    for (; code == SQLITE_OK && keys != NULL; keys = keys->next) {
        query = query_begin(purge->scope->connection, SQL_PURGE_KEY);
        query_integer(&query, keys->sender);
        query_text(&query, keys->key);
        code = remove_counted(purge, &query);
    }
    return code;
}

// Takes rows out of a removed user's inbox; the rows stay with their messages.
static int sweep_user(struct purge *purge)
{
    if (purge->left <= 0)
        return SQLITE_OK;
    struct query query = query_begin(purge->scope->connection, SQL_PURGE_USER);
    int64_t user = query_step(&query) ? query_integer_at(&query, 0) : 0;
    int code = query_end(&query);
    if (code != SQLITE_OK || user == 0)
        return code;
    purge->swept->more = true;
    int64_t left = purge->left;
    code = remove_older(purge, SQL_PURGE_INBOX, user);
    if (code != SQLITE_OK || purge->left != left)
        return code;
    query = query_begin(purge->scope->connection, SQL_PURGE_USER_DONE);
    query_integer(&query, user);
    return query_run(&query);
}

static int remove_message(struct purge *purge, int64_t message, int64_t sender)
{
    static const enum storage_statement statements[] = {SQL_PURGE_RECIPIENTS, SQL_FAILURE_REMOVE, SQL_PURGE_MESSAGE};
    // The sender's list never had a lower head than this.
    struct query query = query_begin(purge->scope->connection, SQL_HEAD_SENT);
    query_integer(&query, sender);
    query_integer(&query, message);
    int code = query_run(&query);
    for (size_t i = 0; code == SQLITE_OK && i < sizeof(statements) / sizeof(statements[0]); i++) {
        query = query_begin(purge->scope->connection, statements[i]);
        query_integer(&query, message);
        code = remove_counted(purge, &query);
    }
    return code;
}

static int remove_messages(struct purge *purge)
{
    struct storage_state *state = purge->scope->state;
    int64_t cutoff = purge->scope->now - purge->entry->retention_ms;
    int64_t looks = purge->left * PURGE_LOOKS;
    bool wrapped = true;
    int code = SQLITE_OK;
    if (purge->entry->retention_ms <= 0 || purge->left <= 0)
        return SQLITE_OK;
    struct query query = query_begin(purge->scope->connection, SQL_PURGE_SCAN);
    query_integer(&query, state->purged_to);
    query_integer(&query, looks);
    while (code == SQLITE_OK && purge->left > 0 && query_step(&query)) {
        int64_t message = query_integer_at(&query, 0);
        // Who comes later was accepted later: nothing further is old enough.
        if (query_integer_at(&query, 2) >= cutoff) {
            looks = 1;
            break;
        }
        state->purged_to = message;
        looks--;
        if (query_integer_at(&query, 3) == 0 && query_integer_at(&query, 4) < cutoff)
            code = remove_message(purge, message, query_integer_at(&query, 1));
    }
    int end = query_end(&query);
    wrapped = looks > 0 && purge->left > 0;
    if (wrapped)
        state->purged_to = 0;
    else
        purge->swept->more = true;
    return code != SQLITE_OK ? code : end;
}

static int purge_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    struct purge purge = {.scope = scope, .call = call, .entry = call->entries[index], .swept = call->outputs[index]};
    purge.left = purge.entry->limit < PURGE_LIMIT ? (int64_t)purge.entry->limit : PURGE_LIMIT;
    int code = remove_older(&purge, SQL_PURGE_SESSIONS, scope->now);
    if (code == SQLITE_OK)
        code = remove_keys(&purge);
    if (code == SQLITE_OK)
        code = sweep_user(&purge);
    if (code == SQLITE_OK)
        code = remove_messages(&purge);
    call->host->set(call, index, PH_OK, 0, NULL);
    return code;
}

int storage_purge(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, purge_entry);
}

static int stats_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    struct ph_storage_stats *stats = call->outputs[index];
    struct query query = query_begin(scope->connection, SQL_STATS);
    if (query_step(&query)) {
        int64_t oldest = query_integer_at(&query, 1);
        int64_t delayed = query_integer_at(&query, 2);
        if (delayed != 0 && (oldest == 0 || delayed < oldest))
            oldest = delayed;
        stats->outbox_waiting = (uint64_t)query_integer_at(&query, 0);
        stats->outbox_oldest_ms = oldest != 0 && oldest < scope->now ? scope->now - oldest : 0;
        stats->dead = (uint64_t)query_integer_at(&query, 3);
        stats->alerts_waiting = (uint64_t)query_integer_at(&query, 4);
        stats->documents_waiting = (uint64_t)query_integer_at(&query, 5);
    }
    call->host->set(call, index, PH_OK, 0, NULL);
    return query_end(&query);
}

int storage_stats(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, stats_entry);
}
