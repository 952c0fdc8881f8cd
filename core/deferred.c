// SPDX-License-Identifier: Apache-2.0
//
// See core/deferred.h. libevent runs an event that is made active while the active ones are being served in
// the same turn, before it looks at any socket again; that saves a system call a round. Every ROUNDS rounds
// the queue asks with a timer of no length instead, which comes only after the sockets.
#include "core/deferred.h"
#include "core/xalloc.h"
#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define ROUNDS 16

struct deferred_queue {
    STAILQ_HEAD(deferred_list, deferred_task) tasks;
    struct deferred_list round; ///< those that run now
    struct event *event;
    unsigned rounds;
    bool asked;
};

static void deferred_ask(struct deferred_queue *queue)
{
    queue->asked = true;
    queue->rounds++;
    if (queue->rounds % ROUNDS != 0) {
        event_active(queue->event, EV_TIMEOUT, 0);
        return;
    }
    const struct timeval nothing = {0, 0};
    event_add(queue->event, &nothing);
}

static void deferred_run(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    struct deferred_queue *queue = context;
    STAILQ_CONCAT(&queue->round, &queue->tasks);
    queue->asked = false;
    struct deferred_task *task;
    while ((task = STAILQ_FIRST(&queue->round)) != NULL) {
        STAILQ_REMOVE_HEAD(&queue->round, next);
        task->queued = false;
        task->run(task);
    }
}

struct deferred_queue *deferred_new(struct event_base *base)
{
    struct deferred_queue *queue = xcalloc(1, sizeof *queue);
    STAILQ_INIT(&queue->tasks);
    STAILQ_INIT(&queue->round);
    queue->event = event_new(base, -1, 0, deferred_run, queue);
    if (queue->event == NULL) {
        free(queue);
        return NULL;
    }
    return queue;
}

void deferred_free(struct deferred_queue *queue)
{
    if (queue != NULL) {
        event_free(queue->event);
        free(queue);
    }
}

void deferred_add(struct deferred_queue *queue, struct deferred_task *task)
{
    assert(!task->queued);
    task->queued = true;
    STAILQ_INSERT_TAIL(&queue->tasks, task, next);
    if (!queue->asked) {
        deferred_ask(queue);
    }
}

static bool deferred_remove(struct deferred_list *list, struct deferred_task *task)
{
    struct deferred_task *other;
    STAILQ_FOREACH(other, list, next)
    {
        if (other == task) {
            STAILQ_REMOVE(list, task, deferred_task, next);
            return true;
        }
    }
    return false;
}

void deferred_cancel(struct deferred_queue *queue, struct deferred_task *task)
{
    if (task->queued) {
        bool removed = deferred_remove(&queue->round, task) || deferred_remove(&queue->tasks, task);
        assert(removed);
        (void)removed;
        task->queued = false;
    }
}

bool deferred_idle(const struct deferred_queue *queue)
{
    return STAILQ_EMPTY(&queue->tasks) && STAILQ_EMPTY(&queue->round);
}
