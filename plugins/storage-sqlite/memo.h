// SPDX-License-Identifier: Apache-2.0
//
// What one write transaction remembers: keys of names, and counters that are read once, counted in memory, and written
// once before the commit.
//
// The file's write lock is held all the while, so nobody else can change them.
#ifndef PLUGINS_STORAGE_SQLITE_MEMO_H
#define PLUGINS_STORAGE_SQLITE_MEMO_H

#include "plugins/sqlite/engine.h"

#define MEMO_USERS 128

enum memo_counter {
    MEMO_MESSAGES = 1, ///< row keys of messages, also the positions of sent messages
    MEMO_DEAD = 2      ///< positions of dead letters
};

struct storage_memo {
    struct {
        bool known;
        bool changed;
        int64_t value;
    } counters[3];
    struct {
        int64_t user; ///< 0: empty
        int64_t inbox;
        bool changed;
    } heads[MEMO_USERS];
    struct {
        struct ph_text name; ///< in an entry of this batch; bytes NULL: empty
        int64_t user;
    } names[MEMO_USERS];
};

/// The key of a user who is not removed; 0: there is none.
int memo_user(struct scope *scope, struct ph_text name, int64_t *user_r);

/// The next value of a counter.
int memo_next(struct scope *scope, enum memo_counter counter, int64_t *value_r);

/// The next position of a user's inbox.
int memo_next_inbox(struct scope *scope, int64_t user, int64_t *position_r);

/// Names may mean something else from here on.
void memo_forget_names(struct scope *scope);

/// Writes what was counted.
int memo_flush(struct scope *scope, struct ph_call *call);

#endif
