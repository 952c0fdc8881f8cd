// SPDX-License-Identifier: Apache-2.0
//
// posthoused --check: everything that a start would say about the configuration, without starting.
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "core/config.h"
#include <stdio.h>

/// What needs a running loop and is therefore not done here; each member may be NULL.
struct check_steps {
    /// Opens config->secret, fetches all of config->secrets and ends with config_finish(). Called when the
    /// configuration uses secrets and has a [secret] section that can be opened. NULL: secrets are not read,
    /// and the summary says so.
    void (*secrets)(void *context, struct config *config, struct findings *findings);
    /// --check=deep: opens each backend and asks for its health. Called only when there was no error so far.
    void (*deep)(void *context, struct config *config, struct findings *findings);
    void *context;
};

/// Checks `file`; `settings` as for config_read(), `steps` may be NULL. Findings go to `err`, a summary of
/// one line to `out` when all is well. Returns the exit code: 0 or CONFIG_EXIT.
int check_run(const char *file, const struct config_settings *settings, const struct check_steps *steps, FILE *out,
              FILE *err);

#endif
