// SPDX-License-Identifier: Apache-2.0
//
// What changes jobs: send, remove, extend, each through a gatherer that fills batches of ten.
#ifndef PLUGINS_QUEUE_SQS_CHANGE_H
#define PLUGINS_QUEUE_SQS_CHANGE_H

#include "plugins/queue-sqs/sqs.h"

/// Makes the gatherers. False: no memory; change_free() takes what there is.
bool change_new(struct sqs *sqs);
void change_free(struct sqs *sqs);
/// Ends a call of theirs; false: it is none.
bool change_cancel(struct sqs *sqs, const struct ph_call *call);

ph_start_f change_send;
ph_start_f change_remove;
ph_start_f change_extend;

#endif
