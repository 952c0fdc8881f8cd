// SPDX-License-Identifier: Apache-2.0
//
// posthouse send: one message, with a key of its own, so that a repeat never makes a second one.
#ifndef CLI_SEND_H
#define CLI_SEND_H

/// Returns the exit code.
int send_run(int argc, char **argv);

#endif
