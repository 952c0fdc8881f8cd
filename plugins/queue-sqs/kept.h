// SPDX-License-Identifier: Apache-2.0
//
// Jobs that SQS has handed out and that no receive has taken yet.
//
// Several polls wait side by side, and a receive ends with the first that brings something: what the others bring is kept
// for the next receive, so that nothing is lost until its lease ends. A kept job fits a receive that asks for the same lease
// while little of it is gone; else its lease must be renewed first, and when it has ended, the job is forgotten: it comes
// again by itself.
//
// The exchange loop only. Times are milliseconds of a clock that never goes back.
#ifndef PLUGINS_QUEUE_SQS_KEPT_H
#define PLUGINS_QUEUE_SQS_KEPT_H

#include "core/list.h"
#include "plugins/queue-sqs/answer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// More are not kept: all that 128 polls may bring, and what was left of before. No poll is begun that could bring more.
#define KEPT_MAX 2048u

struct kept_job {
    TAILQ_ENTRY(kept_job) jobs;
    struct answer_job job; ///< its texts lie behind
    uint32_t lease_s;      ///< the lease it was last given
    int64_t since;         ///< and when
};

struct kept {
    TAILQ_HEAD(, kept_job) jobs;
    size_t count;
};

void kept_init(struct kept *kept);
/// Forgets all jobs.
void kept_clear(struct kept *kept);

/// Keeps a copy of a job that has just come. False: no room, it is forgotten.
bool kept_add(struct kept *kept, const struct answer_job *job, uint32_t lease_s, int64_t now);

/// Takes out the first job that fits that lease, or NULL. The caller frees it with free().
struct kept_job *kept_take(struct kept *kept, uint32_t lease_s, int64_t now);

/// Takes out any job whose lease has not ended, or NULL; forgets those whose lease has.
struct kept_job *kept_take_any(struct kept *kept, int64_t now);

/// Puts back a job whose lease was renewed.
void kept_put_back(struct kept *kept, struct kept_job *job, uint32_t lease_s, int64_t now);

#endif
