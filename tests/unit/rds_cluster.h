// SPDX-License-Identifier: Apache-2.0
//
// A private PostgreSQL cluster for a test program (tests/cluster/postgres), and storage-rds on it.
//
// Where PostgreSQL is not installed, each test that needs it is skipped by name.
#ifndef TESTS_UNIT_RDS_CLUSTER_H
#define TESTS_UNIT_RDS_CLUSTER_H

#include "plugins/storage-rds/options.h"
#include "tests/unit/loop_host.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/// The group's set-up and tear-down: makes, starts and removes the cluster.
int cluster_set_up(void **state);
int cluster_tear_down(void **state);

/// Skips the test when there is no cluster. skip() may return in the eyes of a reader: return when it says false.
bool cluster_needed(void);

/// Runs a command of tests/cluster/postgres on it: "stop", "kill", "start".
void cluster_run(const char *command);

/// A connection string for the user posthouse over the socket, trusted; in memory that the next call overwrites.
const char *cluster_url(const char *database);
/// The same over 127.0.0.1, where a password is asked for.
const char *cluster_tcp_url(const char *database);
const char *cluster_folder(void);
const char *cluster_port(void);
/// The process of the server.
int cluster_server(void);

/// A connection of the superuser.
PGconn *cluster_connect(const char *database);
/// Runs SQL there; the first value of the last result, "" when there is none, in memory that the next call overwrites.
const char *cluster_ask(PGconn *connection, const char *sql);
/// The same on a connection made for it, to the database posthouse.
const char *cluster_tell(const char *sql);
/// Turns the loop until `ready` says so; fails the test after 20 s.
void cluster_wait(struct test_host *host, bool (*ready)(void *context), void *context);
/// Turns the loop until the answer to `sql` is `wanted`.
void cluster_until(struct test_host *host, const char *sql, const char *wanted);

/// storage-rds with one writer, one courier, one reader and no listener.
void cluster_plugin(struct test_plugin *plugin, struct test_host *host, struct rds_config *config, const char *url);

#endif
