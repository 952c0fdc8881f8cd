// SPDX-License-Identifier: Apache-2.0
//
// Secrets from files. The function here blocks: it runs on helper threads.
#ifndef PLUGINS_SECRET_ENV_FILE_H
#define PLUGINS_SECRET_ENV_FILE_H

#include <posthouse/plugin.h>
#include <stddef.h>

enum { SECRET_LIMIT = 64 << 10 }; // bytes of a secret, its last line end included

/// Reads the file and answers entry `index` of a fetch with its content, less one line end at its end: PH_OK,
/// PH_NOT_FOUND, PH_DENIED (no right to read it, or a file that anybody may write), PH_INVALID (not a file, too large, a
/// NUL byte), PH_UNAVAILABLE.
void file_fetch(struct ph_call *call, size_t index, const char *path);

#endif
