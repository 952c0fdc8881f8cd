// SPDX-License-Identifier: Apache-2.0
//
// meta-dynamodb: metadata documents in Amazon DynamoDB. The descriptor, opening and closing.
#include "config.h"
#include "plugins/meta-dynamodb/documents.h"
#include "plugins/meta-dynamodb/dynamodb.h"
#include "plugins/meta-dynamodb/probe.h"
#include "plugins/meta-dynamodb/table.h"

#include <stdlib.h>
#include <string.h>

#define REGION_SIZE 64

const struct aws_service DYNAMODB_SERVICE = {
    .name = "dynamodb", .id = "DYNAMODB", .protocol = AWS_JSON_1_0, .version = "DynamoDB_20120810"};

static const struct ph_option options[] = {
    PH_TEXT(struct dynamodb_config, table, PH_OPTION_REQUIRED, NULL, "The table's name, or its ARN."),
    PH_INTEGER(struct dynamodb_config, requests, 0, "48", 1, 64, "The most requests of each operation at once."),
    PH_DURATION(struct dynamodb_config, gather, 0, "50ms", 0, 1000,
                "How long documents that fill no request of 25 wait for more; longer costs fewer requests."),
    PH_BOOLEAN(struct dynamodb_config, consistent_reads, 0, "yes",
               "Whether a document that was just put is always read; reads cost half without."),
    AWS_OPTIONS(struct dynamodb_config),
};

// --- Opening and closing -----------------------------------------------------------------------------------

static void dynamodb_free(struct dynamodb *dynamodb)
{
    documents_free(dynamodb);
    dynamodb->magic = 0;
    free(dynamodb);
}

// The client of an instance is closed: the instance goes, and the call that asked for it ends.
static void on_closed(void *context)
{
    struct dynamodb *dynamodb = context;
    struct ph_call *call = dynamodb->closing != NULL ? dynamodb->closing : dynamodb->opening;
    for (size_t i = 0; dynamodb->closing != NULL && i < call->count; i++) {
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    dynamodb_free(dynamodb);
    call->host->complete(call);
}

static void dynamodb_close(void *instance, struct ph_call *call)
{
    struct dynamodb *dynamodb = dynamodb_from(instance);
    dynamodb->closing = call;
    aws_client_close(dynamodb->client, on_closed, dynamodb);
}

static void open_done(void *owner, struct ph_call *call, const struct aws_answer *answer)
{
    struct dynamodb *dynamodb = dynamodb_from(owner);
    struct aws_answer judged = *answer;
    enum ph_outcome outcome = table_judge(dynamodb, call, &judged);
    // Perhaps only the right to look at the table is missing: health will say so.
    if (outcome != PH_OK && !aws_lacks_right(&judged)) {
        outcome = outcome == PH_UNCERTAIN || outcome == PH_TRANSIENT ? PH_UNAVAILABLE : outcome;
        call->host->set(call, 0, outcome, judged.delay_ms, "%s", judged.text);
        aws_client_close(dynamodb->client, on_closed, dynamodb);
        return;
    }
    if (outcome != PH_OK) {
        call->host->log(call->host, PH_LOG_WARN, call, "the table was not looked at: %s", judged.text);
    }
    ((struct ph_opened *)call->outputs[0])->instance = dynamodb;
    dynamodb->opening = NULL;
    call->host->set(call, 0, PH_OK, 0, NULL);
    call->host->complete(call);
}

static void dynamodb_open(void *instance, struct ph_call *call)
{
    (void)instance;
    char region[REGION_SIZE];
    const struct ph_open *entry = call->count == 1 ? call->entries[0] : NULL;
    struct dynamodb *dynamodb = calloc(1, sizeof *dynamodb);
    if (entry == NULL || dynamodb == NULL) {
        free(dynamodb);
        for (size_t i = 0; i < call->count; i++) {
            call->host->set(call, i, PH_INVALID, 0, "an open must be alone in its call");
        }
        call->host->complete(call);
        return;
    }
    dynamodb->magic = DYNAMODB_MAGIC;
    dynamodb->host = call->host;
    dynamodb->config = entry->config;
    dynamodb->opening = call;
    LIST_INIT(&dynamodb->asks);
    LIST_INIT(&dynamodb->probes);
    const bool known = strncmp(dynamodb->config->table, "arn:", 4) == 0 &&
                       aws_region_of(dynamodb->config->table, region, sizeof region);
    dynamodb->client = aws_client_new(call->host, &dynamodb->config->aws, known ? region : NULL);
    if (!documents_new(dynamodb) || dynamodb->client == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    table_ask(dynamodb, call, open_done);
}

static void dynamodb_cancel(void *instance, struct ph_call *call)
{
    struct dynamodb *dynamodb = dynamodb_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_cancel *entry = call->entries[i];
        const bool found = documents_cancel(dynamodb, entry->call) || aws_ask_cancel(&dynamodb->asks, entry->call) ||
                           aws_probe_cancel(&dynamodb->probes, entry->call);
        call->host->set(call, i, found ? PH_OK : PH_NOT_FOUND, 0, NULL);
    }
    call->host->complete(call);
}

// --- The descriptor ----------------------------------------------------------------------------------------

#define TABLE "arn:{partition}:dynamodb:{region}:{account}:table/{table}"

static const struct ph_right rights[] = {
    {"dynamodb:BatchWriteItem", PH_META_PUT, TABLE, NULL, NULL, "Documents are put."},
    {"dynamodb:BatchGetItem", PH_META_GET, TABLE, NULL, NULL, "Documents are read."},
    {"dynamodb:DescribeTable", PH_OPEN, TABLE, NULL, NULL, "The table is looked at."},
    {"dynamodb:DescribeTable", PH_HEALTH, TABLE, NULL, NULL, "Shows that the table is there."},
    {"kms:Decrypt", PH_META_PUT, "{key}", NULL, "dynamodb", "The table may be encrypted with a key of your own."},
    {"kms:Decrypt", PH_META_GET, "{key}", NULL, "dynamodb", "The table may be encrypted with a key of your own."},
    {"dynamodb:DescribeTable", PH_SETUP, TABLE, NULL, NULL, "Looks whether the table is there."},
    {"dynamodb:CreateTable", PH_SETUP, TABLE, NULL, NULL, "Makes the table."},
    {"dynamodb:DescribeTimeToLive", PH_SETUP, TABLE, NULL, NULL, "Looks whether documents expire."},
    {"dynamodb:UpdateTimeToLive", PH_SETUP, TABLE, NULL, NULL, "Has documents expire."},
};

static const struct ph_common_operations common = {
    .open = dynamodb_open,
    .close = dynamodb_close,
    .health = table_health,
    .cancel = dynamodb_cancel,
    .setup = table_setup,
    .probe = probe_start,
};

static const struct ph_meta_operations slots = {.put = documents_put, .get = documents_get};

PH_PLUGIN(struct ph_meta_operations, .kind = PH_KIND_META, .name = "dynamodb", .version = PACKAGE_VERSION,
          .summary = "Metadata documents in Amazon DynamoDB.", .config_size = sizeof(struct dynamodb_config),
          PH_OPTIONS(options), .batch_limit = 100, .concurrency = 64, .common = &common, .operations = &slots,
          PH_RIGHTS(rights));
