// SPDX-License-Identifier: Apache-2.0
//
// What is asked about the queue itself: does it exist, how full is it, where do its dead letters go. One request,
// GetQueueAttributes, behind open, health and stats.
#ifndef PLUGINS_QUEUE_SQS_ASK_H
#define PLUGINS_QUEUE_SQS_ASK_H

#include "plugins/aws/ask.h"
#include "plugins/queue-sqs/answer.h"
#include "plugins/queue-sqs/sqs.h"
#include <stdbool.h>

/// After fewer receives than this an outage would move live jobs to the dead-letter queue.
#define SQS_RECEIVES_MIN 50
/// What is advised, and what our Terraform sets.
#define SQS_RECEIVES_GOOD 100

/// Asks for a call.
void ask_queue(struct sqs *sqs, struct ph_call *call, aws_ask_done_f *done);

/// Reads the answer. False: it is a failure, or no answer to this; *answer says so then.
bool ask_read(struct aws_answer *answer, struct answer_attributes *attributes_r);

ph_start_f ask_health;
ph_start_f ask_stats;

/// What an operator must hear of the queue's dead-letter queue, or "" where all is well.
void ask_advice(const struct answer_attributes *attributes, char *text_r, size_t size);

#endif
