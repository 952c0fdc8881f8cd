// SPDX-License-Identifier: Apache-2.0
//
// posthouse health: asks a server whether it is ready, without a session.
#ifndef CLI_HEALTH_H
#define CLI_HEALTH_H

/// argv[0] is the command's own word. Returns the exit code.
int health_run(int argc, char **argv);

#endif
