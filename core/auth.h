// SPDX-License-Identifier: Apache-2.0
//
// Who asks: finds the session of a request's token, by `Authorization: Bearer TOKEN` or the cookie `posthouse`.
#ifndef CORE_AUTH_H
#define CORE_AUTH_H

struct task;

#define AUTH_TOKEN_BYTES 32
#define AUTH_COOKIE "posthouse"

/// Fills task->session and calls `next`, at once or later; or answers 401, 403 or 503 itself.
void auth_check(struct task *task, void (*next)(struct task *task));

#endif
