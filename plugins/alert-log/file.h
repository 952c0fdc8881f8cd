// SPDX-License-Identifier: Apache-2.0
//
// Alerts appended to a file. All functions here block: they run on helper threads, one at a time for each file.
#ifndef PLUGINS_ALERT_LOG_FILE_H
#define PLUGINS_ALERT_LOG_FILE_H

#include <posthouse/plugin.h>
#include <stddef.h>

/// Opens the file for appending, makes it if it is not there, and closes it. Sets the outcome of the call's first
/// entry: PH_OK, PH_DENIED, PH_UNAVAILABLE, or PH_INVALID for a path that cannot be such a file.
void file_try(struct ph_call *call, const char *path);

/// The same without making or opening anything.
void file_look(struct ph_call *call, const char *path);

/// Appends a line for each alert of the call, one write each, and sets each outcome: PH_OK once all are on the disk.
void file_append(struct ph_call *call, const char *path, size_t body_limit);

#endif
