// SPDX-License-Identifier: Apache-2.0
//
// lease: due marks, moved on so that no other daemon takes them. A lease is nothing but a due time further off.
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/record.h"
#include "plugins/storage-rds/statements.h"

static bool read_outbox_mark(struct values *values, struct ph_mark *mark)
{
    mark->id = values_id(values, 1);
    mark->trace = values_text(values, 2);
    mark->sends = (uint32_t)values_bigint(values, 3);
    return !values->wrong;
}

static bool read_record_mark(struct values *values, struct ph_mark *mark, enum record_column columns)
{
    mark->record = record_read(values, 1, columns);
    if (mark->record == NULL)
        return false;
    mark->id = mark->record->id;
    mark->trace = mark->record->trace;
    return true;
}

static int lease_columns(uint32_t statement)
{
    return statement == SQL_LEASE_OUTBOX   ? 4
           : statement == SQL_LEASE_ALERTS ? 1 + RECORD_WHOLE_COLUMNS
                                           : 1 + RECORD_HEAD_COLUMNS;
}

static bool lease_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    uint32_t statement = job->steps[step].statement;
    if (statement == SQL_UNSTICK) {
        if (PQntuples(result) > 0)
            call->host->log(call->host, PH_LOG_WARN, NULL,
                            "ended %d sessions of stopped daemons that held locks within a statement half sent",
                            PQntuples(result));
        return true;
    }
    struct ph_leased *leased = call->outputs[job->steps[step].entry];
    size_t count = (size_t)PQntuples(result);
    struct ph_mark **marks = call->host->alloc(call, (count + 1) * sizeof(struct ph_mark *));
    leased->marks = marks;
    for (size_t i = 0; marks != NULL && i < count; i++) {
        struct values values = values_row(call, result, (int)i, lease_columns(statement));
        struct ph_mark *mark = call->host->make(call, PH_MAKE_MARK);
        leased->more = values_boolean(&values, 0);
        bool good = mark != NULL && (statement == SQL_LEASE_OUTBOX
                                         ? read_outbox_mark(&values, mark)
                                         : read_record_mark(&values, mark,
                                                            statement == SQL_LEASE_ALERTS ? RECORD_WHOLE_COLUMNS
                                                                                          : RECORD_HEAD_COLUMNS));
        if (!good)
            return false;
        marks[leased->count++] = mark;
    }
    return marks != NULL;
}

static bool lease_steps(struct rds_job *job, size_t index)
{
    const struct ph_lease *entry = job->call->entries[index];
    int64_t limit = rds_most(entry->limit);
    int64_t lease = entry->lease_ms > 0 ? (int64_t)entry->lease_ms : 1;
    if (entry->mark == PH_MARK_OUTBOX) {
        struct rds_step *step = rds_job_step(job, SQL_LEASE_OUTBOX, index);
        return step_bigint(job, step, limit) && step_bigint(job, step, lease);
    }
    if (entry->mark != PH_MARK_ALERT && entry->mark != PH_MARK_DOCUMENT) {
        job->call->host->set(job->call, index, PH_INVALID, 0, "there is no such kind of mark");
        return true;
    }
    struct rds_step *step =
        rds_job_step(job, entry->mark == PH_MARK_ALERT ? SQL_LEASE_ALERTS : SQL_LEASE_DOCUMENTS, index);
    return step_bigint(job, step, entry->mark) && step_bigint(job, step, limit) && step_bigint(job, step, lease);
}

void rds_lease(void *instance, struct ph_call *call)
{
    struct rds *rds = instance;
    struct rds_job *job = rds_job(rds, call, RDS_BACKGROUND, true, call->count + 1, lease_rows);
    // Leases are asked for every second, so this is where the instance looks after itself.
    if (job != NULL && rds->stuck) {
        rds->stuck = false;
        if (!step_bigint(job, rds_job_step(job, SQL_UNSTICK, 0), rds->config->network_timeout)) {
            rds_no_memory(job);
            return;
        }
    }
    rds_each(job, lease_steps);
}
