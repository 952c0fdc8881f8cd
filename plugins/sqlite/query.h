// SPDX-License-Identifier: Apache-2.0
//
// Running a prepared statement: bind, step, read columns, reset.
//
// Values are bound in their order and are not copied; they must live until the query ends. An error of a bind is
// remembered and answered by the next step, so that callers check once.
//
//     struct query query = query_begin(connection, SQL_USER_FIND);
//     query_text(&query, name);
//     if (query_step(&query)) … query_integer_at(&query, 0) …
//     code = query_end(&query);
#ifndef PLUGINS_SQLITE_QUERY_H
#define PLUGINS_SQLITE_QUERY_H

#include "plugins/sqlite/connection.h"

struct query {
    struct sqlite3_stmt *statement; ///< NULL when it could not be prepared
    int code;                       ///< the first error, or SQLITE_OK
    int bound;
};

/// Takes the statement of that number, preparing it at its first use.
struct query query_begin(struct connection *connection, unsigned number);

void query_integer(struct query *query, int64_t value);
void query_text(struct query *query, struct ph_text text);
void query_blob(struct query *query, const void *bytes, size_t length);
void query_id(struct query *query, const struct ph_id *id);

/// True: there is a row. False: no more, or an error, which query_end answers.
bool query_step(struct query *query);

/// Resets the statement. SQLITE_OK, or the first error.
int query_end(struct query *query);

/// Steps to the end, then query_end().
int query_run(struct query *query);

int64_t query_integer_at(struct query *query, int column);
/// The id in a column; zero when it is not 16 bytes.
struct ph_id query_id_at(struct query *query, int column);
/// Copies a column's bytes into the call's arena, NUL added; false (and the code is set) when the arena is used up.
bool query_text_at(struct query *query, int column, struct ph_call *call, struct ph_text *text_r);
/// The length of a column's bytes.
size_t query_length_at(struct query *query, int column);
/// Are a column's bytes exactly these?
bool query_equal_at(struct query *query, int column, const void *bytes, size_t length);

/// Rows changed by the last statement that changed some.
int64_t query_changes(struct connection *connection);

/// Copies a text into the call's arena, NUL added; false when it is used up.
bool query_copy(struct ph_call *call, const void *bytes, size_t length, struct ph_text *text_r);

#endif
