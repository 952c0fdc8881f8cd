// SPDX-License-Identifier: Apache-2.0
//
// An instance of queue-sqs: its client, its gatherers for what changes jobs, its receiver, its leases.
#ifndef PLUGINS_QUEUE_SQS_SQS_H
#define PLUGINS_QUEUE_SQS_SQS_H

#include "plugins/aws/ask.h"
#include "plugins/aws/client.h"
#include "plugins/aws/probe.h"
#include "plugins/queue-sqs/leases.h"
#include "plugins/queue-sqs/md5.h"
#include "posthouse/plugin.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct gather;
struct receiver;

#define SQS_MAGIC 0x70687371u
/// Answers are small: ten jobs, or ten results.
#define SQS_RESPONSE_LIMIT ((size_t)1 << 20)

struct sqs_config {
    struct aws_options aws;
    const char *queue_url;
    int64_t receives; ///< ReceiveMessage calls at once
    int64_t requests; ///< of each other operation at once
    int64_t gather;   ///< ms: how long what fills no request waits for more
};

struct sqs {
    uint32_t magic;
    const struct ph_host *host;
    const struct sqs_config *config;
    struct aws_client *client;
    struct gather *send;
    struct gather *remove;
    struct gather *extend;
    struct receiver *receiver;
    struct leases *leases;
    struct md5 md5;
    struct aws_asks asks;     ///< GetQueueAttributes under way
    struct aws_probes probes; ///< rights that are tried
    struct ph_call *opening;
    struct ph_call *closing;
};

extern const struct aws_service SQS_SERVICE;

static inline struct sqs *sqs_from(void *instance)
{
    struct sqs *sqs = instance;
    assert(sqs != NULL && sqs->magic == SQS_MAGIC);
    return sqs;
}

/// What a request's outcome means here: a queue that is not there can come (back).
static inline enum ph_outcome sqs_outcome(enum ph_outcome outcome)
{
    return outcome == PH_NOT_FOUND ? PH_UNAVAILABLE : outcome;
}

/// Milliseconds of the host's clock that never goes back.
static inline int64_t sqs_now(const struct sqs *sqs)
{
    return sqs->host->monotonic(sqs->host) / 1000000;
}

#endif
