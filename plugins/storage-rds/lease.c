// SPDX-License-Identifier: Apache-2.0
//
// lease: due marks, moved on so that no other daemon takes them. A lease is nothing but a due time further off.
#include <string.h>

#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/record.h"
#include "plugins/storage-rds/statements.h"

#define FRESH_MOST \
    60000 // ms from a message's id to the time when its mark, still fresh, is due; and for clocks that differ
#define FRESH_WHOLE 60000 // ms

static bool read_outbox_mark(struct values *values, struct ph_mark *mark)
{
    mark->id = values_id(values, 3);
    mark->trace = values_text(values, 4);
    mark->sends = (uint32_t)values_bigint(values, 5);
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
    return statement == SQL_LEASE_OUTBOX   ? 6
           : statement == SQL_LEASE_ALERTS ? 1 + RECORD_WHOLE_COLUMNS
                                           : 1 + RECORD_HEAD_COLUMNS;
}

// The smallest id (UUIDv7) of its millisecond.
static struct ph_id id_of(int64_t time)
{
    struct ph_id id = {.bytes = {0}};
    for (size_t i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(time >> (40 - 8 * i));
    return id;
}

// Where the next lease looks for fresh marks: at the first that was left; else at those that may have become due since.
static void note_fresh(struct rds *rds, struct values *values)
{
    int64_t now = values_bigint(values, 2);
    if (!values_null(values, 1))
        rds->fresh_from = values_id(values, 1);
    else if (!values->wrong && now > FRESH_MOST)
        rds->fresh_from = id_of(now - FRESH_MOST);
}

// Sometimes all are looked through: a mark may have been held by another transaction that was rolled back, or been made by
// another daemon whose clock is behind.
static struct ph_id fresh_from(struct rds *rds)
{
    int64_t now = rds->host->monotonic(rds->host) / 1000000;
    if (rds->fresh_whole_at == 0 || now - rds->fresh_whole_at >= FRESH_WHOLE) {
        rds->fresh_whole_at = now;
        rds->fresh_from = (struct ph_id){.bytes = {0}};
    }
    if (rds->appended && memcmp(&rds->lowest, &rds->fresh_from, sizeof(rds->lowest)) < 0)
        rds->fresh_from = rds->lowest;
    rds->appended = false;
    return rds->fresh_from;
}

void rds_appended(struct rds *rds, const struct ph_id *id)
{
    if (!rds->appended || memcmp(id, &rds->lowest, sizeof(*id)) < 0)
        rds->lowest = *id;
    rds->appended = true;
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
            note_fresh(job->rds, &values);
        if (statement == SQL_LEASE_OUTBOX && values_null(&values, 3)) // no mark is due
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
        *from = fresh_from(job->rds);
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
