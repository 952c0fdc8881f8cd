// SPDX-License-Identifier: Apache-2.0
//
// See ask.h.
#include "plugins/queue-sqs/ask.h"

#include "plugins/queue-sqs/request.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)16 << 10)
#define ADVICE_SIZE 320
#define DETAIL_SIZE 1024

struct ask {
    LIST_ENTRY(ask) asks;
    struct sqs *sqs;
    struct ph_call *call;
    struct aws_exchange *exchange;
    ask_done_f *done;
    struct buffer body;
};

static void asked(void *context, const struct aws_answer *answer)
{
    struct ask *ask = context;
    struct answer_attributes attributes;
    LIST_REMOVE(ask, asks);
    if (answer->outcome == PH_OK && !answer_attributes(answer->json, &attributes)) {
        const struct aws_answer strange = {
            .outcome = PH_TRANSIENT, .code = "", .text = "the answer is not that of GetQueueAttributes"};
        ask->done(ask->sqs, ask->call, &strange, NULL);
    } else {
        ask->done(ask->sqs, ask->call, answer, answer->outcome == PH_OK ? &attributes : NULL);
    }
    buffer_free(&ask->body);
    free(ask);
}

bool ask_start(struct sqs *sqs, struct ph_call *call, ask_done_f *done)
{
    struct ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL) {
        return false;
    }
    buffer_init(&ask->body, BODY_MAX);
    request_attributes(&ask->body, sqs->config->queue_url);
    if (buffer_failed(&ask->body)) {
        buffer_free(&ask->body);
        free(ask);
        return false;
    }
    ask->sqs = sqs;
    ask->call = call;
    ask->done = done;
    const struct aws_request request = {.service = &SQS_SERVICE,
                                        .operation = "GetQueueAttributes",
                                        .body = {ask->body.data, ask->body.length},
                                        .response_limit = SQS_RESPONSE_LIMIT};
    LIST_INSERT_HEAD(&sqs->asks, ask, asks);
    ask->exchange = aws_send(sqs->client, &request, asked, ask);
    return true;
}

bool ask_cancel(struct sqs *sqs, const struct ph_call *call)
{
    struct ask *ask;
    LIST_FOREACH(ask, &sqs->asks, asks)
    {
        if (ask->call == call) {
            aws_cancel(ask->exchange);
            return true;
        }
    }
    return false;
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

static void end(struct ph_call *call, const struct aws_answer *answer)
{
    const enum ph_outcome outcome = sqs_outcome(answer->outcome);
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, outcome == PH_UNCERTAIN ? PH_TRANSIENT : outcome, answer->delay_ms,
                        outcome != PH_OK && answer->text != NULL ? "%s" : NULL, answer->text);
    }
    call->host->complete(call);
}

static void health_done(struct sqs *sqs, struct ph_call *call, const struct aws_answer *answer,
                        const struct answer_attributes *attributes)
{
    char advice[ADVICE_SIZE];
    const char *credentials = attributes != NULL ? aws_client_health(sqs->client, call) : NULL;
    char *detail = credentials != NULL ? call->host->alloc(call, DETAIL_SIZE) : NULL;
    if (detail != NULL) {
        ask_advice(attributes, advice, sizeof advice);
        snprintf(detail, DETAIL_SIZE, "%s%s%s", advice, advice[0] != '\0' ? "; " : "", credentials);
    }
    for (size_t i = 0; i < call->count; i++) {
        struct ph_health *health = call->outputs[i];
        health->detail = detail;
    }
    end(call, answer);
}

static void stats_done(struct sqs *sqs, struct ph_call *call, const struct aws_answer *answer,
                       const struct answer_attributes *attributes)
{
    (void)sqs;
    for (size_t i = 0; attributes != NULL && i < call->count; i++) {
        *(struct ph_queue_stats *)call->outputs[i] = (struct ph_queue_stats){
            .waiting = attributes->waiting,
            .in_flight = attributes->in_flight,
            .delayed = attributes->delayed,
            .oldest_ms = -1,
        };
    }
    end(call, answer);
}

static void ask_for(struct sqs *sqs, struct ph_call *call, ask_done_f *done)
{
    if (call->count == 0 || !ask_start(sqs, call, done)) {
        const struct aws_answer none = {.outcome = PH_TRANSIENT, .text = "there is no memory for the request"};
        end(call, &none);
    }
}

void ask_health(void *instance, struct ph_call *call)
{
    ask_for(sqs_from(instance), call, health_done);
}

void ask_stats(void *instance, struct ph_call *call)
{
    ask_for(sqs_from(instance), call, stats_done);
}
