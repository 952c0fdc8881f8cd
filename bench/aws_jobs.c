// SPDX-License-Identifier: Apache-2.0
//
// See bench/aws_jobs.h. A receipt is the number of a place in a table and the job's own number, so that one that was used
// before names nothing. Jobs that were removed are kept for those to come, with their memory.
#include "bench/aws_jobs.h"

#include "core/xalloc.h"

#include <stdlib.h>

struct place {
    struct job *job;  // NULL: free
    size_t next_free; // one more than the next free place's index, 0: none
};

struct jobs {
    uint64_t numbers;
    struct md5 md5;
    struct job *first;
    struct job **last;
    struct job *spare;
    size_t waiting;
    size_t taken;
    struct place *places;
    size_t place_count;
    size_t free_place; // one more than its index, 0: none
};

struct jobs *jobs_new(void)
{
    struct jobs *jobs = xcalloc(1, sizeof *jobs);
    jobs->last = &jobs->first;
    return jobs;
}

static void job_free(struct job *job)
{
    buffer_free(&job->escaped);
    free(job);
}

static void list_free(struct job *job)
{
    while (job != NULL) {
        struct job *next = job->next;
        job_free(job);
        job = next;
    }
}

void jobs_free(struct jobs *jobs)
{
    list_free(jobs->first);
    list_free(jobs->spare);
    for (size_t i = 0; i < jobs->place_count; i++) {
        if (jobs->places[i].job != NULL) {
            job_free(jobs->places[i].job);
        }
    }
    md5_clear(&jobs->md5);
    free(jobs->places);
    free(jobs);
}

static void append(struct jobs *jobs, struct job *job)
{
    job->next = NULL;
    *jobs->last = job;
    jobs->last = &job->next;
    jobs->waiting++;
}

static struct job *job_new(struct jobs *jobs)
{
    struct job *job = jobs->spare;
    if (job != NULL) {
        jobs->spare = job->next;
        buffer_clear(&job->escaped);
    } else {
        job = xcalloc(1, sizeof *job);
        buffer_init(&job->escaped, SIZE_MAX);
    }
    return job;
}

const struct job *jobs_put(struct jobs *jobs, const char *text, size_t length)
{
    struct job *job = job_new(jobs);
    job->number = ++jobs->numbers;
    job->receives = 0;
    buffer_json_string(&job->escaped, text, length);
    md5_hex(&jobs->md5, text, length, job->md5);
    append(jobs, job);
    return job;
}

static size_t take_place(struct jobs *jobs)
{
    if (jobs->free_place == 0) {
        const size_t count = jobs->place_count > 0 ? 2 * jobs->place_count : 1024;
        jobs->places = xrealloc_array(jobs->places, count, sizeof *jobs->places);
        for (size_t i = count; i > jobs->place_count; i--) {
            jobs->places[i - 1] = (struct place){.next_free = jobs->free_place};
            jobs->free_place = i;
        }
        jobs->place_count = count;
    }
    const size_t index = jobs->free_place - 1;
    jobs->free_place = jobs->places[index].next_free;
    return index;
}

const struct job *jobs_take(struct jobs *jobs)
{
    struct job *job = jobs->first;
    if (job == NULL) {
        return NULL;
    }
    jobs->first = job->next;
    if (jobs->first == NULL) {
        jobs->last = &jobs->first;
    }
    jobs->waiting--;
    jobs->taken++;
    job->receives++;
    job->place = take_place(jobs);
    jobs->places[job->place].job = job;
    return job;
}

void job_write_receipt(const struct job *job, struct buffer *text)
{
    buffer_unsigned(text, job->place);
    buffer_byte(text, '-');
    buffer_unsigned(text, job->number);
}

// The job that a receipt names, no longer taken; NULL: none.
static struct job *untake(struct jobs *jobs, const char *receipt)
{
    char *end;
    const size_t index = strtoul(receipt, &end, 10);
    const uint64_t number = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
    struct job *job = index < jobs->place_count ? jobs->places[index].job : NULL;
    if (job == NULL || job->number != number) {
        return NULL;
    }
    jobs->places[index] = (struct place){.next_free = jobs->free_place};
    jobs->free_place = index + 1;
    jobs->taken--;
    return job;
}

void jobs_remove(struct jobs *jobs, const char *receipt)
{
    struct job *job = untake(jobs, receipt);
    if (job != NULL) {
        job->next = jobs->spare;
        jobs->spare = job;
    }
}

void jobs_give_back(struct jobs *jobs, const char *receipt)
{
    struct job *job = untake(jobs, receipt);
    if (job != NULL) {
        append(jobs, job);
    }
}

size_t jobs_waiting(const struct jobs *jobs)
{
    return jobs->waiting;
}

size_t jobs_taken(const struct jobs *jobs)
{
    return jobs->taken;
}
