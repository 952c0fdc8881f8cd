// SPDX-License-Identifier: Apache-2.0
//
// Intrusive lists: those of <sys/queue.h>, and the loops that glibc's copy lacks.
//
// Use TAILQ for queues and LRU lists, STAILQ where a list only grows at its tail and is taken whole
// (STAILQ_CONCAT), LIST where an entry leaves without its head at hand. A list counts its entries itself
// where it needs a limit.
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <sys/queue.h>

/// As TAILQ_FOREACH, and `entry` may be removed or freed in the body; `next` is a variable of the same type.
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(entry, head, field, next) \
    for ((entry) = TAILQ_FIRST(head); (entry) != NULL && ((next) = TAILQ_NEXT(entry, field), 1); (entry) = (next))
#endif

/// As STAILQ_FOREACH, and `entry` may be freed in the body.
#ifndef STAILQ_FOREACH_SAFE
#define STAILQ_FOREACH_SAFE(entry, head, field, next) \
    for ((entry) = STAILQ_FIRST(head); (entry) != NULL && ((next) = STAILQ_NEXT(entry, field), 1); (entry) = (next))
#endif

/// As LIST_FOREACH, and `entry` may be removed or freed in the body.
#ifndef LIST_FOREACH_SAFE
#define LIST_FOREACH_SAFE(entry, head, field, next) \
    for ((entry) = LIST_FIRST(head); (entry) != NULL && ((next) = LIST_NEXT(entry, field), 1); (entry) = (next))
#endif

#endif
