// SPDX-License-Identifier: Apache-2.0
//
// What readers change in their inboxes: read, and removed.
#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/values.h"

// ------------------------------------------------------------------------------------------ ack

static bool ack_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_acked *acked = job->call->outputs[job->steps[step].entry];
    struct values values = values_row(job->call, result, 0, 1);
    acked->acked = (uint64_t)values_bigint(&values, 0);
    return !values.wrong;
}

static bool ack_steps(struct rds_job *job, size_t index)
{
    const struct ph_ack *entry = job->call->entries[index];
    struct array ids = array_begin(job->call, PARAMETER_UUID, entry->id_count, entry->id_count * sizeof(struct ph_id));
    // Nobody has acknowledged anything under a name that can be nobody's.
    if (!names_plain(entry->user))
        return true;
    struct rds_step *step = rds_job_step(job, SQL_INBOX_ACK, index);
    for (size_t i = 0; i < entry->id_count; i++)
        array_bytes(&ids, entry->ids[i].bytes, sizeof(entry->ids[i].bytes));
    return step_text(step, entry->user) && step_array(step, &ids);
}

void rds_inbox_ack(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_WRITE, true, call->count, ack_rows), ack_steps);
}

// ------------------------------------------------------------------------------------------ remove

static bool remove_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    bool found = PQntuples(result) > 0;
    struct values values = values_row(job->call, result, 0, 2);
    bool listed = found && values_boolean(&values, 0);
    bool expired = found && values_boolean(&values, 1);
    enum ph_outcome outcome = found && !listed ? PH_DUPLICATE : !found || expired ? PH_NOT_FOUND : PH_OK;
    job->call->host->set(job->call, job->steps[step].entry, outcome, 0,
                         outcome == PH_NOT_FOUND ? "it is not in this inbox" : NULL);
    return !found || !values.wrong;
}

static bool remove_steps(struct rds_job *job, size_t index)
{
    const struct ph_pick *entry = job->call->entries[index];
    if (!names_plain(entry->user)) {
        job->call->host->set(job->call, index, PH_NOT_FOUND, 0, "it is not in this inbox");
        return true;
    }
    struct rds_step *step = rds_job_step(job, SQL_INBOX_REMOVE, index);
    return step_text(step, entry->user) && step_id(step, &entry->id);
}

void rds_inbox_remove(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_WRITE, true, call->count, remove_rows), remove_steps);
}
