// SPDX-License-Identifier: Apache-2.0
//
// The daemon: puts runtime, exchange, API and HTTP server together, runs them, and takes them apart in a drain.
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H

#include <stdbool.h>

/// Exit codes beside 0 (a drain) and 1 (something unexpected).
#define DAEMON_EXIT_UNAVAILABLE 69 // an address in use, a storage that refuses
#define DAEMON_EXIT_CONFIG 78

/// Runs the daemon until it is told to end; returns the exit code.
int daemon_run(const char *file);

/// Says on stdout and stderr what a start would say; `deep`: opens each backend as well. Returns the exit code.
int daemon_check(const char *file, bool deep);

#endif
