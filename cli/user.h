// SPDX-License-Identifier: Apache-2.0
//
// posthouse user add, list, remove and password.
#ifndef CLI_USER_H
#define CLI_USER_H

/// Through the API, or with -c directly on the storage. Returns the exit code.
int user_add_run(int argc, char **argv);
/// Returns the exit code.
int user_list_run(int argc, char **argv);
/// Returns the exit code.
int user_remove_run(int argc, char **argv);
/// Returns the exit code.
int user_password_run(int argc, char **argv);

#endif
