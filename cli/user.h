// SPDX-License-Identifier: Apache-2.0
//
// posthouse user add.
#ifndef CLI_USER_H
#define CLI_USER_H

/// argv[0] is the command's own word. Returns the exit code.
int user_add_run(int argc, char **argv);

#endif
