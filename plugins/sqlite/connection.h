// SPDX-License-Identifier: Apache-2.0
//
// One connection to a database file: opening it safely, its settings, its prepared statements, and whether the path
// still leads to the file that was opened.
//
// A connection is used by one helper thread at a time, never on the loop.
#ifndef PLUGINS_SQLITE_CONNECTION_H
#define PLUGINS_SQLITE_CONNECTION_H

#include "plugins/sqlite/failure.h"
#include "plugins/sqlite/schema.h"

#include <sys/types.h>

struct sqlite3;
struct sqlite3_stmt;

struct connection_settings {
    const char *path;
    int64_t busy_timeout;     ///< ms
    uint64_t cache;           ///< bytes
    int64_t checkpoint_pages; ///< of write-ahead log
    bool lazy;                ///< no commit waits for the disk
};

/// The statements of a kind, by number.
struct connection_statements {
    const char *const *sql;
    unsigned count;
};

struct connection {
    uint32_t magic;
    struct sqlite3 *database;
    const struct connection_statements *statements;
    struct sqlite3_stmt **prepared; ///< NULL where not yet prepared
    bool lazy;                      ///< commits do not wait for the disk just now
    bool always_lazy;               ///< the settings say so
    unsigned generation;            ///< of the settings in force; the caller's
    dev_t device;
    ino_t inode;
    char path[]; ///< as it was opened
};

enum connection_file {
    CONNECTION_FILE_SAME,     ///< the path leads to the opened file
    CONNECTION_FILE_REPLACED, ///< to another one
    CONNECTION_FILE_GONE      ///< to nothing
};

/// Opens the file, with `create` made (0600) if it is not there; brings the schema to its version. NULL: `failure_r`
/// says why.
struct connection *connection_open(const struct connection_settings *settings, const struct schema *schema,
                                   const struct connection_statements *statements, bool create,
                                   struct failure *failure_r);

/// Closes it. NULL is allowed.
void connection_close(struct connection *connection);

/// Puts other settings (but the path) in force.
void connection_tune(struct connection *connection, const struct connection_settings *settings);

/// Chooses whether the next commits wait for the disk; `lazy` ones survive the process, but not a power cut. Outside a
/// transaction. An SQLite code.
int connection_hurry(struct connection *connection, bool lazy);

/// Looks where the path leads now.
enum connection_file connection_look(const struct connection *connection);

/// SQLite's message for the last error.
const char *connection_message(const struct connection *connection);

#endif
