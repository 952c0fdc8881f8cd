// SPDX-License-Identifier: Apache-2.0
//
// Marks: postpone, settle, mark. A wave of them is one statement over arrays, in order of ids: an id, a number
// and, where it tells which entries it did, the entry's.
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/values.h"
#include "plugins/storage-rds/wave.h"

/// A kind of wave whose entries are an id and a number.
struct marking {
    enum rds_lane lane;
    uint32_t statement;
    int64_t (*number)(const void *entry);
    rds_rows_f *rows;
};

static void marking_start(struct wave *wave)
{
    const struct marking *marking = wave->data;
    struct rds_job *job = rds_job(wave->rds, wave->call, marking->lane, true, 1, marking->rows);
    if (job == NULL)
        return;
    job->data = wave;
    job->done = wave_job_done;
    struct rds_step *step = rds_job_step(job, marking->statement, 0);
    const struct wave_place *places = wave_places(wave);
    struct array ids = array_begin(wave->call, PARAMETER_UUID, wave->count, wave->count * sizeof(struct ph_id));
    struct array numbers = array_begin(wave->call, PARAMETER_BIGINT, wave->count, wave->count * 8);
    struct array entries = array_begin(wave->call, PARAMETER_BIGINT, wave->count, wave->count * 8);
    for (size_t i = 0; places != NULL && i < wave->count; i++) {
        array_bytes(&ids, places[i].id, sizeof(struct ph_id));
        array_bigint(&numbers, marking->number(places[i].id));
        array_bigint(&entries, (int64_t)places[i].index + 1);
    }
    if (places != NULL && step_array(step, &ids) && step_array(step, &numbers) &&
        (marking->rows == NULL || step_array(step, &entries)))
        rds_submit(job);
    else
        rds_no_memory(job);
}

static void begin(void *instance, struct ph_call *call, const struct marking *marking)
{
    wave_begin(instance, call, wave_names_id, NULL, marking_start, (void *)(uintptr_t)marking);
}

// Rows that tell the numbers of the entries that were done; there was nothing for the others.
static bool done_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct wave *wave = job->data;
    (void)step;
    for (int row = 0; row < PQntuples(result); row++) {
        struct values values = values_row(job->call, result, row, 1);
        size_t i = values_index(&values, 0, wave->count);
        if (values.wrong)
            return false;
        job->call->host->set(job->call, wave->indexes[i], PH_OK, 0, NULL);
    }
    for (size_t i = 0; i < wave->count; i++) {
        if (job->call->results[wave->indexes[i]]->outcome == PH_PENDING)
            job->call->host->set(job->call, wave->indexes[i], PH_NOT_FOUND, 0, NULL);
    }
    return true;
}

static int64_t postpone_number(const void *entry)
{
    return ((const struct ph_postpone *)entry)->due_in_ms;
}

void rds_postpone(void *instance, struct ph_call *call)
{
    static const struct marking postponing = {RDS_BACKGROUND, SQL_POSTPONE, postpone_number, done_rows};
    begin(instance, call, &postponing);
}

static int64_t mark_number(const void *entry)
{
    return ((const struct ph_mark_document *)entry)->due_in_ms;
}

void rds_mark(void *instance, struct ph_call *call)
{
    static const struct marking marking = {RDS_COURIER, SQL_MARK, mark_number, done_rows};
    begin(instance, call, &marking);
}

static int64_t settle_number(const void *entry)
{
    return ((const struct ph_settle *)entry)->mark;
}

void rds_settle(void *instance, struct ph_call *call)
{
    static const struct marking settling = {RDS_COURIER, SQL_SETTLE, settle_number, NULL};
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_settle *entry = call->entries[i];
        if (entry->mark != PH_MARK_ALERT && entry->mark != PH_MARK_DOCUMENT)
            call->host->set(call, i, PH_INVALID, 0, "only alert and document marks are settled");
    }
    begin(instance, call, &settling);
}
