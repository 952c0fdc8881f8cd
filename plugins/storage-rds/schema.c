// SPDX-License-Identifier: Apache-2.0
//
// The runner of the steps in tables.c.
#include "plugins/storage-rds/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "plugins/storage-rds/tables.h"

#define SCHEMA_LOCK_MS 60000 // another daemon may be migrating
#define SCHEMA_STEP_MS 600000

static bool run(struct connect_request *request, const char *sql)
{
    PGresult *result = connect_query(request, sql);
    PQclear(result);
    return result != NULL;
}

// The version that the database has, 0 for none. `oldest` gets the oldest program that can use it.
static bool read_version(struct connect_request *request, int *version_r, char oldest[32])
{
    PGresult *result =
        connect_query(request, "SELECT version, oldest_program FROM posthouse_schema WHERE kind = 'storage'");
    if (result == NULL)
        return false;
    *version_r = 0;
    oldest[0] = '\0';
    if (PQntuples(result) == 1 && PQnfields(result) == 2) {
        *version_r = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
        snprintf(oldest, 32, "%s", PQgetvalue(result, 0, 1));
    }
    PQclear(result);
    return true;
}

// Two versions such as "1.10.2", number by number: below, at or above 0.
static int compare_versions(const char *left, const char *right)
{
    for (int i = 0; i < 3; i++) {
        char *left_end, *right_end;
        long l = strtol(left, &left_end, 10);
        long r = strtol(right, &right_end, 10);
        if (l != r)
            return l < r ? -1 : 1;
        left = left_end + (*left_end == '.');
        right = right_end + (*right_end == '.');
    }
    return 0;
}

static bool migrate(struct connect_request *request)
{
    char oldest[32];
    char sql[256];
    int version;
    if (!read_version(request, &version, oldest))
        return false;
    if (version < 0) {
        rds_failure_say(&request->failure, PH_INVALID, "%s: posthouse_schema says version %d, which no program made",
                        request->server, version);
        return false;
    }
    if (version > RDS_SCHEMA_VERSION && compare_versions(oldest, PACKAGE_VERSION) > 0) {
        rds_failure_say(&request->failure, PH_INVALID,
                        "%s: the schema has version %d, which needs posthouse %s or newer; this is " PACKAGE_VERSION,
                        request->server, version, oldest);
        return false;
    }
    if (version >= RDS_SCHEMA_VERSION)
        return true;
    for (; version < RDS_SCHEMA_VERSION; version++) {
        connect_allow(request, SCHEMA_STEP_MS);
        if (!run(request, rds_tables[version]))
            return false;
    }
    snprintf(sql, sizeof(sql),
             "INSERT INTO posthouse_schema(kind, version, oldest_program) VALUES('storage', %d, '%s')"
             " ON CONFLICT(kind) DO UPDATE SET version = excluded.version, oldest_program = excluded.oldest_program",
             RDS_SCHEMA_VERSION, RDS_SCHEMA_OLDEST_PROGRAM);
    return run(request, sql);
}

// A copy of a database may have left its sequences behind (logical replication does). New messages would get positions below
// those that readers have seen; the newest message tells.
static bool catch_up(struct connect_request *request)
{
    return run(request, "SELECT setval('posthouse_positions', (greatest((SELECT max(position) FROM posthouse_messages),"
                        " (SELECT max(removed_to) FROM posthouse_senders)) / " RDS_POSITIONS_TEXT
                        " + 1) * " RDS_POSITIONS_TEXT ") FROM posthouse_positions WHERE last_value <"
                        " (SELECT position FROM posthouse_messages ORDER BY id DESC LIMIT 1)");
}

bool schema_prepare(struct connect_request *request)
{
    connect_allow(request, SCHEMA_LOCK_MS);
    // The lock's number is "posthous" in ASCII, so that no other program takes it by chance.
    return run(request, "SET statement_timeout = 0; SET lock_timeout = '50s'; BEGIN;"
                        " SELECT pg_advisory_xact_lock(8101821198468347251);"
                        " CREATE TABLE IF NOT EXISTS posthouse_schema("
                        "kind text PRIMARY KEY, version integer NOT NULL, oldest_program text NOT NULL)") &&
           migrate(request) && catch_up(request) && run(request, "COMMIT");
}
