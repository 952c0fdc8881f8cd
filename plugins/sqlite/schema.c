// SPDX-License-Identifier: Apache-2.0
//
// Making, checking and migrating the schema, under the file's write lock.
#include "plugins/sqlite/schema.h"

#include "config.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

// "phou": tells our files from other programs' databases.
#define APPLICATION_ID 0x70686f75

static const char common_tables[] =
    "CREATE TABLE IF NOT EXISTS posthouse_schema("
    " kind TEXT PRIMARY KEY, version INTEGER NOT NULL, oldest_program TEXT NOT NULL, made_by TEXT NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS posthouse_probe(probe INTEGER PRIMARY KEY, filler BLOB NOT NULL);";

struct recorded {
    int64_t version; // 0: the kind is not in the file
    char oldest_program[32];
    char made_by[32];
};

static int read_number(sqlite3 *database, const char *sql, int64_t *number_r)
{
    sqlite3_stmt *statement = NULL;
    *number_r = 0;
    int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        if (sqlite3_step(statement) == SQLITE_ROW)
            *number_r = sqlite3_column_int64(statement, 0);
        code = sqlite3_finalize(statement);
    }
    return code;
}

static int read_recorded(sqlite3 *database, const char *kind, struct recorded *recorded_r)
{
    *recorded_r = (struct recorded){0};
    int64_t present = 0;
    int code = read_number(database, "SELECT count(*) FROM sqlite_master WHERE name = 'posthouse_schema'", &present);
    if (code != SQLITE_OK || present == 0)
        return code;
    sqlite3_stmt *statement = NULL;
    code = sqlite3_prepare_v2(database, "SELECT version, oldest_program, made_by FROM posthouse_schema WHERE kind = ?1",
                              -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const unsigned char *oldest = sqlite3_column_text(statement, 1);
        const unsigned char *made_by = sqlite3_column_text(statement, 2);
        recorded_r->version = sqlite3_column_int64(statement, 0);
        snprintf(recorded_r->oldest_program, sizeof(recorded_r->oldest_program), "%s",
                 oldest != NULL ? (const char *)oldest : "");
        snprintf(recorded_r->made_by, sizeof(recorded_r->made_by), "%s", made_by != NULL ? (const char *)made_by : "");
    }
    return sqlite3_finalize(statement);
}

// Is the file ours, or new? False: it is another program's.
static int check_owner(sqlite3 *database, bool *ours_r, bool *new_r)
{
    int64_t application = 0;
    int64_t tables = 0;
    int code = read_number(database, "PRAGMA application_id", &application);
    if (code == SQLITE_OK)
        code = read_number(database, "SELECT count(*) FROM sqlite_master", &tables);
    *ours_r = application == APPLICATION_ID;
    *new_r = application == 0 && tables == 0;
    return code;
}

static int record(sqlite3 *database, const struct schema *schema)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database, "INSERT OR REPLACE INTO posthouse_schema VALUES(?1, ?2, ?3, ?4)", -1,
                                  &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_text(statement, 1, schema->kind, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, schema->version);
    sqlite3_bind_text(statement, 3, schema->oldest_program, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, PACKAGE_VERSION, -1, SQLITE_STATIC);
    sqlite3_step(statement);
    return sqlite3_finalize(statement);
}

// Inside a transaction: brings the kind from the recorded version to ours.
static int migrate(sqlite3 *database, const struct schema *schema, int64_t from)
{
    char pragma[64];
    snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d", APPLICATION_ID);
    int code = sqlite3_exec(database, pragma, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(database, common_tables, NULL, NULL, NULL);
    for (int64_t version = from; code == SQLITE_OK && version < schema->version; version++)
        code = sqlite3_exec(database, schema->steps[version], NULL, NULL, NULL);
    return code == SQLITE_OK ? record(database, schema) : code;
}

// Can this program use what is recorded?
static bool check_version(const struct schema *schema, const struct recorded *recorded, const char *path,
                          struct failure *failure_r)
{
    if (recorded->version <= schema->version || schema_compare(PACKAGE_VERSION, recorded->oldest_program) >= 0)
        return true;
    failure_say(
        failure_r, PH_INVALID,
        "%s: its %s tables (version %lld, made by posthouse %s) need posthouse %s or newer; this is %s. Install "
        "that release, or name another path",
        path, schema->kind, (long long)recorded->version, recorded->made_by, recorded->oldest_program, PACKAGE_VERSION);
    return false;
}

static bool prepare_locked(sqlite3 *database, const struct schema *schema, const char *path, struct failure *failure_r)
{
    bool ours = false;
    bool new = false;
    struct recorded recorded = {0};
    int code = check_owner(database, &ours, &new);
    if (code == SQLITE_OK && !ours && !new) {
        failure_say(failure_r, PH_INVALID,
                    "%s is an SQLite database of another program (no posthouse made it); name another path", path);
        return false;
    }
    if (code == SQLITE_OK)
        code = read_recorded(database, schema->kind, &recorded);
    if (code == SQLITE_OK && !check_version(schema, &recorded, path, failure_r))
        return false;
    if (code == SQLITE_OK && recorded.version < schema->version)
        code = migrate(database, schema, recorded.version);
    if (code == SQLITE_OK)
        return true;
    failure_classify(failure_r, FAILURE_AT_OPEN, path, code, sqlite3_errmsg(database));
    return false;
}

bool schema_prepare(struct sqlite3 *database, const struct schema *schema, const char *path, struct failure *failure_r)
{
    // The common case needs no write lock, and must not wait for one.
    struct recorded recorded = {0};
    bool ours = false;
    bool new = false;
    int code = check_owner(database, &ours, &new);
    if (code == SQLITE_OK && ours)
        code = read_recorded(database, schema->kind, &recorded);
    if (code == SQLITE_OK && ours && recorded.version >= schema->version)
        return check_version(schema, &recorded, path, failure_r);
    if (code == SQLITE_OK)
        code = sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        failure_classify(failure_r, FAILURE_AT_OPEN, path, code, sqlite3_errmsg(database));
        return false;
    }
    bool done = prepare_locked(database, schema, path, failure_r);
    if (done) {
        code = sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return true;
        failure_classify(failure_r, FAILURE_AT_OPEN, path, code, sqlite3_errmsg(database));
    }
    sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

int schema_compare(const char *left, const char *right)
{
    while (*left != '\0' || *right != '\0') {
        char *left_end;
        char *right_end;
        unsigned long left_number = strtoul(left, &left_end, 10);
        unsigned long right_number = strtoul(right, &right_end, 10);
        if (left_number != right_number)
            return left_number < right_number ? -1 : 1;
        if (*left_end != '.' && *right_end != '.')
            return 0;
        left = *left_end == '.' ? left_end + 1 : "";
        right = *right_end == '.' ? right_end + 1 : "";
    }
    return 0;
}
