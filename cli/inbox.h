// SPDX-License-Identifier: Apache-2.0
//
// posthouse inbox, sent and ack: reading by the cursor, following by long poll, acknowledging.
#ifndef CLI_INBOX_H
#define CLI_INBOX_H

/// Returns the exit code.
int inbox_run(int argc, char **argv);
/// Returns the exit code.
int inbox_sent_run(int argc, char **argv);
/// Returns the exit code.
int inbox_ack_run(int argc, char **argv);

#endif
