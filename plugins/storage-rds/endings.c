// SPDX-License-Identifier: Apache-2.0
//
// How messages end without being delivered, and how dead ones begin again: fail, expire, redrive. Each entry is a statement
// or two, one after the other in the call's transaction.
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/values.h"

// ------------------------------------------------------------------------------------------ fail

static bool fail_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    size_t index = job->steps[step].entry;
    struct ph_failed *failed = job->call->outputs[index];
    const struct ph_failure *entry = job->call->entries[index];
    const struct ph_host *host = job->call->host;
    if (job->steps[step].statement != SQL_FAIL)
        return true;
    if (PQntuples(result) == 0) {
        host->set(job->call, index, PH_NOT_FOUND, 0, "there is no outbox mark");
        return true;
    }
    struct values values = values_row(job->call, result, 0, 3);
    int64_t failures = values_bigint(&values, 0);
    bool counts = values_boolean(&values, 1);
    failed->dead = values_boolean(&values, 2);
    failed->failures = (uint32_t)(failures + counts);
    if (!counts && (int64_t)entry->attempt > failures)
        host->set(job->call, index, PH_INVALID, 0, "an earlier attempt is not recorded");
    else
        host->set(job->call, index, counts ? PH_OK : PH_DUPLICATE, 0, NULL);
    return !values.wrong;
}

static bool fail_steps(struct rds_job *job, size_t index)
{
    const struct ph_failure *entry = job->call->entries[index];
    if (!step_id(rds_job_step(job, SQL_FAIL_LOCK, index), &entry->id))
        return false;
    struct rds_step *step = rds_job_step(job, SQL_FAIL, index);
    return step_id(step, &entry->id) && step_bigint(job, step, entry->attempt) &&
           step_bigint(job, step, entry->limit) && step_bigint(job, step, entry->retry_in_ms) &&
           step_text(step, entry->reason);
}

void rds_fail(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_COURIER, true, 2 * call->count, fail_rows), fail_steps);
}

// ------------------------------------------------------------------------------------------ expire

static bool expire_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_swept *swept = job->call->outputs[job->steps[step].entry];
    struct values values = values_row(job->call, result, 0, 2);
    swept->count = (uint64_t)values_bigint(&values, 0);
    swept->more = values_boolean(&values, 1);
    return !values.wrong;
}

static bool expire_steps(struct rds_job *job, size_t index)
{
    const struct ph_expire *entry = job->call->entries[index];
    return step_bigint(job, rds_job_step(job, SQL_EXPIRE, index), rds_most(entry->limit));
}

void rds_expire(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_COURIER, true, call->count, expire_rows), expire_steps);
}

// ------------------------------------------------------------------------------------------ redrive

static bool redrive_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    bool found = PQntuples(result) == 1;
    job->call->host->set(job->call, job->steps[step].entry, found ? PH_OK : PH_NOT_FOUND, 0,
                         found ? NULL : "it is not a dead letter");
    return true;
}

static bool redrive_steps(struct rds_job *job, size_t index)
{
    const struct ph_pick *entry = job->call->entries[index];
    return step_id(rds_job_step(job, SQL_REDRIVE, index), &entry->id);
}

void rds_redrive(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_WRITE, true, call->count, redrive_rows), redrive_steps);
}
