// SPDX-License-Identifier: Apache-2.0
//
// The table of error classes.
//
// While running, nothing is PH_INVALID or PH_DENIED: those would count against a message, and a damaged or protected
// file says nothing about the message that met it. A file that is mended is used again without a restart.
#include "plugins/sqlite/failure.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct class
{
    int code; // primary
    enum ph_outcome outcome;
    enum ph_outcome at_open;
    enum ph_outcome at_commit;
    bool of_call;
    bool reopen;
    const char *what;
};

static const struct class classes[] = {
    {SQLITE_BUSY, PH_UNAVAILABLE, PH_UNAVAILABLE, PH_UNAVAILABLE, false, false,
     "is locked by another program for longer than busy_timeout; end that program, or raise busy_timeout"},
    {SQLITE_LOCKED, PH_TRANSIENT, PH_UNAVAILABLE, PH_TRANSIENT, false, false, "is locked"},
    {SQLITE_CORRUPT, PH_UNAVAILABLE, PH_INVALID, PH_UNCERTAIN, false, true,
     "is damaged; stop posthouse and restore the file, or repair it with the sqlite3 command's .recover"},
    {SQLITE_NOTADB, PH_UNAVAILABLE, PH_INVALID, PH_UNCERTAIN, false, true,
     "is not an SQLite database, or its head is damaged; restore the file or name another path"},
    {SQLITE_READONLY, PH_UNAVAILABLE, PH_UNAVAILABLE, PH_UNAVAILABLE, false, true,
     "is read-only; make the file and its folder writable for this user"},
    {SQLITE_FULL, PH_UNAVAILABLE, PH_UNAVAILABLE, PH_UNAVAILABLE, false, false,
     "cannot grow: the disk is full; make room"},
    {SQLITE_IOERR, PH_UNAVAILABLE, PH_UNAVAILABLE, PH_UNCERTAIN, false, true,
     "cannot be read or written; look at the disk and the system's log"},
    {SQLITE_CANTOPEN, PH_UNAVAILABLE, PH_UNAVAILABLE, PH_UNAVAILABLE, false, true,
     "cannot be opened; look at the rights of the file, its -wal and -shm files and its folder"},
    {SQLITE_PERM, PH_UNAVAILABLE, PH_UNAVAILABLE, PH_UNAVAILABLE, false, true,
     "may not be used by this user; look at its rights"},
    {SQLITE_AUTH, PH_UNAVAILABLE, PH_UNAVAILABLE, PH_UNAVAILABLE, false, true,
     "may not be used by this user; look at its rights"},
    {SQLITE_NOMEM, PH_TRANSIENT, PH_UNAVAILABLE, PH_UNCERTAIN, false, false, "could not be used for lack of memory"},
    {SQLITE_PROTOCOL, PH_TRANSIENT, PH_UNAVAILABLE, PH_TRANSIENT, false, true, "could not be locked"},
    {SQLITE_INTERRUPT, PH_TRANSIENT, PH_UNAVAILABLE, PH_UNCERTAIN, false, false, "was interrupted"},
    {SQLITE_SCHEMA, PH_TRANSIENT, PH_UNAVAILABLE, PH_TRANSIENT, false, true, "was changed by another program"},
    {SQLITE_ERROR, PH_INTERNAL, PH_INVALID, PH_UNCERTAIN, true, true,
     "has not the tables that posthouse made, or a statement is wrong"},
};

static const struct class other = {
    0, PH_INTERNAL, PH_INVALID, PH_UNCERTAIN, true, false, "refused a statement of posthouse"};

static const struct class *class_of(int code)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (classes[i].code == (code & 0xff))
            return &classes[i];
    }
    return &other;
}

void failure_classify(struct failure *failure_r, enum failure_stage stage, const char *path, int code,
                      const char *detail)
{
    if (code == FAILURE_ARENA) {
        *failure_r = (struct failure){.outcome = PH_INTERNAL, .of_call = true};
        snprintf(failure_r->text, sizeof(failure_r->text), "the answer is larger than a call may hold");
        return;
    }
    const struct class *class = class_of(code);
    enum ph_outcome outcome = class->outcome;
    if (stage == FAILURE_AT_OPEN)
        outcome = class->at_open;
    else if (stage == FAILURE_AT_COMMIT)
        outcome = class->at_commit;
    *failure_r = (struct failure){
        .outcome = outcome,
        .of_call = class->of_call && stage == FAILURE_AT_WORK,
        .reopen = class->reopen,
    };
    snprintf(failure_r->text, sizeof(failure_r->text), "%s %s (SQLite %d: %s)", path, class->what, code,
             detail != NULL ? detail : sqlite3_errstr(code));
}

void failure_say(struct failure *failure_r, enum ph_outcome outcome, const char *format, ...)
{
    *failure_r = (struct failure){.outcome = outcome, .reopen = true};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure_r->text, sizeof(failure_r->text), format, arguments);
    va_end(arguments);
}
