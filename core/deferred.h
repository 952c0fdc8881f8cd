// SPDX-License-Identifier: Apache-2.0
//
// Work for a little later on the same loop: never inside the function that asked for it.
//
// Tasks are embedded in what they serve, so deferring allocates nothing and cannot fail. All tasks of a turn
// share one event and run in the order they were added. A task that defers again is served in the next round;
// now and then a round waits until the loop has looked at its sockets, so that a chain of tasks that goes on
// for ever starves nobody. One loop, its thread only.
#ifndef CORE_DEFERRED_H
#define CORE_DEFERRED_H

#include "core/list.h"
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct deferred_queue;

struct deferred_task {
    STAILQ_ENTRY(deferred_task) next;
    void (*run)(struct deferred_task *task); ///< may free what the task is embedded in
    bool queued;                             ///< added and not yet run
};

/// A queue on that loop. NULL when the system gives no event.
struct deferred_queue *deferred_new(struct event_base *base) __attribute__((warn_unused_result));

/// Frees it. Tasks still in it are forgotten. NULL is allowed.
void deferred_free(struct deferred_queue *queue);

/// Runs `task->run` later. The task must not be queued already; it is the queue's until it runs.
void deferred_add(struct deferred_queue *queue, struct deferred_task *task);

/// Takes a task back; one that is not queued is left. Looks through the whole queue: for rare ends.
void deferred_cancel(struct deferred_queue *queue, struct deferred_task *task);

/// True when nothing is queued.
bool deferred_idle(const struct deferred_queue *queue);

#endif
