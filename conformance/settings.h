// SPDX-License-Identifier: Apache-2.0
//
// Where the config struct of a tested plugin comes from: the section of its kind in the INI file of -c, the
// table's defaults, and for options that are paths a file in a folder of the test's own.
#ifndef CONFORMANCE_SETTINGS_H
#define CONFORMANCE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct plugin;
struct settings;

/// Reads the file (NULL: none). Other sections than the kind's and [conformance] are not looked at; keys with
/// a dot are the daemon's. NULL: what is wrong was printed to `err`.
struct settings *settings_read(const struct plugin *plugin, const char *file, FILE *err)
    __attribute__((warn_unused_result));
void settings_free(struct settings *settings);

/// The environment variable that holds the name of the check at hand, of letters, digits and "_" (settings_name_check).
#define SETTINGS_CHECK "POSTHOUSE_CHECK"

/// True when every check has a backend of its own: without a file, and when a value of the section has
/// ${POSTHOUSE_CHECK} in it. Else checks share theirs, maybe with others.
bool settings_isolate(const struct settings *settings);
/// Sets the variable, from a check's name, for what settings_fill() puts in.
void settings_name_check(const char *name);
/// [conformance] secret_name and secret_value; NULL when not given.
const char *settings_secret_name(const struct settings *settings);
const char *settings_secret_value(const struct settings *settings);

/// Makes a filled config struct; it lives until settings_free(). `folder`: for options that are paths and have
/// no value in the file. NULL: what is wrong was printed to `err`.
const void *settings_fill(struct settings *settings, const char *folder, FILE *err);

#endif
