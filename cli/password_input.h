// SPDX-License-Identifier: Apache-2.0
//
// Where the command takes passwords from: a prompt without echo, the first line of stdin, or a file. Never from its
// arguments or the environment, which others on the machine can read.
#ifndef CLI_PASSWORD_INPUT_H
#define CLI_PASSWORD_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_INPUT_SIZE 1024

/// Reads a password: from `file` if not NULL, else from stdin's first line if `from_stdin`, else by a prompt (asked twice
/// if `twice`). False after a line on stderr. The caller wipes `password_r`.
bool password_input(const char *file, bool from_stdin, bool twice, char password_r[PASSWORD_INPUT_SIZE]);

/// The same once, with a prompt that says which password is wanted.
bool password_input_named(const char *prompt, const char *file, bool from_stdin, char password_r[PASSWORD_INPUT_SIZE]);

#endif
