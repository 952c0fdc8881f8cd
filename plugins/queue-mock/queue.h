// SPDX-License-Identifier: Apache-2.0
//
// What the mock queue keeps: jobs, each either ready or hidden, and the receives that wait for one.
//
// A hidden job is delayed or leased; it becomes ready when its time has come, which is looked at before anything else
// is done. Times are milliseconds of the host's monotonic clock. One thread: the exchange loop.
#ifndef PLUGINS_QUEUE_MOCK_QUEUE_H
#define PLUGINS_QUEUE_MOCK_QUEUE_H

#include "plugins/mock/heap.h"
#include "plugins/mock/table.h"

#include <assert.h>
#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_MAGIC 0x71756575u
#define JOB_MAGIC 0x6a6f6273u

struct event;

struct queue_config {
    int64_t limit; // jobs
};

struct job {
    uint32_t magic;
    uint32_t receives;
    bool leased;
    uint64_t number; // its own; a message may have several jobs
    struct ph_id id;
    struct ph_text trace;
    int64_t available_at; // when it could first be received
    size_t ready;         // in queue.ready
    size_t hidden;        // in queue.hidden
};

// A receive that found nothing and waits.
struct waiter {
    struct waiter *next;
    struct ph_call *call;
    int64_t until;
};

struct queue {
    uint32_t magic;
    const struct ph_host *host;
    size_t limit;
    uint64_t last_number;
    struct table jobs;  // by number
    struct heap ready;  // by available_at
    struct heap hidden; // by when they become ready
    size_t in_flight;   // how many of the hidden ones are leased
    struct waiter *waiters;
    struct event *timer; // for the waiters
};

/// Makes an empty queue, or NULL when there is no memory.
struct queue *queue_new(const struct ph_host *host, const struct queue_config *config);

/// Frees a queue on which no receive waits. NULL is allowed.
void queue_free(struct queue *queue);

/// The time now; what has come due by then is ready afterwards.
int64_t queue_now(struct queue *queue);

/// Adds a job. False when there is no memory or the limit is reached.
bool queue_add(struct queue *queue, const struct ph_job *entry);

/// Leases up to the asked number of ready jobs into the answer of a receive, and gives the outcome.
enum ph_outcome queue_take(struct queue *queue, struct ph_call *call);

/// The job whose lease this receipt names, or NULL if that has ended.
struct job *queue_leased(struct queue *queue, struct ph_text receipt);

/// Hides a leased job for so long from now; 0: it is ready.
void queue_hide(struct queue *queue, struct job *job, int64_t now, uint32_t lease_ms);

/// Removes a job.
void queue_remove_job(struct queue *queue, struct job *job);

static inline struct queue *queue_from(void *instance)
{
    struct queue *queue = instance;
    assert(queue && queue->magic == QUEUE_MAGIC);
    return queue;
}

#endif
