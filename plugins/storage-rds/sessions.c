// SPDX-License-Identifier: Apache-2.0
//
// Sessions. One whose user was removed while it was being added is as good as none: every reading asks for the user.
#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/values.h"

#define TOKEN_BYTES 32

// Fills an output from name, roles and expires_at, beginning at `first`.
static bool read_session(struct values *values, int first, struct ph_session *session)
{
    session->user = values_text(values, first);
    session->roles = (uint32_t)values_bigint(values, first + 1);
    session->expires_at = values_bigint(values, first + 2);
    return !values->wrong;
}

// ------------------------------------------------------------------------------------------ add

static bool add_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    size_t index = job->steps[step].entry;
    if (job->steps[step].statement != SQL_SESSION_ADDED)
        return true;
    if (PQntuples(result) == 0) {
        job->call->host->set(job->call, index, PH_NOT_FOUND, 0, "there is no such user");
        return true;
    }
    struct values values = values_row(job->call, result, 0, 3);
    return read_session(&values, 0, job->call->outputs[index]);
}

static bool add_steps(struct rds_job *job, size_t index)
{
    const struct ph_session_add *entry = job->call->entries[index];
    if (!names_plain(entry->user)) {
        job->call->host->set(job->call, index, PH_NOT_FOUND, 0, "there is no such user");
        return true;
    }
    struct rds_step *add = rds_job_step(job, SQL_SESSION_ADD, index);
    struct rds_step *added = rds_job_step(job, SQL_SESSION_ADDED, index);
    return step_bytes(add, entry->token_hash, TOKEN_BYTES) && step_text(add, entry->user) &&
           step_bigint(job, add, entry->lifetime_ms) && step_bytes(added, entry->token_hash, TOKEN_BYTES);
}

void rds_session_add(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_WRITE, true, 2 * call->count, add_rows), add_steps);
}

// ------------------------------------------------------------------------------------------ get and remove

static bool get_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    (void)step;
    for (int row = 0; row < PQntuples(result); row++) {
        struct values values = values_row(call, result, row, 4);
        size_t index = values_index(&values, 0, call->count);
        if (values.wrong || !read_session(&values, 1, call->outputs[index]))
            return false;
        call->host->set(call, index, PH_OK, 0, NULL);
    }
    for (size_t i = 0; i < call->count; i++) {
        if (call->results[i]->outcome == PH_PENDING)
            call->host->set(call, i, PH_NOT_FOUND, 0, NULL);
    }
    return true;
}

static void submit_tokens(struct rds_job *job, uint32_t statement)
{
    if (job == NULL)
        return;
    struct ph_call *call = job->call;
    struct rds_step *step = rds_job_step(job, statement, 0);
    struct array tokens = array_begin(call, PARAMETER_BYTEA, call->count, call->count * TOKEN_BYTES);
    for (size_t i = 0; i < call->count; i++)
        array_bytes(&tokens, ((const struct ph_session_token *)call->entries[i])->token_hash, TOKEN_BYTES);
    if (step_array(step, &tokens))
        rds_submit(job);
    else
        rds_no_memory(job);
}

void rds_session_get(void *instance, struct ph_call *call)
{
    submit_tokens(rds_job(instance, call, RDS_READ, false, 1, get_rows), SQL_SESSION_GET);
}

void rds_session_remove(void *instance, struct ph_call *call)
{
    submit_tokens(rds_job(instance, call, RDS_WRITE, true, 1, NULL), SQL_SESSION_REMOVE);
}
