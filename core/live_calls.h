// SPDX-License-Identifier: Apache-2.0
//
// The calls that plugins have in their hands, by address, so that a completion for a call that is over is
// found out without a look into memory that may be gone. The last ones that ended are remembered by name. One
// set a thread, because a plugin completes on its loop's thread; it exists while an instance does.
#ifndef CORE_LIVE_CALLS_H
#define CORE_LIVE_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/// What a remembered call was.
struct live_calls_past {
    const void *call;
    const void *owner; ///< its instance; NULL once that is gone
    uint32_t operation;
};

/// One more, or one less, owner on this thread.
void live_calls_join(void);
void live_calls_leave(const void *owner);

/// A call was started. The address must not be in the set.
void live_calls_add(const void *call);

/// A call ended: true and it is remembered, false when it is not in the set.
bool live_calls_take(const void *call, const void *owner, uint32_t operation);

/// True when the call is in the set; its memory may be read then.
bool live_calls_has(const void *call);

/// What is remembered of a call that is not in the set, or NULL.
const struct live_calls_past *live_calls_find_past(const void *call);

#endif
