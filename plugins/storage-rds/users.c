// SPDX-License-Identifier: Apache-2.0
//
// Users. A removed user's row stays: it reserves the name, and old messages still name their sender.
#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/values.h"

static const char no_user[] = "there is no such user";

static void set(struct rds_job *job, size_t index, enum ph_outcome outcome)
{
    job->call->host->set(job->call, index, outcome, 0, outcome == PH_NOT_FOUND ? "%s" : NULL, no_user);
}

// ------------------------------------------------------------------------------------------ add

static bool add_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    if (job->steps[step].statement != SQL_USER_ADDED)
        return true;
    struct values values = values_row(job->call, result, 0, 1);
    set(job, job->steps[step].entry, values_boolean(&values, 0) ? PH_OK : PH_CONFLICT);
    return !values.wrong;
}

static bool add_steps(struct rds_job *job, size_t index)
{
    const struct ph_user_add *entry = job->call->entries[index];
    if (!names_plain(entry->name)) {
        set(job, index, PH_INVALID);
        return true;
    }
    struct rds_step *add = rds_job_step(job, SQL_USER_ADD, index);
    struct rds_step *added = rds_job_step(job, SQL_USER_ADDED, index);
    return step_text(add, entry->name) && step_id(add, &entry->id) && step_text(add, entry->password) &&
           step_bigint(job, add, entry->roles) && step_text(added, entry->name) && step_id(added, &entry->id);
}

void rds_user_add(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_WRITE, true, 2 * call->count, add_rows), add_steps);
}

// ------------------------------------------------------------------------------------------ get and list

static bool get_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    (void)step;
    for (int row = 0; row < PQntuples(result); row++) {
        struct values values = values_row(call, result, row, 4);
        size_t index = values_index(&values, 0, call->count);
        struct ph_user *user = call->outputs[index];
        const struct ph_user_name *entry = call->entries[index];
        user->password = values_text(&values, 1);
        user->roles = (uint32_t)values_bigint(&values, 2);
        user->created_at = values_bigint(&values, 3);
        if (values.wrong || !names_copy(call, entry->name, &user->name))
            return false;
        set(job, index, PH_OK);
    }
    for (size_t i = 0; i < call->count; i++) {
        if (call->results[i]->outcome == PH_PENDING)
            set(job, i, PH_NOT_FOUND);
    }
    return true;
}

void rds_user_get(void *instance, struct ph_call *call)
{
    struct rds_job *job = rds_job(instance, call, RDS_READ, false, 1, get_rows);
    if (job == NULL)
        return;
    struct rds_step *step = rds_job_step(job, SQL_USER_GET, 0);
    struct array users = array_begin(call, PARAMETER_TEXT, call->count, call->count * 16);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_user_name *entry = call->entries[i];
        array_name(&users, entry->name);
    }
    if (step_array(step, &users))
        rds_submit(job);
    else
        rds_no_memory(job);
}

static bool list_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct ph_call *call = job->call;
    size_t index = job->steps[step].entry;
    struct ph_users *output = call->outputs[index];
    size_t limit = (size_t)rds_most(((const struct ph_user_list *)call->entries[index])->limit);
    size_t count = (size_t)PQntuples(result);
    struct ph_user **users = call->host->alloc(call, (count + 1) * sizeof(struct ph_user *));
    if (users == NULL)
        return false;
    output->users = users;
    output->more = count > limit;
    for (size_t i = 0; i < count && i < limit; i++) {
        struct values values = values_row(call, result, (int)i, 3);
        struct ph_user *user = call->host->make(call, PH_MAKE_USER);
        if (user == NULL)
            return false;
        user->name = values_text(&values, 0);
        user->password = (struct ph_text){.bytes = "", .length = 0};
        user->roles = (uint32_t)values_bigint(&values, 1);
        user->created_at = values_bigint(&values, 2);
        if (values.wrong)
            return false;
        users[output->count++] = user;
    }
    return true;
}

static bool list_steps(struct rds_job *job, size_t index)
{
    const struct ph_user_list *entry = job->call->entries[index];
    struct rds_step *step = rds_job_step(job, SQL_USER_LIST, index);
    struct ph_text after = entry->after;
    // Names are visible ASCII, so nothing is lost by beginning at the part of `after` that is.
    while (after.length > 0 && !names_plain(after))
        after.length--;
    return step_text(step, after) && step_bigint(job, step, rds_most(entry->limit) + 1);
}

void rds_user_list(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_READ, false, call->count, list_rows), list_steps);
}

// ------------------------------------------------------------------------------------------ password and remove

static bool password_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct values values = values_row(job->call, result, 0, 1);
    set(job, job->steps[step].entry, values_bigint(&values, 0) == 1 ? PH_OK : PH_NOT_FOUND);
    return !values.wrong;
}

static bool password_steps(struct rds_job *job, size_t index)
{
    const struct ph_user_password *entry = job->call->entries[index];
    if (!names_plain(entry->name)) {
        set(job, index, PH_NOT_FOUND);
        return true;
    }
    struct rds_step *step = rds_job_step(job, SQL_USER_PASSWORD, index);
    return step_text(step, entry->name) && step_text(step, entry->password) &&
           step_bytes(step, entry->keep_session, sizeof(entry->keep_session));
}

void rds_user_password(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_WRITE, true, call->count, password_rows), password_steps);
}

static bool remove_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct values values = values_row(job->call, result, 0, 2);
    bool removed = values_bigint(&values, 0) == 1;
    bool known = values_bigint(&values, 1) == 1;
    set(job, job->steps[step].entry, removed ? PH_OK : known ? PH_DUPLICATE : PH_NOT_FOUND);
    return !values.wrong;
}

static bool remove_steps(struct rds_job *job, size_t index)
{
    const struct ph_user_name *entry = job->call->entries[index];
    if (!names_plain(entry->name)) {
        set(job, index, PH_NOT_FOUND);
        return true;
    }
    return step_text(rds_job_step(job, SQL_USER_REMOVE, index), entry->name);
}

void rds_user_remove(void *instance, struct ph_call *call)
{
    rds_each(rds_job(instance, call, RDS_WRITE, true, call->count, remove_rows), remove_steps);
}
