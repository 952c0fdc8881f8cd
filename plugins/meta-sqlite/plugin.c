// SPDX-License-Identifier: Apache-2.0
//
// meta-sqlite: metadata documents in an SQLite file. All of it: one table, put and get.
#include "config.h"
#include "plugins/sqlite/engine.h"
#include "plugins/sqlite/options.h"

#include <sqlite3.h>

enum meta_statement { SQL_PUT, SQL_GET, SQL_FORGET, META_STATEMENT_COUNT };

static const char *const statements[META_STATEMENT_COUNT] = {
    [SQL_PUT] = "INSERT INTO meta_documents(id, sender, status, expires_at, json) VALUES(?1, ?2, ?3, ?4, ?5)"
                " ON CONFLICT(id) DO UPDATE SET sender = excluded.sender, status = excluded.status,"
                " expires_at = excluded.expires_at, json = excluded.json",
    [SQL_GET] = "SELECT json FROM meta_documents WHERE id = ?1 AND (expires_at = 0 OR expires_at > ?2)",
    [SQL_FORGET] = ("DELETE FROM meta_documents WHERE document IN (SELECT document FROM meta_documents"
                    " INDEXED BY meta_documents_expires WHERE expires_at > 0 AND expires_at <= ?1 LIMIT ?2)"),
};

#define META_SCHEMA_VERSION 1
static const char *const schema[META_SCHEMA_VERSION] = {
    "CREATE TABLE meta_documents("
    " document INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, sender TEXT NOT NULL, status INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL, json BLOB NOT NULL);"
    "CREATE INDEX meta_documents_expires ON meta_documents(expires_at) WHERE expires_at > 0;",
};

// Forgets up to two expired documents for each one put, so that they cannot pile up.
static int meta_forget(struct scope *scope, size_t count)
{
    struct query query = query_begin(scope->connection, SQL_FORGET);
    query_integer(&query, scope->now);
    query_integer(&query, (int64_t)(2 * count));
    return query_run(&query);
}

static int meta_put(struct scope *scope, struct ph_call *call)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < call->count; i++) {
        const struct ph_document *entry = call->entries[i];
        struct query query = query_begin(scope->connection, SQL_PUT);
        query_id(&query, &entry->id);
        query_text(&query, entry->sender);
        query_integer(&query, entry->status);
        query_integer(&query, entry->expires_at);
        query_blob(&query, entry->json.bytes, entry->json.length);
        code = query_run(&query);
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    return code == SQLITE_OK ? meta_forget(scope, call->count) : code;
}

static int meta_get(struct scope *scope, struct ph_call *call)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < call->count; i++) {
        const struct ph_document_id *entry = call->entries[i];
        struct ph_document_found *output = call->outputs[i];
        struct query query = query_begin(scope->connection, SQL_GET);
        query_id(&query, &entry->id);
        query_integer(&query, scope->now);
        bool found = query_step(&query) && query_text_at(&query, 0, call, &output->json);
        call->host->set(call, i, found ? PH_OK : PH_NOT_FOUND, 0, NULL);
        code = query_end(&query);
    }
    return code;
}

static const struct operation operations[] = {
    {PH_META_PUT, true, false, 0, meta_put},
    {PH_META_GET, false, false, sizeof(struct ph_document_found), meta_get},
};

static const struct engine_kind kind = {
    .schema = {.kind = "meta", .steps = schema, .version = META_SCHEMA_VERSION, .oldest_program = "0.1.0"},
    .statements = {.sql = statements, .count = META_STATEMENT_COUNT},
    .operations = operations,
    .operation_count = sizeof(operations) / sizeof(operations[0]),
};

static void meta_open(void *instance, struct ph_call *call)
{
    (void)instance;
    engine_open(&kind, call);
}

static const struct ph_common_operations common = {
    .open = meta_open,
    .close = engine_close,
    .health = engine_health,
    .reload = engine_reload,
    .cancel = engine_cancel,
};

static const struct ph_meta_operations slots = {.put = engine_start, .get = engine_start};

PH_PLUGIN(struct ph_meta_operations, .kind = PH_KIND_META, .name = "sqlite", .version = PACKAGE_VERSION,
          .summary = "Metadata documents in an SQLite file.", .config_size = sizeof(struct sqlite_config),
          .options = sqlite_options, .option_count = SQLITE_OPTION_COUNT, .batch_limit = 1024, .concurrency = 64,
          .common = &common, .operations = &slots);
