// SPDX-License-Identifier: Apache-2.0
//
// Asking SQS: for jobs, and for more time for those that are kept. See receive_private.h.
#include "plugins/queue-sqs/receive_private.h"

#include "plugins/queue-sqs/answer.h"
#include "plugins/queue-sqs/request.h"
#include <stdlib.h>

#define REFUSED_LOG_MS 10000

// --- Polls -------------------------------------------------------------------------------------------------

static void poll_end(struct poll *poll, size_t messages, const struct aws_answer *failure)
{
    struct receiver *receiver = poll->receiver;
    TAILQ_REMOVE(&receiver->polls, poll, polls);
    receiver->poll_count--;
    receiver_polled(receiver, poll, messages, failure);
    buffer_free(&poll->body);
    free(poll);
}

static void poll_job(void *context, const struct answer_job *job)
{
    struct poll *poll = context;
    if (!kept_add(&poll->receiver->kept, job, poll->lease_s, poll->answered)) {
        poll->receiver->dropped++;
    }
}

// One line for what was refused since the line before, some seconds apart: a stranger may send much.
static void log_refused(struct receiver *receiver, const struct answer_received *received)
{
    const struct sqs *sqs = receiver->sqs;
    const int64_t now = sqs_now(sqs);
    receiver->foreign += received->foreign;
    receiver->damaged += received->damaged;
    if (receiver->foreign + receiver->damaged + receiver->dropped == 0 || now < receiver->quiet_until) {
        return;
    }
    if (receiver->foreign > 0) {
        sqs->host->log(sqs->host, PH_LOG_WARN, NULL,
                       "%zu messages in the queue are no jobs of posthouse; they are left to its dead-letter queue: "
                       "nothing else may send to %s",
                       receiver->foreign, sqs->config->queue_url);
    }
    if (receiver->damaged > 0) {
        sqs->host->log(sqs->host, PH_LOG_WARN, NULL,
                       "%zu received messages do not agree with their MD5 or lack a part; they come again when their "
                       "lease ends",
                       receiver->damaged);
    }
    if (receiver->dropped > 0) {
        sqs->host->log(sqs->host, PH_LOG_WARN, NULL,
                       "there was no room to keep %zu received jobs; they come again when their lease ends",
                       receiver->dropped);
    }
    receiver->foreign = receiver->damaged = receiver->dropped = 0;
    receiver->quiet_until = now + REFUSED_LOG_MS;
}

static void poll_done(void *context, const struct aws_answer *answer)
{
    struct poll *poll = context;
    struct answer_received received;
    poll->answered = sqs_now(poll->receiver->sqs);
    if (answer->outcome != PH_OK) {
        poll_end(poll, 0, answer);
        return;
    }
    if (!answer_receive(answer->answer->body, poll->limit, &poll->receiver->sqs->md5, poll_job, poll, &received)) {
        const struct aws_answer failure = {.outcome = PH_TRANSIENT,
                                           .text = "the answer is not that of a ReceiveMessage"};
        poll_end(poll, 0, &failure);
        return;
    }
    log_refused(poll->receiver, &received);
    poll_end(poll, received.jobs + received.foreign + received.damaged, NULL);
}

bool poll_start(struct receiver *receiver, uint32_t limit, uint32_t wait_s, uint32_t lease_s, struct waiter *looker)
{
    struct sqs *sqs = receiver->sqs;
    struct poll *poll = calloc(1, sizeof *poll);
    if (poll == NULL) {
        return false;
    }
    buffer_init(&poll->body, POLL_BODY_MAX);
    request_receive(&poll->body, sqs->config->queue_url, limit, wait_s, lease_s);
    if (buffer_failed(&poll->body)) {
        buffer_free(&poll->body);
        free(poll);
        return false;
    }
    poll->receiver = receiver;
    poll->looker = looker;
    poll->limit = limit;
    poll->lease_s = lease_s;
    poll->ends = sqs_now(sqs) + (int64_t)wait_s * 1000;
    TAILQ_INSERT_TAIL(&receiver->polls, poll, polls);
    receiver->poll_count++;
    const struct aws_request request = {.service = &SQS_SERVICE,
                                        .operation = "ReceiveMessage",
                                        .body = {poll->body.data, poll->body.length},
                                        .wait_ms = wait_s * 1000,
                                        .response_limit = SQS_RESPONSE_LIMIT,
                                        .unread = true};
    poll->exchange = aws_send(sqs->client, &request, poll_done, poll);
    return true;
}

// --- Renewals ----------------------------------------------------------------------------------------------

// Jobs that are not named as renewed are forgotten: they come again.
static void renewal_end(struct renewal *renewal, const struct answer_entry *entries)
{
    struct receiver *receiver = renewal->receiver;
    const int64_t now = sqs_now(receiver->sqs);
    for (size_t i = 0; i < renewal->count; i++) {
        if (entries != NULL && entries[i].named && !entries[i].failed && renewal->lease_s > 0) {
            kept_put_back(&receiver->kept, renewal->jobs[i], renewal->lease_s, now);
        } else {
            free(renewal->jobs[i]);
        }
    }
    buffer_free(&renewal->body);
    free(renewal);
    receiver->renewal = NULL;
    receiver_renewed(receiver);
}

static void renewal_done(void *context, const struct aws_answer *answer)
{
    struct renewal *renewal = context;
    struct answer_entry entries[SQS_BATCH];
    struct aws_tree *tree =
        answer->outcome == PH_OK ? aws_tree_read(answer->answer->body.bytes, answer->answer->body.length) : NULL;
    renewal_end(renewal, answer_batch(aws_tree_root(tree), entries, renewal->count) ? entries : NULL);
    aws_tree_free(tree);
}

static bool renewal_fill(struct renewal *renewal, struct receiver *receiver)
{
    struct kept_job *job;
    buffer_init(&renewal->body, POLL_BODY_MAX + SQS_BATCH * (size_t)SQS_HANDLE_MAX);
    request_batch_begin(&renewal->body, receiver->sqs->config->queue_url);
    while (renewal->count < SQS_BATCH && (job = kept_take_any(&receiver->kept, sqs_now(receiver->sqs))) != NULL) {
        request_batch_extend(&renewal->body, renewal->count, job->job.handle, renewal->lease_s);
        renewal->jobs[renewal->count++] = job;
    }
    request_batch_end(&renewal->body);
    return renewal->count > 0 && !buffer_failed(&renewal->body);
}

void renewal_start(struct receiver *receiver, uint32_t lease_s)
{
    struct renewal *renewal = receiver->renewal == NULL && receiver->kept.count > 0 ? calloc(1, sizeof *renewal) : NULL;
    if (renewal == NULL) {
        return;
    }
    renewal->receiver = receiver;
    renewal->lease_s = lease_s;
    receiver->renewal = renewal;
    if (!renewal_fill(renewal, receiver)) {
        renewal_end(renewal, NULL);
        return;
    }
    const struct aws_request request = {.service = &SQS_SERVICE,
                                        .operation = "ChangeMessageVisibilityBatch",
                                        .body = {renewal->body.data, renewal->body.length},
                                        .response_limit = SQS_RESPONSE_LIMIT,
                                        .unread = true};
    renewal->exchange = aws_send(receiver->sqs->client, &request, renewal_done, renewal);
}
