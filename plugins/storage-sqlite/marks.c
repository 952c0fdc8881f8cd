// SPDX-License-Identifier: Apache-2.0
//
// Marks: postpone, lease, settle, mark. A lease is nothing but a due time further off.
#include "plugins/storage-sqlite/operations.h"
#include "plugins/storage-sqlite/record.h"
#include "plugins/storage-sqlite/statements.h"

#include <sqlite3.h>

static int postpone_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_postpone *entry = call->entries[index];
    struct query query = query_begin(scope->connection, SQL_OUTBOX_POSTPONE);
    query_id(&query, &entry->id);
    query_integer(&query, scope->now + (int64_t)entry->due_in_ms);
    int code = query_run(&query);
    if (code == SQLITE_OK)
        call->host->set(call, index, query_changes(scope->connection) > 0 ? PH_OK : PH_NOT_FOUND, 0, NULL);
    return code;
}

int storage_postpone(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, postpone_entry);
}

// ------------------------------------------------------------------------------------------ lease

// Beyond these a lease stops early: the rest stays due. Alerts come with their bodies.
#define LEASE_MARKS 1000
#define LEASE_BYTES ((size_t)8 * 1024 * 1024)

static int lease_query(struct scope *scope, const struct ph_lease *entry, size_t limit, struct query *query_r)
{
    bool outbox = entry->mark == PH_MARK_OUTBOX;
    *query_r = query_begin(scope->connection, outbox ? SQL_OUTBOX_LEASE : SQL_MARK_LEASE);
    if (!outbox)
        query_integer(query_r, entry->mark);
    query_integer(query_r, scope->now);
    query_integer(query_r, (int64_t)limit);
    return query_r->code;
}

// Moves a mark: the statement that found it has ended by then, as it walks the index that this changes.
static int lease_move(struct scope *scope, const struct ph_lease *entry, int64_t message)
{
    int64_t due = scope->now + (entry->lease_ms > 0 ? (int64_t)entry->lease_ms : 1);
    bool outbox = entry->mark == PH_MARK_OUTBOX;
    struct query query = query_begin(scope->connection, outbox ? SQL_OUTBOX_MOVE : SQL_MARK_WRITE);
    if (!outbox)
        query_integer(&query, entry->mark);
    query_integer(&query, message);
    query_integer(&query, due);
    return query_run(&query);
}

static int lease_record(struct scope *scope, struct ph_call *call, const struct ph_lease *entry, struct ph_mark *mark,
                        size_t *bytes)
{
    struct stored stored;
    if (entry->mark == PH_MARK_OUTBOX)
        return SQLITE_OK;
    int code = record_find(scope, call, &mark->id, entry->mark == PH_MARK_ALERT ? RECORD_WHOLE : RECORD_HEAD, &stored);
    if (code == SQLITE_OK && stored.record == NULL)
        return SQLITE_CORRUPT;
    mark->record = stored.record;
    if (code == SQLITE_OK)
        *bytes += stored.record->body.length + stored.record->subject.length;
    return code;
}

static int lease_find(struct scope *scope, struct ph_call *call, const struct ph_lease *entry, size_t limit,
                      struct ph_mark **marks, int64_t *messages, size_t *count_r)
{
    struct query query;
    size_t bytes = 0;
    int code = lease_query(scope, entry, limit, &query);
    *count_r = 0;
    while (code == SQLITE_OK && *count_r < limit && bytes < LEASE_BYTES && query_step(&query)) {
        struct ph_mark *mark = call->host->make(call, PH_MAKE_MARK);
        if (mark == NULL || !query_text_at(&query, 2, call, &mark->trace)) {
            code = FAILURE_ARENA;
            break;
        }
        mark->id = query_id_at(&query, 1);
        mark->sends = entry->mark == PH_MARK_OUTBOX ? (uint32_t)query_integer_at(&query, 3) : 0;
        messages[*count_r] = query_integer_at(&query, 0);
        code = lease_record(scope, call, entry, mark, &bytes);
        marks[(*count_r)++] = mark;
    }
    int end = query_end(&query);
    return code != SQLITE_OK ? code : end;
}

static int lease_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_lease *entry = call->entries[index];
    struct ph_leased *leased = call->outputs[index];
    size_t limit = entry->limit < LEASE_MARKS ? entry->limit : LEASE_MARKS;
    if (entry->mark < PH_MARK_OUTBOX || entry->mark > PH_MARK_DOCUMENT) {
        call->host->set(call, index, PH_INVALID, 0, "there is no such kind of mark");
        return SQLITE_OK;
    }
    struct ph_mark **marks = call->host->alloc(call, (limit + 1) * sizeof(struct ph_mark *));
    int64_t *messages = call->host->alloc(call, (limit + 1) * sizeof(int64_t));
    if (marks == NULL || messages == NULL)
        return FAILURE_ARENA;
    int code = lease_find(scope, call, entry, limit, marks, messages, &leased->count);
    leased->marks = marks;
    for (size_t i = 0; code == SQLITE_OK && i < leased->count; i++)
        code = lease_move(scope, entry, messages[i]);
    if (code == SQLITE_OK) {
        // What is due now and was not taken; found by a look, as a lease may also stop at its bytes.
        struct query query;
        code = lease_query(scope, entry, 1, &query);
        leased->more = query_step(&query);
        int end = query_end(&query);
        code = code != SQLITE_OK ? code : end;
    }
    call->host->set(call, index, PH_OK, 0, NULL);
    return code;
}

int storage_lease(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, lease_entry);
}

// ------------------------------------------------------------------------------------------ settle and mark

static int settle_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_settle *entry = call->entries[index];
    if (entry->mark != PH_MARK_ALERT && entry->mark != PH_MARK_DOCUMENT) {
        call->host->set(call, index, PH_INVALID, 0, "only alert and document marks are settled");
        return SQLITE_OK;
    }
    struct query query = query_begin(scope->connection, SQL_MARK_REMOVE);
    query_integer(&query, entry->mark);
    query_id(&query, &entry->id);
    call->host->set(call, index, PH_OK, 0, NULL);
    return query_run(&query);
}

int storage_settle(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, settle_entry);
}

static int mark_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_mark_document *entry = call->entries[index];
    struct query query = query_begin(scope->connection, SQL_MESSAGE_FIND);
    query_id(&query, &entry->id);
    bool found = query_step(&query);
    int64_t message = found ? query_integer_at(&query, 0) : 0;
    int code = query_end(&query);
    if (code != SQLITE_OK || !found) {
        call->host->set(call, index, PH_NOT_FOUND, 0, "there is no such message");
        return code;
    }
    query = query_begin(scope->connection, SQL_MARK_WRITE);
    query_integer(&query, PH_MARK_DOCUMENT);
    query_integer(&query, message);
    query_integer(&query, scope->now + (int64_t)entry->due_in_ms);
    call->host->set(call, index, PH_OK, 0, NULL);
    return query_run(&query);
}

int storage_mark(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, mark_entry);
}
