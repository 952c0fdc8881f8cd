// SPDX-License-Identifier: Apache-2.0
//
// The jobs of the bench's stub of SQS: first in, first out; taken by a receipt until they are removed or given back.
#ifndef BENCH_AWS_JOBS_H
#define BENCH_AWS_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "plugins/queue-sqs/md5.h"

struct jobs;

struct job {
    uint64_t number;
    unsigned receives;
    size_t place;           ///< while it is taken
    char md5[SQS_MD5_SIZE]; ///< of the body, hexadecimal
    struct buffer escaped;  ///< the body as a JSON string, quotes included
    struct job *next;
};

struct jobs *jobs_new(void);
void jobs_free(struct jobs *jobs);

/// Adds a job with this text as its body; it stays the queue's.
const struct job *jobs_put(struct jobs *jobs, const char *text, size_t length);

/// Takes the first job; NULL: there is none.
const struct job *jobs_take(struct jobs *jobs);

/// Appends the receipt of a job that is taken.
void job_write_receipt(const struct job *job, struct buffer *text);

/// A receipt that is not known, or was used, does nothing.
void jobs_remove(struct jobs *jobs, const char *receipt);
void jobs_give_back(struct jobs *jobs, const char *receipt);

size_t jobs_waiting(const struct jobs *jobs);
size_t jobs_taken(const struct jobs *jobs);

#endif
