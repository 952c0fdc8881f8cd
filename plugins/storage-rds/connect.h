// SPDX-License-Identifier: Apache-2.0
//
// Making a connection: everything that blocks, on a helper thread.
//
// Looking up a name blocks in libpq, so the whole of it – each host of the url in turn, TLS, authentication, the
// session's settings, the schema, the prepared statements – is one piece of work for host->offload. What comes back to
// the loop is a connection in pipeline mode that does not block.
#ifndef PLUGINS_STORAGE_RDS_CONNECT_H
#define PLUGINS_STORAGE_RDS_CONNECT_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/storage-rds/failure.h"
#include "plugins/storage-rds/options.h"

#define CONNECT_NAME 160

struct connect_request;

/// What is done on a fresh connection, still on the helper thread. False: `failure` of the request is set.
typedef bool connect_work_f(struct connect_request *request);

struct connect_request {
    // set by the asker, who keeps it alive until the work is over
    struct rds_config config; ///< a copy, as a reload may replace the options meanwhile; url and password are its own
    connect_work_f *prepare;  ///< NULL: nothing more
    bool relaxed;             ///< commits need not wait for the disk
    atomic_bool stop;         ///< the loop wants it to end: it fails soon
    // the answer
    PGconn *connection; ///< NULL: `failure` says why
    struct rds_failure failure;
    char server[CONNECT_NAME]; ///< host and port, for texts
    int64_t deadline;          ///< own clock, ms; for connect_result()
};

/// Checks a url with PQconninfoParse: NULL, or what is wrong with it (a constant, without the url).
const char *connect_check_url(const char *url);

/// A request, or NULL without memory. Options and password (NULL: none) are copied.
struct connect_request *connect_request_new(const struct rds_config *config, const char *password,
                                            connect_work_f *prepare);

/// Frees it, its secrets wiped; the connection must have been taken (set to NULL) or is closed.
void connect_request_free(struct connect_request *request);

/// Does it; for host->offload.
void connect_work(void *request);

/// For connect_work_f: runs SQL without parameters, one or more statements (outside of pipeline mode), and gives the
/// last result, which the caller clears; NULL: failed, and the request's failure says why.
PGresult *connect_query(struct connect_request *request, const char *sql);

/// The same with one text parameter and one statement.
PGresult *connect_query_with(struct connect_request *request, const char *sql, const char *value);

/// Waits for the next result, until the request's deadline; NULL is libpq's end of a statement's results when *ended_r,
/// else a failure.
PGresult *connect_result(struct connect_request *request, bool *ended_r);

/// Gives the work that follows so many ms.
void connect_allow(struct connect_request *request, int64_t ms);

#endif
