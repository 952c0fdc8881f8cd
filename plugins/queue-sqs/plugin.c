// SPDX-License-Identifier: Apache-2.0
//
// queue-sqs: jobs in Amazon SQS. The descriptor, opening and closing.
#include "config.h"
#include "plugins/aws/gather.h"
#include "plugins/queue-sqs/ask.h"
#include "plugins/queue-sqs/change.h"
#include "plugins/queue-sqs/probe.h"
#include "plugins/queue-sqs/receive.h"
#include "plugins/queue-sqs/setup.h"
#include "plugins/queue-sqs/sqs.h"

#include <stdlib.h>
#include <string.h>

#define REGION_SIZE 64
#define ADVICE_SIZE 320

const struct aws_service SQS_SERVICE = {.name = "sqs", .id = "SQS", .protocol = AWS_JSON_1_0, .version = "AmazonSQS"};

static const struct ph_option options[] = {
    PH_URL(struct sqs_config, queue_url, PH_OPTION_REQUIRED, NULL,
           "The queue's URL; a standard queue, not a FIFO one."),
    PH_INTEGER(struct sqs_config, receives, 0, "96", 1, 128,
               "The most ReceiveMessage requests at once, while the queue fills them."),
    PH_INTEGER(struct sqs_config, requests, 0, "96", 1, 128, "The most requests of each other operation at once."),
    PH_DURATION(struct sqs_config, gather, 0, "20ms", 0, 1000,
                "How long what fills no request of ten waits for more when jobs come in quick succession; longer costs "
                "fewer requests."),
    AWS_OPTIONS(struct sqs_config),
};

// --- Opening and closing -----------------------------------------------------------------------------------

static void sqs_free(struct sqs *sqs)
{
    change_free(sqs);
    receiver_free(sqs->receiver);
    leases_free(sqs->leases);
    md5_clear(&sqs->md5);
    sqs->magic = 0;
    free(sqs);
}

