// SPDX-License-Identifier: Apache-2.0
//
// deliver: carries messages to their inboxes, a wave of them in one transaction.
//
// Most messages are due, not expired and have never failed: one statement takes their marks away, moves the inboxes' counters
// and writes. Mostly this instance has stored them itself, a moment ago: then the statement need not look them up (known.h), and
// its answer is a word. What it leaves is sent again as a transaction of two statements: the first locks the marks, in order of their
// ids; the second locks the inboxes' counters, in order of their names, decides and writes. Both tell of every message whose mark
// they met. Of those without a mark, the recorded outcome is read afterwards.
#include "plugins/storage-rds/known.h"
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/recent.h"
#include "plugins/storage-rds/record.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/wave.h"

// What the statements give behind the columns of a fresh record.
enum {
    DELIVER_N,
    DELIVER_RECORD,
    DELIVER_EXPIRED = DELIVER_RECORD + RECORD_FRESH_COLUMNS,
    DELIVER_EARLY,
    DELIVER_NOW,
    DELIVER_COLUMNS
};

// What the statement for known messages gives.
enum { KNOWN_N, KNOWN_LATE, KNOWN_NOW, KNOWN_GONE, KNOWN_COLUMNS };

static void end_everybody(struct ph_record *record, uint32_t state, int64_t now)
{
    for (size_t i = 0; i < record->recipient_count; i++) {
        record->recipients[i]->state = state;
        record->recipients[i]->at = now;
    }
}

static bool read_marked(struct wave *wave, struct values *values, size_t i)
{
    struct ph_call *call = wave->call;
    struct ph_delivery *delivery = call->outputs[wave->indexes[i]];
    bool expired = values_boolean(values, DELIVER_EXPIRED);
    bool early = values_boolean(values, DELIVER_EARLY);
    int64_t now = values_bigint(values, DELIVER_NOW);
    struct ph_record *record = record_fresh(values, DELIVER_RECORD);
    if (record == NULL)
        return false;
    delivery->record = record;
    if (early)
        delivery->due_at = record->deliver_at;
    else
        end_everybody(record, expired ? PH_STATE_EXPIRED : PH_STATE_DELIVERED, now);
    call->host->set(call, wave->indexes[i], PH_OK, 0, NULL);
    return true;
}

static bool read_gone(struct wave *wave, struct ph_text name, size_t i)
{
    struct ph_delivery *delivery = wave->call->outputs[wave->indexes[i]];
    struct ph_recipient *recipient = delivery->record != NULL ? record_recipient(delivery->record, name) : NULL;
    if (recipient == NULL)
        return false;
    recipient->state = PH_STATE_FAILED;
    return true;
}

static void conclude(struct ph_delivery *delivery)
{
    struct ph_record *record = delivery->record;
    record_conclude(record, delivery->due_at != 0);
    for (size_t i = 0; i < record->recipient_count; i++)
        delivery->delivered = delivery->delivered || record->recipients[i]->state == PH_STATE_DELIVERED;
}

// A message that is known; its record was made before.
static void read_known(struct wave *wave, size_t i, bool late, int64_t now)
{
    struct ph_record *const *records = wave->data;
    struct ph_delivery *delivery = wave->call->outputs[wave->indexes[i]];
    delivery->record = records[i];
    end_everybody(records[i], late ? PH_STATE_EXPIRED : PH_STATE_DELIVERED, now);
    recent_drop(wave->rds->recent, &records[i]->id);
    wave->call->host->set(wave->call, wave->indexes[i], PH_OK, 0, NULL);
}

static bool known_row(struct wave *wave, struct values *values)
{
    if (values_bigint(values, KNOWN_N) == 0) {
        for (size_t i = 0; !values->wrong && i < wave->count; i++)
            read_known(wave, i, false, values_bigint(values, KNOWN_NOW));
        return !values->wrong;
    }
    size_t i = values_index(values, KNOWN_N, wave->count);
    if (values->wrong)
        return false;
    if (values_null(values, KNOWN_LATE))
        return read_gone(wave, values_peek(values, KNOWN_GONE), i);
    read_known(wave, i, values_boolean(values, KNOWN_LATE), values_bigint(values, KNOWN_NOW));
    return true;
}

static bool deliver_row(struct wave *wave, struct values *values)
{
    size_t i = values_index(values, DELIVER_N, wave->count);
    if (values->wrong)
        return false;
    return values_null(values, DELIVER_RECORD)
               ? read_gone(wave, values_peek(values, DELIVER_RECORD + RECORD_RECIPIENTS), i)
               : read_marked(wave, values, i);
}

static bool deliver_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct wave *wave = job->data;
    const bool known = job->steps[step].statement == SQL_DELIVER_KNOWN;
    bool good = true;
    if (job->steps[step].statement == SQL_DELIVER_MARKS)
        return true;
    // Messages come before those who are gone, as the statement lists them.
    for (int row = 0; good && row < PQntuples(result); row++) {
        struct values values = values_row(job->call, result, row, known ? KNOWN_COLUMNS : DELIVER_COLUMNS);
        good = (known ? known_row : deliver_row)(wave, &values) && !values.wrong;
    }
    for (size_t i = 0; good && i < wave->count; i++) {
        struct ph_delivery *delivery = job->call->outputs[wave->indexes[i]];
        if (job->call->results[wave->indexes[i]]->outcome == PH_OK)
            conclude(delivery);
    }
    return good;
}

