// SPDX-License-Identifier: Apache-2.0
//
// The tables of storage. README.md says why they are cut this way.
#include "plugins/storage-sqlite/statements.h"

#define STORAGE_STATEMENT_TEXT(name, sql) [name] = (sql),

const char *const storage_statements[STORAGE_STATEMENT_COUNT] = {STORAGE_STATEMENTS(STORAGE_STATEMENT_TEXT)};

static const char version_1[] =
    "CREATE TABLE storage_users("
    " user INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, request BLOB NOT NULL, password TEXT NOT NULL,"
    " roles INTEGER NOT NULL, created_at INTEGER NOT NULL, removed_at INTEGER NOT NULL DEFAULT 0,"
    " swept INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX storage_users_removed ON storage_users(user) WHERE removed_at > 0 AND swept = 0;"
    // The counters of a user, apart from its row: they change with every delivery, and so are packed tightly.
    "CREATE TABLE storage_heads("
    " user INTEGER PRIMARY KEY, inbox INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE storage_counters(counter INTEGER PRIMARY KEY, value INTEGER NOT NULL);"
    "INSERT INTO storage_counters VALUES(1, 0), (2, 0);"
    "CREATE TABLE storage_sessions("
    " token BLOB PRIMARY KEY, user INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX storage_sessions_user ON storage_sessions(user);"
    "CREATE INDEX storage_sessions_expires ON storage_sessions(expires_at);"
    // What never changes of a message; the body last, so that nothing has to be read past it.
    "CREATE TABLE storage_messages("
    " message INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, sender INTEGER NOT NULL, accepted_at INTEGER NOT NULL,"
    " deliver_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " recipient_count INTEGER NOT NULL, trace TEXT NOT NULL, content_type TEXT NOT NULL, attributes TEXT NOT NULL,"
    " subject TEXT NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX storage_sent ON storage_messages(sender);"
    // A message for one recipient. state is enum ph_state; position 0 while open, and again once removed.
    "CREATE TABLE storage_recipients("
    " message INTEGER NOT NULL, ordinal INTEGER NOT NULL, user INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
    " at INTEGER NOT NULL DEFAULT 0, position INTEGER NOT NULL DEFAULT 0, read_at INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(message, ordinal)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX storage_inbox ON storage_recipients(user, position) WHERE position > 0;"
    "CREATE TABLE storage_outbox("
    " message INTEGER PRIMARY KEY, due INTEGER NOT NULL, sends INTEGER NOT NULL DEFAULT 0,"
    " expires_at INTEGER NOT NULL, ready_at INTEGER NOT NULL, delayed INTEGER NOT NULL);"
    "CREATE INDEX storage_outbox_due ON storage_outbox(due);"
    "CREATE INDEX storage_outbox_expires ON storage_outbox(expires_at) WHERE expires_at > 0;"
    // Who is not delayed is in order of its key already, for the age of the oldest.
    "CREATE INDEX storage_outbox_delayed ON storage_outbox(ready_at) WHERE delayed = 1;"
    // Marks of alerts (2) and documents (3).
    "CREATE TABLE storage_marks("
    " kind INTEGER NOT NULL, message INTEGER NOT NULL, due INTEGER NOT NULL, PRIMARY KEY(kind, message)"
    ") WITHOUT ROWID;"
    "CREATE INDEX storage_marks_due ON storage_marks(kind, due);"
    // Recorded failures; position is that of the dead letter, 0 while there is hope.
    "CREATE TABLE storage_failures("
    " message INTEGER PRIMARY KEY, failures INTEGER NOT NULL, first_failed_at INTEGER NOT NULL,"
    " last_failed_at INTEGER NOT NULL, reason TEXT NOT NULL, position INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX storage_dead ON storage_failures(position) WHERE position > 0;"
    "CREATE TABLE storage_keys("
    " sender INTEGER NOT NULL, key TEXT NOT NULL, id BLOB NOT NULL, hash BLOB NOT NULL, accepted_at INTEGER NOT NULL,"
    " PRIMARY KEY(sender, key)) WITHOUT ROWID;"
    "CREATE INDEX storage_keys_accepted ON storage_keys(accepted_at);";

const char *const storage_schema[STORAGE_SCHEMA_VERSION] = {version_1};
