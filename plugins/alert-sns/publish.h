// SPDX-License-Identifier: Apache-2.0
//
// The publish call: alerts into as few PublishBatch requests as limits allow, and each entry's own outcome back.
#ifndef PLUGINS_ALERT_SNS_PUBLISH_H
#define PLUGINS_ALERT_SNS_PUBLISH_H

#include "core/list.h"
#include "plugins/aws/client.h"
#include "plugins/aws/probe.h"
#include "posthouse/plugin.h"

#define SNS_BATCH_MAX 10

extern const struct aws_service sns_service;

struct sns_config {
    struct aws_options aws;
    const char *topic_arn;
    uint64_t body_limit; ///< bytes
};

LIST_HEAD(sns_publishes, sns_publish);

struct sns {
    uint32_t magic;
    const struct ph_host *host;
    const struct sns_config *config;
    struct aws_client *client;
    struct sns_publishes publishes; ///< under way
    struct aws_probes probes;       ///< rights that are tried
    int64_t published_at;           ///< monotonic, ns: when a publish last went well; 0: never
};

/// Whether the topic keeps order: its name ends in ".fifo".
bool sns_topic_is_fifo(const char *arn);

/// Starts a publish call. It completes by itself.
void sns_publish_start(struct sns *sns, struct ph_call *call);

/// Has a publish end soon. False: it is not under way.
bool sns_publish_cancel(struct sns *sns, const struct ph_call *call);

/// What became of a batch: sets the results of entries `first` … `first` + `count` - 1 by the answer of PublishBatch. An
/// entry that the answer does not name is PH_UNCERTAIN.
void sns_publish_settle(struct ph_call *call, size_t first, size_t count, const struct aws_xml *answer);

#endif
