// SPDX-License-Identifier: Apache-2.0
//
// The environment over the file: POSTHOUSE_<SECTION>_<KEY> sets a key, whatever the file says.
//
// Names are in capitals, what is neither letter nor digit in a section's name is "_": POSTHOUSE_STORAGE_PATH,
// POSTHOUSE_ALARM_BACKLOG_ABOVE. Of the keys with a dot, the "_" after call, breaker and fault stands for it:
// POSTHOUSE_QUEUE_CALL_DEADLINE. What names no section (POSTHOUSE_SERVER) is left alone.
#ifndef CORE_CONFIG_ENVIRONMENT_H
#define CORE_CONFIG_ENVIRONMENT_H

#include "core/findings.h"

struct arena;
struct ini_file;

/// Sets the keys in `file`. `sections` are the names that may be set though the file does not have them, NULL
/// at the end; `environment` as in struct config_settings. Places live in `arena`.
void config_environment_apply(struct ini_file *file, const char *const *sections, const char *const *environment,
                              struct arena *arena, struct findings *findings);

#endif
