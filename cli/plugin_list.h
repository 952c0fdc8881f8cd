// SPDX-License-Identifier: Apache-2.0
//
// posthouse plugin list: the plugins that a daemon on this machine would find, and those it would refuse.
#ifndef CLI_PLUGIN_LIST_H
#define CLI_PLUGIN_LIST_H

/// Runs the command; argv[0] is "list". Returns the exit code: 0, 1 when the configuration cannot be read, 64
/// for a wrong use.
int plugin_list_run(int argc, char **argv);

#endif
