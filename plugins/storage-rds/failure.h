// SPDX-License-Identifier: Apache-2.0
//
// What an answer of PostgreSQL, or its absence, means for those who asked: its outcome, and a text for the operator.
//
// The text says what happened and what to do. It never holds the server's own message, which may quote data.
#ifndef PLUGINS_STORAGE_RDS_FAILURE_H
#define PLUGINS_STORAGE_RDS_FAILURE_H

#include "posthouse/plugin.h"

#define RDS_FAILURE_TEXT 320

struct rds_failure {
    enum ph_outcome outcome; ///< PH_OK: there is none
    bool reconnect;          ///< the connection is not to be used again
    bool twin;               ///< a unique index met a row that another transaction had just written
    bool locked;             ///< a lock was not to be had: somebody may hold it for ever
    bool authentication;     ///< the password was refused: it may have been rotated
    char text[RDS_FAILURE_TEXT];
};

/// Classifies a SQLSTATE that ended a statement: five characters, or NULL when the server sent none. `what` names the
/// server for the text.
void rds_failure_state(struct rds_failure *failure_r, const char *state, const char *what);

/// Classifies a connection that could not be made, from libpq's message with its SQLSTATEs (PQERRORS_VERBOSE).
void rds_failure_connect(struct rds_failure *failure_r, const char *message, const char *what);

/// A failure that PostgreSQL has no state for.
void rds_failure_say(struct rds_failure *failure_r, enum ph_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
