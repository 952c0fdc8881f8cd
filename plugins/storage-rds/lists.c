// SPDX-License-Identifier: Apache-2.0
//
// Reading lists and messages. Inbox, sent messages and dead letters are read alike, from a position; they differ in the
// statement and in what a record shows.
#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/record.h"
#include "plugins/storage-rds/statements.h"

#define WAIT_STEP 1 // behind SQL_SENT_HORIZON

static const char no_user[] = "there is no such user";

static int64_t position_of(uint64_t position)
{
    return position > INT64_MAX ? INT64_MAX : (int64_t)position;
}

// Entries that no row told of get PH_NOT_FOUND.
static void not_found(struct ph_call *call, const char *text)
{
    for (size_t i = 0; i < call->count; i++) {
        if (call->results[i]->outcome == PH_PENDING)
            call->host->set(call, i, PH_NOT_FOUND, 0, "%s", text);
    }
}

// Adds the record whose columns begin at `first` to a page; a row without one stands for an empty page.
static struct ph_record *add_record(struct values *values, struct ph_page *page, size_t most, int first,
                                    enum record_column columns)
{
    if (page->records == NULL)
        page->records = values->call->host->alloc(values->call, (most + 1) * sizeof(struct ph_record *));
    if (page->records == NULL || page->count == most) {
        values->wrong = true;
        return NULL;
    }
    struct ph_record *record = record_read(values, first, columns);
    if (record != NULL)
        ((struct ph_record **)(uintptr_t)page->records)[page->count++] = record;
    return record;
}

// ------------------------------------------------------------------------------------------ inbox

// The reader has it, so nobody is open, and it ended when the reader got it.
static void show_inbox_record(struct ph_record *record)
{
    record_hide_states(record);
    record->status = PH_STATE_DELIVERED;
    record->finished_at = record->delivered_at;
}

static bool inbox_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    (void)step;
    for (int row = 0; row < PQntuples(result); row++) {
        struct values values = values_row(call, result, row, 2 + RECORD_WHOLE_COLUMNS);
        size_t index = values_index(&values, 0, call->count);
        struct ph_page *page = call->outputs[index];
        const struct ph_read *entry = call->entries[index];
        page->head = (uint64_t)values_bigint(&values, 1);
        if (!values.wrong && !values_null(&values, 2)) {
            struct ph_record *record =
                add_record(&values, page, (size_t)rds_most(entry->limit), 2, RECORD_WHOLE_COLUMNS);
            if (record != NULL)
                show_inbox_record(record);
        }
        if (values.wrong)
            return false;
        call->host->set(call, index, PH_OK, 0, NULL);
    }
    not_found(call, no_user);
    return true;
}

void rds_inbox_read(void *instance, struct ph_call *call)
{
    struct rds_job *job = rds_job(instance, call, RDS_READ, false, 1, inbox_rows);
    if (job == NULL)
        return;
    struct rds_step *step = rds_job_step(job, SQL_INBOX_READ, 0);
    struct array users = array_begin(call, PARAMETER_TEXT, call->count, call->count * 16);
    struct array afters = array_begin(call, PARAMETER_BIGINT, call->count, call->count * 8);
    struct array limits = array_begin(call, PARAMETER_BIGINT, call->count, call->count * 8);
    struct array bytes = array_begin(call, PARAMETER_BIGINT, call->count, call->count * 8);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_read *entry = call->entries[i];
        array_name(&users, entry->user);
        array_bigint(&afters, position_of(entry->after));
        array_bigint(&limits, rds_most(entry->limit));
        array_bigint(&bytes, entry->byte_limit);
    }
    if (step_array(step, &users) && step_array(step, &afters) && step_array(step, &limits) && step_array(step, &bytes))
        rds_submit(job);
    else
        rds_no_memory(job);
}

static bool head_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    (void)step;
    for (int row = 0; row < PQntuples(result); row++) {
        struct values values = values_row(call, result, row, 2);
        size_t index = values_index(&values, 0, call->count);
        struct ph_head_position *output = call->outputs[index];
        output->head = (uint64_t)values_bigint(&values, 1);
        if (values.wrong)
            return false;
        call->host->set(call, index, PH_OK, 0, NULL);
    }
    not_found(call, no_user);
    return true;
}

void rds_inbox_head(void *instance, struct ph_call *call)
{
    struct rds_job *job = rds_job(instance, call, RDS_READ, false, 1, head_rows);
    if (job == NULL)
        return;
    struct rds_step *step = rds_job_step(job, SQL_INBOX_HEAD, 0);
    struct array users = array_begin(call, PARAMETER_TEXT, call->count, call->count * 16);
    for (size_t i = 0; i < call->count; i++)
        array_name(&users, ((const struct ph_head *)call->entries[i])->user);
    if (step_array(step, &users))
        rds_submit(job);
    else
        rds_no_memory(job);
}