// The client of an instance is closed: the instance goes, and the call that asked for it ends.
static void on_closed(void *context)
{
    struct sqs *sqs = context;
    struct ph_call *call = sqs->closing != NULL ? sqs->closing : sqs->opening;
    for (size_t i = 0; sqs->closing != NULL && i < call->count; i++) {
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    sqs_free(sqs);
    call->host->complete(call);
}

static void on_stopped(struct sqs *sqs)
{
    aws_client_close(sqs->client, on_closed, sqs);
}

static void sqs_close(void *instance, struct ph_call *call)
{
    struct sqs *sqs = sqs_from(instance);
    sqs->closing = call;
    receiver_stop(sqs->receiver, on_stopped);
}

static void open_failed(struct sqs *sqs, struct ph_call *call, const struct aws_answer *answer)
{
    enum ph_outcome outcome = sqs_outcome(answer->outcome);
    outcome = outcome == PH_UNCERTAIN || outcome == PH_TRANSIENT ? PH_UNAVAILABLE : outcome;
    if (answer->outcome == PH_NOT_FOUND) {
        call->host->set(call, 0, outcome, 0,
                        "the queue %s does not exist; make it with Terraform, or with posthouse setup for local use",
                        sqs->config->queue_url);
    } else {
        call->host->set(call, 0, outcome, answer->delay_ms, "%s", answer->text);
    }
    aws_client_close(sqs->client, on_closed, sqs);
}

static void open_done(void *owner, struct ph_call *call, const struct aws_answer *answer)
{
    struct sqs *sqs = sqs_from(owner);
    struct answer_attributes attributes;
    struct aws_answer read = *answer;
    char advice[ADVICE_SIZE] = "";
    const bool looked = ask_read(&read, &attributes);
    // Perhaps only the right to look at the queue is missing: health and stats will say so.
    if (!looked && !aws_lacks_right(&read)) {
        open_failed(sqs, call, &read);
        return;
    }
    if (looked) {
        ask_advice(&attributes, advice, sizeof advice);
    } else {
        call->host->log(call->host, PH_LOG_WARN, call, "the queue was not looked at: %s", read.text);
    }
    if (advice[0] != '\0') {
        call->host->log(call->host, PH_LOG_WARN, call, "%s", advice);
    }
    ((struct ph_opened *)call->outputs[0])->instance = sqs;
    sqs->opening = NULL;
    call->host->set(call, 0, PH_OK, 0, NULL);
    call->host->complete(call);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static struct sqs *sqs_new(struct ph_call *call, const struct sqs_config *config)
{
    char region[REGION_SIZE];
    uint64_t seed;
    struct sqs *sqs = calloc(1, sizeof *sqs);
    if (sqs == NULL) {
        return NULL;
    }
    call->host->random(call->host, &seed, sizeof seed);
    sqs->magic = SQS_MAGIC;
    sqs->host = call->host;
    sqs->config = config;
    sqs->opening = call;
    LIST_INIT(&sqs->asks);
    LIST_INIT(&sqs->probes);
    sqs->leases = leases_new(seed);
    sqs->receiver = receiver_new(sqs);
    const bool known = aws_region_of(config->queue_url, region, sizeof region);
    if (!change_new(sqs) || sqs->receiver == NULL || sqs->leases == NULL ||
        (sqs->client = aws_client_new(call->host, &config->aws, known ? region : NULL)) == NULL) {
        sqs_free(sqs);
        return NULL;
    }
    return sqs;
}

static void sqs_open(void *instance, struct ph_call *call)
{
    (void)instance;
    const struct ph_open *entry = call->count == 1 ? call->entries[0] : NULL;
    const struct sqs_config *config = entry != NULL ? entry->config : NULL;
    if (config == NULL || ends_with(config->queue_url, ".fifo")) {
        for (size_t i = 0; i < call->count; i++) {
            call->host->set(
                call, i, PH_INVALID, 0,
                "queue_url names a FIFO queue, which hands out one job of a group at a time: use a standard "
                "queue, storage keeps the order");
        }
        call->host->complete(call);
        return;
    }
    struct sqs *sqs = sqs_new(call, config);
    if (sqs == NULL) {
        call->host->set(call, 0, PH_UNAVAILABLE, 0, "there is no memory for the queue");
        call->host->complete(call);
    } else {
        ask_queue(sqs, call, open_done);
    }
}

static void sqs_cancel(void *instance, struct ph_call *call)
{
    struct sqs *sqs = sqs_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_cancel *entry = call->entries[i];
        const bool found = receiver_cancel(sqs->receiver, entry->call) || change_cancel(sqs, entry->call) ||
                           aws_ask_cancel(&sqs->asks, entry->call) || aws_probe_cancel(&sqs->probes, entry->call);
        call->host->set(call, i, found ? PH_OK : PH_NOT_FOUND, 0, NULL);
    }
    call->host->complete(call);
}

// --- The descriptor ----------------------------------------------------------------------------------------

#define QUEUE "arn:{partition}:sqs:{region}:{account}:{queue_url/}"

static const struct ph_right rights[] = {
    {"sqs:SendMessage", PH_QUEUE_SEND, QUEUE, NULL, NULL, "Jobs are sent."},
    {"sqs:ReceiveMessage", PH_QUEUE_RECEIVE, QUEUE, NULL, NULL, "Jobs are received."},
    {"sqs:ChangeMessageVisibility", PH_QUEUE_RECEIVE, QUEUE, NULL, NULL, "Jobs that were kept are given more time."},
    {"sqs:DeleteMessage", PH_QUEUE_REMOVE, QUEUE, NULL, NULL, "Jobs that are done are removed."},
    {"sqs:ChangeMessageVisibility", PH_QUEUE_EXTEND, QUEUE, NULL, NULL, "Leases are extended, jobs given back."},
    {"sqs:GetQueueAttributes", PH_OPEN, QUEUE, NULL, NULL, "The redrive policy is looked at."},
    {"sqs:GetQueueAttributes", PH_HEALTH, QUEUE, NULL, NULL, "Shows that the queue is there."},
    {"sqs:GetQueueAttributes", PH_QUEUE_STATS, QUEUE, NULL, NULL, "Jobs are counted."},
    {"kms:GenerateDataKey", PH_QUEUE_SEND, "{key}", NULL, "sqs", "The queue may be encrypted with a key of your own."},
    {"kms:Decrypt", PH_QUEUE_SEND, "{key}", NULL, "sqs", "SQS checks the data key that it made."},
    {"kms:Decrypt", PH_QUEUE_RECEIVE, "{key}", NULL, "sqs", "Jobs are read."},
    {"sqs:CreateQueue", PH_SETUP, QUEUE, NULL, NULL, "Makes the queue."},
    {"sqs:GetQueueAttributes", PH_SETUP, QUEUE, NULL, NULL, "Looks whether the queue is there."},
    {"sqs:CreateQueue", PH_SETUP, QUEUE "-dead", NULL, NULL, "Makes the dead-letter queue."},
    {"sqs:GetQueueAttributes", PH_SETUP, QUEUE "-dead", NULL, NULL, "Finds the dead-letter queue's ARN."},
};

static const struct ph_common_operations common = {
    .open = sqs_open,
    .close = sqs_close,
    .health = ask_health,
    .cancel = sqs_cancel,
    .setup = setup_start,
    .probe = probe_start,
};

static const struct ph_queue_operations slots = {
    .send = change_send,
    .receive = receive_start,
    .remove = change_remove,
    .extend = change_extend,
    .stats = ask_stats,
};

// The most calls that the daemon has here: 4 batches of 500 jobs to send, as many to remove and 2 of 250 to extend are 450 calls of
// ten; 8 receive. The rest is for health and stats.
PH_PLUGIN(struct ph_queue_operations, .kind = PH_KIND_QUEUE, .name = "sqs", .version = PACKAGE_VERSION,
          .summary = "Jobs in Amazon SQS.", .config_size = sizeof(struct sqs_config), PH_OPTIONS(options),
          .batch_limit = 10, .concurrency = 480, .common = &common, .operations = &slots, PH_RIGHTS(rights));
