// SPDX-License-Identifier: Apache-2.0
//
// Thin wrappers of SQLite's statement functions.
#include "plugins/sqlite/query.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

struct query query_begin(struct connection *connection, unsigned number)
{
    assert(number < connection->statements->count);
    struct query query = {.statement = connection->prepared[number]};
    if (query.statement == NULL) {
        query.code = sqlite3_prepare_v3(connection->database, connection->statements->sql[number], -1,
                                        SQLITE_PREPARE_PERSISTENT, &connection->prepared[number], NULL);
        query.statement = connection->prepared[number];
    }
    return query;
}

static void note(struct query *query, int code)
{
    if (query->code == SQLITE_OK)
        query->code = code;
}

void query_integer(struct query *query, int64_t value)
{
    if (query->code == SQLITE_OK)
        note(query, sqlite3_bind_int64(query->statement, ++query->bound, value));
}

void query_text(struct query *query, struct ph_text text)
{
    if (query->code == SQLITE_OK)
        note(query, sqlite3_bind_text64(query->statement, ++query->bound, text.length > 0 ? text.bytes : "",
                                        text.length, SQLITE_STATIC, SQLITE_UTF8));
}

void query_blob(struct query *query, const void *bytes, size_t length)
{
    if (query->code == SQLITE_OK)
        note(query,
             sqlite3_bind_blob64(query->statement, ++query->bound, length > 0 ? bytes : "", length, SQLITE_STATIC));
}

void query_id(struct query *query, const struct ph_id *id)
{
    query_blob(query, id->bytes, sizeof(id->bytes));
}

bool query_step(struct query *query)
{
    if (query->code != SQLITE_OK)
        return false;
    int code = sqlite3_step(query->statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        note(query, code);
    return false;
}

int query_end(struct query *query)
{
    if (query->statement != NULL)
        sqlite3_reset(query->statement);
    return query->code;
}

int query_run(struct query *query)
{
    while (query_step(query))
        ;
    return query_end(query);
}

int64_t query_integer_at(struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

struct ph_id query_id_at(struct query *query, int column)
{
    struct ph_id id = {{0}};
    const void *bytes = sqlite3_column_blob(query->statement, column);
    if (bytes != NULL && sqlite3_column_bytes(query->statement, column) == (int)sizeof(id.bytes))
        memcpy(id.bytes, bytes, sizeof(id.bytes));
    return id;
}

bool query_copy(struct ph_call *call, const void *bytes, size_t length, struct ph_text *text_r)
{
    char *copy = call->host->alloc(call, length + 1);
    *text_r = (struct ph_text){.bytes = "", .length = 0};
    if (copy == NULL)
        return false;
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    *text_r = (struct ph_text){.bytes = copy, .length = length};
    return true;
}

bool query_text_at(struct query *query, int column, struct ph_call *call, struct ph_text *text_r)
{
    const void *bytes = sqlite3_column_blob(query->statement, column);
    size_t length = query_length_at(query, column);
    if (length > 0 && bytes == NULL) {
        note(query, SQLITE_NOMEM);
        *text_r = (struct ph_text){.bytes = "", .length = 0};
        return false;
    }
    if (!query_copy(call, bytes, length, text_r)) {
        note(query, FAILURE_ARENA);
        return false;
    }
    return true;
}

size_t query_length_at(struct query *query, int column)
{
    return (size_t)sqlite3_column_bytes(query->statement, column);
}

bool query_equal_at(struct query *query, int column, const void *bytes, size_t length)
{
    const void *column_bytes = sqlite3_column_blob(query->statement, column);
    return query_length_at(query, column) == length &&
           (length == 0 || (column_bytes != NULL && memcmp(column_bytes, bytes, length) == 0));
}

int64_t query_changes(struct connection *connection)
{
    return sqlite3_changes64(connection->database);
}
