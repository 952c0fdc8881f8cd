// SPDX-License-Identifier: Apache-2.0
//
// Hashing and checking passwords for the API: on helper threads, a bounded number at a time, with equal work for users
// that do not exist.
#ifndef CORE_API_PASSWORD_H
#define CORE_API_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/password.h"

struct api_call;
struct task;

#define API_PASSWORD_MIN 8
#define API_PASSWORD_MAX 200

/// What a check or a hash is about; part of the task's arena.
struct api_password {
    const char *password; ///< as the client sent it
    size_t length;
    char stored[PASSWORD_STORED_SIZE + API_PASSWORD_MAX * 4]; ///< in for a check, out for a hash
    bool unknown;                                             ///< there is no such user: work all the same, and say no
    bool plain_allowed;                                       ///< stored may be plain:PASSWORD
    bool good;                                                ///< a check: it is the password; a hash: it was made
    void (*next)(struct task *task, struct api_password *password);
};

/// Checks against `stored`, or makes `stored`; then calls `next` on the loop. Answers 503 itself when too many are under way.
void api_password_check(struct task *task, struct api_password *password,
                        void (*next)(struct task *task, struct api_password *password));
void api_password_hash(struct task *task, struct api_password *password,
                       void (*next)(struct task *task, struct api_password *password));

#endif
