// SPDX-License-Identifier: Apache-2.0
//
// purge and stats.
//
// A purge is one transaction that removes at most as many rows as it is asked to. Messages are looked through in the order
// of their ids, a stretch a call; the next call goes on where this one stopped, so that those that must stay (delayed ones,
// say) are not looked at again each time.
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/values.h"

#include <string.h>

#define STEPS_OF_ENTRY 5

static void read_count(struct values *values, const struct ph_purge *entry, struct ph_swept *swept)
{
    int64_t count = values_bigint(values, 0);
    swept->count += (uint64_t)count;
    swept->more = swept->more || count >= rds_most(entry->limit);
}

static bool read_messages(struct rds_job *job, const PGresult *result, const struct ph_purge *entry,
                          struct ph_swept *swept)
{
    // Without a row the end was reached: the next purge begins at the first message again.
    if (PQntuples(result) == 0) {
        memset(&job->rds->purged_to, 0, sizeof(job->rds->purged_to));
        return true;
    }
    struct values values = values_row(job->call, result, 0, 4);
    int64_t looked = values_bigint(&values, 1);
    struct ph_id last = values_id(&values, 2);
    bool old = values_boolean(&values, 3);
    swept->count += (uint64_t)values_bigint(&values, 0);
    // Who comes later was accepted later: nothing further is old enough.
    if (looked >= rds_most(entry->limit) && old) {
        job->rds->purged_to = last;
        swept->more = true;
    } else {
        memset(&job->rds->purged_to, 0, sizeof(job->rds->purged_to));
    }
    return !values.wrong;
}

static bool purge_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    size_t index = job->steps[step].entry;
    const struct ph_purge *entry = job->call->entries[index];
    struct ph_swept *swept = job->call->outputs[index];
    if (job->steps[step].statement == SQL_PURGE_LOCK)
        return true;
    if (job->steps[step].statement == SQL_PURGE_MESSAGES)
        return read_messages(job, result, entry, swept);
    struct values values = values_row(job->call, result, 0, job->steps[step].statement == SQL_PURGE_INBOX ? 2 : 1);
    read_count(&values, entry, swept);
    if (job->steps[step].statement == SQL_PURGE_INBOX)
        swept->more = swept->more || values_bigint(&values, 1) > 0;
    return !values.wrong;
}

static bool message_step(struct rds_job *job, uint32_t statement, size_t index)
{
    const struct ph_purge *entry = job->call->entries[index];
    struct rds_step *step = rds_job_step(job, statement, index);
    struct ph_id *from = job->call->host->alloc(job->call, sizeof(*from));
    if (from == NULL)
        return false;
    *from = job->rds->purged_to;
    return step_id(step, from) && step_bigint(job, step, rds_most(entry->limit)) &&
           step_bigint(job, step, entry->retention_ms);
}

static bool purge_steps(struct rds_job *job, size_t index)
{
    const struct ph_purge *entry = job->call->entries[index];
    int64_t most = rds_most(entry->limit);
    if (!step_bigint(job, rds_job_step(job, SQL_PURGE_SESSIONS, index), most))
        return false;
    struct rds_step *keys = rds_job_step(job, SQL_PURGE_KEYS, index);
    if (!step_bigint(job, keys, entry->key_retention_ms) || !step_bigint(job, keys, most) ||
        !step_bigint(job, rds_job_step(job, SQL_PURGE_INBOX, index), most))
        return false;
    return entry->retention_ms <= 0 ||
           (message_step(job, SQL_PURGE_LOCK, index) && message_step(job, SQL_PURGE_MESSAGES, index));
}

void rds_purge(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_BACKGROUND, true, STEPS_OF_ENTRY * call->count, purge_rows), purge_steps);
}

// ------------------------------------------------------------------------------------------ stats

static bool stats_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_storage_stats *stats = job->call->outputs[job->steps[step].entry];
    struct values values = values_row(job->call, result, 0, 7);
    int64_t oldest = values_bigint(&values, 1);
    int64_t delayed = values_bigint(&values, 2);
    int64_t now = values_bigint(&values, 6);
    if (delayed != 0 && (oldest == 0 || delayed < oldest))
        oldest = delayed;
    stats->outbox_waiting = (uint64_t)values_bigint(&values, 0);
    stats->outbox_oldest_ms = oldest != 0 && oldest < now ? now - oldest : 0;
    stats->dead = (uint64_t)values_bigint(&values, 3);
    stats->alerts_waiting = (uint64_t)values_bigint(&values, 4);
    stats->documents_waiting = (uint64_t)values_bigint(&values, 5);
    return !values.wrong;
}

static bool stats_steps(struct rds_job *job, size_t index)
{
    rds_job_step(job, SQL_STATS, index);
    return true;
}

void rds_stats(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_READ, false, call->count, stats_rows), stats_steps);
}
