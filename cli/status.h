// SPDX-License-Identifier: Apache-2.0
//
// posthouse status: a message, and what became of it for each recipient.
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

/// Returns the exit code.
int status_run(int argc, char **argv);

#endif
