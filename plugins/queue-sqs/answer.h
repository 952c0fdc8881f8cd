// SPDX-License-Identifier: Apache-2.0
//
// Reading SQS's answers. Whatever they hold is hostile: types, counts and sizes are checked, names that were not asked for
// are left alone, and nothing is believed that its MD5 does not bear out.
#ifndef PLUGINS_QUEUE_SQS_ANSWER_H
#define PLUGINS_QUEUE_SQS_ANSWER_H

#include "plugins/aws/tree.h"
#include "plugins/queue-sqs/request.h"
#include "posthouse/plugin.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/// A receipt handle is at most so long; SQS's are 1,024 characters at most.
#define SQS_HANDLE_MAX 2048u

/// What a batch call's answer says of an entry. Texts live as long as its tree.
struct answer_entry {
    bool named;        ///< it says something
    bool failed;       ///< in Failed; else in Successful
    bool sender_fault; ///< of a failed one
    const char *code;  ///< of a failed one, "" at least
    const char *message;
    const char *md5; ///< MD5OfMessageBody, or NULL
};

/// Reads the answer to a batch of `count` entries. False when it is none: then nothing is known of any.
bool answer_batch(const struct aws_node *json, struct answer_entry *entries, size_t count);

/// A received job. Texts live until the function that is given it returns.
struct answer_job {
    const char *name; ///< SQS's own, the MessageId
    struct ph_id id;
    struct ph_text trace;
    struct ph_text handle;
    uint32_t receives; ///< 0: not told
};

typedef void answer_job_f(void *context, const struct answer_job *job);

struct answer_received {
    size_t jobs;    ///< given to the function
    size_t foreign; ///< messages that are no jobs of ours, left to the queue's dead-letter queue
    size_t damaged; ///< messages whose MD5 or form is wrong; they come again when their lease ends
};

/// Reads ReceiveMessage's answer, at most `limit` messages of it; `md5` is for their MD5s. False when it is none.
bool answer_receive(struct ph_text body, size_t limit, struct md5 *md5, answer_job_f *job, void *context,
                    struct answer_received *received_r);

struct answer_attributes {
    int64_t waiting; ///< -1: not told, as the next two
    int64_t in_flight;
    int64_t delayed;
    int64_t receives;      ///< after so many a job is moved to the dead-letter queue; 0: there is none
    char dead_letters[96]; ///< that queue's name, cut; "" without one
};

/// Reads GetQueueAttributes' answer. False when it is none.
bool answer_attributes(const json_t *json, struct answer_attributes *attributes_r);

#endif
