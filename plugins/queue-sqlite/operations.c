// SPDX-License-Identifier: Apache-2.0
//
// Sending, receiving, removing and extending jobs.
//
// A receipt is the job's number and the random number of its last receiving, in hexadecimal: a new receiving makes the
// old receipt worthless, also when a job's number is used again.
#include "plugins/queue-sqlite/operations.h"

#include "plugins/queue-sqlite/statements.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define RECEIPT_DIGITS 16
#define RECEIVE_AT_ONCE 1000

int queue_send(struct scope *scope, struct ph_call *call)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < call->count; i++) {
        const struct ph_job *entry = call->entries[i];
        struct query query = query_begin(scope->connection, SQL_SEND);
        query_id(&query, &entry->id);
        query_text(&query, entry->trace);
        query_integer(&query, scope->now + (int64_t)entry->delay_ms);
        code = query_run(&query);
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    return code;
}

// ------------------------------------------------------------------------------------------ receipts

static bool make_receipt(struct ph_call *call, int64_t job, int64_t lease, struct ph_text *receipt_r)
{
    char *digits = call->host->alloc(call, 2 * RECEIPT_DIGITS + 1);
    *receipt_r = (struct ph_text){.bytes = "", .length = 0};
    if (digits == NULL)
        return false;
    snprintf(digits, 2 * RECEIPT_DIGITS + 1, "%016llx%016llx", (unsigned long long)job, (unsigned long long)lease);
    *receipt_r = (struct ph_text){.bytes = digits, .length = 2 * RECEIPT_DIGITS};
    return true;
}

static bool read_digits(const char *digits, int64_t *number_r)
{
    uint64_t number = 0;
    for (size_t i = 0; i < RECEIPT_DIGITS; i++) {
        char digit = digits[i];
        if (digit >= '0' && digit <= '9')
            number = number << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            number = number << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return false;
    }
    *number_r = (int64_t)number;
    return true;
}

static bool read_receipt(struct ph_text receipt, int64_t *job_r, int64_t *lease_r)
{
    return receipt.length == 2 * RECEIPT_DIGITS && read_digits(receipt.bytes, job_r) &&
           read_digits(receipt.bytes + RECEIPT_DIGITS, lease_r) && *lease_r != 0;
}

// ------------------------------------------------------------------------------------------ receive

static int64_t random_lease(const struct scope *scope)
{
    int64_t lease = 0;
    while (lease == 0)
        scope->host->random(scope->host, &lease, sizeof(lease));
    return lease;
}

// Lists what is visible: numbers and the answer's copies.
static int find_visible(struct scope *scope, struct ph_call *call, size_t limit, int64_t lease, int64_t *numbers,
                        struct ph_received **jobs)
{
    struct ph_received_jobs *output = call->outputs[0];
    struct query query = query_begin(scope->connection, SQL_VISIBLE);
    query_integer(&query, scope->now);
    query_integer(&query, (int64_t)limit);
    while (output->count < limit && query_step(&query)) {
        struct ph_received *job = call->host->make(call, PH_MAKE_RECEIVED);
        numbers[output->count] = query_integer_at(&query, 0);
        if (job == NULL || !query_text_at(&query, 2, call, &job->trace) ||
            !make_receipt(call, numbers[output->count], lease, &job->receipt)) {
            query_end(&query);
            return FAILURE_ARENA;
        }
        job->id = query_id_at(&query, 1);
        job->receives = (uint32_t)query_integer_at(&query, 3) + 1;
        jobs[output->count++] = job;
    }
    output->jobs = jobs;
    return query_end(&query);
}

int queue_receive(struct scope *scope, struct ph_call *call)
{
    const struct ph_receive *entry = call->entries[0];
    const struct ph_received_jobs *output = call->outputs[0];
    size_t limit = entry->limit < RECEIVE_AT_ONCE ? entry->limit : RECEIVE_AT_ONCE;
    int64_t *numbers = call->host->alloc(call, (limit + 1) * sizeof(int64_t));
    struct ph_received **jobs = call->host->alloc(call, (limit + 1) * sizeof(struct ph_received *));
    if (numbers == NULL || jobs == NULL)
        return FAILURE_ARENA;
    int64_t lease = random_lease(scope);
    int code = find_visible(scope, call, limit, lease, numbers, jobs);
    for (size_t i = 0; code == SQLITE_OK && i < output->count; i++) {
        struct query query = query_begin(scope->connection, SQL_LEASE);
        query_integer(&query, numbers[i]);
        query_integer(&query, scope->now + (int64_t)entry->lease_ms);
        query_integer(&query, lease);
        code = query_run(&query);
    }
    call->host->set(call, 0, PH_OK, 0, NULL);
    return code;
}

int queue_peek(struct scope *scope, struct ph_call *call)
{
    struct query query = query_begin(scope->connection, SQL_PEEK);
    query_integer(&query, scope->now);
    if (query_step(&query))
        call->host->set(call, 0, PH_OK, 0, NULL);
    return query_end(&query);
}

// ------------------------------------------------------------------------------------------ remove and extend

int queue_remove(struct scope *scope, struct ph_call *call)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < call->count; i++) {
        const struct ph_receipt *entry = call->entries[i];
        int64_t job;
        int64_t lease;
        call->host->set(call, i, PH_OK, 0, NULL);
        if (!read_receipt(entry->receipt, &job, &lease))
            continue;
        // Also when the lease has ended, as long as nobody has received it again: the work is done.
        struct query query = query_begin(scope->connection, SQL_REMOVE);
        query_integer(&query, job);
        query_integer(&query, lease);
        code = query_run(&query);
    }
    return code;
}

int queue_extend(struct scope *scope, struct ph_call *call)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < call->count; i++) {
        const struct ph_receipt *entry = call->entries[i];
        int64_t job;
        int64_t lease;
        bool extended = false;
        if (read_receipt(entry->receipt, &job, &lease)) {
            struct query query = query_begin(scope->connection, entry->lease_ms > 0 ? SQL_EXTEND : SQL_GIVE_BACK);
            query_integer(&query, job);
            query_integer(&query, lease);
            query_integer(&query, scope->now + (int64_t)entry->lease_ms);
            if (entry->lease_ms > 0)
                query_integer(&query, scope->now);
            code = query_run(&query);
            extended = code == SQLITE_OK && query_changes(scope->connection) > 0;
        }
        if (extended)
            call->host->set(call, i, PH_OK, 0, NULL);
        else
            call->host->set(call, i, PH_NOT_FOUND, 0, "the lease has ended");
    }
    return code;
}

int queue_stats(struct scope *scope, struct ph_call *call)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < call->count; i++) {
        struct ph_queue_stats *output = call->outputs[i];
        struct query query = query_begin(scope->connection, SQL_STATS);
        query_integer(&query, scope->now);
        if (query_step(&query)) {
            int64_t ready_at = query_integer_at(&query, 3);
            output->waiting = query_integer_at(&query, 0);
            output->in_flight = query_integer_at(&query, 1);
            output->delayed = query_integer_at(&query, 2);
            output->oldest_ms = ready_at != 0 && ready_at < scope->now ? scope->now - ready_at : 0;
        }
        call->host->set(call, i, PH_OK, 0, NULL);
        code = query_end(&query);
    }
    return code;
}
