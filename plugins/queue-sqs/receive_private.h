// SPDX-License-Identifier: Apache-2.0
//
// The receiver from the inside: receive.c holds the calls and decides, poll.c asks SQS.
#ifndef PLUGINS_QUEUE_SQS_RECEIVE_PRIVATE_H
#define PLUGINS_QUEUE_SQS_RECEIVE_PRIVATE_H

#include "core/buffer.h"
#include "core/list.h"
#include "plugins/queue-sqs/kept.h"
#include "plugins/queue-sqs/sqs.h"
#include <stdbool.h>

#define RECEIVER_MAGIC 0x72637672u
#define POLL_BODY_MAX ((size_t)16 << 10)

struct event;
struct receiver;

/// A receive that waits.
struct waiter {
    TAILQ_ENTRY(waiter) waiters;
    struct receiver *receiver;
    struct ph_call *call;
    uint32_t limit;
    uint32_t lease_s;
    int64_t until;       ///< when it ends with none
    struct event *timer; ///< for that; NULL: it waits for one poll of its own, the look
    enum { LOOK_WANTED, LOOK_UNDER_WAY, LOOK_OVER } look;
};

/// A ReceiveMessage under way.
struct poll {
    TAILQ_ENTRY(poll) polls;
    struct receiver *receiver;
    struct aws_exchange *exchange;
    struct waiter *looker; ///< whose look it is, or NULL
    uint32_t limit;
    uint32_t lease_s;
    int64_t ends;     ///< when SQS should have answered
    int64_t answered; ///< when it has
    struct buffer body;
};

/// A ChangeMessageVisibilityBatch for kept jobs.
struct renewal {
    struct receiver *receiver;
    struct aws_exchange *exchange;
    uint32_t lease_s;
    size_t count;
    struct kept_job *jobs[SQS_BATCH];
    struct buffer body;
};

struct receiver {
    uint32_t magic;
    struct sqs *sqs;
    TAILQ_HEAD(, waiter) waiters;
    TAILQ_HEAD(, poll) polls;
    size_t poll_count;
    size_t wanted; ///< polls side by side
    struct kept kept;
    struct renewal *renewal; ///< NULL: none under way
    struct event *turn;      ///< serves and polls at the turn's end
    struct event *pause;     ///< pending: no poll before it
    bool polled;             ///< a poll has ended
    size_t foreign;          ///< refused messages that were not logged yet: no jobs of ours
    size_t damaged;
    size_t dropped;      ///< and jobs that could not be kept
    int64_t quiet_until; ///< when they may be logged
    bool stopping;
    struct event *limit; ///< cuts the polls that a stop waits for
    void (*stopped)(struct sqs *sqs);
};

/// Starts a poll for up to `limit` jobs that waits `wait_s`. False: no memory.
bool poll_start(struct receiver *receiver, uint32_t limit, uint32_t wait_s, uint32_t lease_s, struct waiter *looker);

/// A poll ended: how many messages it brought (its jobs are kept already), or why it failed. `poll` is freed afterwards.
void receiver_polled(struct receiver *receiver, const struct poll *poll, size_t messages,
                     const struct aws_answer *failure);

/// Renews the leases of up to ten kept jobs; 0 gives them back. Nothing when one is under way.
void renewal_start(struct receiver *receiver, uint32_t lease_s);

/// A renewal ended.
void receiver_renewed(struct receiver *receiver);

#endif