// ------------------------------------------------------------------------------------------ sent and dead

static bool list_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    size_t index = job->steps[step].entry;
    uint32_t statement = job->steps[step].statement;
    bool dead = statement == SQL_DEAD_READ;
    if (statement != SQL_SENT_READ && !dead)
        return true;
    const struct ph_read *entry = call->entries[index];
    struct ph_page *page = call->outputs[index];
    enum record_column columns = dead ? RECORD_HEAD_COLUMNS : RECORD_WHOLE_COLUMNS;
    for (int row = 0; row < PQntuples(result); row++) {
        struct values values = values_row(call, result, row, 1 + (int)columns);
        page->head = (uint64_t)values_bigint(&values, 0);
        if (!values.wrong && !values_null(&values, 1))
            add_record(&values, page, (size_t)rds_most(entry->limit), 1, columns);
        if (values.wrong)
            return false;
    }
    bool found = PQntuples(result) > 0;
    call->host->set(call, index, found ? PH_OK : PH_NOT_FOUND, 0, found ? NULL : no_user);
    return true;
}

// An append hangs (its standby is away, its daemon was stopped): the list is shown all the same, up to there.
static void sent_done(struct rds_job *job, const struct rds_failure *failure)
{
    struct rds_step *wait = &job->steps[WAIT_STEP];
    if (!failure->locked || wait->statement != SQL_SENT_WAIT) {
        rds_finish(job, failure);
        return;
    }
    wait->statement = SQL_SENT_BELOW;
    rds_submit_again(job);
}

static bool sent_steps(struct rds_job *job, size_t index)
{
    const struct ph_read *entry = job->call->entries[index];
    if (!names_plain(entry->user)) {
        job->call->host->set(job->call, index, PH_NOT_FOUND, 0, "%s", no_user);
        return true;
    }
    if (job->step_count == 0) {
        // Half of the time, so that there is some left when the wait was in vain.
        if (!step_bigint(job, rds_job_step(job, SQL_SENT_HORIZON, index), job->rds->config->lock_timeout / 2))
            return false;
        rds_job_step(job, SQL_SENT_WAIT, index);
    }
    struct rds_step *step = rds_job_step(job, SQL_SENT_READ, index);
    return step_text(step, entry->user) && step_bigint(job, step, position_of(entry->after)) &&
           step_bigint(job, step, rds_most(entry->limit)) && step_bigint(job, step, entry->byte_limit);
}

void rds_sent_read(void *instance, struct ph_call *call)
{
    struct rds_job *job = rds_job(instance, call, RDS_SENT, false, call->count + 2, list_rows);
    if (job == NULL)
        return;
    job->done = sent_done;
    rds_each(job, sent_steps);
}

static bool dead_steps(struct rds_job *job, size_t index)
{
    const struct ph_read *entry = job->call->entries[index];
    struct rds_step *step = rds_job_step(job, SQL_DEAD_READ, index);
    return step_bigint(job, step, position_of(entry->after)) && step_bigint(job, step, rds_most(entry->limit));
}

void rds_dead_read(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_READ, false, call->count, list_rows), dead_steps);
}

// ------------------------------------------------------------------------------------------ one message

static const char no_message[] = "there is no such message for this user";

static bool get_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    size_t index = job->steps[step].entry;
    struct ph_found *output = call->outputs[index];
    if (PQntuples(result) == 0) {
        call->host->set(call, index, PH_NOT_FOUND, 0, "%s", no_message);
        return true;
    }
    struct values values = values_row(call, result, 0, RECORD_WHOLE_COLUMNS);
    output->record = record_read(&values, 0, RECORD_WHOLE_COLUMNS);
    call->host->set(call, index, PH_OK, 0, NULL);
    return output->record != NULL;
}

static bool get_steps(struct rds_job *job, size_t index)
{
    const struct ph_pick *entry = job->call->entries[index];
    if (!names_plain(entry->user)) {
        job->call->host->set(job->call, index, PH_NOT_FOUND, 0, "%s", no_message);
        return true;
    }
    struct rds_step *step = rds_job_step(job, SQL_MESSAGE_GET, index);
    return step_text(step, entry->user) && step_id(step, &entry->id);
}

void rds_message_get(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_READ, false, call->count, get_rows), get_steps);
}
