// SPDX-License-Identifier: Apache-2.0
//
// Schema versions. Each kind owns the tables that begin with its name, and a row in posthouse_schema: so kinds share a
// file and are upgraded each by itself.
//
// A row holds the version and the oldest program that can still use it: within a major, steps only expand, and a
// rollback to the release before finds a schema it can use.
#ifndef PLUGINS_SQLITE_SCHEMA_H
#define PLUGINS_SQLITE_SCHEMA_H

#include "plugins/sqlite/failure.h"

struct sqlite3;

struct schema {
    const char *kind;           ///< "storage", "meta" or "queue"
    const char *const *steps;   ///< SQL; step i makes version i + 1 from version i
    int64_t version;            ///< how many steps there are
    const char *oldest_program; ///< that can use this version, such as "0.1.0"
};

/// Makes or migrates the kind's tables in one transaction, or finds them as they should be. False: `failure_r` says
/// why, and the file is as it was.
bool schema_prepare(struct sqlite3 *database, const struct schema *schema, const char *path, struct failure *failure_r);

/// Compares two versions such as "1.10.2" number by number: below, at or above 0.
int schema_compare(const char *left, const char *right);

#endif
