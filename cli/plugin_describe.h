// SPDX-License-Identifier: Apache-2.0
//
// posthouse plugin describe: what a plugin says of itself and which options it takes.
#ifndef CLI_PLUGIN_DESCRIBE_H
#define CLI_PLUGIN_DESCRIBE_H

/// Runs the command; argv[0] is "describe". Returns the exit code: 0, 1 when the plugin is not found or is
/// refused, 64 for a wrong use.
int plugin_describe_run(int argc, char **argv);

#endif
