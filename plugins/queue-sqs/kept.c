// SPDX-License-Identifier: Apache-2.0
//
// See kept.h.
#include "plugins/queue-sqs/kept.h"

#include <stdlib.h>
#include <string.h>

#define FRESH_PART 4 // a job fits while less than this part of its lease is gone

void kept_init(struct kept *kept)
{
    TAILQ_INIT(&kept->jobs);
    kept->count = 0;
}

static void remove_job(struct kept *kept, struct kept_job *job)
{
    TAILQ_REMOVE(&kept->jobs, job, jobs);
    kept->count--;
}

void kept_clear(struct kept *kept)
{
    struct kept_job *job;
    while ((job = TAILQ_FIRST(&kept->jobs)) != NULL) {
        remove_job(kept, job);
        free(job);
    }
}

static char *put_text(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    at[length] = '\0';
    return at + length + 1;
}

bool kept_add(struct kept *kept, const struct answer_job *job, uint32_t lease_s, int64_t now)
{
    const size_t name_length = strlen(job->name);
    struct kept_job *copy =
        kept->count < KEPT_MAX ? malloc(sizeof *copy + name_length + job->trace.length + job->handle.length + 3) : NULL;
    if (copy == NULL) {
        return false;
    }
    char *name = (char *)(copy + 1);
    char *trace = put_text(name, job->name, name_length);
    char *handle = put_text(trace, job->trace.bytes, job->trace.length);
    put_text(handle, job->handle.bytes, job->handle.length);
    copy->job = *job;
    copy->job.name = name;
    copy->job.trace.bytes = trace;
    copy->job.handle.bytes = handle;
    kept_put_back(kept, copy, lease_s, now);
    return true;
}

void kept_put_back(struct kept *kept, struct kept_job *job, uint32_t lease_s, int64_t now)
{
    job->lease_s = lease_s;
    job->since = now;
    TAILQ_INSERT_TAIL(&kept->jobs, job, jobs);
    kept->count++;
}

static int64_t lease_ms(const struct kept_job *job)
{
    return (int64_t)job->lease_s * 1000;
}

static void forget_ended(struct kept *kept, int64_t now)
{
    struct kept_job *job;
    struct kept_job *next;
    TAILQ_FOREACH_SAFE(job, &kept->jobs, jobs, next)
    {
        if (now - job->since >= lease_ms(job)) {
            remove_job(kept, job);
            free(job);
        }
    }
}

struct kept_job *kept_take(struct kept *kept, uint32_t lease_s, int64_t now)
{
    struct kept_job *job;
    TAILQ_FOREACH(job, &kept->jobs, jobs)
    {
        if (job->lease_s == lease_s && now - job->since < lease_ms(job) / FRESH_PART) {
            remove_job(kept, job);
            return job;
        }
    }
    return NULL;
}

struct kept_job *kept_take_any(struct kept *kept, int64_t now)
{
    forget_ended(kept, now);
    struct kept_job *job = TAILQ_FIRST(&kept->jobs);
    if (job != NULL) {
        remove_job(kept, job);
    }
    return job;
}
