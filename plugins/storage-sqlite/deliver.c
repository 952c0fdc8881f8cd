// SPDX-License-Identifier: Apache-2.0
//
// How a message ends, and how a dead one begins again: deliver, fail, expire, redrive.
//
// All act only where an outbox mark exists (redrive: only on a dead letter), and remove or write it in the same
// transaction; so a repeat finds nothing to do.
#include "plugins/storage-sqlite/memo.h"
#include "plugins/storage-sqlite/operations.h"
#include "plugins/storage-sqlite/record.h"
#include "plugins/storage-sqlite/statements.h"

#include <sqlite3.h>

static int run_on(struct scope *scope, enum storage_statement statement, int64_t message)
{
    struct query query = query_begin(scope->connection, statement);
    query_integer(&query, message);
    return query_run(&query);
}

static int write_mark(struct scope *scope, enum ph_mark_kind kind, int64_t message, int64_t due)
{
    struct query query = query_begin(scope->connection, SQL_MARK_WRITE);
    query_integer(&query, kind);
    query_integer(&query, message);
    query_integer(&query, due);
    return query_run(&query);
}

static int move_outbox(struct scope *scope, int64_t message, int64_t due)
{
    struct query query = query_begin(scope->connection, SQL_OUTBOX_MOVE);
    query_integer(&query, message);
    query_integer(&query, due);
    return query_run(&query);
}

// Ends every open recipient in one state, and the mark.
static int end_all(struct scope *scope, int64_t message, enum ph_state state)
{
    struct query query = query_begin(scope->connection, SQL_RECIPIENTS_END);
    query_integer(&query, message);
    query_integer(&query, state);
    query_integer(&query, scope->now);
    int code = query_run(&query);
    return code == SQLITE_OK ? run_on(scope, SQL_OUTBOX_REMOVE, message) : code;
}

// ------------------------------------------------------------------------------------------ deliver

static int end_recipient(struct scope *scope, struct stored *stored, size_t ordinal, bool *delivered_r)
{
    struct ph_recipient *recipient = stored->record->recipients[ordinal];
    int64_t position = 0;
    int code = SQLITE_OK;
    if (stored->recipients[ordinal].removed) {
        recipient->state = PH_STATE_FAILED;
    } else {
        code = memo_next_inbox(scope, stored->recipients[ordinal].user, &position);
        recipient->state = PH_STATE_DELIVERED;
        *delivered_r = true;
    }
    recipient->at = scope->now;
    if (code != SQLITE_OK)
        return code;
    struct query query = query_begin(scope->connection, SQL_RECIPIENT_END);
    query_integer(&query, stored->message);
    query_integer(&query, (int64_t)ordinal);
    query_integer(&query, recipient->state);
    query_integer(&query, scope->now);
    query_integer(&query, position);
    return query_run(&query);
}

static int carry(struct scope *scope, const struct ph_deliver *entry, struct stored *stored, bool *delivered_r)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < stored->record->recipient_count; i++) {
        if (stored->record->recipients[i]->state == PH_STATE_ACCEPTED)
            code = end_recipient(scope, stored, i, delivered_r);
    }
    if (code == SQLITE_OK && stored->record->priority == PH_PRIORITY_ALERT)
        code = write_mark(scope, PH_MARK_ALERT, stored->message, scope->now + (int64_t)entry->alert_lease_ms);
    return code == SQLITE_OK ? run_on(scope, SQL_OUTBOX_REMOVE, stored->message) : code;
}

static int expire_stored(struct scope *scope, struct stored *stored)
{
    for (size_t i = 0; i < stored->record->recipient_count; i++) {
        if (stored->record->recipients[i]->state == PH_STATE_ACCEPTED) {
            stored->record->recipients[i]->state = PH_STATE_EXPIRED;
            stored->record->recipients[i]->at = scope->now;
        }
    }
    return end_all(scope, stored->message, PH_STATE_EXPIRED);
}

static int deliver_marked(struct scope *scope, const struct ph_deliver *entry, struct stored *stored,
                          struct ph_delivery *delivery)
{
    const struct ph_record *record = stored->record;
    if (record->deliver_at > scope->now && (record->expires_at == 0 || record->expires_at > scope->now)) {
        delivery->due_at = record->deliver_at;
        return stored->due == record->deliver_at ? SQLITE_OK : move_outbox(scope, stored->message, record->deliver_at);
    }
    bool expired = record->expires_at != 0 && record->expires_at <= scope->now;
    int code = expired ? expire_stored(scope, stored) : carry(scope, entry, stored, &delivery->delivered);
    stored->marked = false;
    record_conclude(stored);
    return code;
}

static int deliver_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_deliver *entry = call->entries[index];
    struct ph_delivery *delivery = call->outputs[index];
    struct stored stored;
    int code = record_find(scope, call, &entry->id, RECORD_HEAD, &stored);
    if (code != SQLITE_OK)
        return code;
    if (stored.record == NULL) {
        call->host->set(call, index, PH_NOT_FOUND, 0, "there is no such message");
        return SQLITE_OK;
    }
    delivery->record = stored.record;
    call->host->set(call, index, stored.marked ? PH_OK : PH_DUPLICATE, 0, NULL);
    return stored.marked ? deliver_marked(scope, entry, &stored, delivery) : SQLITE_OK;
}

int storage_deliver(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, deliver_entry);
}

// ------------------------------------------------------------------------------------------ fail

/// A message with an outbox mark, as fail needs it.
struct failing {
    int64_t message;
    int64_t failures;
    int64_t first_failed_at;
};

