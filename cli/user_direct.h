// SPDX-License-Identifier: Apache-2.0
//
// Adds a user straight to the storage that a configuration names, without a daemon: the way to the first operator.
#ifndef CLI_USER_DIRECT_H
#define CLI_USER_DIRECT_H

#include <stdbool.h>

/// Adds the user; says on stderr what went wrong. Returns the exit code: 0, 1 (the name is taken, the storage does not
/// work), 78 (the configuration cannot be used).
int user_direct_add(const char *file, const char *name, const char *password, bool is_operator);

#endif
