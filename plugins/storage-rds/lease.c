// SPDX-License-Identifier: Apache-2.0
//
// lease: due marks, moved on so that no other daemon takes them. A lease is nothing but a due time further off.
#include <string.h>

#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/record.h"
#include "plugins/storage-rds/statements.h"

#define FRESH_SURE 30000 // ms: a mark whose id is no older than this when it is stored is found without a walk
#define WALK_EVERY 60000 // ms

static bool read_outbox_mark(struct values *values, struct ph_mark *mark)
{
    mark->id = values_id(values, 2);
    mark->trace = values_text(values, 3);
    mark->sends = (uint32_t)values_bigint(values, 4);
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
    return statement == SQL_LEASE_OUTBOX   ? 5
           : statement == SQL_LEASE_ALERTS ? 1 + RECORD_WHOLE_COLUMNS
                                           : 1 + RECORD_HEAD_COLUMNS;
}

// Where the next lease goes on with the walk.
static void note_walk(struct rds *rds, struct values *values)
{
    rds->walking = !values_null(values, 1);
    if (rds->walking)
        rds->walk_from = values_id(values, 1);
}

// From time to time the whole outbox is walked through, a part with each lease: a fresh mark may have become old while nobody
// leased, or was held by a transaction that was rolled back, or is of a daemon whose clock is behind. A walk is never cut
// short by the next one: it would not come to the end of a long outbox.
static struct ph_id walk_from(struct rds *rds)
{
    struct ph_id nowhere;
    int64_t now = rds->host->monotonic(rds->host) / 1000000;
    if (!rds->walking && (rds->walk_again || rds->walked_at == 0 || now - rds->walked_at >= WALK_EVERY)) {
        rds->walking = true;
        rds->walk_again = false;
        rds->walked_at = now;
        rds->walk_from = (struct ph_id){.bytes = {0}};
    }
    memset(&nowhere, 0xff, sizeof(nowhere));
    return rds->walking ? rds->walk_from : nowhere;
}

void rds_appended(struct rds *rds, const struct ph_id *id, int64_t accepted_at)
{
    int64_t time = 0; // a UUIDv7 begins with it
    for (size_t i = 0; i < 6; i++)
        time = time << 8 | id->bytes[i];
    rds->walk_again = rds->walk_again || time < accepted_at - FRESH_SURE;
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
        if (statement == SQL_LEASE_OUTBOX && i == 0)
            note_walk(job->rds, &values);
        if (statement == SQL_LEASE_OUTBOX && values_null(&values, 2)) // no mark is due
            return !values.wrong;
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
        struct ph_id *from = job->call->host->alloc(job->call, sizeof(*from));
        if (from == NULL)
            return false;
        *from = walk_from(job->rds);
        return step_bigint(job, step, limit) && step_bigint(job, step, lease) && step_id(step, from);
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