static int find_failing(struct scope *scope, const struct ph_id *id, struct failing *failing_r, bool *found_r)
{
    struct query query = query_begin(scope->connection, SQL_OUTBOX_FIND);
    query_id(&query, id);
    *found_r = query_step(&query);
    if (*found_r)
        *failing_r = (struct failing){
            .message = query_integer_at(&query, 0),
            .failures = query_integer_at(&query, 3),
            .first_failed_at = query_integer_at(&query, 4),
        };
    return query_end(&query);
}

static int record_failure(struct scope *scope, const struct ph_failure *entry, struct failing *failing, bool *dead_r)
{
    int64_t position = 0;
    int code = SQLITE_OK;
    failing->failures++;
    *dead_r = failing->failures >= (int64_t)entry->limit;
    if (*dead_r)
        code = memo_next(scope, MEMO_DEAD, &position);
    if (code != SQLITE_OK)
        return code;
    struct query query = query_begin(scope->connection, SQL_FAILURE_WRITE);
    query_integer(&query, failing->message);
    query_integer(&query, failing->failures);
    query_integer(&query, failing->first_failed_at != 0 ? failing->first_failed_at : scope->now);
    query_integer(&query, scope->now);
    query_text(&query, entry->reason);
    query_integer(&query, position);
    code = query_run(&query);
    if (code != SQLITE_OK)
        return code;
    if (!*dead_r)
        return move_outbox(scope, failing->message, scope->now + (int64_t)entry->retry_in_ms);
    code = write_mark(scope, PH_MARK_DOCUMENT, failing->message, scope->now);
    return code == SQLITE_OK ? end_all(scope, failing->message, PH_STATE_DEAD) : code;
}

static int fail_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_failure *entry = call->entries[index];
    struct ph_failed *failed = call->outputs[index];
    struct failing failing = {0};
    bool found;
    int code = find_failing(scope, &entry->id, &failing, &found);
    if (code != SQLITE_OK)
        return code;
    if (!found) {
        call->host->set(call, index, PH_NOT_FOUND, 0, "there is no outbox mark");
        return SQLITE_OK;
    }
    if (entry->attempt > failing.failures + 1) {
        call->host->set(call, index, PH_INVALID, 0, "an earlier attempt is not recorded");
        return SQLITE_OK;
    }
    bool recorded = entry->attempt <= failing.failures;
    if (!recorded)
        code = record_failure(scope, entry, &failing, &failed->dead);
    failed->failures = (uint32_t)failing.failures;
    call->host->set(call, index, recorded ? PH_DUPLICATE : PH_OK, 0, NULL);
    return code;
}

int storage_fail(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, fail_entry);
}

// ------------------------------------------------------------------------------------------ expire

#define EXPIRE_AT_ONCE 1000

static int expire_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_expire *entry = call->entries[index];
    struct ph_swept *swept = call->outputs[index];
    size_t limit = entry->limit < EXPIRE_AT_ONCE ? entry->limit : EXPIRE_AT_ONCE;
    int64_t *messages = call->host->alloc(call, (limit + 1) * sizeof(int64_t));
    size_t count = 0;
    if (messages == NULL)
        return FAILURE_ARENA;
    struct query query = query_begin(scope->connection, SQL_OUTBOX_EXPIRED);
    query_integer(&query, scope->now);
    query_integer(&query, (int64_t)limit + 1);
    while (count <= limit && query_step(&query))
        messages[count++] = query_integer_at(&query, 0);
    int code = query_end(&query);
    swept->more = count > limit;
    for (size_t i = 0; code == SQLITE_OK && i < count && i < limit; i++) {
        code = write_mark(scope, PH_MARK_DOCUMENT, messages[i], scope->now);
        if (code == SQLITE_OK)
            code = end_all(scope, messages[i], PH_STATE_EXPIRED);
        swept->count++;
    }
    call->host->set(call, index, PH_OK, 0, NULL);
    return code;
}

int storage_expire(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, expire_entry);
}

// ------------------------------------------------------------------------------------------ redrive

static int reopen(struct scope *scope, int64_t message, int64_t ready_at, int64_t expires_at)
{
    int code = run_on(scope, SQL_RECIPIENTS_REOPEN, message);
    if (code == SQLITE_OK)
        code = run_on(scope, SQL_FAILURE_REMOVE, message);
    if (code != SQLITE_OK)
        return code;
    struct query query = query_begin(scope->connection, SQL_OUTBOX_ADD);
    query_integer(&query, message);
    query_integer(&query, scope->now);
    query_integer(&query, expires_at);
    query_integer(&query, ready_at);
    query_integer(&query, 0);
    return query_run(&query);
}

static int redrive_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_pick *entry = call->entries[index];
    struct query query = query_begin(scope->connection, SQL_DEAD_FIND);
    query_id(&query, &entry->id);
    bool found = query_step(&query);
    int64_t message = found ? query_integer_at(&query, 0) : 0;
    int64_t accepted_at = found ? query_integer_at(&query, 1) : 0;
    int64_t deliver_at = found ? query_integer_at(&query, 2) : 0;
    int64_t expires_at = found ? query_integer_at(&query, 3) : 0;
    int code = query_end(&query);
    if (code != SQLITE_OK)
        return code;
    if (!found) {
        call->host->set(call, index, PH_NOT_FOUND, 0, "it is not a dead letter");
        return SQLITE_OK;
    }
    call->host->set(call, index, PH_OK, 0, NULL);
    return reopen(scope, message, accepted_at > deliver_at ? accepted_at : deliver_at, expires_at);
}

int storage_redrive(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, redrive_entry);
}
