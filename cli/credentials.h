// SPDX-License-Identifier: Apache-2.0
//
// The credentials file: the server and the session's token, for one user of this machine alone (mode 0600).
//
// It is $POSTHOUSE_CREDENTIALS, else $XDG_CONFIG_HOME/posthouse/credentials, else ~/.config/posthouse/credentials.
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include <stdbool.h>

struct credentials {
    char server[512];
    char token[128];
    char user[128];
};

/// Reads them; false after a line on stderr that says what to do. A file that others can read is refused.
bool credentials_read(struct credentials *credentials_r);
/// The same without a word: false if there are none.
bool credentials_peek(struct credentials *credentials_r);
/// Writes them whole or not at all; false after a line on stderr.
bool credentials_write(const struct credentials *credentials);
/// Removes the file; one that is gone is good.
void credentials_remove(void);
void credentials_wipe(struct credentials *credentials);

#endif
