// SPDX-License-Identifier: Apache-2.0
//
// A job: one transaction, sent as one piece of a pipeline that ends in one Sync.
//
// PostgreSQL runs all statements up to a Sync in one transaction, each with a snapshot of its own (read committed): what
// must be read after a lock stands in a later step than the one that takes it, or is a column of the locked row itself, which
// SELECT … FOR UPDATE gives as it is then. Nothing is answered before the Sync's own answer, which tells that the commit is
// durable.
#ifndef PLUGINS_STORAGE_RDS_JOB_H
#define PLUGINS_STORAGE_RDS_JOB_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/storage-rds/failure.h"
#include "posthouse/plugin.h"

#define RDS_PARAMETERS 20

/// What a job waits in line with. Each lane has connections of its own.
enum rds_lane {
    RDS_WRITE,   ///< what a client waits for
    RDS_COURIER, ///< deliveries and other endings, which wait for each other's inboxes and for nobody else
    RDS_READ,
    RDS_SENT,       ///< lists of sent messages, which wait for appends under way
    RDS_BACKGROUND, ///< what nobody waits for; its commits need not wait for the disk
    RDS_LANES
};

/// One statement with its parameters, all binary unless noted. What they point to lives as long as the call.
struct rds_step {
    uint32_t statement; ///< enum rds_statement
    size_t entry;       ///< the entry of the call that it is about, where it is about one
    int count;
    const char *values[RDS_PARAMETERS];
    int lengths[RDS_PARAMETERS];
};

struct rds_job;

/// A step's result (binary columns), cleared by the engine. False: the answer is not one that the statement can give; the
/// job ends PH_INTERNAL. Must not complete the call: the transaction may still fail.
typedef bool rds_rows_f(struct rds_job *job, size_t step, const PGresult *result);

/// The job is over: PH_OK means committed. Exactly once; completes the call, or submits another job for it.
typedef void rds_done_f(struct rds_job *job, const struct rds_failure *failure);

/// From the call's arena, made by rds_job().
struct rds_job {
    struct rds *rds;
    struct ph_call *call;
    enum rds_lane lane;
    bool changes; ///< a lost answer is PH_UNCERTAIN
    bool appends; ///< it may have to go alone (pace.h)
    size_t step_count;
    size_t step_room;
    struct rds_step *steps;
    rds_rows_f *rows; ///< NULL: nothing is read
    rds_done_f *done; ///< NULL: rds_finish()
    void *data;       ///< the operation's own

    // the engine's
    struct rds_job *next;
    struct connection *connection; ///< NULL: it waits
    bool given_up;                 ///< by the host, after it was sent
    bool measured;                 ///< for pace.h
    struct rds_failure failure;
};

/// A job for a call, with room for so many steps; NULL: the arena is used up, and the call has been ended.
struct rds_job *rds_job(struct rds *rds, struct ph_call *call, enum rds_lane lane, bool changes, size_t room,
                        rds_rows_f *rows);

/// Adds a step; the caller fills its parameters with the functions of parameters.h.
struct rds_step *rds_job_step(struct rds_job *job, uint32_t statement, size_t entry);

/// Puts it in line, or sends it at once to a connection that is idle. `done` may run inside, when that fails.
void rds_submit(struct rds_job *job);

/// From its `done`: puts a job that failed, or found nothing to do, in line once more, as if it were new. Its steps may have been
/// changed.
void rds_submit_again(struct rds_job *job);

/// Adds the steps of each entry of the job's call in turn, then submits the job; `steps` gives false when the arena is used
/// up. A job that is NULL or has no step in the end is completed.
void rds_each(struct rds_job *job, bool (*steps)(struct rds_job *job, size_t index));

/// A caller's limit, held below what one statement should give or change at once.
int64_t rds_most(uint32_t limit);

/// What `done` does when none is given: a failure is given to every entry, else to those that are still PH_PENDING comes
/// PH_OK; then the call is completed.
void rds_finish(struct rds_job *job, const struct rds_failure *failure);

#endif
