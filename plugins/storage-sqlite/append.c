// SPDX-License-Identifier: Apache-2.0
//
// append: a message, its recipients, its outbox mark and its key.
//
// All questions are asked before the first write for an entry, so a refusal leaves nothing behind.
#include "plugins/storage-sqlite/memo.h"
#include "plugins/storage-sqlite/operations.h"
#include "plugins/storage-sqlite/statements.h"

#include <sqlite3.h>
#include <string.h>

/// One entry on its way.
struct append {
    struct scope *scope;
    struct ph_call *call;
    size_t index;
    const struct ph_message *entry;
    struct ph_accepted *accepted;
    int64_t sender;
    int64_t *users; // of the recipients, 0 for none
    size_t unknown;
};

int storage_each(struct scope *scope, struct ph_call *call,
                 int (*entry)(struct scope *scope, struct ph_call *call, size_t index))
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < call->count; i++)
        code = entry(scope, call, i);
    return code;
}

static int answer(struct append *append, enum ph_outcome outcome, const struct ph_id *id, int64_t accepted_at)
{
    append->accepted->id = *id;
    append->accepted->accepted_at = accepted_at;
    append->call->host->set(append->call, append->index, outcome, 0, NULL);
    return SQLITE_OK;
}

static int compare(struct ph_text left, struct ph_text right)
{
    size_t common = left.length < right.length ? left.length : right.length;
    int order = common > 0 ? memcmp(left.bytes, right.bytes, common) : 0;
    if (order != 0)
        return order;
    return left.length < right.length ? -1 : left.length > right.length;
}

static bool in_order(const struct ph_message *entry)
{
    for (size_t i = 1; i < entry->recipient_count; i++) {
        if (compare(entry->recipients[i - 1], entry->recipients[i]) >= 0)
            return false;
    }
    return entry->recipient_count > 0;
}

static int find_users(struct append *append)
{
    const struct ph_message *entry = append->entry;
    int code = memo_user(append->scope, entry->sender, &append->sender);
    append->users = append->call->host->alloc(append->call, (entry->recipient_count + 1) * sizeof(int64_t));
    if (append->users == NULL)
        return FAILURE_ARENA;
    append->unknown = append->sender == 0;
    for (size_t i = 0; code == SQLITE_OK && i < entry->recipient_count; i++) {
        code = memo_user(append->scope, entry->recipients[i], &append->users[i]);
        append->unknown += append->users[i] == 0;
    }
    return code;
}

// Names who is no user; a sender who is a recipient too is named once.
static int refuse_unknown(struct append *append)
{
    const struct ph_message *entry = append->entry;
    struct ph_call *call = append->call;
    struct ph_text *unknown = call->host->alloc(call, (append->unknown + 1) * sizeof(*unknown));
    size_t count = 0;
    if (unknown == NULL)
        return FAILURE_ARENA;
    if (append->sender == 0 && !query_copy(call, entry->sender.bytes, entry->sender.length, &unknown[count++]))
        return FAILURE_ARENA;
    for (size_t i = 0; i < entry->recipient_count; i++) {
        struct ph_text name = entry->recipients[i];
        if (append->users[i] != 0 || compare(name, entry->sender) == 0)
            continue;
        if (!query_copy(call, name.bytes, name.length, &unknown[count++]))
            return FAILURE_ARENA;
    }
    append->accepted->unknown = unknown;
    append->accepted->unknown_count = count;
    call->host->set(call, append->index, PH_NOT_FOUND, 0, NULL);
    return SQLITE_OK;
}

// A message that is stored already: a repeat.
static int find_stored(struct append *append, bool *stored_r)
{
    struct query query = query_begin(append->scope->connection, SQL_MESSAGE_FIND);
    query_id(&query, &append->entry->id);
    *stored_r = query_step(&query);
    int64_t accepted_at = *stored_r ? query_integer_at(&query, 1) : 0;
    int code = query_end(&query);
    if (code == SQLITE_OK && *stored_r)
        return answer(append, PH_OK, &append->entry->id, accepted_at);
    return code;
}

