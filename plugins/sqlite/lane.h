// SPDX-License-Identifier: Apache-2.0
//
// A lane: a connection and the tasks it is running, one batch at a time.
//
// The loop posts a lane to the helper threads; there it takes what waits, runs it in one transaction and leaves the
// outcomes; back on the loop its tasks are handed out. Between post and done a lane belongs to the helper thread.
#ifndef PLUGINS_SQLITE_LANE_H
#define PLUGINS_SQLITE_LANE_H

#include "plugins/sqlite/engine.h"

#include <pthread.h>
#include <sys/queue.h>

/// The most calls, and the entries after which no further call is taken, of one transaction.
#define LANE_CALLS 128
#define LANE_ENTRIES 4096
/// The most calls of one snapshot: few, so that other lanes have work too.
#define LANE_READS 8

/// A call that waits or runs; it lives in the call's arena.
struct task {
    STAILQ_ENTRY(task) link;
    struct ph_call *call;
    const struct operation *operation;
    bool failed; ///< its results are set: it takes no part any more
};
STAILQ_HEAD(task_list, task);

/// What the loop and the helper threads share.
struct lane_shared {
    pthread_mutex_t lock;
    struct task_list writes;             ///< lock
    struct task_list reads;              ///< lock
    size_t write_count;                  ///< lock
    size_t read_count;                   ///< lock
    struct connection_settings settings; ///< lock
    unsigned generation;                 ///< lock; rises with each change of settings
};

struct lane {
    const struct engine_kind *kind;
    const struct ph_host *host;
    struct lane_shared *shared;
    bool writes;
    bool posted;                   ///< the loop's
    struct connection *connection; ///< NULL: to be opened
    void *memo;                    ///< memo_size bytes
    void *state;                   ///< the writer's, state_size bytes, else NULL
    bool troubled;                 ///< the last commit failed: health tries a real write
    struct task_list batch;
};

/// Opens the lane's connection; `create` as in connection_open(). On a helper thread.
bool lane_open(struct lane *lane, bool create, struct failure *failure_r);

/// Takes what waits and runs it. On a helper thread.
void lane_work(struct lane *lane);

/// Sets all results of a call.
void lane_refuse(struct ph_call *call, const struct failure *failure);

/// health's operation, for the writer's lane.
int lane_health(struct lane *lane, struct ph_call *call);

#endif
