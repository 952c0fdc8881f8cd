// SPDX-License-Identifier: Apache-2.0
//
// The bodies of requests to SQS, as its JSON protocol (AmazonSQS, 2012-11-05) has them, and the text of a job.
//
// A job's body is {"id":"<the message's id>"} with "trace" where there is one: a reference, never the message. An entry of
// a batch is named by its number in the request, from 0. All functions append to a buffer; ask buffer_failed() at the end.
#ifndef PLUGINS_QUEUE_SQS_REQUEST_H
#define PLUGINS_QUEUE_SQS_REQUEST_H

#include "core/buffer.h"
#include "plugins/queue-sqs/md5.h"
#include "posthouse/plugin.h"

/// Entries of a batch, and jobs of one ReceiveMessage.
#define SQS_BATCH 10
/// The longest that SQS delays a job, hides one, and waits for one.
#define SQS_DELAY_MAX_S 900u
#define SQS_LEASE_MAX_S 43200u
#define SQS_WAIT_MAX_S 20u
/// A job's body is at most so long, in bytes; a longer trace is left out.
#define SQS_JOB_MAX 4096u

/// The text of a job.
void request_job(struct buffer *text, const struct ph_job *job);

/// Begins and ends the body of a batch call.
void request_batch_begin(struct buffer *body, const char *queue_url);
void request_batch_end(struct buffer *body);

/// An entry of SendMessageBatch; md5_r receives what SQS must answer as MD5OfMessageBody.
void request_batch_send(struct buffer *body, size_t number, const struct ph_job *job, struct md5 *md5,
                        char md5_r[SQS_MD5_SIZE]);
/// An entry of SendMessageBatch that SQS refuses: its delay is longer than a queue keeps a message. It holds no job.
void request_batch_refused_send(struct buffer *body, size_t number);
/// An entry of DeleteMessageBatch.
void request_batch_remove(struct buffer *body, size_t number, struct ph_text handle);
/// An entry of ChangeMessageVisibilityBatch.
void request_batch_extend(struct buffer *body, size_t number, struct ph_text handle, uint32_t lease_s);

/// ReceiveMessage.
void request_receive(struct buffer *body, const char *queue_url, uint32_t limit, uint32_t wait_s, uint32_t lease_s);
/// GetQueueAttributes, of all that answer_attributes() reads.
void request_attributes(struct buffer *body, const char *queue_url);

/// Milliseconds as whole seconds, never fewer, at most `limit`.
uint32_t request_seconds(uint32_t milliseconds, uint32_t limit);

#endif
