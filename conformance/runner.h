// SPDX-License-Identifier: Apache-2.0
//
// Runs checks, each in a process and folder of its own, some at a time, and collects what became of them.
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#include "conformance/test.h"

struct plugin;
struct settings;

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

struct finding_of_check {
    const struct check *check;
    enum verdict verdict;
    int64_t took_ms;
    char *asked;    ///< failed: what was asked; else NULL
    char *expected; ///< failed: what was expected
    char *came;     ///< failed: what came; skipped: why
    char *log;      ///< failed: the last of what the plugin logged, may be NULL
};

struct runner {
    const struct plugin *plugin;
    struct settings *settings;
    const char *folder; ///< an empty folder; each check gets one inside
    uint64_t seed;
    unsigned level;
    unsigned jobs; ///< checks at once
    /// Told in the order of the checks' ends.
    void (*over)(void *context, const struct finding_of_check *finding);
    void *context;
};

/// Runs `count` checks; frees what it told after telling.
void runner_run(const struct runner *runner, const struct check *const *checks, size_t count);

/// Removes a folder with all in it.
void runner_remove_folder(const char *path);

#endif
