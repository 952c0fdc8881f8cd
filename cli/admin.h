// SPDX-License-Identifier: Apache-2.0
//
// posthouse backends, queue, dead-letters and redrive: what operators look at and do.
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

/// Returns the exit code.
int admin_backends_run(int argc, char **argv);
/// Returns the exit code.
int admin_queue_run(int argc, char **argv);
/// Returns the exit code.
int admin_dead_letters_run(int argc, char **argv);
/// Returns the exit code.
int admin_redrive_run(int argc, char **argv);

#endif
