// SPDX-License-Identifier: Apache-2.0
//
// See ask.h.
#include "plugins/queue-sqs/ask.h"

#include "plugins/queue-sqs/request.h"
#include <inttypes.h>
#include <stdio.h>

#define BODY_MAX ((size_t)16 << 10)
#define ADVICE_SIZE 320
#define DETAIL_SIZE 1024

void ask_queue(struct sqs *sqs, struct ph_call *call, aws_ask_done_f *done)
{
    struct buffer body;
    const struct aws_request request = {
        .service = &SQS_SERVICE, .operation = "GetQueueAttributes", .response_limit = SQS_RESPONSE_LIMIT};
    buffer_init(&body, BODY_MAX);
    request_attributes(&body, sqs->config->queue_url);
    aws_ask(&sqs->asks, sqs->client, &request, &body, call, done, sqs);
}

bool ask_read(struct aws_answer *answer, struct answer_attributes *attributes_r)
{
    if (answer->outcome == PH_OK && !answer_attributes(answer->json, attributes_r)) {
        *answer = (struct aws_answer){
            .outcome = PH_TRANSIENT, .code = "", .text = "the answer is not that of GetQueueAttributes"};
    }
    return answer->outcome == PH_OK;
}

void ask_advice(const struct answer_attributes *attributes, char *text_r, size_t size)
{
    text_r[0] = '\0';
    if (attributes->receives == 0) {
        snprintf(text_r, size,
                 "the queue has no dead-letter queue, so a message that is no job goes round until its retention ends: "
                 "give it a redrive policy with a maxReceiveCount of %d",
                 SQS_RECEIVES_GOOD);
    } else if (attributes->receives < SQS_RECEIVES_MIN) {
        snprintf(text_r, size,
                 "jobs move to the dead-letter queue %s after %" PRId64
                 " receives, so an outage would move live ones: raise maxReceiveCount to %d",
                 attributes->dead_letters, attributes->receives, SQS_RECEIVES_GOOD);
    }
}

// --- Health and stats --------------------------------------------------------------------------------------

static void health_done(void *owner, struct ph_call *call, const struct aws_answer *answer)
{
    struct sqs *sqs = sqs_from(owner);
    struct answer_attributes attributes;
    struct aws_answer read = *answer;
    char advice[ADVICE_SIZE] = "";
    if (ask_read(&read, &attributes)) {
        ask_advice(&attributes, advice, sizeof advice);
    }
    const char *credentials = aws_client_health(sqs->client, call);
    char *detail = credentials != NULL ? call->host->alloc(call, DETAIL_SIZE) : NULL;
    if (detail != NULL) {
        snprintf(detail, DETAIL_SIZE, "%s%s%s", advice, advice[0] != '\0' ? "; " : "", credentials);
    }
    for (size_t i = 0; i < call->count; i++) {
        ((struct ph_health *)call->outputs[i])->detail = detail;
    }
    aws_ask_end(call, &read);
}

static void stats_done(void *owner, struct ph_call *call, const struct aws_answer *answer)
{
    struct answer_attributes attributes;
    struct aws_answer read = *answer;
    (void)owner;
    for (size_t i = 0; ask_read(&read, &attributes) && i < call->count; i++) {
        *(struct ph_queue_stats *)call->outputs[i] = (struct ph_queue_stats){
            .waiting = attributes.waiting,
            .in_flight = attributes.in_flight,
            .delayed = attributes.delayed,
            .oldest_ms = -1,
        };
    }
    aws_ask_end(call, &read);
}

void ask_health(void *instance, struct ph_call *call)
{
    ask_queue(sqs_from(instance), call, health_done);
}

void ask_stats(void *instance, struct ph_call *call)
{
    ask_queue(sqs_from(instance), call, stats_done);
}
