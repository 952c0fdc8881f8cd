// SPDX-License-Identifier: Apache-2.0
//
// An instance of storage-rds: its lanes of connections, its listener, its password.
#ifndef PLUGINS_STORAGE_RDS_RDS_H
#define PLUGINS_STORAGE_RDS_RDS_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/storage-rds/connect.h"
#include "plugins/storage-rds/job.h"
#include "plugins/storage-rds/options.h"
#include "plugins/storage-rds/pace.h"
#include "posthouse/plugin.h"

struct connection;
struct event;
struct listener;
struct recent;

#define RDS_MAGIC 0x70687264u
#define RDS_CONNECTIONS 48

/// Jobs that wait for a connection of one lane.
struct rds_line {
    struct rds_job *first;
    struct rds_job *last;
    size_t count;
};

struct rds {
    uint32_t magic;
    const struct ph_host *host;
    const struct rds_config *config;
    char *password; ///< as it was last resolved, or NULL
    int64_t resolved_at;
    bool resolving;
    uint64_t seed;          ///< of hashes
    bool stuck;             ///< a lock was not to be had; the next lease ends sessions that cannot go on
    struct ph_id purged_to; ///< the message at which the next purge goes on; zero: at the first
    bool walking;           ///< leases look for old outbox marks that are fresh still
    bool walk_again;        ///< and shall do so again
    struct ph_id walk_from; ///< where the next one begins
    int64_t walked_at;      ///< when the last walk began, in ms of the host's monotonic clock; 0: never
    struct pace pace;       ///< of appends
    struct recent *recent;  ///< what was appended lately
    struct rds_line lines[RDS_LANES];
    struct connection *connections[RDS_CONNECTIONS];
    size_t connection_count;
    struct connection *scout; ///< the one that tries while the database is away; NULL: all may
    struct listener *listener;
    struct rds_failure trouble; ///< why there is no connection; outcome PH_OK: none known
    char server[CONNECT_NAME];
    int server_version;
    struct ph_call *closing;
    struct event *patience; ///< an append that waits looks again whether the first writer hangs
    struct event *turn;     ///< sends what waits, once a turn of the loop
};

/// Takes the next job of its lane's line that this connection may have, or NULL: an append may have to wait for the first
/// writer (pace.h).
struct rds_job *rds_take(struct rds *rds, const struct connection *connection);

/// The password was refused: resolves it anew, at most once in some seconds; connections try again when it is there.
void rds_password_refused(struct rds *rds);

/// Has every connection that waits try now.
void rds_hurry(struct rds *rds);

/// A message was stored, at a time of the server's clock: leases begin a walk if its id is an old one.
void rds_appended(struct rds *rds, const struct ph_id *id, int64_t accepted_at);

/// Looks at everything once, at this turn of the loop's end, so that what is submitted together is sent together: gives
/// waiting jobs to connections, fails those of a lane that has none and may not get one soon, and goes on with a close.
void rds_turn(struct rds *rds);

// slots
ph_start_f rds_open;
ph_start_f rds_close;
ph_start_f rds_health;
ph_start_f rds_reload;
ph_start_f rds_cancel;
ph_start_f rds_notify;

#endif
