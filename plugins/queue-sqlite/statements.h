// SPDX-License-Identifier: Apache-2.0
//
// The schema of the queue and every statement on it.
#ifndef PLUGINS_QUEUE_SQLITE_STATEMENTS_H
#define PLUGINS_QUEUE_SQLITE_STATEMENTS_H

#define QUEUE_STATEMENTS(X)                                                                                   \
    X(SQL_SEND, "INSERT INTO queue_jobs(id, trace, ready_at, visible_at) VALUES(?1, ?2, ?3, ?3)")             \
    X(SQL_VISIBLE, "SELECT job, id, trace, receives FROM queue_jobs WHERE visible_at <= ?1"                   \
                   " ORDER BY visible_at, job LIMIT ?2")                                                      \
    X(SQL_LEASE, "UPDATE queue_jobs SET visible_at = ?2, lease = ?3, receives = receives + 1 WHERE job = ?1") \
    X(SQL_REMOVE, "DELETE FROM queue_jobs WHERE job = ?1 AND lease = ?2")                                     \
    X(SQL_EXTEND, "UPDATE queue_jobs SET visible_at = ?3 WHERE job = ?1 AND lease = ?2 AND visible_at > ?4")  \
    X(SQL_GIVE_BACK, "UPDATE queue_jobs SET visible_at = ?3, lease = 0"                                       \
                     " WHERE job = ?1 AND lease = ?2 AND visible_at > ?3")                                    \
    X(SQL_PEEK, "SELECT 1 FROM queue_jobs WHERE visible_at <= ?1 LIMIT 1")                                    \
    X(SQL_STATS, "SELECT (SELECT count(*) FROM queue_jobs WHERE visible_at <= ?1),"                           \
                 " (SELECT count(*) FROM queue_jobs WHERE visible_at > ?1 AND lease <> 0),"                   \
                 " (SELECT count(*) FROM queue_jobs WHERE visible_at > ?1 AND lease = 0),"                    \
                 " (SELECT ready_at FROM queue_jobs WHERE visible_at <= ?1 ORDER BY visible_at, job LIMIT 1)")

#define QUEUE_STATEMENT_NUMBER(name, sql) name,
enum queue_statement { QUEUE_STATEMENTS(QUEUE_STATEMENT_NUMBER) QUEUE_STATEMENT_COUNT };

extern const char *const queue_statements[QUEUE_STATEMENT_COUNT];

#define QUEUE_SCHEMA_VERSION 1
extern const char *const queue_schema[QUEUE_SCHEMA_VERSION];

#endif
