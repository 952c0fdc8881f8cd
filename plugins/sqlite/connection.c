// SPDX-License-Identifier: Apache-2.0
//
// Opening a database file.
//
// The file is never opened and closed behind SQLite's back while it may be in use: closing any descriptor of a file
// drops all POSIX locks that the process has on it. Only a file that did not exist is made that way.
#include "plugins/sqlite/connection.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTION_MAGIC 0x73716c63u
#define LOOKASIDE_SIZE 1200
#define LOOKASIDE_SLOTS 200

// Makes an empty file that only its owner may use, if there is none.
static bool make_file(const char *path, struct failure *failure_r)
{
    int file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0) {
        close(file);
        return true;
    }
    if (errno == EEXIST)
        return true;
    failure_say(failure_r, PH_UNAVAILABLE, "%s cannot be made: %s; look at its folder and the rights there", path,
                strerror(errno));
    return false;
}

static bool look_at_file(const char *path, struct stat *status_r, struct failure *failure_r)
{
    if (stat(path, status_r) != 0) {
        failure_say(failure_r, PH_UNAVAILABLE, "%s cannot be opened: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status_r->st_mode)) {
        failure_say(failure_r, PH_INVALID, "%s is not a file; name a path that can be a database file", path);
        return false;
    }
    return true;
}

static bool say_code(const struct connection *connection, int code, struct failure *failure_r)
{
    failure_classify(failure_r, FAILURE_AT_OPEN, connection->path, code, sqlite3_errmsg(connection->database));
    return false;
}

// SQLite falls back to reading only, and tells nobody.
static bool say_read_only(const struct connection *connection, struct failure *failure_r)
{
    failure_classify(failure_r, FAILURE_AT_OPEN, connection->path, SQLITE_READONLY, NULL);
    return false;
}

// Changing to WAL needs the file alone for a moment, and SQLite does not always wait for that by itself.
static bool set_wal(struct connection *connection, int64_t busy_timeout, struct failure *failure_r)
{
    const int pause_ms = 10;
    int code;
    for (int64_t waited = 0;; waited += pause_ms) {
        sqlite3_stmt *statement = NULL;
        bool wal = false;
        code = sqlite3_prepare_v2(connection->database, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
        if (code == SQLITE_OK) {
            if (sqlite3_step(statement) == SQLITE_ROW)
                wal = sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
            code = sqlite3_finalize(statement);
        }
        if (code == SQLITE_OK && wal)
            return true;
        if (code == SQLITE_OK) {
            failure_say(failure_r, PH_INVALID, "%s is on a file system that cannot hold a write-ahead log; move it",
                        connection->path);
            return false;
        }
        if ((code & 0xff) != SQLITE_BUSY || waited >= busy_timeout)
            return say_code(connection, code, failure_r);
        sqlite3_sleep(pause_ms);
    }
}

static bool configure(struct connection *connection, const struct connection_settings *settings,
                      struct failure *failure_r)
{
    sqlite3 *database = connection->database;
    sqlite3_busy_timeout(database, (int)settings->busy_timeout);
    // Cursors and small values come from here instead of malloc.
    sqlite3_db_config(database, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SIZE, LOOKASIDE_SLOTS);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    if (sqlite3_db_readonly(database, "main") == 1)
        return say_read_only(connection, failure_r);
    // The first read: here a file that is no database shows.
    int code = sqlite3_exec(database, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return say_code(connection, code, failure_r);
    if (!set_wal(connection, settings->busy_timeout, failure_r))
        return false;
    code = sqlite3_exec(database,
                        "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
                        "PRAGMA journal_size_limit = 67108864",
                        NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return say_code(connection, code, failure_r);
    connection_tune(connection, settings);
    return true;
}

static struct connection *connection_new(const char *path, const struct connection_statements *statements)
{
    size_t length = strlen(path) + 1;
    struct connection *connection = calloc(1, sizeof(*connection) + length);
    if (connection == NULL)
        return NULL;
    connection->magic = CONNECTION_MAGIC;
    connection->statements = statements;
    memcpy(connection->path, path, length);
    connection->prepared = calloc(statements->count + 1, sizeof(struct sqlite3_stmt *));
    if (connection->prepared == NULL) {
        free(connection);
        return NULL;
    }
    return connection;
}

// True when the path led to the same file before and after the opening, so that identity and descriptor agree.
static bool open_file(struct connection *connection, const struct connection_settings *settings,
                      struct failure *failure_r)
{
    struct stat before;
    struct stat after;
    if (!look_at_file(connection->path, &before, failure_r))
        return false;
    int code = sqlite3_open_v2(connection->path, &connection->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK)
        return say_code(connection, code, failure_r);
    if (!configure(connection, settings, failure_r) || !look_at_file(connection->path, &after, failure_r))
        return false;
    if (before.st_dev != after.st_dev || before.st_ino != after.st_ino) {
        failure_say(failure_r, PH_UNAVAILABLE, "%s was replaced while it was opened", connection->path);
        return false;
    }
    connection->device = after.st_dev;
    connection->inode = after.st_ino;
    return true;
}

struct connection *connection_open(const struct connection_settings *settings, const struct schema *schema,
                                   const struct connection_statements *statements, bool create,
                                   struct failure *failure_r)
{
    if (create && !make_file(settings->path, failure_r))
        return NULL;
    struct connection *connection = connection_new(settings->path, statements);
    if (connection == NULL) {
        failure_classify(failure_r, FAILURE_AT_OPEN, settings->path, SQLITE_NOMEM, NULL);
        return NULL;
    }
    if (open_file(connection, settings, failure_r) &&
        schema_prepare(connection->database, schema, connection->path, failure_r))
        return connection;
    connection_close(connection);
    return NULL;
}

void connection_close(struct connection *connection)
{
    if (connection == NULL)
        return;
    assert(connection->magic == CONNECTION_MAGIC);
    for (unsigned i = 0; i < connection->statements->count; i++)
        sqlite3_finalize(connection->prepared[i]);
    sqlite3_close_v2(connection->database);
    connection->magic = 0;
    free(connection->prepared);
    free(connection);
}

void connection_tune(struct connection *connection, const struct connection_settings *settings)
{
    char pragma[64];
    sqlite3_busy_timeout(connection->database, (int)settings->busy_timeout);
    snprintf(pragma, sizeof(pragma), "PRAGMA cache_size = -%lld", (long long)(settings->cache / 1024));
    sqlite3_exec(connection->database, pragma, NULL, NULL, NULL);
    sqlite3_wal_autocheckpoint(connection->database, (int)settings->checkpoint_pages);
    connection->always_lazy = settings->lazy;
}

int connection_hurry(struct connection *connection, bool lazy)
{
    lazy = lazy || connection->always_lazy;
    if (connection->lazy == lazy)
        return SQLITE_OK;
    int code = sqlite3_exec(connection->database, lazy ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        connection->lazy = lazy;
    return code;
}

enum connection_file connection_look(const struct connection *connection)
{
    assert(connection->magic == CONNECTION_MAGIC);
    struct stat status;
    if (stat(connection->path, &status) != 0)
        return CONNECTION_FILE_GONE;
    if (status.st_dev != connection->device || status.st_ino != connection->inode)
        return CONNECTION_FILE_REPLACED;
    return CONNECTION_FILE_SAME;
}

const char *connection_message(const struct connection *connection)
{
    return sqlite3_errmsg(connection->database);
}
