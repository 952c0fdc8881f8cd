// SPDX-License-Identifier: Apache-2.0
//
// posthouse login and logout: where the token in the credentials file comes from and goes.
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

/// Logs in and keeps server and token. Returns the exit code.
int session_login_run(int argc, char **argv);
/// Ends the session at the server and forgets it here. Returns the exit code.
int session_logout_run(int argc, char **argv);

#endif
