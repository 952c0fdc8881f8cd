// SPDX-License-Identifier: Apache-2.0
//
// The table of the queue.
#include "plugins/queue-sqlite/statements.h"

#define QUEUE_STATEMENT_TEXT(name, sql) [name] = (sql),

const char *const queue_statements[QUEUE_STATEMENT_COUNT] = {QUEUE_STATEMENTS(QUEUE_STATEMENT_TEXT)};

// ready_at: when the job could first be received. lease: a random number that names the last receiving, 0 without one.
static const char version_1[] =
    "CREATE TABLE queue_jobs("
    " job INTEGER PRIMARY KEY, id BLOB NOT NULL, trace TEXT NOT NULL, ready_at INTEGER NOT NULL,"
    " visible_at INTEGER NOT NULL, lease INTEGER NOT NULL DEFAULT 0, receives INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX queue_jobs_visible ON queue_jobs(visible_at);";

const char *const queue_schema[QUEUE_SCHEMA_VERSION] = {version_1};