// ------------------------------------------------------------------------------------------ what had no mark

static bool ids_parameter(struct rds_step *step, const struct wave *wave)
{
    struct array ids = array_begin(wave->call, PARAMETER_UUID, wave->count, wave->count * sizeof(struct ph_id));
    for (size_t i = 0; i < wave->count; i++)
        array_bytes(&ids, wave->call->entries[wave->indexes[i]], sizeof(struct ph_id));
    return step_array(step, &ids);
}

static bool recorded_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct wave *wave = job->data;
    struct ph_call *call = job->call;
    if (step == 0)
        return true;
    for (int row = 0; row < PQntuples(result); row++) {
        struct values values = values_row(call, result, row, 1 + RECORD_HEAD_COLUMNS);
        size_t index = wave->indexes[values_index(&values, 0, wave->count)];
        struct ph_delivery *delivery = call->outputs[index];
        if (values.wrong)
            return false;
        if (call->results[index]->outcome != PH_PENDING)
            continue;
        delivery->record = record_read(&values, 1, RECORD_HEAD_COLUMNS);
        if (delivery->record == NULL)
            return false;
        call->host->set(call, index, PH_DUPLICATE, 0, NULL);
    }
    return true;
}

static void recorded_done(struct rds_job *job, const struct rds_failure *failure)
{
    struct wave *wave = job->data;
    for (size_t i = 0; failure->outcome == PH_OK && i < wave->count; i++) {
        if (job->call->results[wave->indexes[i]]->outcome == PH_PENDING)
            job->call->host->set(job->call, wave->indexes[i], PH_NOT_FOUND, 0, "there is no such message");
    }
    wave_end(wave, failure);
}

// What is recorded may come from a transaction whose backend was cut off while it waited for the standby: the barrier has
// this answer wait in its place.
static void read_recorded(struct wave *wave)
{
    struct rds_job *job = rds_job(wave->rds, wave->call, RDS_COURIER, true, 2, recorded_rows);
    if (job == NULL)
        return;
    job->data = wave;
    job->done = recorded_done;
    rds_job_step(job, SQL_BARRIER, 0);
    if (ids_parameter(rds_job_step(job, SQL_RECORD_HEADS, 0), wave))
        rds_submit(job);
    else
        rds_no_memory(job);
}

// Whether the wave is over: its job failed, or left nothing out. What was committed stays done, whatever becomes of the next
// job.
static bool ended(struct wave *wave, const struct rds_failure *failure)
{
    return failure->outcome != PH_OK || wave_keep_pending(wave) == 0;
}

static void whole_done(struct rds_job *job, const struct rds_failure *failure)
{
    if (ended(job->data, failure))
        wave_end(job->data, failure);
    else
        read_recorded(job->data);
}

// ------------------------------------------------------------------------------------------ the slot

// The ids in ascending order, the leases and the numbers of the entries with those ids; see statements.c.
static bool deliver_step(struct rds_step *step, const struct wave *wave)
{
    const struct wave_place *places = wave_places(wave);
    struct array ids = array_begin(wave->call, PARAMETER_UUID, wave->count, wave->count * sizeof(struct ph_id));
    struct array leases = array_begin(wave->call, PARAMETER_BIGINT, wave->count, wave->count * 8);
    struct array numbers = array_begin(wave->call, PARAMETER_BIGINT, wave->count, wave->count * 8);
    for (size_t i = 0; places != NULL && i < wave->count; i++) {
        const struct ph_deliver *entry = wave->call->entries[wave->indexes[i]];
        array_bytes(&ids, places[i].id, sizeof(struct ph_id));
        array_bigint(&leases, entry->alert_lease_ms);
        array_bigint(&numbers, (int64_t)places[i].index + 1);
    }
    return places != NULL && step_array(step, &ids) && step_column(step, &leases) && step_array(step, &numbers);
}

static struct rds_job *deliver_job(struct wave *wave, size_t steps, rds_done_f *done)
{
    struct rds_job *job = rds_job(wave->rds, wave->call, RDS_COURIER, true, steps, deliver_rows);
    if (job == NULL)
        return NULL;
    job->data = wave;
    job->done = done;
    return job;
}

static void deliver_whole(struct wave *wave)
{
    struct rds_job *job = deliver_job(wave, 2, whole_done);
    if (job == NULL)
        return;
    if (ids_parameter(rds_job_step(job, SQL_DELIVER_MARKS, 0), wave) &&
        deliver_step(rds_job_step(job, SQL_DELIVER, 0), wave))
        rds_submit(job);
    else
        rds_no_memory(job);
}

static void fresh_done(struct rds_job *job, const struct rds_failure *failure)
{
    if (ended(job->data, failure))
        wave_end(job->data, failure);
    else
        deliver_whole(job->data);
}

static void deliver_start(struct wave *wave)
{
    struct rds_job *job = deliver_job(wave, 1, fresh_done);
    if (job == NULL)
        return;
    const struct recent_message *const *known = known_find(wave);
    struct rds_step *step = rds_job_step(job, known != NULL ? SQL_DELIVER_KNOWN : SQL_DELIVER_FRESH, 0);
    if (deliver_step(step, wave) && ids_parameter(step, wave) && (known == NULL || known_add(step, wave, known)))
        rds_submit(job);
    else
        rds_no_memory(job);
}

void rds_deliver(void *instance, struct ph_call *call)
{
    wave_begin(instance, call, wave_names_id, NULL, deliver_start, NULL);
}
