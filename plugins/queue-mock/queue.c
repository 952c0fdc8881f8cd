// SPDX-License-Identifier: Apache-2.0
//
// The jobs of the mock queue. A receipt is the job's number and how often it was received, in hexadecimal: so a new
// lease makes the old receipt worthless.
#include "plugins/queue-mock/queue.h"

#include "plugins/mock/answer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { RECEIPT_NUMBER = 16, RECEIPT_LENGTH = 24 }; // hexadecimal digits

static bool job_equal(const void *item, const void *number, size_t length)
{
    const struct job *job = item;
    return memcmp(&job->number, number, length) == 0;
}

static struct job *job_from(void *item)
{
    struct job *job = item;
    assert(!job || job->magic == JOB_MAGIC);
    return job;
}

struct queue *queue_new(const struct ph_host *host, const struct queue_config *config)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return NULL;
    queue->magic = QUEUE_MAGIC;
    queue->host = host;
    queue->limit = (size_t)config->limit;
    table_init(&queue->jobs, host, job_equal);
    heap_init(&queue->ready, offsetof(struct job, ready));
    heap_init(&queue->hidden, offsetof(struct job, hidden));
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    assert(!queue->waiters);
    for (size_t i = 0; i < queue->jobs.capacity; i++)
        free(queue->jobs.slots[i].item);
    table_free(&queue->jobs);
    heap_free(&queue->ready);
    heap_free(&queue->hidden);
    if (queue->timer)
        event_free(queue->timer);
    queue->magic = 0;
    free(queue);
}

static void job_make_ready(struct queue *queue, struct job *job)
{
    heap_remove(&queue->hidden, job);
    if (job->leased)
        queue->in_flight--;
    job->leased = false;
    heap_put(&queue->ready, job, job->available_at);
}

int64_t queue_now(struct queue *queue)
{
    int64_t now = queue->host->monotonic(queue->host) / 1000000;
    struct job *job;
    while ((job = job_from(heap_due(&queue->hidden, now))))
        job_make_ready(queue, job);
    return now;
}

bool queue_add(struct queue *queue, const struct ph_job *entry)
{
    int64_t now = queue_now(queue);
    size_t count = queue->jobs.count + 1;
    if (count > queue->limit || !table_reserve(&queue->jobs, count) || !heap_reserve(&queue->ready, count) ||
        !heap_reserve(&queue->hidden, count))
        return false;
    struct job *job = calloc(1, sizeof(*job) + entry->trace.length + 1);
    if (!job)
        return false;
    job->magic = JOB_MAGIC;
    job->number = ++queue->last_number;
    job->id = entry->id;
    job->trace = (struct ph_text){.bytes = (char *)(job + 1), .length = entry->trace.length};
    if (entry->trace.length)
        memcpy(job + 1, entry->trace.bytes, entry->trace.length);
    job->available_at = now + (int64_t)entry->delay_ms;
    table_add(&queue->jobs, &job->number, sizeof(job->number), job);
    heap_put(entry->delay_ms ? &queue->hidden : &queue->ready, job, job->available_at);
    return true;
}

static void receipt_digits(char *digits, uint64_t number, size_t count)
{
    for (size_t i = count; i-- > 0; number >>= 4)
        digits[i] = "0123456789abcdef"[number & 15];
}

static bool receipt_number(const char *digits, size_t count, uint64_t *number_r)
{
    *number_r = 0;
    for (size_t i = 0; i < count; i++) {
        char digit = digits[i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f')))
            return false;
        *number_r = *number_r << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return true;
}

// The answer's copy of a job that is about to be received once more.
static struct ph_received *take_copy(struct ph_call *call, const struct job *job)
{
    struct ph_received *copy = call->host->make(call, PH_MAKE_RECEIVED);
    char *receipt = call->host->alloc(call, RECEIPT_LENGTH + 1);
    if (!copy || !receipt || !answer_copy(call, job->trace, &copy->trace))
        return NULL;
    copy->id = job->id;
    copy->receives = job->receives + 1;
    receipt_digits(receipt, job->number, RECEIPT_NUMBER);
    receipt_digits(receipt + RECEIPT_NUMBER, copy->receives, RECEIPT_LENGTH - RECEIPT_NUMBER);
    copy->receipt = (struct ph_text){.bytes = receipt, .length = RECEIPT_LENGTH};
    return copy;
}

enum ph_outcome queue_take(struct queue *queue, struct ph_call *call)
{
    const struct ph_receive *entry = call->entries[0];
    struct ph_received_jobs *answer = call->outputs[0];
    int64_t now = queue_now(queue);
    size_t count = queue->ready.count < entry->limit ? queue->ready.count : entry->limit;
    struct ph_received **jobs = call->host->alloc(call, (count + 1) * sizeof(struct ph_received *));
    if (!jobs)
        return PH_INTERNAL;
    answer->jobs = jobs;
    while (answer->count < count) {
        struct job *job = job_from(heap_first(&queue->ready));
        struct ph_received *copy = take_copy(call, job);
        if (!copy)
            break;
        jobs[answer->count++] = copy;
        job->receives++;
        job->leased = true;
        queue->in_flight++;
        heap_remove(&queue->ready, job);
        heap_put(&queue->hidden, job, now + (int64_t)entry->lease_ms);
    }
    return answer->count || !count ? PH_OK : PH_INTERNAL;
}

struct job *queue_leased(struct queue *queue, struct ph_text receipt)
{
    uint64_t number;
    uint64_t receives;
    queue_now(queue);
    if (receipt.length != RECEIPT_LENGTH || !receipt_number(receipt.bytes, RECEIPT_NUMBER, &number) ||
        !receipt_number(receipt.bytes + RECEIPT_NUMBER, RECEIPT_LENGTH - RECEIPT_NUMBER, &receives))
        return NULL;
    struct job *job = job_from(table_find(&queue->jobs, &number, sizeof(number)));
    return job && job->leased && job->receives == receives ? job : NULL;
}

void queue_hide(struct queue *queue, struct job *job, int64_t now, uint32_t lease_ms)
{
    assert(job->leased);
    if (lease_ms)
        heap_put(&queue->hidden, job, now + (int64_t)lease_ms);
    else
        job_make_ready(queue, job);
}

void queue_remove_job(struct queue *queue, struct job *job)
{
    heap_remove(&queue->ready, job);
    heap_remove(&queue->hidden, job);
    if (job->leased)
        queue->in_flight--;
    table_remove(&queue->jobs, &job->number, sizeof(job->number));
    job->magic = 0;
    free(job);
}
