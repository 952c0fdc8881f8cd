// SPDX-License-Identifier: Apache-2.0
//
// What is asked about the queue itself: does it exist, how full is it, where do its dead letters go. One request,
// GetQueueAttributes, behind open, health and stats.
#ifndef PLUGINS_QUEUE_SQS_ASK_H
#define PLUGINS_QUEUE_SQS_ASK_H

#include "plugins/queue-sqs/answer.h"
#include "plugins/queue-sqs/sqs.h"
#include <stdbool.h>

/// After fewer receives than this an outage would move live jobs to the dead-letter queue.
#define SQS_RECEIVES_MIN 50
/// What is advised, and what our Terraform sets.
#define SQS_RECEIVES_GOOD 100

/// What came of it; `attributes` is NULL unless the outcome is PH_OK.
typedef void ask_done_f(struct sqs *sqs, struct ph_call *call, const struct aws_answer *answer,
                        const struct answer_attributes *attributes);

/// Asks for a call; `done` runs once, later. False: no memory, it will not run.
bool ask_start(struct sqs *sqs, struct ph_call *call, ask_done_f *done);

/// Ends what is asked for that call; false: nothing is.
bool ask_cancel(struct sqs *sqs, const struct ph_call *call);

ph_start_f ask_health;
ph_start_f ask_stats;

/// What an operator must hear of the queue's dead-letter queue, or "" where all is well.
void ask_advice(const struct answer_attributes *attributes, char *text_r, size_t size);

#endif
