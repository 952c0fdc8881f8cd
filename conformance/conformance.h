// SPDX-License-Identifier: Apache-2.0
//
// `posthouse plugin test`: proves a plugin against the rules of posthouse/plugin.h. README.md says how.
#ifndef CONFORMANCE_CONFORMANCE_H
#define CONFORMANCE_CONFORMANCE_H

/// Runs the command; argv[0] is its last word ("test"). Returns the exit code: 0 all checks passed or were
/// skipped, 1 a check failed, 64 wrong usage, 78 a configuration or plugin that cannot be used.
int plugin_test_run(int argc, char **argv);

#endif
