// SPDX-License-Identifier: Apache-2.0
//
// What an SQLite error means for those who asked: its outcome, whether it is theirs alone, and a text for the operator.
//
// The text names the file, what happened, and what to do. It holds no data.
#ifndef PLUGINS_SQLITE_FAILURE_H
#define PLUGINS_SQLITE_FAILURE_H

#include "posthouse/plugin.h"

/// A result code of our own, beside SQLite's: the call's arena is used up.
#define FAILURE_ARENA (-1)

enum failure_stage {
    FAILURE_AT_OPEN,  ///< before the file was found usable
    FAILURE_AT_WORK,  ///< inside a transaction, or at its begin: nothing was done
    FAILURE_AT_COMMIT ///< the answer to a commit
};

struct failure {
    enum ph_outcome outcome;
    bool of_call; ///< the call that met it is at fault; others may go on
    bool reopen;  ///< the connection is not to be used again
    char text[512];
};

/// Classifies an (extended) result code of SQLite, or FAILURE_ARENA. `detail` is SQLite's message, may be NULL.
void failure_classify(struct failure *failure_r, enum failure_stage stage, const char *path, int code,
                      const char *detail);

/// A failure that SQLite has no code for: outcome and text as given, not of a call, to be reopened.
void failure_say(struct failure *failure_r, enum ph_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
