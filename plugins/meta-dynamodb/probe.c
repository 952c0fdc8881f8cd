// SPDX-License-Identifier: Apache-2.0
//
// See probe.h. Writing is tried by removing an item that cannot be there: ids are UUIDs, and this key is none. DynamoDB
// answers that like any other, changes nothing, and writes nothing to a stream; the right is BatchWriteItem for
// puts and removals alike. Reading asks for the same item. Looking at the table is what health does.
#include "plugins/meta-dynamodb/probe.h"

#include "plugins/meta-dynamodb/dynamodb.h"
#include "plugins/meta-dynamodb/request.h"

static const char *table_of(const void *config, bool elsewhere)
{
    return elsewhere ? AWS_ELSEWHERE : ((const struct dynamodb_config *)config)->table;
}

static void write_remove(struct buffer *body, const void *config, bool elsewhere)
{
    request_puts_begin(body, table_of(config, elsewhere));
    request_remove_nothing(body);
    request_puts_end(body);
}

static void write_get(struct buffer *body, const void *config, bool elsewhere)
{
    request_gets_begin(body, table_of(config, elsewhere));
    request_get_nothing(body);
    request_gets_end(body, false);
}

static const struct aws_trial trials[] = {
    {"dynamodb:BatchWriteItem", &DYNAMODB_SERVICE, "BatchWriteItem", write_remove},
    {"dynamodb:BatchGetItem", &DYNAMODB_SERVICE, "BatchGetItem", write_get},
};

void probe_start(void *instance, struct ph_call *call)
{
    struct dynamodb *dynamodb = dynamodb_from(instance);
    aws_probe(&dynamodb->probes, dynamodb->client, trials, sizeof trials / sizeof trials[0], dynamodb->config, call);
}
