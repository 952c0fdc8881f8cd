// SPDX-License-Identifier: Apache-2.0
//
// Records: columns to members, and the rule by which recipients make a status.
#include "plugins/storage-sqlite/record.h"

#include "plugins/storage-sqlite/statements.h"

#include <sqlite3.h>

void record_conclude(struct stored *stored)
{
    static const uint32_t order[] = {PH_STATE_DELIVERED, PH_STATE_DEAD, PH_STATE_EXPIRED, PH_STATE_FAILED};
    struct ph_record *record = stored->record;
    size_t counts[PH_STATE_FAILED + 1] = {0};
    record->finished_at = 0;
    for (size_t i = 0; i < record->recipient_count; i++) {
        const struct ph_recipient *recipient = record->recipients[i];
        counts[recipient->state]++;
        if (!stored->marked && recipient->at > record->finished_at)
            record->finished_at = recipient->at;
    }
    record->status = PH_STATE_ACCEPTED;
    for (size_t i = 0; counts[PH_STATE_ACCEPTED] == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
        if (counts[order[i]] > 0) {
            record->status = order[i];
            return;
        }
    }
}

static int read_recipient(struct ph_call *call, struct query *query, struct stored *stored, struct ph_recipient **slot)
{
    struct ph_recipient *recipient = call->host->make(call, PH_MAKE_RECIPIENT);
    if (recipient == NULL)
        return FAILURE_ARENA;
    *slot = recipient;
    if (!query_text_at(query, 0, call, &recipient->name))
        return FAILURE_ARENA;
    int64_t state = query_integer_at(query, 3);
    if (state < PH_STATE_ACCEPTED || state > PH_STATE_FAILED)
        return SQLITE_CORRUPT;
    recipient->state = (uint32_t)state;
    recipient->at = state == PH_STATE_ACCEPTED ? stored->record->accepted_at : query_integer_at(query, 4);
    recipient->read_at = query_integer_at(query, 6);
    struct stored_recipient *extra = &stored->recipients[stored->record->recipient_count++];
    extra->user = query_integer_at(query, 1);
    extra->removed = query_integer_at(query, 2) > 0;
    extra->listed = query_integer_at(query, 5) > 0;
    return SQLITE_OK;
}

static int read_recipients(struct scope *scope, struct ph_call *call, struct stored *stored, size_t count)
{
    struct ph_recipient **recipients = call->host->alloc(call, (count + 1) * sizeof(struct ph_recipient *));
    stored->recipients = call->host->alloc(call, (count + 1) * sizeof(*stored->recipients));
    if (recipients == NULL || stored->recipients == NULL)
        return FAILURE_ARENA;
    stored->record->recipients = recipients;
    struct query query = query_begin(scope->connection, SQL_RECORD_RECIPIENTS);
    query_integer(&query, stored->message);
    int code = SQLITE_OK;
    while (code == SQLITE_OK && stored->record->recipient_count < count && query_step(&query))
        code = read_recipient(call, &query, stored, &recipients[stored->record->recipient_count]);
    int end = query_end(&query);
    return code != SQLITE_OK ? code : end;
}

static bool read_texts(struct ph_call *call, struct query *query, enum record_part part, struct ph_record *record)
{
    bool read = query_text_at(query, RECORD_SENDER_NAME, call, &record->sender) &&
                query_text_at(query, RECORD_TRACE, call, &record->trace) &&
                query_text_at(query, RECORD_CONTENT_TYPE, call, &record->content_type) &&
                query_text_at(query, RECORD_ATTRIBUTES, call, &record->attributes) &&
                query_text_at(query, RECORD_REASON, call, &record->reason);
    record->subject = record->body = (struct ph_text){.bytes = "", .length = 0};
    if (read && part == RECORD_WHOLE)
        read = query_text_at(query, RECORD_SUBJECT, call, &record->subject) &&
               query_text_at(query, RECORD_BODY, call, &record->body);
    return read;
}

int record_read(struct scope *scope, struct ph_call *call, struct query *query, enum record_part part,
                struct stored *stored_r)
{
    struct ph_record *record = call->host->make(call, PH_MAKE_RECORD);
    *stored_r = (struct stored){.record = record};
    if (record == NULL)
        return FAILURE_ARENA;
    stored_r->message = query_integer_at(query, RECORD_MESSAGE);
    stored_r->sender = query_integer_at(query, RECORD_SENDER);
    stored_r->marked = sqlite3_column_type(query->statement, RECORD_DUE) != SQLITE_NULL;
    stored_r->due = query_integer_at(query, RECORD_DUE);
    record->id = query_id_at(query, RECORD_ID);
    record->accepted_at = query_integer_at(query, RECORD_ACCEPTED_AT);
    record->deliver_at = query_integer_at(query, RECORD_DELIVER_AT);
    record->expires_at = query_integer_at(query, RECORD_EXPIRES_AT);
    record->priority = (uint32_t)query_integer_at(query, RECORD_PRIORITY);
    record->failures = (uint32_t)query_integer_at(query, RECORD_FAILURES);
    record->first_failed_at = query_integer_at(query, RECORD_FIRST_FAILED_AT);
    record->last_failed_at = query_integer_at(query, RECORD_LAST_FAILED_AT);
    record->body_length = (uint64_t)query_integer_at(query, RECORD_BODY_LENGTH);
    record->position = (uint64_t)query_integer_at(query, RECORD_POSITION);
    record->delivered_at = query_integer_at(query, RECORD_DELIVERED_AT);
    record->read_at = query_integer_at(query, RECORD_READ_AT);
    if (!read_texts(call, query, part, record))
        return query->code != SQLITE_OK ? query->code : FAILURE_ARENA;
    int64_t count = query_integer_at(query, RECORD_RECIPIENT_COUNT);
    int code = read_recipients(scope, call, stored_r, count > 0 ? (size_t)count : 0);
    if (code == SQLITE_OK)
        record_conclude(stored_r);
    return code;
}

int record_find(struct scope *scope, struct ph_call *call, const struct ph_id *id, enum record_part part,
                struct stored *stored_r)
{
    struct query query = query_begin(scope->connection, part == RECORD_HEAD ? SQL_RECORD_HEAD : SQL_RECORD_WHOLE);
    query_id(&query, id);
    int code = SQLITE_OK;
    *stored_r = (struct stored){0};
    if (query_step(&query))
        code = record_read(scope, call, &query, part, stored_r);
    int end = query_end(&query);
    return code != SQLITE_OK ? code : end;
}
