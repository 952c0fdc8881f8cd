// SPDX-License-Identifier: Apache-2.0
//
// The file of `inbox --cursor-file`: one line, the cursor behind the last message that was printed.
#ifndef CLI_CURSOR_FILE_H
#define CLI_CURSOR_FILE_H

#include <stdbool.h>

#include "cli/list.h"

/// Reads the cursor; leaves `cursor` alone if there is no such file. False after a line on stderr.
bool cursor_file_read(const char *file, char cursor[LIST_CURSOR_SIZE]);
/// Writes it whole or not at all. False after a line on stderr.
bool cursor_file_write(const char *file, const char *cursor);

#endif
