// SPDX-License-Identifier: Apache-2.0
//
// What `posthouse plugin list` and `plugin describe` share: their options, and the loader that these ask for.
#ifndef CLI_PLUGIN_OPTIONS_H
#define CLI_PLUGIN_OPTIONS_H

#include <stdbool.h>

struct loader;

#define PLUGIN_EXIT_FAILED 1
#define PLUGIN_EXIT_USAGE 64

struct plugin_options {
    struct loader *loader; ///< freed with plugin_options_free()
    bool json;
    int first; ///< index in argv of what is left
    int code;  ///< the exit code when plugin_options_read() was false
};

/// Reads -c FILE (whose plugin_path is searched first), --path FOLDER (which may be repeated), --json and
/// --help. False: end with `code`; a message was written, or the help.
bool plugin_options_read(struct plugin_options *options, int argc, char **argv, const char *usage);
void plugin_options_free(struct plugin_options *options);

#endif