static int find_key(struct append *append, bool *taken_r)
{
    const struct ph_message *entry = append->entry;
    *taken_r = false;
    if (entry->idempotency_key.length == 0)
        return SQLITE_OK;
    struct query query = query_begin(append->scope->connection, SQL_KEY_FIND);
    query_integer(&query, append->sender);
    query_text(&query, entry->idempotency_key);
    if (query_step(&query)) {
        struct ph_id id = query_id_at(&query, 0);
        *taken_r = true;
        if (!query_equal_at(&query, 1, entry->content_hash, sizeof(entry->content_hash)))
            append->call->host->set(append->call, append->index, PH_CONFLICT, 0,
                                    "the idempotency key stands for another message");
        else
            answer(append, memcmp(&id, &entry->id, sizeof(id)) == 0 ? PH_OK : PH_DUPLICATE, &id,
                   query_integer_at(&query, 2));
    }
    return query_end(&query);
}

static int write_message(struct append *append, int64_t message)
{
    const struct ph_message *entry = append->entry;
    struct query query = query_begin(append->scope->connection, SQL_MESSAGE_ADD);
    query_integer(&query, message);
    query_id(&query, &entry->id);
    query_integer(&query, append->sender);
    query_integer(&query, append->scope->now);
    query_integer(&query, entry->deliver_at);
    query_integer(&query, entry->expires_at);
    query_integer(&query, entry->priority);
    query_integer(&query, (int64_t)entry->recipient_count);
    query_text(&query, entry->trace);
    query_text(&query, entry->content_type);
    query_text(&query, entry->attributes);
    query_text(&query, entry->subject);
    query_blob(&query, entry->body.bytes, entry->body.length);
    int code = query_run(&query);
    for (size_t i = 0; code == SQLITE_OK && i < entry->recipient_count; i++) {
        query = query_begin(append->scope->connection, SQL_RECIPIENT_ADD);
        query_integer(&query, message);
        query_integer(&query, (int64_t)i);
        query_integer(&query, append->users[i]);
        code = query_run(&query);
    }
    return code;
}

static int write_mark(struct append *append, int64_t message)
{
    const struct ph_message *entry = append->entry;
    int64_t now = append->scope->now;
    int64_t due = now + (int64_t)entry->due_in_ms;
    struct query query = query_begin(append->scope->connection, SQL_OUTBOX_ADD);
    query_integer(&query, message);
    query_integer(&query, due > entry->deliver_at ? due : entry->deliver_at);
    query_integer(&query, entry->expires_at);
    query_integer(&query, now > entry->deliver_at ? now : entry->deliver_at);
    query_integer(&query, entry->deliver_at > now);
    return query_run(&query);
}

static int write_key(struct append *append)
{
    const struct ph_message *entry = append->entry;
    if (entry->idempotency_key.length == 0)
        return SQLITE_OK;
    struct query query = query_begin(append->scope->connection, SQL_KEY_ADD);
    query_integer(&query, append->sender);
    query_text(&query, entry->idempotency_key);
    query_id(&query, &entry->id);
    query_blob(&query, entry->content_hash, sizeof(entry->content_hash));
    query_integer(&query, append->scope->now);
    return query_run(&query);
}

static int write_all(struct append *append)
{
    int64_t message = 0;
    int code = memo_next(append->scope, MEMO_MESSAGES, &message);
    if (code == SQLITE_OK)
        code = write_message(append, message);
    if (code == SQLITE_OK)
        code = write_mark(append, message);
    if (code == SQLITE_OK)
        code = write_key(append);
    return code == SQLITE_OK ? answer(append, PH_OK, &append->entry->id, append->scope->now) : code;
}

static int append_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    struct append append = {
        .scope = scope, .call = call, .index = index, .entry = call->entries[index], .accepted = call->outputs[index]};
    bool settled = false;
    int code = find_stored(&append, &settled);
    if (code != SQLITE_OK || settled)
        return code;
    if (!in_order(append.entry)) {
        call->host->set(call, index, PH_INVALID, 0, "the recipients are not distinct names in byte order");
        return SQLITE_OK;
    }
    code = find_users(&append);
    if (code == SQLITE_OK && append.sender != 0)
        code = find_key(&append, &settled);
    if (code != SQLITE_OK || settled)
        return code;
    return append.unknown > 0 ? refuse_unknown(&append) : write_all(&append);
}

int storage_append(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, append_entry);
}
