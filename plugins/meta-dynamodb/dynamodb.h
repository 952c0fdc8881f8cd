// SPDX-License-Identifier: Apache-2.0
//
// An instance of meta-dynamodb: its client and its gatherers.
#ifndef PLUGINS_META_DYNAMODB_DYNAMODB_H
#define PLUGINS_META_DYNAMODB_DYNAMODB_H

#include "plugins/aws/ask.h"
#include "plugins/aws/client.h"
#include "plugins/aws/probe.h"
#include "posthouse/plugin.h"
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct gather;

#define DYNAMODB_MAGIC 0x7068646du

struct dynamodb_config {
    struct aws_options aws;
    const char *table;
    int64_t requests;      ///< at once
    int64_t gather;        ///< ms: how long puts that fill no request wait for more
    bool consistent_reads; ///< a get sees every put before it
};

struct dynamodb {
    uint32_t magic;
    const struct ph_host *host;
    const struct dynamodb_config *config;
    struct aws_client *client;
    struct gather *puts;
    struct gather *gets;
    struct aws_asks asks;     ///< DescribeTable under way
    struct aws_probes probes; ///< rights that are tried
    int64_t proved_at;        ///< ms of the monotonic clock: when a put went well last
    struct ph_call *opening;
    struct ph_call *closing;
};

extern const struct aws_service DYNAMODB_SERVICE;

static inline struct dynamodb *dynamodb_from(void *instance)
{
    struct dynamodb *dynamodb = instance;
    assert(dynamodb != NULL && dynamodb->magic == DYNAMODB_MAGIC);
    return dynamodb;
}

static inline int64_t dynamodb_now(const struct dynamodb *dynamodb)
{
    return dynamodb->host->monotonic(dynamodb->host) / 1000000;
}

#endif
