// SPDX-License-Identifier: Apache-2.0
//
// See probe.h. Looking at the queue changes nothing and is what health does, so it needs no trial. What each of the others
// relies on:
//
//   SendMessageBatch              an entry whose DelaySeconds is above 900 is refused by itself (InvalidParameterValue), in
//                                 an answer with status 200. Who took it anyway would hold it back for longer than
//                                 any queue keeps a message, and it is no job
//   DeleteMessageBatch,           an entry whose receipt handle SQS never gave is refused by itself
//   ChangeMessageVisibilityBatch  (ReceiptHandleIsInvalid), in an answer with status 200
//   ReceiveMessage                more than ten messages are never given at once: the whole request is refused
//                                 (InvalidParameterValue), so it goes elsewhere too; see plugins/aws/probe.h. Who
//                                 gave some anyway would have them back at once, for their lease is 0
#include "plugins/queue-sqs/probe.h"

#include "plugins/queue-sqs/request.h"
#include "plugins/queue-sqs/sqs.h"

#define URL_MAX 4096u

// The queue's URL, or that of a queue elsewhere; "" when it is too long.
static const char *url_of(const struct sqs_config *config, bool elsewhere, struct buffer *url)
{
    buffer_init(url, URL_MAX);
    if (elsewhere) {
        aws_elsewhere(url, config->queue_url, '/');
    } else {
        buffer_text(url, config->queue_url);
    }
    return buffer_append(url, "", 1) ? url->data : "";
}

static void batch_begin(struct buffer *body, const struct sqs_config *config, bool elsewhere)
{
    struct buffer url;
    request_batch_begin(body, url_of(config, elsewhere, &url));
    buffer_free(&url);
}

static void write_send(struct buffer *body, const void *config, bool elsewhere)
{
    batch_begin(body, config, elsewhere);
    request_batch_refused_send(body, 0);
    request_batch_end(body);
}

static const struct ph_text no_handle = {"no-receipt-handle", sizeof "no-receipt-handle" - 1};

static void write_remove(struct buffer *body, const void *config, bool elsewhere)
{
    batch_begin(body, config, elsewhere);
    request_batch_remove(body, 0, no_handle);
    request_batch_end(body);
}

static void write_extend(struct buffer *body, const void *config, bool elsewhere)
{
    batch_begin(body, config, elsewhere);
    request_batch_extend(body, 0, no_handle, 1);
    request_batch_end(body);
}

static void write_receive(struct buffer *body, const void *config, bool elsewhere)
{
    struct buffer url;
    request_receive(body, url_of(config, elsewhere, &url), SQS_BATCH + 1, 0, 0);
    buffer_free(&url);
}

static const struct aws_trial trials[] = {
    {"sqs:SendMessage", &SQS_SERVICE, "SendMessageBatch", write_send},
    {"sqs:ReceiveMessage", &SQS_SERVICE, "ReceiveMessage", write_receive},
    {"sqs:DeleteMessage", &SQS_SERVICE, "DeleteMessageBatch", write_remove},
    {"sqs:ChangeMessageVisibility", &SQS_SERVICE, "ChangeMessageVisibilityBatch", write_extend},
};

void probe_start(void *instance, struct ph_call *call)
{
    struct sqs *sqs = sqs_from(instance);
    aws_probe(&sqs->probes, sqs->client, trials, sizeof trials / sizeof trials[0], sqs->config, call);
}
