// SPDX-License-Identifier: Apache-2.0
//
// Receiving: calls that wait, polls that ask SQS for them, and what connects the two.
//
// A call waits for jobs, not for a request. Polls (ReceiveMessage, up to 20 s long) run while calls wait, as many side by
// side as brings full answers: one more after each full answer, fewer after each that was not, one alone when the queue is
// empty. After an answer that was neither full nor empty the next poll waits a moment, so that it finds more. A call ends with
// the first jobs that come, or with none at its own time, and leaves its polls to those that follow.
#ifndef PLUGINS_QUEUE_SQS_RECEIVE_H
#define PLUGINS_QUEUE_SQS_RECEIVE_H

#include "plugins/queue-sqs/sqs.h"
#include <stdbool.h>

/// Makes the receiver of an instance. NULL: no memory.
struct receiver *receiver_new(struct sqs *sqs);
/// Frees a receiver on which no call waits and that is stopped. NULL is allowed.
void receiver_free(struct receiver *receiver);

ph_start_f receive_start;

/// Ends a receive that waits: PH_OK with no jobs, which is true. False: it does not wait here.
bool receiver_cancel(struct receiver *receiver, const struct ph_call *call);

/// No calls come any more: polls that are about to end are waited for, the others cut, kept jobs given back. `stopped`
/// runs once, now or within some seconds.
void receiver_stop(struct receiver *receiver, void (*stopped)(struct sqs *sqs));

#endif
