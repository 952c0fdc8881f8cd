// SPDX-License-Identifier: Apache-2.0
//
// Reading lists and messages, and what readers change: read and removed.
//
// Inbox, sent messages and dead letters are read alike, from a position; they differ in the statement and in what a
// record shows.
#include "plugins/storage-sqlite/operations.h"
#include "plugins/storage-sqlite/record.h"
#include "plugins/storage-sqlite/statements.h"

#include <sqlite3.h>
#include <string.h>

static const char no_user[] = "there is no such user";

#define RECORDS_AT_ONCE 1000

static int find_user(struct scope *scope, struct ph_text name, int64_t *user_r)
{
    struct query query = query_begin(scope->connection, SQL_USER_KEY);
    query_text(&query, name);
    *user_r = query_step(&query) ? query_integer_at(&query, 0) : 0;
    return query_end(&query);
}

static int no_such(struct ph_call *call, size_t index, const char *text)
{
    call->host->set(call, index, PH_NOT_FOUND, 0, "%s", text);
    return SQLITE_OK;
}

static int64_t position_of(uint64_t position)
{
    return position > INT64_MAX ? INT64_MAX : (int64_t)position;
}

// The first column of one row, 0 without a row.
static int read_one(struct scope *scope, enum storage_statement statement, int64_t key, int column, int64_t *value_r)
{
    struct query query = query_begin(scope->connection, statement);
    query_integer(&query, key);
    *value_r = query_step(&query) ? query_integer_at(&query, column) : 0;
    return query_end(&query);
}

// ------------------------------------------------------------------------------------------ pages

// Inbox records show who else got it, but not what became of that.
static void hide_states(struct ph_record *record)
{
    for (size_t i = 0; i < record->recipient_count; i++) {
        struct ph_recipient *recipient = record->recipients[i];
        recipient->state = PH_STATE_ACCEPTED;
        recipient->at = 0;
        recipient->read_at = 0;
    }
}

static size_t record_bytes(struct query *query)
{
    return query_length_at(query, RECORD_SUBJECT) + query_length_at(query, RECORD_BODY) +
           query_length_at(query, RECORD_ATTRIBUTES);
}

static uint32_t page_limit(const struct ph_read *entry)
{
    return entry->limit < RECORDS_AT_ONCE ? entry->limit : RECORDS_AT_ONCE;
}

// Reads the records of a bound query into a page.
static int read_page(struct scope *scope, struct ph_call *call, size_t index, struct query *query,
                     enum record_part part)
{
    const struct ph_read *entry = call->entries[index];
    struct ph_page *page = call->outputs[index];
    uint32_t limit = page_limit(entry);
    struct ph_record **records = call->host->alloc(call, ((size_t)limit + 1) * sizeof(struct ph_record *));
    size_t bytes = 0;
    int code = records == NULL ? FAILURE_ARENA : SQLITE_OK;
    while (code == SQLITE_OK && page->count < limit && query_step(query)) {
        struct stored stored;
        if (part == RECORD_WHOLE)
            bytes += record_bytes(query);
        if (page->count > 0 && bytes > entry->byte_limit)
            break;
        code = record_read(scope, call, query, part, &stored);
        // A full arena ends the page, unless it would be empty.
        if (code == FAILURE_ARENA && page->count > 0) {
            query->code = SQLITE_OK;
            code = SQLITE_OK;
            break;
        }
        if (code == SQLITE_OK)
            records[page->count++] = stored.record;
    }
    page->records = records;
    call->host->set(call, index, PH_OK, 0, NULL);
    int end = query_end(query);
    return code != SQLITE_OK ? code : end;
}

static int inbox_read_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_read *entry = call->entries[index];
    struct ph_page *page = call->outputs[index];
    int64_t user;
    int64_t head = 0;
    int code = find_user(scope, entry->user, &user);
    if (code != SQLITE_OK)
        return code;
    if (user == 0)
        return no_such(call, index, no_user);
    code = read_one(scope, SQL_HEAD_READ, user, 0, &head);
    if (code != SQLITE_OK)
        return code;
    struct query query = query_begin(scope->connection, SQL_INBOX_READ);
    query_integer(&query, user);
    query_integer(&query, position_of(entry->after));
    query_integer(&query, scope->now);
    query_integer(&query, page_limit(entry));
    code = read_page(scope, call, index, &query, RECORD_WHOLE);
    for (size_t i = 0; i < page->count; i++)
        hide_states(page->records[i]);
    page->head = (uint64_t)head;
    return code;
}

int storage_inbox_read(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, inbox_read_entry);
}

static int sent_read_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_read *entry = call->entries[index];
    struct ph_page *page = call->outputs[index];
    int64_t user;
    int64_t head = 0;
    int64_t purged = 0;
    int code = find_user(scope, entry->user, &user);
    if (code != SQLITE_OK)
        return code;
    if (user == 0)
        return no_such(call, index, no_user);
    code = read_one(scope, SQL_SENT_HEAD, user, 0, &head);
    if (code == SQLITE_OK)
        code = read_one(scope, SQL_HEAD_READ, user, 1, &purged);
    if (code != SQLITE_OK)
        return code;
    struct query query = query_begin(scope->connection, SQL_SENT_READ);
    query_integer(&query, user);
    query_integer(&query, position_of(entry->after));
    query_integer(&query, page_limit(entry));
    code = read_page(scope, call, index, &query, RECORD_WHOLE);
    page->head = (uint64_t)(head > purged ? head : purged);
    return code;
}

int storage_sent_read(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, sent_read_entry);
}

