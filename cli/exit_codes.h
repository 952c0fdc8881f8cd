// SPDX-License-Identifier: Apache-2.0
//
// The exit codes of the command, as its manual page documents them.
#ifndef CLI_EXIT_CODES_H
#define CLI_EXIT_CODES_H

enum {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,      // something here: a file, memory, a backend opened directly
    EXIT_NO_SESSION = 3,  // not logged in, or the session has ended
    EXIT_REFUSED = 4,     // the server refused the request (4xx)
    EXIT_UNREACHABLE = 5, // no server there, or it cannot work just now (5xx)
    EXIT_WRONG_USAGE = 64 // as in sysexits.h
};

#endif
