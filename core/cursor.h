// SPDX-License-Identifier: Apache-2.0
//
// Cursors: a position in a list as a short opaque text, bound to the list's kind and its user, with a check, so that
// a cursor of another list, of another user or made up is refused instead of skipping messages.
#ifndef CORE_CURSOR_H
#define CORE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

enum cursor_list { CURSOR_INBOX = 'i', CURSOR_SENT = 's', CURSOR_DEAD = 'd' };

#define CURSOR_SIZE 32

/// Writes the cursor of a position; `user` may be "".
void cursor_write(enum cursor_list list, const char *user, uint64_t position, char out[CURSOR_SIZE]);

/// Reads a cursor that cursor_write() made for the same list and user.
bool cursor_read(enum cursor_list list, const char *user, const char *text, uint64_t *position_r);

#endif