static int dead_read_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_read *entry = call->entries[index];
    struct ph_page *page = call->outputs[index];
    int64_t head = 0;
    const int64_t dead_counter = 2;
    int code = read_one(scope, SQL_COUNTER_READ, dead_counter, 0, &head);
    if (code != SQLITE_OK)
        return code;
    struct query query = query_begin(scope->connection, SQL_DEAD_READ);
    query_integer(&query, position_of(entry->after));
    query_integer(&query, page_limit(entry));
    code = read_page(scope, call, index, &query, RECORD_HEAD);
    page->head = (uint64_t)head;
    return code;
}

int storage_dead_read(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, dead_read_entry);
}

static int inbox_head_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_head *entry = call->entries[index];
    struct ph_head_position *output = call->outputs[index];
    int64_t user;
    int64_t head = 0;
    int code = find_user(scope, entry->user, &user);
    if (code != SQLITE_OK)
        return code;
    if (user == 0)
        return no_such(call, index, no_user);
    code = read_one(scope, SQL_HEAD_READ, user, 0, &head);
    output->head = (uint64_t)head;
    call->host->set(call, index, PH_OK, 0, NULL);
    return code;
}

int storage_inbox_head(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, inbox_head_entry);
}

static bool in_inbox(const struct scope *scope, const struct stored *stored, struct ph_text user)
{
    const struct ph_record *record = stored->record;
    if (record->expires_at != 0 && record->expires_at <= scope->now)
        return false;
    for (size_t i = 0; i < record->recipient_count; i++) {
        const struct ph_text name = record->recipients[i]->name;
        if (name.length == user.length && memcmp(name.bytes, user.bytes, name.length) == 0)
            return stored->recipients[i].listed;
    }
    return false;
}

static int message_get_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_pick *entry = call->entries[index];
    struct ph_found *output = call->outputs[index];
    struct stored stored = {0};
    int64_t user;
    int code = find_user(scope, entry->user, &user);
    if (code == SQLITE_OK && user != 0)
        code = record_find(scope, call, &entry->id, RECORD_WHOLE, &stored);
    if (code != SQLITE_OK)
        return code;
    if (stored.record == NULL || (stored.sender != user && !in_inbox(scope, &stored, entry->user)))
        return no_such(call, index, "there is no such message for this user");
    output->record = stored.record;
    call->host->set(call, index, PH_OK, 0, NULL);
    return SQLITE_OK;
}

int storage_message_get(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, message_get_entry);
}

// ------------------------------------------------------------------------------------------ read and removed

/// A delivered message in one recipient's hands.
struct held {
    int64_t message; // 0: the user never got it
    int64_t ordinal;
    int64_t position; // 0: removed
    int64_t read_at;
    bool expired;
};

static int find_held(struct scope *scope, const struct ph_id *id, int64_t user, struct held *held_r)
{
    struct query query = query_begin(scope->connection, SQL_INBOX_FIND);
    query_id(&query, id);
    query_integer(&query, user);
    *held_r = (struct held){0};
    if (query_step(&query)) {
        int64_t expires_at = query_integer_at(&query, 4);
        *held_r = (struct held){
            .message = query_integer_at(&query, 0),
            .ordinal = query_integer_at(&query, 1),
            .position = query_integer_at(&query, 2),
            .read_at = query_integer_at(&query, 3),
            .expired = expires_at != 0 && expires_at <= scope->now,
        };
    }
    return query_end(&query);
}

static int ack_one(struct scope *scope, const struct ph_id *id, int64_t user, struct ph_acked *acked)
{
    struct held held;
    int code = find_held(scope, id, user, &held);
    if (code != SQLITE_OK || held.position == 0 || held.expired)
        return code;
    acked->acked++;
    if (held.read_at != 0)
        return SQLITE_OK;
    struct query query = query_begin(scope->connection, SQL_INBOX_ACK);
    query_integer(&query, held.message);
    query_integer(&query, held.ordinal);
    query_integer(&query, scope->now);
    return query_run(&query);
}

static int inbox_ack_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_ack *entry = call->entries[index];
    int64_t user;
    int code = find_user(scope, entry->user, &user);
    for (size_t i = 0; code == SQLITE_OK && user != 0 && i < entry->id_count; i++)
        code = ack_one(scope, &entry->ids[i], user, call->outputs[index]);
    call->host->set(call, index, PH_OK, 0, NULL);
    return code;
}

int storage_inbox_ack(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, inbox_ack_entry);
}

static int inbox_remove_entry(struct scope *scope, struct ph_call *call, size_t index)
{
    const struct ph_pick *entry = call->entries[index];
    struct held held = {0};
    int64_t user;
    int code = find_user(scope, entry->user, &user);
    if (code == SQLITE_OK && user != 0)
        code = find_held(scope, &entry->id, user, &held);
    if (code != SQLITE_OK)
        return code;
    if (held.message != 0 && held.position == 0) {
        call->host->set(call, index, PH_DUPLICATE, 0, NULL);
        return SQLITE_OK;
    }
    if (held.message == 0 || held.expired)
        return no_such(call, index, "it is not in this inbox");
    struct query query = query_begin(scope->connection, SQL_INBOX_REMOVE);
    query_integer(&query, held.message);
    query_integer(&query, held.ordinal);
    call->host->set(call, index, PH_OK, 0, NULL);
    return query_run(&query);
}

int storage_inbox_remove(struct scope *scope, struct ph_call *call)
{
    return storage_each(scope, call, inbox_remove_entry);
}
